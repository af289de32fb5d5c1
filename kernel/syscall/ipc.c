// SPDX-License-Identifier: MIT
//
// Native calls of the group "ipc": ports, channels, calls and their windows.
#include <ipc/call.h>
#include <ipc/channel.h>
#include <kernel/syscall_handlers.h>
#include <object/id.h>
#include <sched/current.h>

int64_t sys_channel_call(struct channel *channel, instant_t deadline, uint32_t flags) {
    return call_send(thread_self(), channel, deadline, flags, NULL);
}

int64_t sys_call_for(uint64_t token, struct channel *channel, uint64_t sub, instant_t deadline,
                     uint32_t flags) {
    struct call_origin origin;
    status_t status = call_identity(token, &origin);
    origin.sub = sub;
    return status == OK ? call_send(thread_self(), channel, deadline, flags, &origin) : status;
}

int64_t sys_caller_watch(struct port *port, uint64_t token) {
    struct call_origin origin;
    status_t status = call_identity(token, &origin);
    if (status != OK) {
        return status;
    }
    struct process *process = id_lookup(ID_PROCESS, origin.process);
    if (process == NULL || !object_try_ref(&process->object)) {
        return ERR_CALLER_GONE;
    }
    status = source_bind(&process->object, port, origin.process, SIGNAL_PROCESS_ENDED,
                         PACKET_CALLER_GONE);
    object_unref(&process->object);
    return status;
}

int64_t sys_channel_signal(struct channel *endpoint, uint32_t clear, uint32_t set) {
    source_update(&endpoint->client_source, clear, set);
    return OK;
}
