// SPDX-License-Identifier: MIT
//
// The fast path of IPC: a plain call for which a server waits, and its answer by a server that
// waits again.
//
// Nearly all messages are like this: no handles, no deadline, no flags, nobody asked to stop,
// nothing better ready to run on this CPU. Then caller and server need no queue and no scheduler:
// the CPU goes straight from one to the other. Both functions here first look whether that is so,
// under the locks that make it stay so, and only then change anything; when it is not, nothing has
// changed, and the general path (call.c, deliver.c, port.c) does the work. What they do is what it
// would have done: each step stands for the function named beside it.
//
// The number of instructions of a round trip is measured by `./prunella bench native`. To keep it
// low all is inlined, what is known is not read again, and what stands side by side is written at
// once.
#include "call_internal.h"

#include <abi/rights.h>
#include <ipc/fastpath.h>
#include <object/handle_lookup.h>
#include <sched/sched.h>
#include <sched/switch.h>
#include <syscall/syscall.h>

// thread_park for a wait without deadline that nothing interrupts. thread->lock is taken here and,
// on success, stays held until the caller drops it.
static inline bool park_begin(struct thread *self) {
    spin_lock(&self->lock);
    if (unlikely(self->pending != 0 || self->wait_fired)) {
        spin_unlock(&self->lock);
        return false;
    }
    return true;
}

static inline void park_finish(struct thread *self, enum wait_kind kind, struct port *port) {
    assert(spin_held(&self->lock) && self->state == THREAD_RUNNING);
    self->state = THREAD_BLOCKED;
    self->wait_kind = (uint8_t)kind;
    self->wait_object = &port->object;
    self->interruptible = false;
    self->wait_seq++;
    spin_unlock(&self->lock);
}

// thread_unpark_direct for a thread without a deadline that is not to stop, and whose last CPU has
// let go of it, seen under its lock.
static inline bool wake_possible(const struct thread *thread) {
    return thread->pending == 0 && !__atomic_load_n(&thread->on_cpu, __ATOMIC_ACQUIRE) &&
           __atomic_load_n(&thread->timer.cpu, __ATOMIC_ACQUIRE) == NULL;
}

static inline void wake(struct thread *thread) {
    assert(spin_held(&thread->lock) && !thread->timer.tree.linked);
    assert(thread->state == THREAD_BLOCKED);
    thread->wait_kind = WAIT_NONE; // wait_object counts only while BLOCKED
    thread->state = THREAD_RUNNING;
    arch_thread_set_result(&thread->arch, OK);
}

// Both threads' locks, of which the second is taken against the order of addresses: so only tried.
static inline bool lock_both(struct thread *self, struct thread *other) {
    if (unlikely(!park_begin(self))) {
        return false;
    }
    if (likely(spin_trylock(&other->lock))) {
        if (likely(wake_possible(other))) {
            return true;
        }
        spin_unlock(&other->lock);
    }
    spin_unlock(&self->lock);
    return false;
}

// Goes on with `next`, and out of the kernel unless there is something to do first (entry_leave).
__attribute__((always_inline)) static inline void go_on_with(struct thread *self,
                                                             struct thread *next) {
    struct cpu *cpu = cpu_this();
    switch_direct(cpu, self, next);
    uint32_t work = cpu->reap_count | __atomic_load_n(&cpu->mailbox, __ATOMIC_RELAXED) |
                    cpu->reschedule | __atomic_load_n(&next->pending, __ATOMIC_RELAXED);
    if (unlikely(work != 0)) {
        entry_leave();
    }
}

// The beginning of a message as one word, read or written at once.
static_assert(offsetof(struct message, op) == 0 && offsetof(struct message, body_bytes) == 4 &&
              offsetof(struct message, handle_count) == 6 && offsetof(struct message, in) == 8);

static inline uint64_t *message_head(struct message *message) {
    return (uint64_t *)(void *)message;
}

static inline uint64_t head_read(struct thread_block *block) {
    return __atomic_load_n(message_head(&block->message), __ATOMIC_RELAXED);
}

