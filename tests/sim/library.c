// SPDX-License-Identifier: MIT
//
// Cases of the library by itself: steps with overlapping changes, steps that are too large, handles
// of a step; and two calls of the same id at once.

#include <abi/proto/queue.h>
#include <proto/queue_client.h>
#include <server/start.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/calls.h>
#include <sys/thread.h>

#include "../../lib/server/vault_internal.h"
#include "cases.h"
#include "clients.h"
#include "log.h"

#define RECORDS 40

struct cell {
    struct vault_head head;
    uint64_t values[6];
};

static const struct vault_table tables[] = {
    {.name = "cells", .record_bytes = sizeof(struct cell), .count = RECORDS, .sparse = true},
};

static const struct vault_layout layout = {
    .service = 1,
    .version = 1,
    .undo_bytes = 4096,
    .calls_max = 4,
    .forwarded_max = 4,
    .table_count = 1,
    .tables = tables,
};

static uint64_t memory[16384 / 8];
static struct reply_index reply_index[64];
static uint32_t reply_buckets[REPLY_BUCKETS];

static void expect(bool condition, const char *what) {
    if (!condition) {
        world_fail("%s", what);
    }
}

static void open_vault(struct vault *vault) {
    status_t status = vault_open(vault, &layout, memory, sizeof(memory), false);
    expect(status == OK && vault->report.dropped == 0, "the vault opens");
    vault->strict = false;
    memset(reply_index, 0, sizeof(reply_index));
    memset(reply_buckets, 0, sizeof(reply_buckets));
    replies_adopt(vault, reply_index, reply_buckets);
}

// Some random changes, often at the same place. Returns how many.
static uint32_t change(struct vault *vault, uint32_t records) {
    uint32_t count = (uint32_t)sim_random(20);
    for (uint32_t i = 0; i < count; i++) {
        const struct cell *cell = vault_record(vault, 0, (uint32_t)sim_random(records));
        if (sim_random(4) == 0) {
            vault_set(vault, &cell->head.used, (uint16_t)sim_random(2));
        } else {
            vault_set(vault, &cell->values[sim_random(6)], sim_random(UINT64_MAX));
        }
    }
    return count;
}

static void vault_steps(void *argument) {
    struct vault vault;
    struct cell before[RECORDS];
    const size_t bytes = sizeof(before);
    (void)argument;
    bool undone = false; // some step, and none was begun since
    memset(memory, 0, sizeof(memory));
    open_vault(&vault);
    for (uint32_t i = 0; i < 3000; i++) {
        memcpy(before, vault_record(&vault, 0, 0), bytes);
        step_begin(&vault);
        uint32_t changes = change(&vault, 4);
        switch (sim_random(3)) {
        case 0:
            expect(step_commit(&vault, NULL) == OK, "a step commits");
            undone &= changes == 0;
            break;
        case 1:
            step_undo(&vault);
            undone &= changes == 0;
            expect(memcmp(before, vault_record(&vault, 0, 0), bytes) == 0, "a step is undone");
            break;
        default: // the server dies here
            open_vault(&vault);
            undone |= changes != 0;
            expect(vault.report.rolled_back == undone, "the successor knows");
            expect(memcmp(before, vault_record(&vault, 0, 0), bytes) == 0,
                   "the successor undoes the step");
            break;
        }
    }
}

// Steps that are too large are undone as a whole, and the next one is fine again.
static void vault_overflow(void *argument) {
    struct vault vault;
    (void)argument;
    memset(memory, 0, sizeof(memory));
    open_vault(&vault);
    for (uint32_t i = 0; i < 2; i++) {
        step_begin(&vault);
        for (uint32_t j = 0; j < (i == 0 ? RECORDS : VAULT_STEP_CHANGES + 1); j++) {
            const struct cell *cell = vault_record(&vault, 0, i == 0 ? j : 0);
            vault_set(&vault, &cell->values[j % 6], j + 1);
        }
        expect(step_commit(&vault, NULL) == ERR_NO_SPACE, "too large a step is refused");
        for (uint32_t j = 0; j < RECORDS; j++) {
            const struct cell *cell = vault_record(&vault, 0, j);
            expect(cell->values[j % 6] == 0, "and undone");
        }
    }
    step_begin(&vault);
    (void)change(&vault, 4);
    expect(step_commit(&vault, NULL) == OK, "the next step is fine");
    open_vault(&vault);
}

static uint32_t handles_open(void) {
    struct handle_info info = {.handle = HANDLE_NONE};
    uint32_t count = 0;
    while (sys_handle_next(HANDLE_NONE, info.handle, &info) == OK) {
        count++;
    }
    return count;
}

static handle_t some_handle(void) {
    return (handle_t)sys_event_create();
}

static void vault_handles(void *argument) {
    struct vault vault;
    (void)argument;
    memset(memory, 0, sizeof(memory));
    open_vault(&vault);
    uint32_t before = handles_open();
    handle_t old = some_handle();
    step_begin(&vault);
    step_made(&vault, some_handle());
    step_close(&vault, old);
    step_undo(&vault);
    expect(handles_open() == before + 1, "undone: what was made is closed, the rest stays");
    step_begin(&vault);
    step_made(&vault, some_handle());
    step_close(&vault, old);
    expect(step_commit(&vault, NULL) == OK, "commits");
    expect(handles_open() == before + 1, "committed: what was made stays, the rest is closed");
}

