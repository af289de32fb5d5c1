// SPDX-License-Identifier: MIT
//
// Native calls of the group "ipc": ports, channels, calls and their windows.
#include <abi/flags.h>
#include <ipc/call.h>
#include <ipc/channel.h>
#include <kernel/syscall_handlers.h>
#include <object/id.h>
#include <sched/current.h>

int64_t sys_port_create(void) {
    struct port *port;
    status_t status = port_create(self_job(), self_process()->provider, &port);
    return status == OK ? self_insert(&port->object, RIGHTS_PORT) : status;
}

int64_t sys_channel_create(struct port *port, uint64_t key, uint32_t flags) {
    struct channel *channel;
    status_t status = channel_create(self_job(), port, key, (flags & CHANNEL_FORWARDER) != 0,
                                     self_process()->provider, &channel);
    if (status != OK) {
        return status;
    }
    return self_insert_pair(&channel->client, RIGHTS_CHANNEL, &channel->server, RIGHTS_ENDPOINT);
}

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

int64_t sys_port_reply_wait(struct port *port, uint64_t token, instant_t deadline, uint32_t flags) {
    return port_reply_wait(thread_self(), port, token, deadline, flags);
}
