// SPDX-License-Identifier: MIT
//
// Priorities, by the rules of setpriority(2): kept, inherited, and told; the kernel does not heed
// them yet.

#include "ids.h"

#define NICE_LEAST (-20)
#define NICE_MOST 19

static bool is_meant(const struct procd *procd, const struct process *caller, uint32_t which,
                     int32_t id, const struct process *process) {
    const struct traits *traits = traits_of(procd, process);
    if (!process_alive(process)) {
        return false;
    }
    switch (which) {
    case PROC_PRIORITY_PROCESS:
        return process->pid == (id != 0 ? id : caller->pid);
    case PROC_PRIORITY_GROUP:
        return process->pgid == (id != 0 ? id : caller->pgid);
    default:
        return traits->ids[ID_UID] ==
               (id != 0 ? (uint32_t)id : traits_of(procd, caller)->ids[ID_UID]);
    }
}

int64_t proc_do_get_priority(void *server, const struct packet *packet,
                             const struct proc_get_priority_request *request,
                             struct proc_get_priority_reply *reply) {
    const struct procd *procd = server;
    const struct process *caller = process_caller(procd, packet);
    bool any = false;
    if (request->which > PROC_PRIORITY_USER) {
        return ERR_INVALID_ARGUMENT;
    }
    if (caller == NULL) {
        return ERR_NO_PROCESS;
    }
    for_each_process(procd, process, slot) {
        if (is_meant(procd, caller, request->which, request->id, process)) {
            int32_t nice = traits_of(procd, process)->nice;
            reply->nice = any && reply->nice < nice ? reply->nice : nice;
            any = true;
        }
    }
    return any ? 0 : ERR_NO_PROCESS;
}

// Whether the caller may give a process that priority.
static status_t check(const struct procd *procd, const struct process *caller,
                      const struct process *process, int32_t nice) {
    const uint32_t *from = traits_of(procd, caller)->ids;
    const struct traits *to = traits_of(procd, process);
    if (from[ID_EUID] == 0) {
        return OK;
    }
    if (from[ID_EUID] != to->ids[ID_UID] && from[ID_EUID] != to->ids[ID_EUID]) {
        return ERR_NOT_PERMITTED;
    }
    return nice < to->nice ? ERR_FORBIDDEN : OK;
}

int64_t proc_do_set_priority(void *server, const struct packet *packet,
                             const struct proc_set_priority_request *request) {
    struct procd *procd = server;
    const struct process *caller = process_caller(procd, packet);
    if (request->which > PROC_PRIORITY_USER) {
        return ERR_INVALID_ARGUMENT;
    }
    if (caller == NULL) {
        return ERR_NO_PROCESS;
    }
    int32_t nice = request->nice < NICE_LEAST  ? NICE_LEAST
                   : request->nice > NICE_MOST ? NICE_MOST
                                               : request->nice;
    status_t status = ERR_NO_PROCESS, failure = OK;
    uint32_t set = 0;
    for_each_process(procd, process, slot) {
        if (!is_meant(procd, caller, request->which, request->id, process)) {
            continue;
        }
        status = check(procd, caller, process, nice);
        failure = status != OK ? status : failure;
        if (status == OK) {
            vault_set(&procd->server.vault, &traits_of(procd, process)->nice, nice);
            if (++set % CHECKPOINT_RECORDS == 0) {
                server_checkpoint(&procd->server);
            }
        }
    }
    // As on Linux, those that it could be given have it also when others could not.
    if (failure != OK && set != 0) {
        server_checkpoint(&procd->server);
    }
    return failure != OK ? failure : status;
}
