// SPDX-License-Identifier: MIT
//
// Ports: the queue, the servers that wait, and what happens when a server dies.
//
// Two rules keep the lock order simple. A packet that reports a condition of another object (a
// source) is only queued here; what it says is computed when it is taken, without the port's lock.
// And a server that waits is handed calls directly, but for all other packets it is only restarted,
// and finds them in the queue.
//
// Takeover: port_orphan holds what the dead server had taken, oldest first, and marks the port
// orphaned. The first port_reply_wait after that (only the successor can make it: the port's handle
// is in the inherited table) puts the held calls back at the head of the queue and posts every
// level again.
#include "call_internal.h"

#include <abi/flags.h>
#include <arch/clock.h>
#include <ipc/call.h>
#include <ipc/channel.h>
#include <mm/slab.h>
#include <object/process.h>
#include <object/source.h>
#include <sched/sched.h>
#include <sched/thread.h>

static struct slab_cache port_cache = SLAB_CACHE(struct port, "port");

static bool port_destroy(struct object *object) {
    struct port *port = port_from(object);
    assert(list_empty(&port->taken) && list_empty(&port->held) && list_empty(&port->waiters));
    assert(list_empty(&port->channels) && list_empty(&port->bindings));
    (void)port;
    return true;
}

static void port_handles_gone(struct object *object) {
    port_discard(port_from(object));
}

static const struct object_ops port_ops = {
    .name = "port",
    .type = OBJECT_PORT,
    .cache = &port_cache,
    .handles_gone = port_handles_gone,
    .destroy = port_destroy,
};

status_t port_create(struct job *job, uint64_t provider, struct port **out) {
    struct object *object;
    status_t status = object_create(&port_ops, job, provider, &object);
    if (status != OK) {
        return status;
    }
    struct port *port = port_from(object);
    spin_init(&port->lock, RANK_PORT);
    list_init(&port->queue);
    list_init(&port->taken);
    list_init(&port->held);
    list_init(&port->waiters);
    list_init(&port->bindings);
    list_init(&port->channels);
    *out = port;
    return OK;
}

static struct thread *pop_waiter(struct port *port) {
    assert(spin_held(&port->lock));
    struct list_node *node = list_pop_front(&port->waiters);
    return node == NULL ? NULL : list_entry(node, struct thread, wait_node);
}

// Lets a waiting server look at the queue. port->lock held.
static void restart_waiter(struct port *port) {
    assert(spin_held(&port->lock));
    struct thread *server = pop_waiter(port);
    if (server != NULL) {
        thread_unpark(server, STATUS_RESTART);
    }
}

void port_post_locked(struct port *port, struct port_item *item) {
    assert(spin_held(&port->lock));
    if (!item->queued && !port->dead) {
        item->queued = true;
        list_push_back(&port->queue, &item->node);
        restart_waiter(port);
    }
}

void port_post(struct port *port, struct port_item *item) {
    spin_lock(&port->lock);
    port_post_locked(port, item);
    spin_unlock(&port->lock);
}

void ports_pass_on(struct handle_table *table) {
    spin_lock(&table->lock);
    list_for_each(node, &table->ports) {
        struct port *port = list_entry(node, struct port, table_node);
        assert(port->table == table);
        spin_lock(&port->lock);
        if (!list_empty(&port->queue)) {
            restart_waiter(port);
        }
        spin_unlock(&port->lock);
    }
    spin_unlock(&table->lock);
}

void port_abort_wait(struct thread *thread, struct port *port, uint64_t seq, status_t status) {
    spin_lock(&port->lock);
    // In that wait still, and in the list: a waiter that was popped is woken by whoever popped it.
    // The node alone does not tell: the thread may run by now, and queue itself elsewhere.
    if (thread_in_wait(thread, seq) && list_node_linked(&thread->wait_node)) {
        list_remove(&thread->wait_node);
        thread_unpark(thread, status);
    }
    spin_unlock(&port->lock);
}

// ---- taking packets

// What was taken from the queue, to be written into the server's block without the port's lock.
struct taken {
    bool call;               // a call: the block is filled
    struct call *filling;    // a call whose handles are still to be installed
    struct binding *binding; // a source's packet; holds a reference on its port
    struct packet packet;    // anything else, ready
};

// A packet that names a request without being its delivery.
static void fill_request(struct packet *packet, uint16_t kind, uint64_t key,
                         const struct call_origin *stamp) {
    *packet = (struct packet){
        .kind = kind,
        .key = key,
        .process = stamp->process,
        .thread = stamp->thread,
        .call_number = stamp->number,
        .sub = stamp->sub,
    };
}

