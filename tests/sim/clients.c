// SPDX-License-Identifier: MIT
//
// What clients do. All of it is random but the checks.

#include "clients.h"

#include <proto/bank_client.h>
#include <proto/queue_client.h>
#include <proto/relay_client.h>
#include <stdlib.h>
#include <string.h>
#include <sys/calls.h>
#include <sys/thread.h>

#include "journal.h"

#define DEPOSIT 1000
#define PRODUCERS 1000000 // sources from here on; below, they are accounts
#define STUCK_NS SECONDS(60)
// Handles that world_connect gives.
#define CHANNEL_BANK ((handle_t)1)
#define CHANNEL_QUEUE ((handle_t)2)
#define CHANNEL_RELAY ((handle_t)3)

struct client clients[CLIENTS_MAX];
static bool stopping;
static uint64_t next_name;
static uint64_t calls_answered;

// ---- helpers

// Around each call: what is known of it if the client dies in it.
#define CALL(client, call)                                                                         \
    ({                                                                                             \
        (client)->busy = true;                                                                     \
        (client)->since = sim.now;                                                                 \
        int64_t result_ = (call);                                                                  \
        (client)->busy = false;                                                                    \
        (client)->calls++;                                                                         \
        calls_answered++;                                                                          \
        result_;                                                                                   \
    })

// Whether a call ended without having been done, at the caller's own wish.
static bool not_done(struct client *client, int64_t result) {
    if (result == ERR_INTERRUPTED || result == ERR_NOT_DONE) {
        client->thread->latched = 0;
    }
    return result == ERR_INTERRUPTED || result == ERR_NOT_DONE || result == ERR_TIMED_OUT;
}

// A deadline for calls that may wait: now and then a short one.
static instant_t some_deadline(void) {
    switch (sim_random(4)) {
    case 0:
        return sim.now + (duration_t)sim_random(MICROSECONDS(500));
    case 1:
        return sim.now + (duration_t)sim_random(MILLISECONDS(20));
    default:
        return INSTANT_NEVER;
    }
}

static void nap(void) {
    (void)!sys_thread_sleep(sim.now + (duration_t)sim_random(MICROSECONDS(200)), 0);
}

// ---- bank

static handle_t bank_channel(const struct client *client) {
    // The owner's channel is as good as the service's own.
    for (uint32_t i = 0; i < 2; i++) {
        if (client->accounts[i].open && sim_random(4) == 0) {
            return client->accounts[i].owner;
        }
    }
    return CHANNEL_BANK;
}

static void account_open(struct client *client, uint32_t which) {
    struct bank_open_request request = {.amount = DEPOSIT};
    struct bank_open_reply reply;
    handle_t owner[1];
    int64_t result = CALL(client, bank_open(CHANNEL_BANK, &request, &reply, owner, INSTANT_NEVER));
    if (result != 0) {
        world_fail("client %lu: open gave %ld", client->name, result);
        return;
    }
    client->accounts[which].open = true;
    client->accounts[which].number = reply.account;
    client->accounts[which].balance = DEPOSIT;
    client->accounts[which].owner = owner[0];
}

static void account_close(struct client *client, uint32_t which) {
    struct bank_close_request request = {.account = client->accounts[which].number};
    struct bank_close_reply reply;
    // By the last handle, or by a call.
    if (sim_random(2) == 0) {
        client->accounts[which].open = false;
        (void)!sys_handle_close(client->accounts[which].owner);
        return;
    }
    int64_t result = CALL(client, bank_close(CHANNEL_BANK, &request, &reply, INSTANT_NEVER));
    if (result != 0 || reply.balance != client->accounts[which].balance) {
        world_fail("client %lu: close gave %ld, balance %lu, not %lu", client->name, result,
                   reply.balance, client->accounts[which].balance);
    }
    client->accounts[which].open = false;
    (void)!sys_handle_close(client->accounts[which].owner);
}

// What a transfer within the client's own accounts must give.
static void check_paid(struct client *client, const char *what, uint32_t from, uint64_t amount,
                       int64_t result, uint64_t balance) {
    uint64_t before = client->accounts[from].balance;
    int64_t wanted = amount <= before ? 0 : ERR_OUT_OF_RANGE;
    if (result != wanted || (result == 0 && balance != before - amount)) {
        world_fail("client %lu: %s of %lu from %lu gave %ld, balance %lu", client->name, what,
                   amount, before, result, balance);
    }
    if (result == 0) {
        client->accounts[from].balance -= amount;
        client->accounts[1 - from].balance += amount;
    }
}

