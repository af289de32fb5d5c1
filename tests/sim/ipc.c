// SPDX-License-Identifier: MIT
//
// Ports, channels and calls: the states and transitions of kernel/ipc, without its locks. Where the
// kernel drops a lock in the middle (handles on their way) the simulator does it in one go.

#include "kernel.h"

#include <stdlib.h>
#include <string.h>

#include "coroutine.h"

#define CRASHES_MAX 2

// ---- ports

struct sim_port *sim_port_create(void) {
    struct sim_port *port = calloc(1, sizeof(*port));
    sim_object_init(&port->object, OBJECT_PORT);
    list_push_back(&sim.ports, &port->node);
    list_init(&port->queue);
    list_init(&port->taken);
    list_init(&port->held);
    list_init(&port->waiters);
    list_init(&port->bindings);
    list_init(&port->channels);
    return port;
}

static struct sim_thread *pop_waiter(struct sim_port *port) {
    struct list_node *node = list_pop_front(&port->waiters);
    return node != NULL ? list_entry(node, struct sim_thread, wait_node) : NULL;
}

static void post_before(struct sim_port *port, struct sim_item *item, struct list_node *next) {
    if (item->queued || port->dead) {
        return;
    }
    item->queued = true;
    list_insert_before(next, &item->node);
    struct sim_thread *server = pop_waiter(port);
    if (server != NULL) {
        sim_wake(server, SIM_RESTART);
    }
}

void sim_port_post(struct sim_port *port, struct sim_item *item) {
    post_before(port, item, &port->queue.head);
}

void sim_port_post_first(struct sim_port *port, struct sim_item *item) {
    post_before(port, item, port->queue.head.next);
}

void sim_port_withdraw(struct sim_item *item) {
    if (item->queued) {
        list_remove(&item->node);
        item->queued = false;
    }
}

// ---- channels

struct sim_channel *sim_channel_create(struct sim_port *port, uint64_t key, bool forwarder) {
    struct sim_channel *channel = calloc(1, sizeof(*channel));
    sim_object_init(&channel->client, OBJECT_CHANNEL);
    sim_object_init(&channel->server, OBJECT_ENDPOINT);
    channel->port = port;
    channel->key = key;
    channel->forwarder = forwarder;
    channel->closed_item.kind = ITEM_CLOSED;
    port->object.refs++;
    list_push_back(&port->channels, &channel->port_node);
    return channel;
}

void sim_channel_unref(struct sim_channel *channel) {
    if (channel->client.refs == 0 && channel->server.refs == 0) {
        sim_port_withdraw(&channel->closed_item);
        list_remove(&channel->port_node);
        sim_object_unref(&channel->port->object);
        free(channel);
    }
}

// Ends a call: unlinks it and wakes its caller with a status.
static void call_end(struct sim_call *call, int64_t status) {
    struct sim_thread *caller = call->caller;
    sim_port_withdraw(&call->item);
    sim_port_withdraw(&call->cancel_item);
    if (list_node_linked(&call->taken_node)) {
        list_remove(&call->taken_node);
    }
    for (uint32_t i = 0; i < call->handle_count; i++) {
        sim_object_close(call->handles[i]);
    }
    if (caller != NULL) {
        caller->call = NULL;
        sim_wake(caller, status);
    }
    struct sim_channel *channel = call->channel;
    free(call);
    sim_object_unref(&channel->client);
}

static void end_list(struct list *calls, const struct sim_channel *channel) {
    list_for_each_safe(node, calls) {
        struct sim_call *call = list_entry(node, struct sim_call, taken_node);
        if (channel == NULL || call->channel == channel) {
            call_end(call, ERR_PEER_CLOSED);
        }
    }
}

static void end_calls(struct sim_port *port, const struct sim_channel *channel) {
    list_for_each_safe(node, &port->queue) {
        struct sim_item *item = list_entry(node, struct sim_item, node);
        if (item->kind == ITEM_CALL) {
            struct sim_call *call = list_entry(item, struct sim_call, item);
            if (channel == NULL || call->channel == channel) {
                call_end(call, ERR_PEER_CLOSED);
            }
        }
    }
    end_list(&port->taken, channel);
    end_list(&port->held, channel);
}

