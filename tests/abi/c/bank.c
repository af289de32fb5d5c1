// SPDX-License-Identifier: MIT
//
// Client stubs and server dispatch of the bank protocol in one host process. fake_call plays the
// kernel: a channel call runs the dispatch on the message in the thread block, as a server would
// that has nothing else to do, and may spoil the request or the answer on the way.

#include "bank.h"

#include <assert.h>
#include <proto/bank_client.h>
#include <proto/protocols.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/native_call.h>

#include <abi/block.h>
#include <abi/calls.h>
#include <abi/flags.h>
#include <abi/status.h>

enum spoil {
    NOTHING,
    UNKNOWN_OPERATION,
    SHORT_REQUEST,
    LONG_WINDOW,
    TRUNCATED,
    SHORT_ANSWER,
    ODD_STATUS,
    HANDLE_WITH_ERROR,
    WILD_TOUCH,
};

static struct bank bank;
static enum spoil spoil;
static int calls;
static uint32_t flags_seen;
static handle_t closed[8];
static size_t closed_count;
static struct thread_block *block;

static void spoil_request(struct message *message, struct packet *packet) {
    message->op = spoil == UNKNOWN_OPERATION ? BANK_PROTOCOL << 16 | 3 : message->op;
    message->body_bytes -= spoil == SHORT_REQUEST;
    packet->out_bytes += spoil == LONG_WINDOW ? 4096 : 0;
    packet->flags = spoil == TRUNCATED ? PACKET_TRUNCATED : 0;
}

static void spoil_answer(struct message *message) {
    message->body_bytes -= spoil == SHORT_ANSWER;
    message->op = spoil == ODD_STATUS ? (uint32_t)-5000 : message->op;
    if (spoil == HANDLE_WITH_ERROR) {
        message->op = (uint32_t)ERR_NOT_FOUND;
        message->handle_count = 1;
        message->handles[0] = 444;
    }
    if (spoil == WILD_TOUCH) {
        struct protocol_touch touch = {.offset = 1 << 20, .out = 1};
        memcpy(message->body, &touch, sizeof(touch));
        message->op = (uint32_t)ERR_TOUCH;
        message->body_bytes = sizeof(touch);
    }
}

int64_t fake_call(uint32_t number, uint64_t a0, uint64_t a1, uint64_t a2) {
    if (number == CALL_HANDLE_CLOSE) {
        assert(closed_count < 8);
        closed[closed_count++] = (handle_t)a0;
        return 0;
    }
    assert(number == CALL_CHANNEL_CALL && a0 == 12 && a1 == 34);
    calls++;
    flags_seen = (uint32_t)a2;
    struct message *message = &block->message;
    struct packet packet = {.kind = PACKET_CALL,
                            .token = 1000,
                            .thread = 77,
                            .in_bytes = message->in.bytes,
                            .out_bytes = message->out.bytes};
    spoil_request(message, &packet);
    int64_t result = bank_dispatch(&bank_handlers, &bank, &packet, message);
    if (result == PROTOCOL_LATER) {
        struct bank_history_reply reply = {.count = 99};
        bank_history_answer(message, 7, &reply);
    }
    spoil_answer(message);
    return OK;
}

int64_t fake_long_call(uint32_t number, ...) {
    printf("call %u is not expected\n", number);
    abort();
}

static void begin(enum spoil what) {
    memset(&bank, 0, sizeof(bank));
    spoil = what;
    calls = 0;
    closed_count = 0;
}

static int64_t transfer(uint32_t to) {
    struct bank_transfer_request request = {.from = 50, .to = to, .amount = 20};
    struct bank_transfer_reply reply = {.balance = 1};
    int64_t result = bank_transfer(12, &request, &reply, 34);
    // The reply is written on success, and only then.
    assert(reply.balance == (result == 0 ? 30 : 1));
    return result;
}

