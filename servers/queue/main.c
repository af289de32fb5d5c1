// SPDX-License-Identifier: MIT
//
// The queue: a server whose operations wait. Read servers/bank first; this one adds one idea.
//
// A handler that can't answer yet says on what it waits and returns PROTOCOL_LATER. It has changed
// nothing, and nothing about the waiting call is in the vault: if the server dies, the kernel
// brings the call again, and it waits again, in its old place in line. The step that makes the
// condition true says so (server_wake), and the handler runs again from its beginning.
//
// Taking an item and remembering the answer are one step. So an item is never lost between the
// table and the client, and never given twice; and when a client wants to go on (a signal, a
// deadline) it gets either its item or ERR_NOT_DONE, and then the item is still here.
//
// Invariant: slots `taken` to `put` - 1 of the ring are used, all others are free.

#include <proto/queue_server.h>
#include <server/server.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>

#define CAPACITY 16

enum table { TABLE_STATE, TABLE_SLOTS };
enum condition { NOT_EMPTY = 1, NOT_FULL };

struct state {
    struct vault_head head;
    uint64_t put, taken; // ever
};

struct slot {
    struct vault_head head;
    struct queue_item item;
};

static bool state_check(uint32_t index, const void *record) {
    const struct state *state = record;
    (void)index;
    return state->put - state->taken <= CAPACITY;
}

static const struct vault_table tables[] = {
    [TABLE_STATE] = {.name = "state",
                     .record_bytes = sizeof(struct state),
                     .count = 1,
                     .check = state_check},
    [TABLE_SLOTS] = {.name = "slots", .record_bytes = sizeof(struct slot), .count = CAPACITY},
};

static const struct vault_layout layout = {
    .service = 0x55455551, // "QUEU"
    .version = 1,
    .undo_bytes = 1024,
    .calls_max = 64,
    .forwarded_max = 128,
    .table_count = 2,
    .tables = tables,
};

static const struct state *state_of(struct server *server) {
    return vault_record(&server->vault, TABLE_STATE, 0);
}

static const struct slot *slot_of(struct server *server, uint64_t position) {
    return vault_record(&server->vault, TABLE_SLOTS, (uint32_t)(position % CAPACITY));
}

static int64_t put(void *context, const struct packet *packet,
                   const struct queue_put_request *request, struct queue_put_reply *reply) {
    struct server *server = context;
    const struct state *state = state_of(server);
    if (state->put - state->taken == CAPACITY) {
        request_wait(request_of(packet), NOT_FULL);
        return PROTOCOL_LATER;
    }
    const struct slot *slot = slot_of(server, state->put);
    reply->position = state->put;
    vault_set(&server->vault, &slot->head.used, 1);
    vault_set(&server->vault, &slot->item, request->item);
    vault_set(&server->vault, &state->put, state->put + 1);
    server_wake(server, NOT_EMPTY);
    return 0;
}

static int64_t take(void *context, const struct packet *packet, struct queue_take_reply *reply) {
    struct server *server = context;
    const struct state *state = state_of(server);
    if (state->put == state->taken) {
        request_wait(request_of(packet), NOT_EMPTY);
        return PROTOCOL_LATER;
    }
    const struct slot *slot = slot_of(server, state->taken);
    reply->position = state->taken;
    reply->item = slot->item;
    vault_set(&server->vault, &slot->head.used, 0);
    vault_set(&server->vault, &state->taken, state->taken + 1);
    server_wake(server, NOT_FULL);
    return 0;
}

static int64_t depth(void *context, const struct packet *packet, struct queue_depth_reply *reply) {
    (void)packet;
    const struct state *state = state_of(context);
    reply->count = (uint32_t)(state->put - state->taken);
    reply->capacity = CAPACITY;
    reply->put = state->put;
    reply->taken = state->taken;
    return 0;
}

// Whether the slots fit the state. An item that lost its record can't be given to anybody.
static status_t start(struct server *server, bool fresh) {
    const struct state *state = state_of(server);
    if (fresh) {
        vault_set(&server->vault, &state->head.used, 1);
    }
    if (!state->head.used) {
        return ERR_CORRUPT;
    }
    for (uint64_t i = 0; i < CAPACITY; i++) {
        uint64_t position = state->taken + i;
        bool wanted = i < state->put - state->taken;
        if ((slot_of(server, position)->head.used != 0) != wanted) {
            log_printf("queue: slot of position %lu does not fit", position);
            return ERR_CORRUPT;
        }
    }
    return OK;
}

static const struct queue_ops operations = {.put = put, .take = take, .depth = depth};

static int64_t dispatch(struct server *server, const struct packet *packet,
                        struct message *message) {
    return queue_dispatch(&operations, server, packet, message);
}

static const struct server_program program = {
    .name = "queue",
    .protocol = &queue_protocol,
    .vault = &layout,
    .start = start,
    .dispatch = dispatch,
};

int64_t native_main(struct thread_block *block) {
    (void)block;
    struct server server;
    return server_run(&server, &program);
}
