// SPDX-License-Identifier: MIT
//
// The relay: a server that calls servers. Read servers/bank and servers/queue first; this one adds
// one idea.
//
// `pay` moves money at the bank and then puts a notice into the queue. A server's loop must never
// wait in a call, so request_call gives the call to a helper thread and returns PROTOCOL_LATER
// until the answer is there; the handler runs again from its beginning each time, and finds the
// answers that it has already. It reads as if it waited.
//
// The nested calls bear the client's request id and a step number. If the relay dies, its successor
// gets the client's call again, runs `pay` from the beginning, and makes the same calls with the
// same ids: what the bank and the queue have done already, they answer from their records. So the
// handler must come to the same decisions each time: what it asks for depends on the request alone.

#include <proto/relay_server.h>

#include <abi/proto/bank.h>
#include <abi/proto/queue.h>
#include <server/nested.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>

struct counter {
    struct vault_head head;
    uint64_t payments, amount; // ever
};

static const struct vault_table tables[] = {
    {.name = "counter", .record_bytes = sizeof(struct counter), .count = 1},
};

static const struct vault_layout layout = {
    .service = 0x594c4552, // "RELY"
    .version = 1,
    .undo_bytes = 512,
    .calls_max = 64,
    .forwarded_max = 0,
    .intents_max = 64 * NESTED_MAX,
    .table_count = 1,
    .tables = tables,
};

static const struct counter *counter_of(struct server *server) {
    return vault_record(&server->vault, 0, 0);
}

static int64_t pay(void *context, const struct packet *packet,
                   const struct relay_pay_request *request, struct relay_pay_reply *reply) {
    struct server *server = context;
    const struct bank_transfer_request transfer = {
        .from = request->from,
        .to = request->to,
        .amount = request->amount,
    };
    struct bank_transfer_reply paid;
    int64_t result = request_call(request_of(packet), 1, start_handle("bank"), &bank_protocol,
                                  BANK_OP_TRANSFER, &transfer, &paid);
    if (result < 0) {
        return result;
    }
    const struct queue_put_request notice = {
        .item = {.source = request->from, .sequence = request->sequence},
    };
    struct queue_put_reply put;
    result = request_call(request_of(packet), 2, start_handle("queue"), &queue_protocol,
                          QUEUE_OP_PUT, &notice, &put);
    if (result < 0) {
        return result;
    }
    const struct counter *counter = counter_of(server);
    vault_set(&server->vault, &counter->payments, counter->payments + 1);
    vault_set(&server->vault, &counter->amount, counter->amount + request->amount);
    reply->balance = paid.balance;
    reply->position = put.position;
    return 0;
}

static int64_t count(void *context, const struct packet *packet, struct relay_count_reply *reply) {
    (void)packet;
    const struct counter *counter = counter_of(context);
    reply->payments = counter->payments;
    reply->amount = counter->amount;
    return 0;
}

static status_t start(struct server *server, bool fresh) {
    const struct counter *counter = counter_of(server);
    if (fresh) {
        vault_set(&server->vault, &counter->head.used, 1);
    }
    return counter->head.used ? OK : ERR_CORRUPT;
}

static const struct relay_ops operations = {.pay = pay, .count = count};

static int64_t dispatch(struct server *server, const struct packet *packet,
                        struct message *message) {
    return relay_dispatch(&operations, server, packet, message);
}

static const struct server_program program = {
    .name = "relay",
    .protocol = &relay_protocol,
    .vault = &layout,
    .helpers = 8,
    .start = start,
    .dispatch = dispatch,
};

int64_t native_main(struct thread_block *block) {
    (void)block;
    struct server server;
    return server_run(&server, &program);
}
