// SPDX-License-Identifier: MIT
//
// Client programs: threads that call services in all ways that the ABI has, and now and then do
// something else. Beside: what the status of a call may be.
#include "world.h"

#include <abi/calls.h>
#include <sched/current.h>
#include <stdlib.h>

static bool draining(void) {
    return __atomic_load_n(&world.draining, __ATOMIC_RELAXED);
}

// ---- calling

static struct record *record_create(struct service *service, uint32_t channel) {
    struct record *record = calloc(1, sizeof(*record));
    record->service = service;
    record->channel = channel;
    record->index = world.record_count++;
    world.records[record->index] = record;
    return record;
}

static instant_t random_deadline(void) {
    switch (pick(20)) {
    case 0:
    case 1:
        return clock_now() + (instant_t)pick(MICROSECONDS(60));
    case 2:
    case 3:
        return clock_now() + (instant_t)pick(MICROSECONDS(600));
    case 4:
        return 0;
    default:
        return INSTANT_NEVER;
    }
}

static void fill_message(struct user *user, struct record *record, handle_t thing) {
    struct message *message = &user->thread->block->message;
    record->body_bytes = BODY_LEAST + (uint32_t)pick(MESSAGE_BODY_BYTES - BODY_LEAST + 1);
    record->handle_count = chance(3) ? (uint32_t)pick(3) : 0;
    record->accept_count = chance(3) ? (uint32_t)pick(3) : 0;
    record->in_bytes = chance(2) ? (uint32_t)pick(WINDOW_BYTES) : 0;
    record->out_bytes = chance(2) ? (uint32_t)pick(WINDOW_BYTES) : 0;
    *message = (struct message){
        .body_bytes = (uint16_t)record->body_bytes,
        .handle_count = (uint8_t)record->handle_count,
        .accept_count = (uint8_t)record->accept_count,
        .in = {(uint64_t)user->in, record->in_bytes},
        .out = {(uint64_t)user->out, record->out_bytes},
    };
    for (uint32_t i = 0; i < record->handle_count; i++) {
        message->handles[i] = thing;
    }
    body_fill(message->body, record->body_bytes, record->index, 0);
}

void request_prepare(struct user *user, struct service *service, uint32_t channel, handle_t handle,
                     handle_t thing) {
    struct record *record = record_create(service, channel);
    struct thread *thread = user->thread;
    if (chance(2)) {
        thread->block->latched = 0;
    }
    record->user = user;
    record->process = thread->process->id;
    record->thread = thread->id;
    record->cookie = thread->cookie;
    record->deadline = random_deadline();
    record->number = thread->call_number + 1;
    if (chance(2)) { // else a plain call
        record->flags = (chance(2) ? WAIT_INTERRUPTIBLE : 0u) | (chance(3) ? WAIT_ABANDON : 0u);
    }
    fill_message(user, record, thing);
    user->calling = record;
    user->handle = handle;
    user->deadline = record->deadline;
    user->flags = record->flags;
    user->op = op_call;
    user->number = CALL_CHANNEL_CALL;
    thread->arch.args[0] = handle;
    thread->arch.args[1] = (uint64_t)record->deadline;
    thread->arch.args[2] = record->flags;
    for (uint32_t i = 0; i < WINDOW_BYTES; i++) {
        CHECK_EQ(user->out[i], 0xee);
    }
    __atomic_store_n(&user->window_open, 1, __ATOMIC_SEQ_CST);
}

// An end from outside: allowed at once for who does not trust the server, else before any delivery.
static void check_early_end(const struct user *user, const struct record *record) {
    const struct call *call = user->thread->call;
    CHECK((record->flags & WAIT_ABANDON) != 0 || call != NULL);
    CHECK(call == NULL || call->deliveries == 0);
}

static void check_reply(struct user *user, struct record *record) {
    const struct message *message = &user->thread->block->message;
    uint64_t number;
    uint64_t nonce;
    CHECK(body_check(message->body, message->body_bytes, &number, &nonce));
    CHECK(world.records[number] == record);
    bool sent = false;
    for (uint32_t i = 0; i < MIN(record->nonce_count, NONCES); i++) {
        sent = sent || record->nonces[i] == nonce;
    }
    CHECK(sent);
    CHECK(message->handle_count <= record->accept_count);
    user->owned = message->handle_count != 0 ? message->handles[0] : 0;
    CHECK_EQ(user->thread->call->crashes < CALL_CRASHES_MAX, true);
}

