// SPDX-License-Identifier: MIT
//
// The server's side of a call: taking, answering, windows.
//
// A token is the id of the call, renewed at each delivery. It is found through the id table without
// a lock and believed only after a second look under the port's lock, at the id, the state and the
// process that took it.
#include "call_internal.h"

#include <abi/rights.h>
#include <ipc/call.h>
#include <ipc/channel.h>
#include <mm/aspace.h>
#include <sched/current.h>

void call_install(struct call *call, struct thread *server) {
    assert(spin_none_held());
    assert(call->handle_count != 0);
    assert(call->state == CALL_FILLING);
    struct thread_block *block = server->block;
    struct port *port = call->port;
    for (size_t i = 0; i < call->handle_count; i++) {
        handle_t handle = HANDLE_NONE;
        if (handle_install(server->process->table, &call->handles[i], false, &handle) != OK) {
            block->packet.flags |= PACKET_TRUNCATED;
        }
        block->message.handles[i] = handle;
    }
    struct list orphans;
    list_init(&orphans);
    spin_lock(&port->lock);
    assert(call->port == port && call->state == CALL_FILLING);
    call->state = CALL_TAKEN;
    // What has happened to its caller meanwhile.
    block->packet.flags |= call->cancel ? PACKET_CANCEL : 0;
    block->packet.flags |= call->caller == NULL ? PACKET_ORPHAN : 0;
    call_settle(call, &orphans);
    spin_unlock(&port->lock);
    call_free_orphans(&orphans);
}

// ---- answering

static status_t read_reply_header(const struct message *hostile_from, struct message *to,
                                  const struct call *call) {
    const volatile struct message *hostile = hostile_from;
    to->op = hostile->op;
    to->body_bytes = hostile->body_bytes;
    to->handle_count = hostile->handle_count;
    bool fits =
        to->body_bytes <= MESSAGE_BODY_BYTES && to->handle_count <= call->message.accept_count;
    return fits ? OK : ERR_INVALID_ARGUMENT;
}

// Installs the reply's handles in the caller's table, in the slots promised to it: all, or none.
static status_t give_handles(struct thread *self, struct thread *client, uint32_t count,
                             handle_t handles[MESSAGE_HANDLES]) {
    assert(spin_none_held());
    assert(count <= MESSAGE_HANDLES && count <= client->reserved_slots);
    struct handle nodes[MESSAGE_HANDLES] = {0};
    const volatile handle_t *hostile = self->block->message.handles;
    status_t status = OK;
    uint32_t derived = 0;
    while (derived < count && status == OK) {
        nodes[derived].kind = HANDLE_MESSAGE;
        status = handle_derive_node(self_table(), hostile[derived], 0, RIGHT_TRANSFER, UINT32_MAX,
                                    &nodes[derived]);
        derived += status == OK ? 1 : 0;
    }
    for (uint32_t i = 0; i < count && status == OK; i++) {
        // A node revoked since arrives as 0; the slot stays promised and is released by the caller.
        handles[i] = HANDLE_NONE;
        if (handle_install(client->process->table, &nodes[i], true, &handles[i]) == OK) {
            client->reserved_slots--;
        }
    }
    for (uint32_t i = 0; i < derived; i++) {
        handle_node_drop(&nodes[i]);
    }
    return status;
}

// The caller's part of a reply with handles: between two looks under the lock the call is REPLYING,
// so its caller stays parked.
static status_t reply_handles(struct thread *self, struct call *call, struct port *port,
                              uint32_t count, handle_t handles[MESSAGE_HANDLES]) {
    assert(spin_held(&port->lock));
    assert(call->state == CALL_TAKEN);
    call->state = CALL_REPLYING;
    spin_unlock(&port->lock);
    status_t status = give_handles(self, call->caller, count, handles);
    spin_lock(&port->lock);
    assert(call->state == CALL_REPLYING && call->caller != NULL);
    call->state = CALL_TAKEN;
    return status;
}

static void copy_reply(struct thread *self, struct thread *client, const struct message *header,
                       const handle_t handles[MESSAGE_HANDLES]) {
    assert(header->handle_count <= MESSAGE_HANDLES);
    assert(header->body_bytes <= MESSAGE_BODY_BYTES && client->state == THREAD_BLOCKED);
    struct message *to = &client->block->message;
    to->op = header->op;
    to->body_bytes = header->body_bytes;
    to->handle_count = header->handle_count;
    memcpy(to->body, self->block->message.body, header->body_bytes);
    for (size_t i = 0; i < header->handle_count; i++) {
        to->handles[i] = handles[i];
    }
}

