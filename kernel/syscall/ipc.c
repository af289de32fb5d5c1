// SPDX-License-Identifier: MIT
//
// Native calls of the group "ipc": ports, channels, calls and their windows.
#include <ipc/call.h>
#include <ipc/channel.h>
#include <kernel/syscall_handlers.h>
#include <mm/vmo.h>
#include <sched/cpu.h>
#include <syscall/syscall.h>

#define PORT_RIGHTS (RIGHT_READ | RIGHT_MANAGE)
#define CLIENT_RIGHTS (RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_WAIT | RIGHT_READ | RIGHT_CALL)
#define SERVER_RIGHTS (RIGHT_WAIT | RIGHT_READ | RIGHT_SIGNAL | RIGHT_MANAGE)
// Bits of a channel's client end that its server may change; bit 31 is the kernel's.
#define SERVER_SIGNALS 0x7fffffffu

int64_t sys_port_create(void) {
    struct port *port;
    status_t status = port_create(self_job(), self_process()->provider, &port);
    if (status != OK) {
        return status;
    }
    handle_t handle;
    status = handle_insert(self_table(), &port->object, PORT_RIGHTS, &handle);
    return status == OK ? (int64_t)handle : status;
}

int64_t sys_channel_create(handle_t port, uint64_t key, uint32_t flags) {
    struct object *object;
    status_t status = self_lookup(port, OBJECT_PORT, RIGHT_MANAGE, &object);
    if (status != OK) {
        return status;
    }
    struct channel *channel;
    status = channel_create(self_job(), port_from(object), key, (flags & CHANNEL_FORWARDER) != 0,
                            self_process()->provider, &channel);
    if (status != OK) {
        return status;
    }
    int64_t pair;
    status = handle_insert_pair(self_table(), &channel->client, CLIENT_RIGHTS, &channel->server,
                                SERVER_RIGHTS, &pair);
    return status == OK ? pair : status;
}

int64_t sys_channel_call(handle_t channel, instant_t deadline, uint32_t flags) {
    struct object *object;
    status_t status = self_lookup(channel, OBJECT_CHANNEL, RIGHT_CALL, &object);
    if (unlikely(status != OK)) {
        return status;
    }
    return call_send(thread_self(), channel_from_client(object), deadline, flags, NULL);
}

int64_t sys_call_for(uint64_t token, handle_t channel, uint64_t sub, instant_t deadline,
                     uint32_t flags) {
    struct object *object;
    struct call_origin origin;
    if (sub == 0) {
        return ERR_INVALID_ARGUMENT;
    }
    status_t status = self_lookup(channel, OBJECT_CHANNEL, RIGHT_CALL, &object);
    if (status == OK) {
        status = call_identity(token, &origin);
    }
    if (status != OK) {
        return status;
    }
    origin.sub = sub;
    return call_send(thread_self(), channel_from_client(object), deadline, flags, &origin);
}

int64_t sys_channel_signal(handle_t endpoint, uint32_t clear, uint32_t set) {
    struct object *object;
    status_t status = self_lookup(endpoint, OBJECT_ENDPOINT, RIGHT_SIGNAL, &object);
    if (status != OK) {
        return status;
    }
    if (((clear | set) & ~SERVER_SIGNALS) != 0) {
        return ERR_INVALID_ARGUMENT;
    }
    source_update(&channel_from_server(object)->client_source, clear, set);
    return OK;
}

int64_t sys_port_reply_wait(handle_t port, uint64_t token, instant_t deadline, uint32_t flags) {
    struct object *object;
    status_t status = self_lookup(port, OBJECT_PORT, RIGHT_READ, &object);
    if (unlikely(status != OK)) {
        return status;
    }
    return port_reply_wait(thread_self(), port_from(object), token, deadline, flags);
}

int64_t sys_call_read(uint64_t token, uint64_t offset, vaddr_t buffer, size_t size) {
    return size > COPY_MAX_BYTES ? ERR_OUT_OF_RANGE : call_window_read(token, offset, buffer, size);
}

int64_t sys_call_write(uint64_t token, uint64_t offset, vaddr_t buffer, size_t size) {
    return size > COPY_MAX_BYTES ? ERR_OUT_OF_RANGE
                                 : call_window_write(token, offset, buffer, size);
}