static void check_quarantined(const struct user *user, const struct record *record) {
    const struct call *call = user->thread->call;
    CHECK(call != NULL && call->crashes == CALL_CRASHES_MAX);
    if (!world.config.hangs) {
        // The manager may not have looked at the second one yet.
        CHECK(record->crashes >= 1 && record->crashes <= CALL_CRASHES_MAX);
    }
}

void request_check_result(struct user *user, int64_t result) {
    struct record *record = user->calling;
    user->calling = NULL;
    CHECK(!record->ended);
    record->ended = true;
    record->status = result;
    world.finished[-result & 63]++;
    __atomic_store_n(&user->window_open, 0, __ATOMIC_SEQ_CST);
    memset(user->out, 0xee, sizeof(user->out));
    switch (result) {
    case OK:
        check_reply(user, record);
        break;
    case ERR_TIMED_OUT:
        CHECK(clock_now() >= record->deadline);
        check_early_end(user, record);
        break;
    case ERR_INTERRUPTED:
        CHECK((record->flags & WAIT_INTERRUPTIBLE) != 0 && thread_latched(user->thread));
        check_early_end(user, record);
        break;
    case ERR_QUARANTINED:
        check_quarantined(user, record);
        break;
    case ERR_PEER_CLOSED:
        CHECK(record->service->gone || record->service->channels[record->channel].closed);
        break;
    case ERR_BAD_HANDLE: // the channel was revoked, or closed
    case ERR_BUSY:       // what travels is being revoked
        CHECK(world.config.closes && record->deliveries == 0);
        break;
    case ERR_NO_MEMORY:
        CHECK(world.config.starves && record->deliveries == 0);
        break;
    case ERR_STALE_TOKEN: // of the origin
        CHECK(record->origin != NULL && record->deliveries == 0);
        break;
    default:
        CHECK_EQ(result, OK);
        break;
    }
}

// ---- clients

static void client_decide(struct user *user);

static void client_called(struct user *user, int64_t result) {
    struct client *client = user->client;
    const struct record *record = user->calling;
    request_check_result(user, result);
    if (result == ERR_PEER_CLOSED || result == ERR_BAD_HANDLE) {
        for (uint32_t i = 0; i < SERVICES; i++) {
            if (client->services[i] == record->service) {
                client->channels[i][record->channel] = 0;
            }
        }
    }
    client_decide(user);
}

// Waits until the services of one or two channels are gone.
static int64_t op_signals(struct user *user) {
    struct object *objects[2];
    struct wait_item items[2] = {{0}};
    for (uint32_t i = 0; i < 2; i++) {
        handle_t handle = user->client->channels[pick(SERVICES)][pick(CHANNELS)];
        struct handle_entry entry;
        status_t status = self_lookup(handle, OBJECT_CHANNEL, 0, &entry);
        if (status != OK) {
            return status;
        }
        objects[i] = entry.object;
        items[i].signals = SIGNAL_CHANNEL_PEER_CLOSED;
    }
    return source_wait(objects, items, 1 + (uint32_t)pick(2), user->deadline, user->flags);
}

static void client_idle(struct user *user) {
    user->next = client_next;
    user->deadline = clock_now() + (instant_t)pick(MICROSECONDS(50));
    user->flags = 0;
    user->op = op_sleep;
    switch (pick(8)) {
    case 0:
        user->handle = user->client->thing;
        user->op = world.config.closes ? op_revoke : op_sleep;
        break;
    case 1:
    case 2:
        user->handle = (handle_t)pick(2);
        user->op = op_futex;
        break;
    case 3:
        if (world.config.client_kills && chance(100)) {
            user->client->killed = true;
            user->op = op_process_exit;
        } else if (chance(50)) {
            user->op = op_thread_exit;
        }
        break;
    case 4:
    case 5:
        user->op = op_signals;
        break;
    default:
        break;
    }
}

static void client_decide(struct user *user) {
    struct client *client = user->client;
    uint32_t index = (uint32_t)pick(SERVICES);
    uint32_t channel = (uint32_t)pick(CHANNELS);
    if (draining()) {
        user->op = op_thread_exit;
    } else if (user->owned != 0) {
        user->handle = user->owned;
        user->owned = 0;
        user->op = op_close;
        user->next = client_next;
    } else if (client->channels[index][channel] == 0 || chance(20)) {
        client_idle(user);
    } else if (chance(200) && world.config.closes) {
        user->handle = client->channels[index][channel];
        client->channels[index][channel] = 0;
        user->op = op_close;
        user->next = client_next;
    } else {
        user->next = client_called;
        request_prepare(user, client->services[index], channel, client->channels[index][channel],
                        client->thing);
    }
}

void client_next(struct user *user, int64_t result) {
    (void)result;
    client_decide(user);
}