// A call's message without its body: call_read_header.
struct plain_message {
    uint64_t head; // no handles, none accepted
    struct window in, out;
};

static inline bool read_plain(struct thread_block *block, struct plain_message *to) {
    const volatile struct message *hostile = &block->message;
    to->head = head_read(block);
    to->in.addr = hostile->in.addr;
    to->in.bytes = hostile->in.bytes;
    to->out.addr = hostile->out.addr;
    to->out.bytes = hostile->out.bytes;
    return to->head >> 32 <= MESSAGE_BODY_BYTES && window_valid(&to->in) && window_valid(&to->out);
}

// call_prepare and call_stamp.
static inline void prepare(struct thread *self, struct call *call, struct channel *channel,
                           const struct plain_message *message) {
    assert(call->state == CALL_IDLE && call->port == NULL && call->copies == 0);
    assert(call->handle_count == 0 && !call->item.queued);
    assert(spin_held(&channel->port->lock) && !list_node_linked(&call->taken_node));
    call->caller = self;
    call->channel = channel;
    call->port = channel->port;
    call->age = channel->port->next_age++;
    call->state = CALL_TAKEN;
    call->cancel = false;
    call->abandon = false;
    call->current = false;
    call->doomed = false;
    call->forwarded = false;
    call->crashes = 0;
    call->handle_count = 0;
    call->deliveries = 1;
    call->copies = 0;
    call->leave = OK;
    call->deadline = INSTANT_NEVER;
    *message_head(&call->message) = message->head;
    call->message.in = message->in;
    call->message.out = message->out;
}

// call_take and call_fill_block.
static inline void deliver(struct thread *self, struct call *call, struct channel *channel,
                           struct thread *server, const struct plain_message *message) {
    struct packet *packet = &server->block->packet;
    uint64_t id = id_renew(call->slot);
    call->id = id;
    server->current_token = id;
    packet->token = id;
    packet->key = channel->key;
    packet->kind = PACKET_CALL;
    packet->flags = 0;
    packet->deliveries = 1;
    uint64_t process = self->process->id;
    uint64_t thread = self->id;
    uint64_t number = self->call_number;
    uint64_t cookie = __atomic_load_n(&self->cookie, __ATOMIC_RELAXED);
    self->call_number = number + 1;
    call->stamp = (struct call_origin){process, thread, number + 1, number, cookie, 0};
    packet->process = process;
    packet->thread = thread;
    packet->call_number = number + 1;
    packet->acked = number;
    packet->cookie = cookie;
    packet->sub = 0;
    packet->in_bytes = message->in.bytes;
    packet->out_bytes = message->out.bytes;
    packet->deadline = INSTANT_NEVER;
    *message_head(&server->block->message) = message->head;
    size_t body_bytes = message->head >> 32;
    if (body_bytes != 0) {
        memcpy(call->message.body, self->block->message.body, body_bytes);
        memcpy(server->block->message.body, call->message.body, body_bytes);
    }
    call->server_process = server->process->id;
}

__attribute__((always_inline)) static inline bool try_call(struct thread *self) {
    const uint64_t *args = arch_thread_arguments(&self->arch); // channel, deadline, flags
    struct handle_entry entry;
    struct plain_message message;
    struct call *call = self->call;
    if (args[1] != INSTANT_NEVER || args[2] != 0 || args[0] >= HANDLE_NOT_LIVE || call == NULL ||
        handle_lookup_inline(self->process->table, (handle_t)args[0], OBJECT_CHANNEL, RIGHT_CALL,
                             &entry) != OK ||
        !read_plain(self->block, &message)) {
        return false;
    }
    struct channel *channel = channel_from(entry.object);
    struct port *port = channel->port;
    spin_lock(&port->lock);
    struct list_node *node = list_first(&port->waiters);
    if (unlikely(node == NULL || port->dead || channel->server_closed)) {
        spin_unlock(&port->lock);
        return false;
    }
    struct thread *server = list_entry(node, struct thread, wait_node);
    if (unlikely(!sched_may_switch_to(server) || !object_try_ref(&channel->client))) {
        spin_unlock(&port->lock);
        return false;
    }
    if (unlikely(!lock_both(self, server))) {
        spin_unlock(&port->lock);
        object_unref(&channel->client);
        return false;
    }
    list_remove(node);
    prepare(self, call, channel, &message);
    deliver(self, call, channel, server, &message);
    list_push_back(&port->taken, &call->taken_node);
    park_finish(self, WAIT_CALL, port);
    wake(server);
    spin_unlock(&server->lock);
    spin_unlock(&port->lock);
    cpu_this()->fast_calls++;
    go_on_with(self, server);
    return true;
}