static void bank_move(struct client *client) {
    uint32_t from = (uint32_t)sim_random(2);
    struct bank_transfer_request request = {
        .from = client->accounts[from].number,
        .to = client->accounts[1 - from].number,
        .amount = sim_random(DEPOSIT),
    };
    struct bank_transfer_reply reply = {0};
    int64_t result =
        CALL(client, bank_transfer(bank_channel(client), &request, &reply, INSTANT_NEVER));
    check_paid(client, "transfer", from, request.amount, result, reply.balance);
}

static void bank_look(struct client *client) {
    uint32_t which = (uint32_t)sim_random(2);
    struct bank_balance_request request = {.account = client->accounts[which].number};
    struct bank_balance_reply reply = {0};
    int64_t result =
        CALL(client, bank_balance(bank_channel(client), &request, &reply, INSTANT_NEVER));
    if (result != 0 || reply.balance != client->accounts[which].balance) {
        world_fail("client %lu: balance gave %ld, %lu, not %lu", client->name, result,
                   reply.balance, client->accounts[which].balance);
    }
}

static void bank_sum(struct client *client) {
    struct bank_total_reply reply = {0};
    int64_t result = CALL(client, bank_total(CHANNEL_BANK, &reply, INSTANT_NEVER));
    if (result != 0 || reply.sum != BANK_CAPITAL) {
        world_fail("client %lu: total gave %ld, sum %lu", client->name, result, reply.sum);
    }
}

static void accounts_need(struct client *client) {
    for (uint32_t i = 0; i < 2; i++) {
        if (!client->accounts[i].open) {
            account_open(client, i);
        }
    }
}

static void be_banker(struct client *client) {
    accounts_need(client);
    switch (sim_random(8)) {
    case 0:
        account_close(client, (uint32_t)sim_random(2));
        break;
    case 1:
        bank_sum(client);
        break;
    case 2:
    case 3:
        bank_look(client);
        break;
    default:
        bank_move(client);
        break;
    }
}

// ---- queue

// Puts an item and does not wait for the server's consent when it wants to leave.
static void put_and_leave(struct client *client) {
    struct queue_put_request request = {.item.source = PRODUCERS + client->name};
    request.item.sequence = journal_begin(request.item.source);
    struct message *message = &thread_block()->message;
    memset(message, 0, sizeof(*message));
    message->op = QUEUE_OP_PUT;
    message->body_bytes = sizeof(request);
    memcpy(message->body, &request, sizeof(request));
    client->item = request.item.sequence;
    int64_t result = CALL(client, sys_channel_call(CHANNEL_QUEUE, some_deadline(), WAIT_ABANDON));
    client->item = 0;
    struct queue_put_reply reply;
    memcpy(&reply, message->body, sizeof(reply));
    if (result == OK && (int32_t)message->op == 0) {
        journal_put(request.item.sequence, reply.position);
    } else {
        journal_unknown(request.item.sequence);
    }
}

static void be_producer(struct client *client) {
    if (sim_random(8) == 0) {
        put_and_leave(client);
        return;
    }
    struct queue_put_request request = {.item.source = PRODUCERS + client->name};
    struct queue_put_reply reply;
    client->item = request.item.sequence = journal_begin(request.item.source);
    int64_t result = CALL(client, queue_put(CHANNEL_QUEUE, &request, &reply, some_deadline()));
    client->item = 0;
    if (result == 0) {
        journal_put(request.item.sequence, reply.position);
    } else if (not_done(client, result)) {
        journal_refused(request.item.sequence);
    } else {
        world_fail("client %lu: put gave %ld", client->name, result);
    }
}

static void be_consumer(struct client *client) {
    struct queue_take_reply reply;
    client->taken_before = world_queue().taken;
    client->taking = true;
    int64_t result = CALL(client, queue_take(CHANNEL_QUEUE, &reply,
                                             sim.now + (duration_t)sim_random(MILLISECONDS(5))));
    client->taking = false;
    if (result == 0) {
        journal_taken(reply.item.source, reply.item.sequence, reply.position);
    } else if (!not_done(client, result)) {
        world_fail("client %lu: take gave %ld", client->name, result);
    }
}

