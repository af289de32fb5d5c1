// SPDX-License-Identifier: MIT
//
// What holds of a port whenever its lock is free: every call is in exactly one list, that of its
// state.
#include "world.h"

static bool is_killed(const struct user *user) {
    return __atomic_load_n(&user->kill_done, __ATOMIC_ACQUIRE) ||
           (user->client != NULL && __atomic_load_n(&user->client->kill_done, __ATOMIC_ACQUIRE));
}

static void check_caller(const struct call *call) {
    const struct thread *caller = call->caller;
    if (caller == NULL) {
        CHECK(call->deliveries > 0);
        return;
    }
    // Who is killed leaves at once.
    CHECK(call_pinned(call) || !is_killed((const struct user *)caller->block->reserved[0]));
    CHECK(caller->call == call);
    CHECK(caller->state == THREAD_BLOCKED && caller->wait_kind == WAIT_CALL);
}

static void check_call(const struct port *port, const struct call *call) {
    CHECK(call->port == port && call->channel->port == port);
    CHECK(call->deliveries > 0 || (!call->cancel && call->crashes == 0));
    CHECK(call->crashes < CALL_CRASHES_MAX);
    CHECK(!call->doomed || call->state == CALL_FILLING || call_pinned(call));
    CHECK(call->leave == OK || call_pinned(call));
    check_caller(call);
}

static void check_queued(const struct port *port, const struct call *call, bool *fresh,
                         uint64_t *age) {
    check_call(port, call);
    CHECK(call->state == CALL_QUEUED && !list_node_linked(&call->taken_node));
    CHECK(!call->cancel_item.queued && call->copies == 0);
    CHECK(call->age >= *age);
    CHECK(!*fresh || call->deliveries == 0); // those delivered before come first
    *fresh = *fresh || call->deliveries == 0;
    *age = call->age;
}

static void check_queue(struct port *port) {
    bool fresh = false;
    uint64_t age = 0;
    bool calls = false;
    list_for_each(node, &port->queue) {
        struct port_item *item = list_entry(node, struct port_item, node);
        CHECK(item->queued);
        if (item->kind == PACKET_CALL) {
            calls = true;
            check_queued(port, container_of(item, struct call, item), &fresh, &age);
        } else if (item->kind == PACKET_CANCELLED) {
            const struct call *call = container_of(item, struct call, cancel_item);
            CHECK(call->state == CALL_TAKEN || call->state == CALL_REPLYING);
            CHECK(call->caller == NULL || call->cancel);
        }
    }
    CHECK(!calls || list_empty(&port->waiters));
}

void check_port(struct port *port) {
    check_queue(port);
    list_for_each(node, &port->taken) {
        const struct call *call = list_entry(node, struct call, taken_node);
        check_call(port, call);
        CHECK(call->state == CALL_TAKEN || call->state == CALL_FILLING ||
              call->state == CALL_REPLYING);
        CHECK(!call->item.queued && call->server_process != 0);
    }
    uint64_t age = 0;
    list_for_each(node, &port->held) {
        const struct call *call = list_entry(node, struct call, taken_node);
        check_call(port, call);
        CHECK(call->state == CALL_HELD && call->age >= age && port->orphaned);
        CHECK(!call->item.queued && !call->cancel_item.queued);
        age = call->age;
    }
    list_for_each(node, &port->waiters) {
        const struct thread *thread = list_entry(node, struct thread, wait_node);
        CHECK(thread->state == THREAD_BLOCKED && thread->wait_kind == WAIT_PORT);
        CHECK(thread->wait_object == &port->object && port->quarantined_count == 0);
        CHECK(!port->dead && !port->orphaned);
    }
}
