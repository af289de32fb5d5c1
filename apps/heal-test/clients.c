// SPDX-License-Identifier: MIT

#include "clients.h"

#include <abi/names.h>
#include <proto/bank_client.h>
#include <proto/queue_client.h>
#include <proto/relay_client.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/string.h>
#include <test/test.h>

#define DEPOSIT 1000
#define JOURNAL_PLACES (1 << 16) // far more than what is under way at any time
#define REPORTS_MAX 8
#define FOREVER SECONDS(30) // no call takes that long: a deadline, so that a lost one shows

static struct client clients[CLIENTS_MAX];
static uint32_t client_count;
static uint32_t stopping, takers_stop; // atomic
static uint64_t calls;                 // atomic
static uint32_t reports;               // atomic

// ---- the journal of the queue, atomic

// What was put and taken at positions, which begin again at the first place after the last: a word
// is the lap, from 1, above the item's number.
static uint64_t put_at[JOURNAL_PLACES], taken_at[JOURNAL_PLACES];
static uint64_t put_count, taken_count;
static uint8_t refused[JOURNAL_PLACES]; // by the number of an item
static uint32_t last_item;              // items are numbered from 1

static instant_t soon(duration_t duration) {
    return (instant_t)sys_clock_get() + duration;
}

// Says what was wrong, a few times, and lets the test fail.
static void complain(const struct client *client, const char *what, int64_t got, int64_t wanted) {
    (void)test_check(__FILE__, __LINE__, what, false);
    if (__atomic_fetch_add(&reports, 1, __ATOMIC_RELAXED) < REPORTS_MAX) {
        log_printf("     client %lu: %s: got %ld (%s), not %ld", client->name, what, got,
                   got < 0 ? status_name(got) : "-", wanted);
    }
}

static bool expect(const struct client *client, const char *what, int64_t got, int64_t wanted) {
    if (got != wanted) {
        complain(client, what, got, wanted);
    }
    return got == wanted;
}

static uint64_t chance(struct client *client, uint64_t bound) {
    return test_random_below(&client->random, bound);
}

static void count_call(struct client *client) {
    client->calls++;
    __atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
}

// ---- bank

static handle_t bank(struct client *client) {
    for (uint32_t i = 0; i < 2; i++) {
        if (client->accounts[i].open && chance(client, 4) == 0) {
            return client->accounts[i].owner;
        }
    }
    return service_channel(BANK);
}

static void account_open(struct client *client, uint32_t which) {
    struct bank_open_request request = {.amount = DEPOSIT};
    struct bank_open_reply reply;
    handle_t owner[1];
    int64_t result = bank_open(service_channel(BANK), &request, &reply, owner, soon(FOREVER));
    count_call(client);
    if (expect(client, "open", result, OK)) {
        client->accounts[which].open = true;
        client->accounts[which].number = reply.account;
        client->accounts[which].balance = DEPOSIT;
        client->accounts[which].owner = owner[0];
    }
}

static void account_close(struct client *client, uint32_t which, bool by_call) {
    struct bank_close_request request = {client->accounts[which].number};
    struct bank_close_reply reply = {0};
    client->accounts[which].open = false;
    if (by_call) {
        int64_t result = bank_close(service_channel(BANK), &request, &reply, soon(FOREVER));
        count_call(client);
        (void)expect(client, "close", result, OK);
        (void)expect(client, "balance at the close", (int64_t)reply.balance,
                     (int64_t)client->accounts[which].balance);
    }
    (void)expect(client, "handle_close", sys_handle_close(client->accounts[which].owner), OK);
}

static bool accounts_ready(struct client *client) {
    for (uint32_t i = 0; i < 2; i++) {
        if (!client->accounts[i].open) {
            account_open(client, i);
        }
    }
    return client->accounts[0].open && client->accounts[1].open;
}

static void check_paid(struct client *client, const char *what, uint32_t from, uint64_t amount,
                       int64_t result, uint64_t balance) {
    uint64_t before = client->accounts[from].balance;
    if (expect(client, what, result, amount <= before ? OK : ERR_OUT_OF_RANGE) && result == OK) {
        client->accounts[from].balance -= amount;
        client->accounts[1 - from].balance += amount;
        (void)expect(client, "balance", (int64_t)balance, (int64_t)(before - amount));
    }
}