static void fill_cancelled(const struct call *call, struct packet *packet) {
    assert(spin_held(&call->port->lock));
    assert(call->state == CALL_TAKEN || call->state == CALL_REPLYING);
    fill_request(packet, PACKET_CANCELLED, call->channel->key, &call->stamp);
    packet->flags = call->caller == NULL ? PACKET_ORPHAN : 0;
    packet->token = call->id;
}

// Takes the next item, if there is one. port->lock held.
static bool take_next(struct port *port, struct thread *self, struct taken *taken) {
    assert(spin_held(&port->lock) && !port->orphaned);
    *taken = (struct taken){0};
    if (unlikely(port->quarantined_count != 0)) {
        const struct quarantine *entry = &port->quarantined[--port->quarantined_count];
        fill_request(&taken->packet, PACKET_QUARANTINED, entry->key, &entry->stamp);
        return true;
    }
    struct list_node *node = list_pop_front(&port->queue);
    if (node == NULL) {
        return false;
    }
    struct port_item *item = list_entry(node, struct port_item, node);
    assert(item->queued);
    item->queued = false;
    switch (item->kind) {
    case PACKET_CALL:
        taken->call = true;
        if (call_take(container_of(item, struct call, item), self)) {
            taken->filling = container_of(item, struct call, item);
        }
        break;
    case PACKET_CANCELLED:
        fill_cancelled(container_of(item, struct call, cancel_item), &taken->packet);
        break;
    case PACKET_PEER_CLOSED:
        taken->packet.kind = PACKET_PEER_CLOSED;
        taken->packet.key = container_of(item, struct channel, closed_item)->key;
        break;
    default:
        taken->binding = container_of(item, struct binding, item);
        break;
    }
    return true;
}

// Puts what the dead server had taken back at the head of the queue, and posts levels again.
// Closings that it may have taken come behind the calls that it had taken, which may have been made
// before, and ahead of those that it had not. port->lock held.
static void readmit(struct port *port) {
    assert(spin_held(&port->lock) && port->orphaned && !port->dead);
    assert(list_empty(&port->waiters));
    port->orphaned = false;
    list_for_each(item, &port->channels) {
        struct channel *channel = list_entry(item, struct channel, port_node);
        if (channel->client_closed && !channel->server_closed && !channel->closed_item.queued) {
            channel->closed_item.queued = true;
            list_push_front(&port->queue, &channel->closed_item.node);
        }
    }
    struct list_node *node;
    while ((node = list_last(&port->held)) != NULL) {
        struct call *call = list_entry(node, struct call, taken_node);
        assert(call->state == CALL_HELD && !call->item.queued);
        list_remove(node);
        call->state = CALL_QUEUED;
        call->item.queued = true;
        list_push_front(&port->queue, &call->item.node);
    }
    list_for_each(item, &port->bindings) {
        struct binding *binding = list_entry(item, struct binding, port_node);
        if (binding_holds(binding)) {
            port_post_locked(port, &binding->item);
        }
    }
}

static void fill_block(struct taken *taken, struct thread *self) {
    assert(spin_none_held());
    if (taken->filling != NULL) {
        call_install(taken->filling, self);
    } else if (taken->call) {
        return;
    } else if (taken->binding != NULL) {
        self->block->packet = (struct packet){.key = taken->binding->key};
        binding_fill_packet(taken->binding, &self->block->packet);
    } else {
        self->block->packet = taken->packet;
    }
}

// Makes the answered client runnable: at once on this CPU when this server is about to sleep.
static void wake_client(struct thread *client, bool server_sleeps) {
    assert(spin_none_held());
    if (client == NULL) {
        return;
    }
    if (server_sleeps && sched_may_switch_to(client)) {
        if (thread_unpark_direct(client, OK)) {
            sched_switch_direct(client);
        }
    } else {
        thread_unpark(client, OK);
    }
}

int64_t port_reply_wait(struct thread *self, struct port *port, uint64_t token, instant_t deadline,
                        uint32_t flags) {
    assert(self == thread_self());
    assert(spin_none_held());
    struct thread *client = NULL;
    if (token != 0) {
        status_t status = call_reply(self, port, token, &client);
        if (status != OK) {
            return status;
        }
        arch_thread_set_argument(&self->arch, 1, 0); // answered: a restart only waits
    }
    self->current_token = 0;
    struct taken taken;
    spin_lock(&port->lock);
    if (unlikely(port->orphaned)) {
        readmit(port);
    }
    status_t status = OK;
    if (port->dead) {
        status = ERR_BAD_STATE;
    } else if (take_next(port, self, &taken)) {
        spin_unlock(&port->lock);
        wake_client(client, false);
        fill_block(&taken, self);
        return OK;
    } else if (deadline != INSTANT_NEVER && clock_now() >= deadline) {
        status = ERR_TIMED_OUT;
    } else {
        status = thread_park(self, WAIT_PORT, &port->object, deadline,
                             (flags & WAIT_INTERRUPTIBLE) != 0);
    }
    if (status == OK) {
        list_push_front(&port->waiters, &self->wait_node);
    }
    spin_unlock(&port->lock);
    wake_client(client, status == OK);
    return status == OK ? STATUS_PARKED : status;
}