status_t call_reply(struct thread *self, struct port *port, uint64_t token,
                    struct thread **client) {
    assert(spin_none_held());
    assert(token != 0);
    uint64_t process = self->process->id;
    struct call *call;
    struct message header;
    handle_t handles[MESSAGE_HANDLES];
    status_t status = call_find(token, process, &call);
    if (status != OK) {
        return status;
    }
    spin_lock(&port->lock);
    if (!call_is_taken(call, port, token, process)) {
        spin_unlock(&port->lock);
        return ERR_STALE_TOKEN;
    }
    struct list orphans;
    list_init(&orphans);
    status = call->copies != 0 ? ERR_BUSY : read_reply_header(&self->block->message, &header, call);
    if (status == OK && header.handle_count != 0 && call->caller != NULL) {
        status = reply_handles(self, call, port, header.handle_count, handles);
        if (status != OK) {
            call_settle(call, &orphans);
        }
    }
    if (status == OK) {
        *client = call_end(call, &orphans);
        if (*client != NULL) {
            copy_reply(self, *client, &header, handles);
        }
    }
    spin_unlock(&port->lock);
    if (unlikely(!list_empty(&orphans))) {
        call_free_orphans(&orphans);
    }
    return status;
}

// ---- windows

// A copy from or to a window. While it is under way the call is pinned: no reply, and no end of it,
// lets the caller use the memory for something else meanwhile.
struct copy {
    struct call *call;
    struct aspace *aspace; // the caller's
    vaddr_t addr;
    size_t size;
};

// Finds the piece of a window that an access covers and pins the call.
static status_t copy_begin(uint64_t token, bool out, uint64_t offset, size_t size,
                           struct copy *copy) {
    struct call *call = call_find_locked(token, self_process()->id);
    if (call == NULL) {
        return ERR_STALE_TOKEN;
    }
    const struct window *window = out ? &call->message.out : &call->message.in;
    status_t status = OK;
    if (call->caller == NULL || call->leave != OK || call->doomed) {
        status = ERR_CALLER_GONE; // or about to: no chain of copies holds it back
    } else if (offset > window->bytes) {
        status = ERR_OUT_OF_RANGE;
    } else {
        copy->call = call;
        copy->aspace = call->caller->aspace;
        copy->addr = window->addr + offset;
        copy->size = MIN(size, window->bytes - offset);
        call->copies++;
    }
    spin_unlock(&call->port->lock);
    return status;
}

static void copy_end(const struct copy *copy) {
    struct port *port = copy->call->port; // stays: the call is pinned
    struct list orphans;
    list_init(&orphans);
    spin_lock(&port->lock);
    assert(copy->call->copies != 0 && copy->call->port == port);
    copy->call->copies--;
    call_settle(copy->call, &orphans);
    spin_unlock(&port->lock);
    call_free_orphans(&orphans);
}

static int64_t window_copy(uint64_t token, bool out, uint64_t offset, vaddr_t buffer, size_t size) {
    assert(spin_none_held());
    struct copy copy;
    int64_t result = copy_begin(token, out, offset, size, &copy);
    if (result != OK) {
        return result;
    }
    if (copy.size != 0) {
        result = out ? aspace_write_user(copy.aspace, copy.addr, buffer, copy.size)
                     : aspace_read_user(copy.aspace, copy.addr, buffer, copy.size);
    }
    copy_end(&copy);
    return result;
}

int64_t call_window_read(uint64_t token, uint64_t offset, vaddr_t buffer, size_t size) {
    return window_copy(token, false, offset, buffer, size);
}

int64_t call_window_write(uint64_t token, uint64_t offset, vaddr_t buffer, size_t size) {
    return window_copy(token, true, offset, buffer, size);
}

status_t call_identity(uint64_t token, struct call_origin *out) {
    struct call *call = call_find_locked(token, self_process()->id);
    if (call == NULL) {
        return ERR_STALE_TOKEN;
    }
    *out = call->stamp;
    spin_unlock(&call->port->lock);
    return OK;
}