static void transfer(struct client *client) {
    uint32_t from = (uint32_t)chance(client, 2);
    struct bank_transfer_request request = {
        .from = client->accounts[from].number,
        .to = client->accounts[1 - from].number,
        .amount = chance(client, DEPOSIT),
    };
    struct bank_transfer_reply reply = {0};
    int64_t result = bank_transfer(bank(client), &request, &reply, soon(FOREVER));
    count_call(client);
    check_paid(client, "transfer", from, request.amount, result, reply.balance);
}

static void look_at_balance(struct client *client) {
    uint32_t which = (uint32_t)chance(client, 2);
    struct bank_balance_request request = {client->accounts[which].number};
    struct bank_balance_reply reply = {0};
    int64_t result = bank_balance(bank(client), &request, &reply, soon(FOREVER));
    count_call(client);
    if (expect(client, "balance", result, OK)) {
        (void)expect(client, "what it is", (int64_t)reply.balance,
                     (int64_t)client->accounts[which].balance);
    }
}

static void look_at_total(struct client *client) {
    struct bank_total_reply reply = {0};
    int64_t result = bank_total(service_channel(BANK), &reply, soon(FOREVER));
    count_call(client);
    if (expect(client, "total", result, OK)) {
        (void)expect(client, "the sum", (int64_t)reply.sum, CAPITAL);
    }
}

static void be_banker(struct client *client) {
    if (!accounts_ready(client)) {
        return;
    }
    switch (chance(client, 8)) {
    case 0:
        account_close(client, (uint32_t)chance(client, 2), chance(client, 2) == 0);
        break;
    case 1:
        look_at_total(client);
        break;
    case 2:
    case 3:
        look_at_balance(client);
        break;
    default:
        transfer(client);
        break;
    }
}

// ---- queue

static uint8_t *refusal_of(uint64_t item) {
    return &refused[item % JOURNAL_PLACES];
}

static uint64_t item_begin(void) {
    uint32_t item = __atomic_add_fetch(&last_item, 1, __ATOMIC_RELAXED);
    *refusal_of(item) = false; // that of an item long ago
    return item;
}

// Notes an item at a position. Each position comes once, so a place goes from one lap to the next;
// the later one of put and taken compares the two.
static void journal(struct client *client, uint64_t *list, uint64_t position, uint64_t item) {
    uint64_t place = position % JOURNAL_PLACES, lap = position / JOURNAL_PLACES + 1;
    uint64_t word = lap << 32 | (uint32_t)item;
    uint64_t before = __atomic_exchange_n(&list[place], word, __ATOMIC_SEQ_CST);
    if (before != 0 && before >> 32 != lap - 1) {
        complain(client, "a position came twice", (int64_t)position, -1);
    }
    uint64_t other =
        __atomic_load_n(&(list == put_at ? taken_at : put_at)[place], __ATOMIC_SEQ_CST);
    if (other >> 32 == lap) {
        (void)expect(client, "the item at a position", (int64_t)(uint32_t)other,
                     (int64_t)(uint32_t)item);
    }
    __atomic_fetch_add(list == put_at ? &put_count : &taken_count, 1, __ATOMIC_RELAXED);
}

// Whether a call was not done, because its deadline had passed.
static bool not_done(int64_t result) {
    return result == ERR_TIMED_OUT || result == ERR_NOT_DONE;
}

static instant_t some_deadline(struct client *client) {
    return soon(chance(client, 3) == 0 ? (duration_t)chance(client, MILLISECONDS(3)) : FOREVER);
}

static void be_producer(struct client *client) {
    struct queue_put_request request = {.item = {client->name, item_begin(), {0}}};
    struct queue_put_reply reply;
    int64_t result = queue_put(service_channel(QUEUE), &request, &reply, some_deadline(client));
    count_call(client);
    if (not_done(result)) {
        *refusal_of(request.item.sequence) = true;
    } else if (expect(client, "put", result, OK)) {
        journal(client, put_at, reply.position, request.item.sequence);
    }
}

static void be_consumer(struct client *client) {
    struct queue_take_reply reply;
    int64_t result = queue_take(service_channel(QUEUE), &reply,
                                soon((duration_t)chance(client, MILLISECONDS(20))));
    count_call(client);
    if (not_done(result) || !expect(client, "take", result, OK)) {
        return;
    }
    journal(client, taken_at, reply.position, reply.item.sequence);
    if (*refusal_of(reply.item.sequence)) {
        complain(client, "an item that was not put", (int64_t)reply.item.sequence, 0);
    }
}