static void vault_checks(void *argument) {
    static const char digits[] = "123456789";
    uint8_t bytes[40];
    (void)argument;
    // RFC 3720 B.4 has values of the complete CRC, with inversions.
    expect(~crc32c(~0u, digits, 9) == 0xe3069283, "CRC-32C of 123456789");
    for (uint32_t i = 0; i < 1000; i++) {
        for (uint32_t j = 0; j < sizeof(bytes); j++) {
            bytes[j] = (uint8_t)sim_random(256);
        }
        uint32_t seed = (uint32_t)sim_random(UINT32_MAX), from = (uint32_t)sim_random(8);
        uint32_t length = (uint32_t)sim_random(sizeof(bytes) - from);
        expect(crc32c(seed, bytes + from, length) == crc32c_table(seed, bytes + from, length),
               "both ways to compute it agree");
        uint64_t number, seen;
        number = sim_random((uint64_t)1 << 48);
        expect(vault_unseal(vault_seal(number), &seen) && seen == number, "a seal opens");
    }
}

bool vault_run(const struct options *options) {
    static void (*const parts[])(void *) = {vault_checks, vault_steps, vault_overflow,
                                            vault_handles};
    clients_begin();
    world_begin(options->seed);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        outsider_run(parts[i], NULL);
    }
    char failure[sizeof(world.failure)];
    memcpy(failure, world.failure, sizeof(failure));
    world_end();
    return case_report("vault", failure);
}

// ---- two calls of the same id

static handle_t join_port, join_queue;
static uint64_t join_token;
static uint64_t join_positions[2];
static uint32_t join_answers;

// A thread of a forwarder that asks twice in the name of the same call.
static void join_forward(void *argument) {
    uint32_t which = (uint32_t)(uintptr_t)argument;
    struct message *message = &thread_block()->message;
    memset(message, 0, sizeof(*message));
    message->op = QUEUE_OP_TAKE;
    int64_t status = sys_call_for(join_token, join_queue, 5, INSTANT_NEVER, 0);
    struct queue_take_reply reply;
    memcpy(&reply, message->body, sizeof(reply));
    expect(status == OK && message->op == 0, "a joined call is answered");
    join_positions[which] = reply.position;
    join_answers++;
}

// The forwarder: takes one call, has two threads ask for it, puts the item that they wait for.
static void join_forwarder(void *argument) {
    struct thread threads[2];
    (void)argument;
    expect(sys_port_reply_wait(join_port, 0, INSTANT_NEVER, 0) == OK, "the call arrives");
    join_token = thread_block()->packet.token;
    for (uintptr_t i = 0; i < 2; i++) {
        expect(thread_run(&threads[i], join_forward, (void *)i) == OK, "a thread runs");
    }
    (void)!sys_thread_sleep(sim.now + MILLISECONDS(1), 0);
    expect(join_answers == 0, "both wait");
    struct queue_put_request put = {.item.sequence = 1};
    struct queue_put_reply was_put;
    expect(queue_put((handle_t)2, &put, &was_put, INSTANT_NEVER) == 0, "an item is put");
    put.item.sequence = 2;
    expect(queue_put((handle_t)2, &put, &was_put, INSTANT_NEVER) == 0, "another is put");
    (void)!sys_thread_sleep(sim.now + MILLISECONDS(1), 0);
    expect(join_answers == 2 && join_positions[0] == join_positions[1],
           "both have the same item, and there was only one");
    struct queue_depth_reply depth;
    expect(queue_depth((handle_t)2, &depth, INSTANT_NEVER) == 0 && depth.count == 1,
           "the other item is still there");
}

static void join_origin(void *argument) {
    const handle_t *channel = argument;
    memset(&thread_block()->message, 0, sizeof(struct message));
    // Never answered: it ends with the forwarder.
    expect(sys_channel_call(*channel, INSTANT_NEVER, 0) == ERR_PEER_CLOSED, "the origin's call");
    sim_die(EXIT_VOLUNTARY);
}

bool join_run(const struct options *options) {
    clients_begin();
    world_begin(options->seed);
    join_answers = 0;
    struct sim_table *table = sim_table_create();
    world_connect(table);
    struct sim_port *port = sim_port_create();
    struct sim_channel *origin = sim_channel_create(port, 0, false);
    struct sim_channel *queue = sim_channel_create(world.services[QUEUE].port, 0, true);
    join_port = sim_handle_insert(table, &port->object);
    (void)sim_handle_insert(table, &origin->server);
    join_queue = sim_handle_insert(table, &queue->client);
    (void)sim_handle_insert(world.services[QUEUE].process->table, &queue->server);
    struct sim_process *client = sim_process_create(NULL, false);
    handle_t channel = sim_handle_insert(client->table, &origin->client);
    (void)sim_thread_create(client, join_origin, &channel);
    outsider_run_with(table, join_forwarder, NULL);
    (void)world_settle();
    char failure[sizeof(world.failure)];
    memcpy(failure, world.failure, sizeof(failure));
    world_end();
    return case_report("join", failure);
}
