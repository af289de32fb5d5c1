// SPDX-License-Identifier: MIT
#include "show.h"

#include <abi/rights.h>
#include <sys/calls.h>

// A duplicate for an answer, closed again when the step is undone.
static status_t duplicate(struct procd *procd, handle_t handle, handle_t *out) {
    int64_t copy = sys_handle_duplicate(handle, RIGHT_READ | RIGHT_TRANSFER);
    if (copy < 0) {
        return copy == ERR_NO_MEMORY ? ERR_NO_MEMORY : ERR_LIMIT;
    }
    step_made(&procd->server.vault, (handle_t)copy);
    *out = (handle_t)copy;
    return OK;
}

int64_t proc_do_inspect(void *server, const struct packet *packet,
                        const struct proc_inspect_request *request, handle_t handles_out[3]) {
    struct procd *procd = server;
    const struct process *process = process_find(procd, request->pid);
    if (!is_native(packet)) {
        return ERR_NOT_PERMITTED;
    }
    if (process == NULL) {
        return ERR_NO_PROCESS;
    }
    if (!process_alive(process)) {
        return ERR_BAD_STATE;
    }
    status_t status = duplicate(procd, process->process, &handles_out[0]);
    status = status == OK ? duplicate(procd, process->identity, &handles_out[1]) : status;
    return status == OK ? duplicate(procd, process->signals, &handles_out[2]) : status;
}

int64_t proc_do_threads(void *server, const struct packet *packet,
                        const struct proc_threads_request *request,
                        struct proc_threads_reply *reply) {
    struct procd *procd = server;
    const struct process *process = process_find(procd, request->pid);
    (void)packet;
    if (process == NULL) {
        return ERR_NO_PROCESS;
    }
    int32_t next = process->pid > request->after ? process->pid : 0;
    for (uint32_t slot = 0; slot < procd->thread_top; slot++) {
        const struct thread_id *thread = thread_at(procd, slot);
        if (thread != NULL && thread->owner == process->pid && thread->tid > request->after &&
            (next == 0 || thread->tid < next)) {
            next = thread->tid;
        }
    }
    reply->tid = next;
    return next != 0 ? 0 : ERR_NOT_FOUND;
}