void sim_client_gone(struct sim_channel *channel) {
    channel->client_closed = true;
    if (!channel->server_closed) {
        sim_port_post(channel->port, &channel->closed_item);
    }
}

void sim_server_gone(struct sim_channel *channel) {
    channel->server_closed = true;
    sim_port_withdraw(&channel->closed_item);
    end_calls(channel->port, channel);
}

// ---- sending

static void stamp(struct sim_thread *self, struct sim_call *call, const struct sim_call *origin) {
    self->call_number++;
    if (origin != NULL && call->channel->forwarder) {
        call->process = origin->process;
        call->thread = origin->thread;
        call->number = origin->number;
        call->acked = origin->acked;
        call->cookie = origin->cookie;
        call->sub = origin->sub;
        call->forwarded = true;
        return;
    }
    call->process = self->process->id;
    call->cookie = self->cookie;
    call->thread = self->id;
    call->number = self->call_number;
    call->acked = self->call_number - 1;
}

static status_t take_handles(struct sim_thread *self, struct sim_call *call) {
    const struct message *message = &call->message;
    for (uint32_t i = 0; i < message->handle_count; i++) {
        struct sim_object *object = sim_handle_lookup(self->process->table, message->handles[i], 0);
        if (object == NULL) {
            return ERR_BAD_HANDLE;
        }
        object->handles++;
        object->refs++;
        call->handles[call->handle_count++] = object;
    }
    return OK;
}

static void drop_handles(struct sim_call *call) {
    for (uint32_t i = 0; i < call->handle_count; i++) {
        sim_object_close(call->handles[i]);
    }
}

static uint16_t packet_flags(const struct sim_call *call) {
    uint16_t flags = 0;
    flags |= call->deliveries > 1 ? PACKET_RETRY : 0;
    flags |= call->deliveries > 1 && call->last_retry ? PACKET_LAST_RETRY : 0;
    flags |= call->cancel ? PACKET_CANCEL : 0;
    flags |= call->caller == NULL ? PACKET_ORPHAN : 0;
    flags |= call->forwarded ? PACKET_FORWARDED : 0;
    return flags;
}

// A server takes the call: a fresh token; packet and message go into its block.
static void call_take(struct sim_call *call, struct sim_thread *server) {
    struct thread_block *block = coroutine_block(server->coroutine);
    call->token = ++sim.next_id;
    call->server_process = server->process->id;
    call->deliveries++;
    call->state = CALL_TAKEN;
    list_push_back(&call->channel->port->taken, &call->taken_node);
    server->current_token = call->token;
    block->packet = (struct packet){
        .key = call->channel->key,
        .kind = PACKET_CALL,
        .flags = packet_flags(call),
        .deliveries = call->deliveries,
        .token = call->token,
        .process = call->process,
        .thread = call->thread,
        .call_number = call->number,
        .acked = call->acked,
        .cookie = call->cookie,
        .sub = call->sub,
        .in_bytes = call->message.in.bytes,
        .out_bytes = call->message.out.bytes,
        .deadline = call->deadline,
    };
    block->message = call->message;
    for (uint32_t i = 0; i < call->handle_count; i++) {
        block->message.handles[i] = sim_handle_insert(server->process->table, call->handles[i]);
    }
}

int64_t sim_channel_call(struct sim_channel *channel, instant_t deadline, uint32_t flags,
                         const struct sim_call *origin) {
    struct sim_thread *self = sim.current;
    struct thread_block *block = coroutine_block(self->coroutine);
    struct sim_port *port = channel->port;
    if (port->dead || channel->server_closed) {
        return ERR_PEER_CLOSED;
    }
    if ((flags & WAIT_INTERRUPTIBLE) != 0 && self->latched != 0) {
        return ERR_INTERRUPTED;
    }
    struct sim_call *call = calloc(1, sizeof(*call));
    call->item.kind = ITEM_CALL;
    call->cancel_item.kind = ITEM_CANCEL;
    call->message = block->message;
    call->channel = channel;
    call->caller = self;
    call->deadline = deadline;
    call->abandon = (flags & WAIT_ABANDON) != 0;
    status_t status = take_handles(self, call);
    if (status != OK) {
        drop_handles(call);
        free(call);
        return status;
    }
    stamp(self, call, origin);
    channel->client.refs++;
    call->age = port->next_age++;
    self->call = call;
    struct sim_thread *server = pop_waiter(port);
    if (server != NULL) {
        call_take(call, server);
        sim_wake(server, OK);
    } else {
        call->state = CALL_QUEUED;
        call->item.queued = true;
        list_push_back(&port->queue, &call->item.node);
    }
    return sim_block(WAIT_CALL, deadline, (flags & WAIT_INTERRUPTIBLE) != 0);
}

