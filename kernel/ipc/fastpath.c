// SPDX-License-Identifier: MIT
//
// The fast path of IPC: a plain call for which a server waits, and its answer by a server that
// waits again.
//
// Nearly all messages are like this: no handles, no deadline, no flags, nobody asked to stop,
// nothing better ready to run on this CPU. Then caller and server need no queue and no scheduler:
// the CPU goes straight from one to the other. Both functions here first look whether that is so,
// under the locks that make it stay so, and only then change anything; when it is not, they return
// false with nothing changed, and the general path (call.c, deliver.c, port.c) does the work. What
// they do is what it would have done: each step stands for the function named beside it.
//
// The number of instructions of a round trip is measured by `./prunella bench ipc`.
#include "call_internal.h"

#include <abi/rights.h>
#include <ipc/fastpath.h>
#include <object/handle_lookup.h>
#include <sched/sched.h>

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

// thread_unpark_direct for a thread without a deadline that is not to stop, seen under its lock.
static inline bool wake_possible(const struct thread *thread) {
    return thread->pending == 0 && __atomic_load_n(&thread->timer.cpu, __ATOMIC_ACQUIRE) == NULL;
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

// No arrays here: a stack protector would guard nothing.
__attribute__((no_stack_protector)) bool fastpath_call(struct thread *self) {
    const uint64_t *args = arch_thread_arguments(&self->arch); // channel, deadline, flags
    struct handle_entry entry;
    struct call *call = self->call;
    if (args[1] != INSTANT_NEVER || args[2] != 0 || args[0] > UINT32_MAX || call == NULL ||
        handle_lookup_inline(self->process->table, (handle_t)args[0], OBJECT_CHANNEL, RIGHT_CALL,
                             &entry) != OK ||
        call_read_header(&self->block->message, &call->message) != OK ||
        (call->message.handle_count | call->message.accept_count) != 0) {
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
    call_prepare(self, call, channel, INSTANT_NEVER, 0, NULL);
    call->port = port;
    call->age = port->next_age++;
    list_remove(node);
    call_take(call, server);
    park_finish(self, WAIT_CALL, port);
    wake(server);
    spin_unlock(&server->lock);
    spin_unlock(&port->lock);
    cpu_this()->fast_calls++;
    sched_switch_direct(server);
    return true;
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

__attribute__((no_stack_protector)) bool fastpath_reply_wait(struct thread *self) {
    const uint64_t *args = arch_thread_arguments(&self->arch); // port, token, deadline, flags
    struct handle_entry entry;
    struct call *call;
    uint64_t token = args[1];
    uint64_t process = self->process->id;
    if (token == 0 || args[2] != INSTANT_NEVER || args[3] != 0 || args[0] > UINT32_MAX ||
        handle_lookup_inline(self->process->table, (handle_t)args[0], OBJECT_PORT, RIGHT_READ,
                             &entry) != OK ||
        call_find(token, process, &call) != OK) {
        return false;
    }
    const volatile struct message *reply = &self->block->message;
    uint16_t body_bytes = reply->body_bytes;
    if (body_bytes > MESSAGE_BODY_BYTES || reply->handle_count != 0) {
        return false;
    }
    struct port *port = port_from(entry.object);
    spin_lock(&port->lock);
    if (unlikely(port->dead || port->orphaned || port->quarantined_count != 0 ||
                 !list_empty(&port->queue) || !answerable(call, port, token, process) ||
                 !sched_may_switch_to(call->caller) || !lock_both(self, call->caller))) {
        spin_unlock(&port->lock);
        return false;
    }
    struct thread *client = call->caller;
    end_call(call);
    struct message *to = &client->block->message;
    to->op = reply->op;
    to->body_bytes = body_bytes;
    to->handle_count = 0;
    call_copy_body(to->body, self->block->message.body, body_bytes);
    self->current_token = 0;
    arch_thread_set_argument(&self->arch, 1, 0);
    list_push_front(&port->waiters, &self->wait_node);
    park_finish(self, WAIT_PORT, port);
    wake(client);
    spin_unlock(&client->lock);
    spin_unlock(&port->lock);
    sched_switch_direct(client);
    return true;
}