// The one blind client that only takes. A payment can't be cancelled any more once it waits for
// room in the queue, so somebody has to.
static bool is_blind_taker(const struct client *client) {
    return client->role == ROLE_BLIND && client->name == 1;
}

// Whether everybody who puts has ended.
static bool putters_are_done(void) {
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        const struct client *client = &clients[i];
        if (client->process != NULL && client->role != ROLE_CONSUMER && !is_blind_taker(client)) {
            return false;
        }
    }
    return true;
}

static bool queue_is_empty(struct client *client) {
    struct queue_depth_reply reply = {0};
    int64_t result = CALL(client, queue_depth(CHANNEL_QUEUE, &reply, INSTANT_NEVER));
    if (result != 0) {
        world_fail("client %lu: depth gave %ld", client->name, result);
    }
    return reply.count == 0;
}

// ---- relay

// Pays within the first account, which changes nothing, and leaves when it takes too long.
static void pay_and_leave(struct client *client) {
    struct relay_pay_request request = {
        .from = client->accounts[0].number,
        .to = client->accounts[0].number,
        .sequence = journal_begin(client->accounts[0].number),
    };
    struct message *message = &thread_block()->message;
    memset(message, 0, sizeof(*message));
    message->op = RELAY_OP_PAY;
    message->body_bytes = sizeof(request);
    memcpy(message->body, &request, sizeof(request));
    client->item = request.sequence;
    int64_t result = CALL(client, sys_channel_call(CHANNEL_RELAY, some_deadline(), WAIT_ABANDON));
    client->item = 0;
    struct relay_pay_reply reply;
    memcpy(&reply, message->body, sizeof(reply));
    if (result == OK && (int32_t)message->op == 0) {
        journal_put(request.sequence, reply.position);
    } else {
        journal_unknown(request.sequence);
    }
}

static void be_payer(struct client *client) {
    accounts_need(client);
    // Not with the present kernel: what a forwarder does for one who has left may be done twice.
    if (sim.proposed && sim_random(8) == 0) {
        pay_and_leave(client);
        be_producer(client);
        return;
    }
    uint32_t from = (uint32_t)sim_random(2);
    struct relay_pay_request request = {
        .from = client->accounts[from].number,
        .to = client->accounts[1 - from].number,
        .amount = sim_random(DEPOSIT),
    };
    struct relay_pay_reply reply = {0};
    client->item = request.sequence = journal_begin(request.from);
    int64_t result = CALL(client, relay_pay(CHANNEL_RELAY, &request, &reply, some_deadline()));
    client->item = 0;
    if (not_done(client, result)) {
        journal_refused(request.sequence);
        bank_look(client);
        return;
    }
    check_paid(client, "payment", from, request.amount, result, reply.balance);
    if (result == 0) {
        journal_put(request.sequence, reply.position);
    } else {
        journal_refused(request.sequence);
    }
}

// ---- whatever

// Calls of which nothing is expected but that they end.
static void be_blind(struct client *client) {
    struct bank_transfer_request transfer = {0, 0, sim_random(10)};
    struct bank_transfer_reply transferred;
    struct bank_open_request open = {sim_random(100)};
    struct bank_open_reply opened;
    handle_t owner[1];
    struct queue_put_request put = {.item.sequence = sim_random(100)};
    struct queue_put_reply was_put;
    struct queue_take_reply taken;
    struct relay_pay_request pay = {0, 0, 1, 1};
    struct relay_pay_reply paid;
    instant_t soon = sim.now + (duration_t)sim_random(MILLISECONDS(1));
    switch (is_blind_taker(client) ? 3 : sim_random(5)) {
    case 0:
        (void)!CALL(client, bank_transfer(CHANNEL_BANK, &transfer, &transferred, INSTANT_NEVER));
        break;
    case 1:
        if (CALL(client, bank_open(CHANNEL_BANK, &open, &opened, owner, INSTANT_NEVER)) == 0) {
            (void)!sys_handle_close(owner[0]);
        }
        break;
    case 2:
        (void)!CALL(client, queue_put(CHANNEL_QUEUE, &put, &was_put, soon));
        break;
    case 3:
        (void)!CALL(client, queue_take(CHANNEL_QUEUE, &taken, soon));
        break;
    default:
        (void)!CALL(client, relay_pay(CHANNEL_RELAY, &pay, &paid, soon));
        break;
    }
}

