// SPDX-License-Identifier: MIT
//
// Service programs. Each thread waits at the service's port, and answers, parks, copies windows,
// faults, hangs. What an instance knows of the calls it has parked dies with it; the kernel brings
// them again.
#include "world.h"

#include <abi/calls.h>
#include <sched/current.h>

#define POLL MICROSECONDS(150)

static bool draining(void) {
    return __atomic_load_n(&world.draining, __ATOMIC_RELAXED);
}

static void server_decide(struct user *user);

// ---- packets

static void check_handles(struct user *user, const struct record *record,
                          const struct packet *packet) {
    const struct message *message = &user->thread->block->message;
    struct service *service = user->service;
    CHECK_EQ(message->handle_count, record->handle_count);
    for (uint32_t i = 0; i < record->handle_count; i++) {
        if (message->handles[i] == 0) {
            CHECK((packet->flags & PACKET_TRUNCATED) != 0);
        } else if (service->received_count < RECEIVED_MAX) {
            service->received[service->received_count++] = message->handles[i];
        }
    }
}

static void check_stamp(const struct record *record, const struct packet *packet) {
    const struct record *origin = record->origin != NULL ? record->origin : record;
    CHECK_EQ(packet->process, origin->process);
    CHECK_EQ(packet->thread, origin->thread);
    CHECK_EQ(packet->call_number, origin->number);
    CHECK_EQ(packet->acked, origin->number - 1);
    CHECK_EQ(packet->cookie, origin->cookie);
    CHECK_EQ(packet->sub, origin != record ? SUB : 0);
    CHECK_EQ((packet->flags & PACKET_FORWARDED) != 0, origin != record);
    CHECK_EQ(packet->key, record->channel);
    CHECK_EQ(packet->in_bytes, record->in_bytes);
    CHECK_EQ(packet->out_bytes, record->out_bytes);
    CHECK_EQ(packet->deadline, record->deadline);
}

static void check_flags(const struct user *user, const struct record *record,
                        const struct packet *packet) {
    struct service *service = user->service;
    bool retry = (packet->flags & PACKET_RETRY) != 0;
    CHECK_EQ(retry, packet->deliveries > 1);
    CHECK(!retry || service->instance > 0);
    CHECK(retry || (packet->flags & PACKET_LAST_RETRY) == 0);
    if (service->user_count == 1) { // else threads may see packets in another order
        CHECK(!retry || !service->last_retry);
        CHECK(retry || !service->more_retries || world.config.closes);
        service->last_retry |= !retry || (packet->flags & PACKET_LAST_RETRY) != 0;
        service->more_retries = !service->last_retry;
    }
    if ((packet->flags & PACKET_CANCEL) != 0) {
        CHECK(clock_now() >= record->deadline || (record->flags & WAIT_INTERRUPTIBLE) != 0);
    }
    if ((packet->flags & PACKET_ORPHAN) != 0) {
        CHECK(user_dies(record->user) || (record->flags & WAIT_ABANDON) != 0);
    } else {
        // Its end can only have come since.
        CHECK(!record->ended || user_dies(record->user) || (record->flags & WAIT_ABANDON) != 0 ||
              user->service->gone || service->channels[record->channel].closed);
    }
}

static struct record *find_record(const struct user *user) {
    const struct message *message = &user->thread->block->message;
    uint64_t number;
    uint64_t nonce;
    bool right = body_check(message->body, message->body_bytes, &number, &nonce);
    CHECK(right && nonce == 0);
    return right ? world.records[number] : NULL;
}