struct sim_call *sim_call_find(uint64_t token) {
    list_for_each(node, &sim.ports) {
        struct sim_port *port = list_entry(node, struct sim_port, node);
        list_for_each(at, &port->taken) {
            struct sim_call *call = list_entry(at, struct sim_call, taken_node);
            if (call->token == token) {
                return call;
            }
        }
    }
    return NULL;
}

// The caller wants to go on, or dies (SIM_RESTART).
void sim_call_cancel(struct sim_thread *thread, int64_t status) {
    struct sim_call *call = thread->call;
    if (call == NULL || (call->cancel && status != SIM_RESTART)) {
        return;
    }
    bool leaves = status == SIM_RESTART || call->abandon;
    if (call->deliveries == 0) {
        call_end(call, status);
        return;
    }
    if (leaves) {
        call->caller = NULL;
        thread->call = NULL;
        sim_wake(thread, status);
    } else {
        call->cancel = true;
        call->cancelled_at = sim.now;
    }
    if (call->state == CALL_TAKEN) {
        (sim.proposed ? sim_port_post_first : sim_port_post)(call->channel->port,
                                                             &call->cancel_item);
    }
}

// ---- answering

static void copy_reply(struct sim_thread *client, const struct message *answer,
                       struct sim_object *const *objects) {
    struct message *to = &coroutine_block(client->coroutine)->message;
    to->op = answer->op;
    to->body_bytes = answer->body_bytes;
    to->handle_count = answer->handle_count;
    memcpy(to->body, answer->body, answer->body_bytes);
    for (uint32_t i = 0; i < answer->handle_count; i++) {
        to->handles[i] = sim_handle_insert(client->process->table, objects[i]);
    }
}

static status_t reply(struct sim_thread *self, struct sim_port *port, uint64_t token) {
    const struct message *answer = &coroutine_block(self->coroutine)->message;
    struct sim_call *call = sim_call_find(token);
    struct sim_object *objects[MESSAGE_HANDLES];
    if (call == NULL || call->server_process != self->process->id || call->channel->port != port) {
        return ERR_STALE_TOKEN;
    }
    if (answer->body_bytes > MESSAGE_BODY_BYTES ||
        answer->handle_count > call->message.accept_count) {
        return ERR_INVALID_ARGUMENT;
    }
    for (uint32_t i = 0; i < answer->handle_count; i++) {
        objects[i] = sim_handle_lookup(self->process->table, answer->handles[i], 0);
        if (objects[i] == NULL) {
            return ERR_BAD_HANDLE;
        }
    }
    if (call->caller != NULL) {
        copy_reply(call->caller, answer, objects);
    }
    call_end(call, OK);
    return OK;
}

// ---- taking

static void fill_quarantined(struct sim_port *port, struct packet *packet) {
    const struct sim_quarantine *entry = &port->quarantined[--port->quarantined_count];
    *packet = (struct packet){
        .kind = PACKET_QUARANTINED,
        .key = entry->key,
        .process = entry->process,
        .thread = entry->thread,
        .call_number = entry->number,
        .sub = entry->sub,
    };
}

static void fill_cancelled(const struct sim_call *call, struct packet *packet) {
    *packet = (struct packet){
        .kind = PACKET_CANCELLED,
        .flags = call->caller == NULL ? PACKET_ORPHAN : 0,
        .key = call->channel->key,
        .token = call->token,
        .process = call->process,
        .thread = call->thread,
        .call_number = call->number,
        .sub = call->sub,
    };
}