static bool queue_is_empty(struct client *client) {
    struct queue_depth_reply reply = {0};
    int64_t result = queue_depth(service_channel(QUEUE), &reply, soon(FOREVER));
    return !expect(client, "depth", result, OK) || reply.count == 0;
}

// ---- relay

static void be_payer(struct client *client) {
    if (!accounts_ready(client)) {
        return;
    }
    uint32_t from = (uint32_t)chance(client, 2);
    struct relay_pay_request request = {
        .from = client->accounts[from].number,
        .to = client->accounts[1 - from].number,
        .amount = chance(client, DEPOSIT),
        .sequence = item_begin(),
    };
    struct relay_pay_reply reply = {0};
    int64_t result = relay_pay(service_channel(RELAY), &request, &reply, some_deadline(client));
    count_call(client);
    if (not_done(result)) {
        *refusal_of(request.sequence) = true;
        look_at_balance(client);
        return;
    }
    check_paid(client, "pay", from, request.amount, result, reply.balance);
    if (result == OK) {
        journal(client, put_at, reply.position, request.sequence);
    } else {
        *refusal_of(request.sequence) = true;
    }
}

// ---- life

static bool ends(struct client *client, uint32_t round) {
    if (client->role == ROLE_CONSUMER) {
        return __atomic_load_n(&takers_stop, __ATOMIC_ACQUIRE) && queue_is_empty(client);
    }
    return __atomic_load_n(&stopping, __ATOMIC_ACQUIRE) ||
           (client->rounds != 0 && round == client->rounds) || test_failed();
}

static void accounts_close(struct client *client) {
    for (uint32_t i = 0; i < 2; i++) {
        if (client->accounts[i].open) {
            account_close(client, i, true);
        }
    }
}

static void client_main(void *argument) {
    static void (*const lives[ROLES])(struct client *) = {
        [ROLE_BANKER] = be_banker,
        [ROLE_PRODUCER] = be_producer,
        [ROLE_CONSUMER] = be_consumer,
        [ROLE_PAYER] = be_payer,
    };
    struct client *client = argument;
    for (uint32_t round = 0; !ends(client, round); round++) {
        lives[client->role](client);
    }
    accounts_close(client);
}

uint32_t script_play(enum service_id service, uint32_t rounds) {
    struct client client = {.name = 998, .random = 5};
    for (uint32_t round = 0; round < rounds; round++) {
        if (service == BANK) {
            be_banker(&client);
        } else {
            (service == QUEUE ? be_producer : be_payer)(&client);
            be_consumer(&client);
        }
    }
    accounts_close(&client);
    while (service != BANK && !queue_is_empty(&client)) {
        be_consumer(&client);
    }
    return (uint32_t)client.calls;
}

void clients_begin(void) {
    memset(put_at, 0, sizeof(put_at));
    memset(taken_at, 0, sizeof(taken_at));
    memset(refused, 0, sizeof(refused));
    client_count = 0;
    stopping = takers_stop = reports = 0;
    calls = put_count = taken_count = 0;
}

void client_start(enum role role, uint32_t rounds) {
    struct client *client = &clients[client_count];
    *client = (struct client){
        .role = role,
        .name = 1000 + client_count,
        .random = client_count * 77 + last_item + 1,
        .rounds = rounds,
    };
    status_t status = thread_run(&client->thread, client_main, client);
    CHECK_EQ(status, OK);
    client_count += status == OK;
}

static void join(bool consumers) {
    for (uint32_t i = 0; i < client_count; i++) {
        if ((clients[i].role == ROLE_CONSUMER) == consumers) {
            thread_join(&clients[i].thread);
        }
    }
}

uint64_t clients_finish(void) {
    bool endless = false;
    for (uint32_t i = 0; i < client_count; i++) {
        endless |= clients[i].rounds == 0;
    }
    __atomic_store_n(&stopping, endless, __ATOMIC_RELEASE);
    join(false);
    __atomic_store_n(&takers_stop, 1, __ATOMIC_RELEASE);
    join(true);
    CHECK_EQ(taken_count, put_count);
    for (uint32_t i = 0; i < JOURNAL_PLACES; i++) {
        // What was put without an answer for its client does not exist here: all clients live.
        if (put_at[i] != taken_at[i]) {
            CHECK_EQ(taken_at[i], put_at[i]);
            break;
        }
    }
    struct client auditor = {.name = 999};
    look_at_total(&auditor);
    return clients_calls();
}

uint64_t clients_calls(void) {
    return __atomic_load_n(&calls, __ATOMIC_RELAXED);
}