static void take_call(struct user *user, const struct packet *packet) {
    struct record *record = find_record(user);
    if (record == NULL) {
        return;
    }
    CHECK(record->service == user->service);
    CHECK_EQ(user->thread->block->message.body_bytes, record->body_bytes);
    CHECK(packet->deliveries > record->deliveries);
    CHECK(packet->token != 0 && packet->token != record->token);
    CHECK_EQ(record->accepted, 0);
    CHECK(record->crashes < CALL_CRASHES_MAX || world.config.hangs);
    check_stamp(record, packet);
    check_flags(user, record, packet);
    check_handles(user, record, packet);
    record->deliveries = packet->deliveries;
    record->token = packet->token;
    record->hurry = (packet->flags & (PACKET_CANCEL | PACKET_ORPHAN)) != 0;
    user->record = record;
    user->token = packet->token;
}

static void take_cancelled(const struct user *user, const struct packet *packet) {
    for (uint32_t i = 0; i < user->service->parked_count; i++) {
        struct parked *parked = &user->service->parked[i];
        if (parked->token == packet->token) {
            const struct record *record = parked->record;
            CHECK(record->origin != NULL || record->number == packet->call_number);
            CHECK(user_dies(record->user) || clock_now() >= record->deadline ||
                  (record->flags & WAIT_INTERRUPTIBLE) != 0);
            parked->record->hurry = true;
        }
    }
}

// A sub-request may have been made more than once.
static bool is_quarantined(const struct record *record, const struct packet *packet) {
    const struct record *origin = record->origin != NULL ? record->origin : record;
    return origin->thread == packet->thread && origin->number == packet->call_number &&
           (origin == record) == (packet->sub == 0) &&
           (world.config.hangs || record->crashes == CALL_CRASHES_MAX) &&
           (!record->ended || record->status == ERR_QUARANTINED || user_dies(record->user) ||
            (record->flags & WAIT_ABANDON) != 0);
}

static void take_quarantined(const struct packet *packet) {
    uint64_t i = world.record_count;
    while (i > 0 && !is_quarantined(world.records[i - 1], packet)) {
        i--;
    }
    CHECK(i > 0);
}

static void take_packet(struct user *user) {
    struct packet packet = user->thread->block->packet;
    switch (packet.kind) {
    case PACKET_CALL:
        take_call(user, &packet);
        break;
    case PACKET_CANCELLED:
        take_cancelled(user, &packet);
        break;
    case PACKET_QUARANTINED:
        take_quarantined(&packet);
        break;
    case PACKET_PEER_CLOSED:
        CHECK(packet.key < CHANNELS);
        break;
    case PACKET_EXIT:
        break;
    default:
        CHECK_EQ(packet.kind, PACKET_CALL);
        break;
    }
}

// ---- answering and waiting

static void park(struct service *service, struct record *record, uint64_t token) {
    CHECK(service->parked_count < PARKED_MAX);
    service->parked[service->parked_count++] = (struct parked){token, record};
}

static void note_stale(struct service *service, uint64_t token) {
    service->stale[service->stale_count++ % STALE_MAX] = token;
}

// A reply was refused: was that right? The call goes back to where it was.
static void refused(struct user *user, struct record *record, int64_t result) {
    struct service *service = user->service;
    switch (result) {
    case ERR_STALE_TOKEN:
        CHECK(service->gone || service->channels[record->channel].closed);
        note_stale(service, user->token);
        user->record = NULL;
        return;
    case ERR_BUSY:             // a copy is under way, or a handle is being revoked
    case ERR_BAD_HANDLE:       // what should travel
    case ERR_INVALID_ARGUMENT: // more than the caller accepts
        CHECK(result != ERR_BAD_HANDLE || user->thread->block->message.handle_count != 0 ||
              service->gone);
        if (user->record == NULL) {
            park(service, record, user->token);
        }
        return;
    default:
        CHECK_EQ(result, ERR_STALE_TOKEN);
    }
}