static void check_transfer(void) {
    begin(NOTHING);
    assert(transfer(1) == 0 && bank.transfers == 1 && flags_seen == 0);
    assert(transfer(0) == ERR_NOT_FOUND && bank.transfers == 1);
    static const struct {
        enum spoil spoil;
        int64_t wanted;
        int transfers;
    } cases[] = {
        {UNKNOWN_OPERATION, ERR_PROTOCOL, 0}, {SHORT_REQUEST, ERR_PROTOCOL, 0},
        {LONG_WINDOW, ERR_PROTOCOL, 0},       {TRUNCATED, ERR_LIMIT, 0},
        {SHORT_ANSWER, ERR_PROTOCOL, 1},      {ODD_STATUS, ERR_PROTOCOL, 1},
        {WILD_TOUCH, ERR_PROTOCOL, 1},        {HANDLE_WITH_ERROR, ERR_PROTOCOL, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(cases[i].spoil);
        assert(transfer(1) == cases[i].wanted && bank.transfers == cases[i].transfers);
        assert(calls == 1);
    }
    // The handle of the malformed answer did not stay in our table.
    assert(closed_count == 1 && closed[0] == 444);
}

static void check_history(void) {
    static uint8_t out[4097];
    struct bank_history_request request = {.account = 4};
    struct bank_history_reply reply;
    begin(NOTHING);
    bank.touches = ABSENT_PAGES;
    memset(out, 0xa5, sizeof(out));
    assert(bank_history(12, &request, &reply, out, 4096, 34) == 24);
    assert(calls == 1 + ABSENT_PAGES && out[101] == 0xa5);
    assert(reply.count == 1 && reply.last[0].amount == -5 && reply.last[0].note[1] == 'b');
    begin(NOTHING);
    assert(bank_history(12, &request, &reply, out, 4097, 34) == ERR_OUT_OF_RANGE && calls == 0);
    request.account = 9;
    assert(bank_history(12, &request, &reply, out, 0, 34) == 7 && reply.count == 99);
    assert(bank.later == 1000);
}

static void check_deposit(void) {
    const uint8_t notes[16] = {0};
    const handle_t in[2] = {101, 102};
    handle_t out[1] = {0};
    begin(NOTHING);
    bank.touches = 1;
    assert(bank_deposit(12, notes, sizeof(notes), in, out, 34) == INT32_MAX);
    assert(calls == 2 && out[0] == 555 && bank.got[0] == 101 && bank.got[1] == 102);
    assert(flags_seen == WAIT_INTERRUPTIBLE && closed_count == 0);
    begin(TRUNCATED);
    assert(bank_deposit(12, notes, sizeof(notes), in, out, 34) == ERR_LIMIT);
    // The server closed what had reached it.
    assert(closed_count == 2 && closed[0] == 101 && closed[1] == 102);
}

static void *client(void *unused) {
    check_transfer();
    check_history();
    check_deposit();
    begin(NOTHING);
    assert(bank_close(12, 34) == ERR_NOT_SUPPORTED);
    return unused;
}

static void check_tables(void) {
    assert(protocols[0] == &bank_protocol && protocols[1] == NULL);
    const struct operation_info *info = protocol_find(BANK_OP_DEPOSIT);
    assert(info == &bank_operations[2] && strcmp(info->name, "deposit") == 0);
    assert(info->class == OPERATION_RECORD && info->may_block && info->in_max_bytes == 65536);
    assert(protocol_find(BANK_PROTOCOL << 16) == NULL);
}

// The client runs on a stack that lies as native code's does: in one region with its block.
int main(void) {
    check_tables();
    void *region = aligned_alloc(BLOCK_REGION_BYTES, BLOCK_REGION_BYTES);
    assert(region != NULL);
    block = region;
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    assert(pthread_attr_setstack(&attributes, (char *)region + PAGE_SIZE,
                                 BLOCK_REGION_BYTES - PAGE_SIZE) == 0);
    assert(pthread_create(&thread, &attributes, client, NULL) == 0);
    pthread_join(thread, NULL);
    free(region);
    printf("good\n");
    return 0;
}