// No arrays here: a stack protector would guard nothing.
__attribute__((no_stack_protector)) void fastpath_call(struct thread *self) {
    if (!try_call(self)) {
        entry_syscall_general(self);
    }
}

// Whether the call can be answered at once: taken by this process, whole, and with a caller.
// port->lock held.
static inline bool answerable(const struct call *call, const struct port *port, uint64_t token,
                              uint64_t process) {
    return call_is_taken(call, port, token, process) && call->copies == 0 && call->caller != NULL &&
           !call->cancel_item.queued && (call->handle_count | call->caller->reserved_slots) == 0;
}

// call_end for such a call.
static inline void end_call(struct call *call) {
    assert(spin_held(&call->port->lock) && !call_pinned(call));
    list_remove(&call->taken_node);
    call->state = CALL_IDLE;
    call->port = NULL;
    call->server_process = 0;
    object_unref(&call->channel->client);
}

// The call that the token names, or null: nearly always it is the one taken last. port->lock held.
static inline struct call *find(const struct port *port, uint64_t token) {
    const struct list_node *last = list_last(&port->taken);
    if (likely(last != NULL)) {
        struct call *call = list_entry(last, struct call, taken_node);
        if (likely(call->id == token)) {
            return call;
        }
    }
    return id_lookup(ID_CALL, token);
}

__attribute__((always_inline)) static inline bool try_reply_wait(struct thread *self) {
    const uint64_t *args = arch_thread_arguments(&self->arch); // port, token, deadline, flags
    struct handle_entry entry;
    uint64_t token = args[1];
    if (token == 0 || args[2] != INSTANT_NEVER || args[3] != 0 || args[0] >= HANDLE_NOT_LIVE ||
        handle_lookup_inline(self->process->table, (handle_t)args[0], OBJECT_PORT, RIGHT_READ,
                             &entry) != OK) {
        return false;
    }
    uint64_t head = head_read(self->block);
    size_t body_bytes = (uint32_t)(head >> 32) & 0xffffff; // and the count of handles, which is 0
    if (body_bytes > MESSAGE_BODY_BYTES) {
        return false;
    }
    struct port *port = port_from(entry.object);
    spin_lock(&port->lock);
    struct call *call = find(port, token);
    if (unlikely(call == NULL || port->dead || port->orphaned || port->quarantined_count != 0 ||
                 !list_empty(&port->queue) || !answerable(call, port, token, self->process->id) ||
                 !sched_may_switch_to(call->caller) || !lock_both(self, call->caller))) {
        spin_unlock(&port->lock);
        return false;
    }
    struct thread *client = call->caller;
    end_call(call);
    struct message *to = &client->block->message;
    to->op = (uint32_t)head;
    to->body_bytes = (uint16_t)body_bytes;
    to->handle_count = 0;
    call_copy_body(to->body, self->block->message.body, body_bytes);
    self->current_token = 0;
    arch_thread_set_argument(&self->arch, 1, 0);
    list_push_front(&port->waiters, &self->wait_node);
    park_finish(self, WAIT_PORT, port);
    wake(client);
    spin_unlock(&client->lock);
    spin_unlock(&port->lock);
    go_on_with(self, client);
    return true;
}

__attribute__((no_stack_protector)) void fastpath_reply_wait(struct thread *self) {
    if (!try_reply_wait(self)) {
        entry_syscall_general(self);
    }
}