static void server_waited(struct user *user, int64_t result) {
    struct record *record = user->answering;
    user->answering = NULL;
    if (user->stale) {
        user->stale = false;
        CHECK(result == ERR_STALE_TOKEN || (result == ERR_BAD_HANDLE && user->service->gone));
        server_decide(user);
        return;
    }
    if (record != NULL && user->thread->arch.args[1] != 0) {
        refused(user, record, result);
        server_decide(user);
        return;
    }
    if (record != NULL) {
        CHECK_EQ(++record->accepted, 1);
        note_stale(user->service, user->token);
    }
    user->record = NULL;
    switch (result) {
    case OK:
        take_packet(user);
        break;
    case ERR_TIMED_OUT:
        CHECK(clock_now() >= user->deadline);
        break;
    case ERR_INTERRUPTED:
        CHECK(thread_latched(user->thread));
        user->thread->block->latched = 0;
        break;
    case ERR_BAD_STATE:
    case ERR_BAD_HANDLE: // the port is closed
        CHECK(user->service->gone);
        user->op = op_process_exit;
        return;
    default:
        CHECK_EQ(result, OK);
        break;
    }
    server_decide(user);
}

static int64_t op_wait(struct user *user) {
    struct handle_entry entry;
    struct thread *self = thread_self();
    status_t status = self_lookup(user->handle, OBJECT_PORT, RIGHT_READ, &entry);
    return status != OK ? status
                        : port_reply_wait(self, port_from(entry.object), self->arch.args[1],
                                          user->deadline, user->flags);
}

static void wait_for(struct user *user, uint64_t token) {
    user->token = token;
    user->handle = user->service->port_handle;
    bool for_ever = user->service->parked_count == 0 && chance(2) && !draining();
    user->deadline = for_ever ? INSTANT_NEVER : clock_now() + (instant_t)pick(POLL);
    user->flags = chance(4) ? WAIT_INTERRUPTIBLE : 0;
    user->op = op_wait;
    user->number = CALL_PORT_REPLY_WAIT;
    uint64_t *args = user->thread->arch.args;
    args[0] = user->handle;
    args[1] = token;
    args[2] = (uint64_t)user->deadline;
    args[3] = user->flags;
    user->next = server_waited;
}

static void answer(struct user *user, struct record *record, uint64_t token) {
    struct message *message = &user->thread->block->message;
    uint64_t nonce = ++world.nonce;
    record->nonces[record->nonce_count++ % NONCES] = nonce;
    message->body_bytes = (uint16_t)(BODY_LEAST + pick(MESSAGE_BODY_BYTES - BODY_LEAST + 1));
    message->handle_count = 0;
    body_fill(message->body, message->body_bytes, record->index, nonce);
    if (chance(3)) {
        message->handle_count = (uint8_t)pick(4);
        for (uint32_t i = 0; i < message->handle_count; i++) {
            bool last = i + 1 == message->handle_count;
            message->handles[i] = last && chance(3) ? 12345 : user->service->thing;
        }
    }
    user->answering = record;
    wait_for(user, token);
}

// ---- copying windows

static void server_copied(struct user *user, int64_t result) {
    const struct record *record = user->record;
    CHECK(result >= 0 || result == ERR_CALLER_GONE || result == ERR_OUT_OF_RANGE ||
          (result == ERR_STALE_TOKEN &&
           (user->service->gone || user->service->channels[record->channel].closed)));
    server_decide(user);
}

static int64_t op_copy(struct user *user) {
    return user->flags != 0
               ? call_window_read(user->token, user->deadline & 0xff, (vaddr_t)user->in, 64)
               : call_window_write(user->token, user->deadline & 0xff, (vaddr_t)user->in, 64);
}

static void copy_window(struct user *user, uint64_t token) {
    user->token = token;
    user->flags = (uint32_t)pick(2);
    user->deadline = (instant_t)pick(WINDOW_BYTES);
    user->op = op_copy;
    user->next = server_copied;
}

// ---- calls in the name of others

static void server_called(struct user *user, int64_t result) {
    request_check_result(user, result);
    if (result == ERR_PEER_CLOSED || result == ERR_BAD_HANDLE) {
        user->service->below = NULL;
    }
    if (user->owned != 0) {
        struct service *service = user->service;
        service->received[service->received_count++ % RECEIVED_MAX] = user->owned;
        service->received_count = MIN(service->received_count, RECEIVED_MAX);
        user->owned = 0;
    }
    server_decide(user);
}