// ---- endings

// Ends a call and wakes its caller. port->lock held.
static void end_with(struct call *call, status_t status, struct list *orphans) {
    struct thread *caller = call_end(call, orphans);
    if (caller != NULL) {
        thread_unpark(caller, status);
    }
}

static void end_list(struct list *calls, const struct channel *channel, status_t status,
                     struct list *orphans) {
    assert(calls->head.next != NULL);
    list_for_each_safe(node, calls) {
        struct call *call = list_entry(node, struct call, taken_node);
        assert(call->port != NULL && call->state != CALL_IDLE && call->state != CALL_QUEUED);
        if (channel != NULL && call->channel != channel) {
            continue;
        }
        if (call->state == CALL_FILLING || call_pinned(call)) {
            call->doomed = true; // ended by whoever moves its handles or copies just now
        } else {
            end_with(call, status, orphans);
        }
    }
}

void port_end_calls(struct port *port, const struct channel *channel, status_t status) {
    assert(spin_none_held());
    struct list orphans;
    list_init(&orphans);
    spin_lock(&port->lock);
    list_for_each_safe(node, &port->queue) {
        struct port_item *item = list_entry(node, struct port_item, node);
        if (item->kind != PACKET_CALL) {
            continue;
        }
        struct call *call = container_of(item, struct call, item);
        assert(call->state == CALL_QUEUED && call->port == port);
        if (channel == NULL || call->channel == channel) {
            // Its CANCELLED notice is never queued together with it: the loop's next node stays
            // valid.
            end_with(call, status, &orphans);
        }
    }
    end_list(&port->taken, channel, status, &orphans);
    end_list(&port->held, channel, status, &orphans);
    spin_unlock(&port->lock);
    call_free_orphans(&orphans);
}

static void quarantine(struct port *port, const struct call *call) {
    assert(spin_held(&port->lock));
    assert(call->crashes >= CALL_CRASHES_MAX);
    if (port->quarantined_count < PORT_QUARANTINE_MAX) {
        port->quarantined[port->quarantined_count++] =
            (struct quarantine){.key = call->channel->key, .stamp = call->stamp};
    }
}

// Files a call as held, by age.
static void hold(struct port *port, struct call *call) {
    assert(spin_held(&port->lock));
    assert(call->state == CALL_TAKEN && !call_pinned(call));
    list_remove(&call->taken_node);
    call->state = CALL_HELD;
    call->current = false;
    struct list_node *at = &port->held.head;
    while (at->prev != &port->held.head &&
           list_entry(at->prev, struct call, taken_node)->age > call->age) {
        at = at->prev;
    }
    list_insert_before(at, &call->taken_node);
}

void port_orphan(struct port *port, uint64_t process, bool crashed, struct list *orphans) {
    spin_lock(&port->lock);
    assert(!port->dead);
    port->orphaned = true;
    list_for_each_safe(node, &port->taken) {
        struct call *call = list_entry(node, struct call, taken_node);
        if (call->server_process != process) {
            continue;
        }
        port_withdraw_locked(&call->cancel_item);
        if (crashed && call->current && ++call->crashes >= CALL_CRASHES_MAX) {
            quarantine(port, call);
            end_with(call, ERR_QUARANTINED, orphans);
        } else {
            hold(port, call);
        }
    }
    spin_unlock(&port->lock);
}

void port_discard(struct port *port) {
    assert(spin_none_held());
    spin_lock(&port->lock);
    port->dead = true;
    struct thread *server;
    while ((server = pop_waiter(port)) != NULL) {
        thread_unpark(server, ERR_BAD_STATE);
    }
    spin_unlock(&port->lock);
    port_end_calls(port, NULL, ERR_PEER_CLOSED);
    bindings_drop(port);
    spin_lock(&port->lock);
    struct list_node *node;
    while ((node = list_pop_front(&port->queue)) != NULL) {
        list_entry(node, struct port_item, node)->queued = false;
    }
    spin_unlock(&port->lock);
}
