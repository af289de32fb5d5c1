// SPDX-License-Identifier: MIT
//
// The life of a call up to its reply: sending, cancelling, ending. The states and who guards them
// are in ipc/call.h.
//
// Cancelling is two-phase. A call that no server was ever handed is withdrawn at once. One that was
// is only asked to end: the server gets a CANCELLED packet (or, when it is dead, its successor the
// flag CANCEL), and the caller stays parked until the answer, so that nothing is consumed for a
// caller who has gone and nothing is done twice. A caller that dies, or said WAIT_ABANDON, does not
// wait: its call goes on as an orphan.
#include "call_internal.h"

#include <abi/rights.h>
#include <ipc/call.h>
#include <ipc/channel.h>
#include <mm/slab.h>
#include <object/id.h>
#include <sched/current.h>
#include <sched/sched.h>

static struct slab_cache call_cache = SLAB_CACHE(struct call, "call");

status_t call_create(struct job *job, struct call **out) {
    void *memory;
    status_t status = slab_alloc(&call_cache, job, &memory);
    if (status != OK) {
        return status;
    }
    struct call *call = memory;
    call->item.kind = PACKET_CALL;
    call->cancel_item.kind = PACKET_CANCELLED;
    call->job = job;
    call->id = id_alloc(ID_CALL, call);
    if (call->id == 0) {
        slab_free(&call_cache, job, call);
        return ERR_NO_MEMORY;
    }
    object_ref(&job->object);
    call->slot = id_slot(call->id);
    for (size_t i = 0; i < MESSAGE_HANDLES; i++) {
        call->handles[i].kind = HANDLE_MESSAGE;
    }
    *out = call;
    return OK;
}

static bool call_release(struct reap_item *item) {
    struct call *call = container_of(item, struct call, reap);
    assert(call->port == NULL && call->handle_count == 0);
    struct job *job = call->job;
    slab_free(&call_cache, job, call);
    object_unref(&job->object);
    return true;
}

void call_destroy(struct call *call) {
    assert(call->state == CALL_IDLE && call->handle_count == 0);
    id_free(call->id);
    reap_add(&call->reap, call_release);
}

static void drop_handles(struct call *call) {
    assert(call->handle_count <= MESSAGE_HANDLES);
    assert(spin_none_held());
    for (size_t i = 0; i < call->handle_count; i++) {
        handle_node_drop(&call->handles[i]);
    }
    call->handle_count = 0;
}

// ---- sending

// Derives the nodes of the handles that travel, and promises slots to the reply.
static status_t take_handles(struct thread *self, struct call *call) {
    assert(call->handle_count == 0 && self->reserved_slots == 0);
    struct handle_table *table = self_table();
    const volatile handle_t *hostile = self->block->message.handles;
    status_t status = OK;
    for (size_t i = 0; i < call->message.handle_count && status == OK; i++) {
        status =
            handle_derive_node(table, hostile[i], 0, RIGHT_TRANSFER, UINT32_MAX, &call->handles[i]);
        call->handle_count += status == OK;
    }
    if (status == OK && call->message.accept_count != 0) {
        status = handle_reserve(table, call->message.accept_count);
        self->reserved_slots = status == OK ? call->message.accept_count : 0;
    }
    if (status != OK) {
        drop_handles(call);
    }
    return status;
}

static void give_handles_back(struct thread *self, struct call *call) {
    assert(call->state == CALL_IDLE);
    drop_handles(call);
    if (self->reserved_slots != 0) {
        handle_unreserve(self_table(), self->reserved_slots);
        self->reserved_slots = 0;
    }
}

// Puts the call at the port: into the hands of a waiting server, which is returned in *server, or
// into the queue. port->lock held.
static status_t submit(struct thread *self, struct call *call, struct port *port, uint32_t flags,
                       struct thread **server, bool *filling) {
    assert(self == thread_self());
    assert(spin_held(&port->lock) && call->caller == self);
    if (port->dead || call->channel->server_closed) {
        return ERR_PEER_CLOSED;
    }
    status_t status = thread_park(self, WAIT_CALL, &port->object, call->deadline,
                                  (flags & WAIT_INTERRUPTIBLE) != 0);
    if (status != OK) {
        return status;
    }
    call->port = port;
    call->age = port->next_age++;
    struct list_node *waiter = list_pop_front(&port->waiters);
    if (waiter != NULL) {
        *server = list_entry(waiter, struct thread, wait_node);
        *filling = call_take(call, *server);
    } else {
        call->state = CALL_QUEUED;
        call->item.queued = true;
        list_push_back(&port->queue, &call->item.node);
    }
    return OK;
}

int64_t call_send(struct thread *self, struct channel *channel, instant_t deadline, uint32_t flags,
                  const struct call_origin *origin) {
    assert(spin_none_held());
    if (unlikely(self->call == NULL)) { // the last one was abandoned
        status_t status = call_create(self->process->job, &self->call);
        if (status != OK) {
            return status;
        }
    }
    struct call *call = self->call;
    assert(call->state == CALL_IDLE);
    status_t status = call_read_header(&self->block->message, &call->message);
    if (status != OK) {
        return status;
    }
    if (unlikely((call->message.handle_count | call->message.accept_count) != 0)) {
        status = take_handles(self, call);
        if (status != OK) {
            return status;
        }
    }
    if (!object_try_ref(&channel->client)) {
        give_handles_back(self, call);
        return ERR_BAD_HANDLE;
    }
    call_prepare(self, call, channel, deadline, flags, origin);
    struct thread *server = NULL;
    bool filling = false;
    struct port *port = channel->port;
    spin_lock(&port->lock);
    status = submit(self, call, port, flags, &server, &filling);
    spin_unlock(&port->lock);
    if (status != OK) {
        if (status == STATUS_RESTART) {
            self->call_number--;
        }
        give_handles_back(self, call);
        object_unref(&channel->client);
        return status;
    }
    // From here on the caller may already run elsewhere, and the call may be another one.
    cpu_this()->slow_calls++;
    if (server == NULL) {
        return STATUS_PARKED;
    }
    if (unlikely(filling)) {
        call_install(call, server);
    }
    if (!sched_may_switch_to(server)) {
        thread_unpark(server, OK);
    } else if (thread_unpark_direct(server, OK)) {
        sched_switch_direct(server);
    }
    return STATUS_PARKED;
}