static void forward(struct user *user) {
    struct service *service = user->service;
    const struct record *origin = user->record;
    request_prepare(user, service->below, FORWARDED, service->below_channel, service->thing);
    user->calling->origin = origin;
    user->op = op_call_for;
    user->number = 0;
    user->next = server_called;
}

// ---- deciding

static void hang(struct user *user) {
    user->service->hung = true;
    user->deadline = INSTANT_NEVER;
    user->flags = 0;
    user->op = op_sleep;
}

static void misbehave(struct user *user) {
    if (world.config.hangs && chance(2)) {
        hang(user);
    } else {
        user->service->gone |= !user->service->keep;
        user->fault = true;
        user->thread->arch.registers.rip = (uint64_t)user->record;
    }
}

// What to do about the call that was just taken.
static void decide_current(struct user *user) {
    struct service *service = user->service;
    struct record *record = user->record;
    bool poison = world.config.server_faults && record->crashes != 0;
    if (!poison && (record->hurry || draining() || chance(2))) {
        answer(user, record, user->token);
    } else if (chance(3)) {
        copy_window(user, user->token);
    } else if (chance(8) && service->below != NULL && record->origin == NULL) {
        forward(user);
    } else if (world.config.server_faults && chance(poison ? 2 : 30)) {
        misbehave(user);
    } else if (service->parked_count < PARKED_MAX / 2) {
        uint64_t token = user->token;
        park(service, record, token);
        user->record = NULL;
        wait_for(user, 0);
    } else {
        answer(user, record, user->token);
    }
}

static bool answer_parked(struct user *user) {
    struct service *service = user->service;
    if (service->parked_count == 0) {
        return false;
    }
    uint32_t index = (uint32_t)pick(service->parked_count);
    struct parked parked = service->parked[index];
    if (!parked.record->hurry && !draining() && !chance(3)) {
        return false;
    }
    if (chance(4)) {
        user->record = parked.record;
        copy_window(user, parked.token);
        user->next = server_next; // the result may be anything: another thread may answer
        return true;
    }
    service->parked[index] = service->parked[--service->parked_count];
    answer(user, parked.record, parked.token);
    return true;
}

static void close_something(struct user *user) {
    struct service *service = user->service;
    uint32_t channel = (uint32_t)pick(CHANNELS);
    user->next = server_next;
    user->op = op_close;
    if (service->received_count != 0) {
        user->handle = service->received[--service->received_count];
    } else if (world.config.closes && chance(6)) {
        service->channels[channel].closed = true;
        user->handle = service->channels[channel].server;
    } else if (world.config.closes && chance(30)) {
        service->gone = true;
        user->handle = service->port_handle;
    } else if (world.config.closes) {
        user->handle = service->thing;
        user->op = op_revoke;
    } else {
        user->handle = 0;
    }
}

static void server_decide(struct user *user) {
    struct service *service = user->service;
    if (user->record != NULL) {
        decide_current(user);
    } else if (chance(15)) {
        user->handle = (handle_t)pick(2);
        user->deadline = clock_now() + (instant_t)pick(MICROSECONDS(20));
        user->flags = 0;
        user->op = op_futex;
        user->next = server_next;
    } else if (chance(20) || service->received_count > RECEIVED_MAX / 2) {
        close_something(user);
    } else if (chance(30) && service->stale_count != 0) {
        uint64_t count = MIN(service->stale_count, STALE_MAX);
        wait_for(user, service->stale[pick(count)]);
        user->stale = true;
    } else if (!answer_parked(user)) {
        wait_for(user, 0);
    }
}

void server_next(struct user *user, int64_t result) {
    (void)result;
    user->record = NULL;
    server_decide(user);
}