// ---- life

static bool ends(struct client *client) {
    if (world_failed()) {
        return true;
    }
    bool enough = client->calls_max != 0 ? client->calls >= client->calls_max : stopping;
    if (client->role == ROLE_CONSUMER) {
        return enough && putters_are_done() && queue_is_empty(client);
    }
    return enough && (!is_blind_taker(client) || putters_are_done());
}

static void client_main(void *argument) {
    static void (*const lives[])(struct client *) = {
        [ROLE_BANKER] = be_banker, [ROLE_PRODUCER] = be_producer, [ROLE_CONSUMER] = be_consumer,
        [ROLE_PAYER] = be_payer,   [ROLE_BLIND] = be_blind,
    };
    struct client *client = argument;
    while (!ends(client)) {
        lives[client->role](client);
        if (sim_random(8) == 0) {
            nap();
        }
    }
    sim_die(EXIT_VOLUNTARY);
}

void clients_begin(void) {
    memset(clients, 0, sizeof(clients));
    stopping = false;
    next_name = 0;
    calls_answered = 0;
    journal_clear();
}

void client_start(enum role role, uint64_t calls_max) {
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &clients[i];
        if (client->process == NULL) {
            *client = (struct client){
                .role = role,
                .name = ++next_name,
                .calls_max = calls_max,
                .since = sim.now,
            };
            client->process = sim_process_create(NULL, false);
            world_connect(client->process->table);
            client->thread = sim_thread_create(client->process, client_main, client);
            return;
        }
    }
}

void client_kill(struct client *client) {
    if (client->process == NULL || client->process->dead) {
        return;
    }
    if (client->item != 0) {
        journal_unknown(client->item);
    }
    if (client->taking) {
        journal_taker_gone(client->taken_before, world_queue().put);
    }
    sim_process_end(client->process, EXIT_KILLED);
}

void client_interrupt(struct client *client) {
    bool waits = client->role != ROLE_BANKER && client->busy;
    if (client->process != NULL && !client->process->dead && waits) {
        sim_thread_interrupt(client->thread);
    }
}

void clients_stop(void) {
    stopping = true;
}

uint32_t clients_watch(void) {
    uint32_t alive = 0;
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &clients[i];
        if (client->process != NULL && client->process->dead) {
            list_remove(&client->process->node);
            free(client->process);
            client->process = NULL;
        }
        if (client->process != NULL) {
            alive++;
            if (client->busy && sim.now - client->since > STUCK_NS) {
                world_fail("client %lu (role %d) is stuck in a call", client->name, client->role);
            }
        }
    }
    return alive;
}

uint64_t clients_calls(void) {
    return calls_answered;
}

// The last look at the bank, by a client of its own.
static void auditor(void *argument) {
    struct bank_total_reply reply = {0};
    int64_t result = bank_total(CHANNEL_BANK, &reply, INSTANT_NEVER);
    (void)argument;
    if (result != 0 || reply.sum != BANK_CAPITAL || reply.accounts != 0) {
        world_fail("at the end: total gave %ld, sum %lu, %u accounts", result, reply.sum,
                   reply.accounts);
    }
}

struct outsider {
    void (*function)(void *argument);
    void *argument;
};

static void outsider_main(void *argument) {
    const struct outsider *outsider = argument;
    outsider->function(outsider->argument);
    sim_die(EXIT_VOLUNTARY);
}

void outsider_run(void (*function)(void *argument), void *argument) {
    struct sim_table *table = sim_table_create();
    world_connect(table);
    outsider_run_with(table, function, argument);
}

void outsider_run_with(struct sim_table *table, void (*function)(void *argument), void *argument) {
    struct outsider outsider = {function, argument};
    struct sim_process *process = sim_process_create(table, false);
    (void)sim_thread_create(process, outsider_main, &outsider);
    instant_t until = sim.now + STUCK_NS;
    while (!process->dead && world_step()) {
        if (sim.now > until) {
            world_fail("a call is never answered");
        }
    }
}

void clients_check(void) {
    journal_check();
    outsider_run(auditor, NULL);
    (void)world_settle();
}
