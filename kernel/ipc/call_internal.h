// SPDX-License-Identifier: MIT
//
// The steps of a call that the general path (call.c, deliver.c) and the fast path (fastpath.c)
// share. They are inlined into both: a message is to cost few instructions.
#pragma once

#include <abi/flags.h>
#include <ipc/call.h>
#include <ipc/channel.h>
#include <object/id.h>
#include <object/process.h>
#include <sched/thread.h>

// Many messages have no body: not even the call is worth it then.
static inline void call_copy_body(uint8_t *to, const uint8_t *from, size_t bytes) {
    if (bytes != 0) {
        memcpy(to, from, bytes);
    }
}

static inline bool window_valid(const struct window *window) {
    return window->bytes == 0 || window->addr + window->bytes >= window->addr;
}

// Reads the header of the caller's message, each word once.
static inline status_t call_read_header(const struct message *from, struct message *to) {
    const volatile struct message *hostile = from;
    to->op = hostile->op;
    to->body_bytes = hostile->body_bytes;
    to->handle_count = hostile->handle_count;
    to->accept_count = hostile->accept_count;
    to->in.addr = hostile->in.addr;
    to->in.bytes = hostile->in.bytes;
    to->out.addr = hostile->out.addr;
    to->out.bytes = hostile->out.bytes;
    if (to->body_bytes > MESSAGE_BODY_BYTES || to->handle_count > MESSAGE_HANDLES ||
        to->accept_count > MESSAGE_HANDLES || !window_valid(&to->in) || !window_valid(&to->out)) {
        return ERR_INVALID_ARGUMENT;
    }
    return OK;
}

static inline void call_stamp(struct thread *self, struct call *call,
                              const struct call_origin *origin) {
    self->call_number++;
    if (unlikely(origin != NULL && call->channel->forwarder)) {
        call->stamp = *origin;
        call->forwarded = true;
        return;
    }
    call->stamp.process = self->process->id;
    call->stamp.thread = self->id;
    call->stamp.number = self->call_number;
    call->stamp.acked = self->call_number - 1;
    call->stamp.cookie = __atomic_load_n(&self->cookie, __ATOMIC_RELAXED);
    call->stamp.sub = 0;
    call->forwarded = false;
}

static inline void call_prepare(struct thread *self, struct call *call, struct channel *channel,
                                instant_t deadline, uint32_t flags,
                                const struct call_origin *origin) {
    assert(call->state == CALL_IDLE && call->port == NULL && call->copies == 0);
    call_copy_body(call->message.body, self->block->message.body, call->message.body_bytes);
    call->channel = channel;
    call->caller = self;
    call->deadline = deadline;
    call->abandon = (flags & WAIT_ABANDON) != 0;
    call->cancel = false;
    call->current = false;
    call->doomed = false;
    call->leave = OK;
    call->crashes = 0;
    call->deliveries = 0;
    call_stamp(self, call, origin);
}

// Whether the first in the queue was delivered before. Such calls stand together at the head of it.
static inline bool call_retry_follows(const struct port *port) {
    const struct list_node *node = list_first(&port->queue);
    if (node == NULL) {
        return false;
    }
    const struct port_item *item = list_entry(node, struct port_item, node);
    return item->kind == PACKET_CALL && container_of(item, struct call, item)->deliveries != 0;
}

static inline uint16_t call_packet_flags(const struct call *call) {
    assert(call->deliveries != 0);
    uint16_t flags = 0;
    if (unlikely(call->deliveries > 1)) {
        flags |= PACKET_RETRY;
        flags |= call_retry_follows(call->port) ? 0 : PACKET_LAST_RETRY;
    }
    flags |= call->cancel ? PACKET_CANCEL : 0;
    flags |= call->caller == NULL ? PACKET_ORPHAN : 0;
    flags |= call->forwarded ? PACKET_FORWARDED : 0;
    return flags;
}

static inline void call_fill_block(const struct call *call, struct thread_block *block) {
    const struct message *from = &call->message;
    assert(from->body_bytes <= MESSAGE_BODY_BYTES && from->handle_count <= MESSAGE_HANDLES);
    struct packet *packet = &block->packet;
    packet->key = call->channel->key;
    packet->kind = PACKET_CALL;
    packet->flags = call_packet_flags(call);
    packet->deliveries = call->deliveries;
    packet->token = call->id;
    packet->process = call->stamp.process;
    packet->thread = call->stamp.thread;
    packet->call_number = call->stamp.number;
    packet->acked = call->stamp.acked;
    packet->cookie = call->stamp.cookie;
    packet->sub = call->stamp.sub;
    packet->in_bytes = from->in.bytes;
    packet->out_bytes = from->out.bytes;
    packet->deadline = call->deadline;
    struct message *to = &block->message;
    to->op = from->op;
    to->body_bytes = from->body_bytes;
    to->handle_count = from->handle_count;
    to->accept_count = from->accept_count;
    call_copy_body(to->body, from->body, from->body_bytes);
}

// Marks the call taken by `server`, which does not run, and fills its block; port->lock held.
// Returns whether the call is now FILLING: then call_install is to be called without the lock
// before the server runs.
static inline bool call_take(struct call *call, struct thread *server) {
    assert(!list_node_linked(&call->taken_node) && !call->item.queued);
    assert(spin_held(&call->port->lock));
    call->id = id_renew(call->slot);
    call->server_process = server->process->id;
    call->deliveries++;
    list_push_back(&call->port->taken, &call->taken_node);
    server->current_token = call->id;
    call_fill_block(call, server->block);
    bool handles = call->handle_count != 0;
    call->state = handles ? CALL_FILLING : CALL_TAKEN;
    return handles;
}

// Whether the token still names this call, taken by this process. port->lock held.
static inline bool call_is_taken(const struct call *call, const struct port *port, uint64_t token,
                                 uint64_t process) {
    assert(spin_held(&port->lock));
    return call->port == port && call->id == token && call->state == CALL_TAKEN &&
           call->server_process == process;
}

// Finds the call that a token names, if `process` has taken it; no lock: look again under the
// port's. STALE_TOKEN.
[[nodiscard]] static inline status_t call_find(uint64_t token, uint64_t process,
                                               struct call **out) {
    struct call *call = id_lookup(ID_CALL, token);
    if (call == NULL || __atomic_load_n(&call->server_process, __ATOMIC_RELAXED) != process) {
        return ERR_STALE_TOKEN;
    }
    *out = call;
    return OK;
}

// The call that a token names, if `process` has taken it, with its port locked. Null, nothing
// locked: STALE_TOKEN.
static inline struct call *call_find_locked(uint64_t token, uint64_t process) {
    struct call *call;
    struct port *port = call_find(token, process, &call) == OK
                            ? __atomic_load_n(&call->port, __ATOMIC_ACQUIRE)
                            : NULL;
    if (port == NULL) {
        return NULL;
    }
    spin_lock(&port->lock);
    if (call_is_taken(call, port, token, process)) {
        return call;
    }
    spin_unlock(&port->lock);
    return NULL;
}