// ---- ending

struct thread *call_end(struct call *call, struct list *orphans) {
    struct thread *caller = call->caller;
    assert(call->state != CALL_IDLE && spin_held(&call->port->lock));
    assert(call->state != CALL_FILLING && call->copies == 0);
    port_withdraw_locked(&call->item);
    port_withdraw_locked(&call->cancel_item);
    if (list_node_linked(&call->taken_node)) {
        list_remove(&call->taken_node);
    }
    call->state = CALL_IDLE;
    call->port = NULL;
    call->server_process = 0;
    object_unref(&call->channel->client);
    if (caller == NULL) {
        list_push_back(orphans, &call->taken_node);
    } else if (call->handle_count != 0 || caller->reserved_slots != 0) {
        __atomic_fetch_or(&caller->pending, PENDING_CALL, __ATOMIC_RELAXED);
    }
    return caller;
}

void call_free_orphans(struct list *orphans) {
    assert(spin_none_held());
    struct list_node *node;
    while ((node = list_pop_front(orphans)) != NULL) {
        struct call *call = list_entry(node, struct call, taken_node);
        assert(call->state == CALL_IDLE && call->caller == NULL);
        drop_handles(call);
        call_destroy(call);
    }
}

void call_cleanup(struct thread *thread) {
    assert(spin_none_held());
    __atomic_fetch_and(&thread->pending, ~(uint32_t)PENDING_CALL, __ATOMIC_RELAXED);
    if (thread->call != NULL && thread->call->state == CALL_IDLE) {
        drop_handles(thread->call);
    }
    if (thread->reserved_slots != 0) {
        handle_unreserve(thread->process->table, thread->reserved_slots);
        thread->reserved_slots = 0;
    }
}

void call_thread_gone(struct thread *thread) {
    assert(spin_none_held());
    call_cleanup(thread);
    if (thread->call != NULL) {
        struct call *call = thread->call;
        thread->call = NULL;
        call_destroy(call);
    }
}

// Tells the server, if it has the call in its hands, that its caller wants to go on or has gone.
// While it is FILLING the packet of the delivery itself will say so. port->lock held.
static void post_cancelled(struct call *call) {
    assert(spin_held(&call->port->lock));
    if (call->state == CALL_TAKEN || call->state == CALL_REPLYING) {
        port_post_locked(call->port, &call->cancel_item);
    }
}

// The caller goes on without its call. port->lock held.
static void make_orphan(struct call *call, status_t status) {
    assert(spin_held(&call->port->lock));
    struct thread *caller = call->caller;
    assert(caller != NULL && caller->call == call && !call_pinned(call));
    call->caller = NULL;
    caller->call = NULL;
    if (caller->reserved_slots != 0) {
        __atomic_fetch_or(&caller->pending, PENDING_CALL, __ATOMIC_RELAXED);
    }
    post_cancelled(call);
    thread_unpark(caller, status);
}

// The caller of a call that was delivered is to go on at once. port->lock held.
static void leave(struct call *call, status_t status) {
    assert(spin_held(&call->port->lock));
    assert(status != OK && call->deliveries != 0);
    if (!call_pinned(call)) {
        make_orphan(call, status);
    } else if (call->leave == OK || status == STATUS_RESTART) {
        call->leave = status;
    }
}

// The call of a parked thread is to end. port->lock held.
static void cancel(struct call *call, status_t status) {
    assert(spin_held(&call->port->lock) && call->state != CALL_IDLE);
    if (call->deliveries == 0) {
        struct thread *caller = call_end(call, NULL);
        thread_unpark(caller, status);
    } else if (status == STATUS_RESTART || call->abandon) {
        leave(call, status);
    } else if (!call->cancel) {
        call->cancel = true;
        post_cancelled(call);
    }
}

void call_cancel(struct thread *thread, struct port *port, uint64_t seq, status_t status) {
    struct call *call = __atomic_load_n(&thread->call, __ATOMIC_RELAXED);
    if (call == NULL) {
        return;
    }
    spin_lock(&port->lock);
    // The call still is at this port and this thread's own. Then the thread is parked in it, and
    // its wait number stands still; if the wait is another one, so is the call.
    if (call->port == port && call->caller == thread && thread->wait_seq == seq) {
        cancel(call, status);
    }
    spin_unlock(&port->lock);
}

void call_settle(struct call *call, struct list *orphans) {
    assert(spin_held(&call->port->lock) && call->state != CALL_FILLING);
    if (call_pinned(call)) {
        return;
    }
    if (call->doomed) {
        struct thread *caller = call_end(call, orphans);
        if (caller != NULL) {
            thread_unpark(caller, ERR_PEER_CLOSED);
        }
    } else if (call->leave != OK) {
        make_orphan(call, call->leave);
        call->leave = OK;
    }
}

void call_blame_current(struct thread *self) {
    assert(spin_none_held());
    struct call *call =
        self->current_token != 0 ? call_find_locked(self->current_token, self->process->id) : NULL;
    if (call != NULL) {
        call->current = true;
        spin_unlock(&call->port->lock);
    }
}