static bool take_next(struct sim_port *port, struct sim_thread *self) {
    struct packet *packet = &coroutine_block(self->coroutine)->packet;
    if (port->quarantined_count != 0) {
        fill_quarantined(port, packet);
        return true;
    }
    struct list_node *node = list_pop_front(&port->queue);
    if (node == NULL) {
        return false;
    }
    struct sim_item *item = list_entry(node, struct sim_item, node);
    item->queued = false;
    switch (item->kind) {
    case ITEM_CALL:
        call_take(list_entry(item, struct sim_call, item), self);
        break;
    case ITEM_CANCEL:
        fill_cancelled(list_entry(item, struct sim_call, cancel_item), packet);
        break;
    case ITEM_CLOSED:
        *packet = (struct packet){
            .kind = PACKET_PEER_CLOSED,
            .key = list_entry(item, struct sim_channel, closed_item)->key,
        };
        break;
    case ITEM_BINDING:
        *packet = (struct packet){0};
        sim_binding_fill(list_entry(item, struct sim_binding, item), packet);
        break;
    }
    return true;
}

// What the dead server had taken goes back to the head of the queue, and levels are posted again.
static void readmit(struct sim_port *port) {
    struct list_node *node = port->held.head.prev;
    port->orphaned = false;
    if (node != &port->held.head) {
        list_entry(node, struct sim_call, taken_node)->last_retry = true;
    }
    while ((node = port->held.head.prev) != &port->held.head) {
        struct sim_call *call = list_entry(node, struct sim_call, taken_node);
        list_remove(node);
        call->state = CALL_QUEUED;
        call->item.queued = true;
        list_push_front(&port->queue, &call->item.node);
    }
    list_for_each(at, &port->channels) {
        struct sim_channel *channel = list_entry(at, struct sim_channel, port_node);
        if (channel->client_closed && !channel->server_closed) {
            sim_port_post(port, &channel->closed_item);
        }
    }
    list_for_each(at, &port->bindings) {
        struct sim_binding *binding = list_entry(at, struct sim_binding, port_node);
        if ((binding->object->signals & binding->signals) != 0) {
            sim_port_post(port, &binding->item);
        }
    }
}

int64_t sim_port_reply_wait(struct sim_port *port, uint64_t token, instant_t deadline) {
    struct sim_thread *self = sim.current;
    if (token != 0) {
        status_t status = reply(self, port, token);
        if (status != OK) {
            return status;
        }
    }
    self->current_token = 0;
    for (;;) {
        if (port->orphaned) {
            readmit(port);
        }
        if (port->dead) {
            return ERR_BAD_STATE;
        }
        if (take_next(port, self)) {
            return OK;
        }
        if (deadline <= sim.now) {
            return ERR_TIMED_OUT;
        }
        list_push_front(&port->waiters, &self->wait_node);
        int64_t result = sim_block(WAIT_PORT, deadline, false);
        if (result != SIM_RESTART) {
            return result;
        }
    }
}

// ---- endings

// Files a call as held, by age.
static void hold(struct sim_port *port, struct sim_call *call) {
    list_remove(&call->taken_node);
    call->state = CALL_HELD;
    call->current = false;
    struct list_node *at = &port->held.head;
    while (at->prev != &port->held.head &&
           list_entry(at->prev, struct sim_call, taken_node)->age > call->age) {
        at = at->prev;
    }
    list_insert_before(at, &call->taken_node);
}

void sim_port_orphan(struct sim_port *port, uint64_t process, bool crashed) {
    port->orphaned = true;
    list_for_each_safe(node, &port->taken) {
        struct sim_call *call = list_entry(node, struct sim_call, taken_node);
        if (call->server_process != process) {
            continue;
        }
        sim_port_withdraw(&call->cancel_item);
        if (crashed && call->current && ++call->crashes >= CRASHES_MAX) {
            if (port->quarantined_count < 8) {
                port->quarantined[port->quarantined_count++] = (struct sim_quarantine){
                    call->channel->key, call->process, call->thread, call->number, call->sub,
                };
            }
            call_end(call, ERR_QUARANTINED);
        } else {
            hold(port, call);
        }
    }
}

void sim_port_discard(struct sim_port *port) {
    struct sim_thread *server;
    port->dead = true;
    while ((server = pop_waiter(port)) != NULL) {
        sim_wake(server, ERR_BAD_STATE);
    }
    end_calls(port, NULL);
}
