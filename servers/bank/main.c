// SPDX-License-Identifier: MIT
//
// The bank: a server to learn from. It keeps accounts and moves money, can be killed at any
// instruction, and no client notices. What makes that so, and what every server does in the same
// way:
//
//   1. All that a client could miss is in the vault: the table of accounts below. A record has a
//      vault_head first, then plain numbers and handles; `accounts` says where the handles are.
//   2. Handlers read records through pointers to const and change them with vault_set. A handler
//      first checks everything and returns an error; then it changes; then it returns 0. It is a
//      transaction: the library commits the changes together with the answer, or undoes them.
//   3. Nothing else lives from one call to the next. There is no other state to lose.
//   4. Handles made on the way (server_channel) are closed if the step is undone; handles that no
//   record
//      names any more are given to step_close. One that is forgotten is closed at the next restart.
//
// So there is no code here for dying, for retries, or for doing things once: the library has it.
//
// Invariant: the sum of all balances is the capital. Account 0, the house, always exists.

#include <proto/bank_server.h>
#include <server/server.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>

#define CAPITAL 1000000 // what the house begins with
#define ACCOUNTS_MAX 256

// A place of the table is used again with another number: what somebody still does in the name of a
// client that has died must not meet the next one's account.
struct account {
    struct vault_head head;
    uint64_t balance;
    uint32_t number;   // its place + ACCOUNTS_MAX for each use; the house has 0
    handle_t endpoint; // server end of the owner's channel, whose key is the number
};

static bool account_check(uint32_t index, const void *record) {
    const struct account *account = record;
    return account->balance <= CAPITAL && account->number % ACCOUNTS_MAX == index &&
           (account->number == 0) == (index == 0) &&
           (account->endpoint == HANDLE_NONE) == (index == 0);
}

static const struct vault_table tables[] = {
    {
        .name = "accounts",
        .record_bytes = sizeof(struct account),
        .count = ACCOUNTS_MAX,
        .handles = {{offsetof(struct account, endpoint), OBJECT_ENDPOINT}},
        .check = account_check,
    },
};

static const struct vault_layout layout = {
    .service = 0x4b4e4142, // "BANK"
    .version = 1,
    .undo_bytes = 1024,
    .calls_max = 64,
    .forwarded_max = 128,
    .table_count = 1,
    .tables = tables,
};

// The open account of a number, or null.
static const struct account *find(struct server *server, uint64_t number) {
    const struct account *account = vault_record(&server->vault, 0, number % ACCOUNTS_MAX);
    return account->head.used && account->number == number ? account : NULL;
}

// Both accounts are open, and `from` holds the amount.
static void move(struct server *server, const struct account *from, const struct account *to,
                 uint64_t amount) {
    vault_set(&server->vault, &from->balance, from->balance - amount);
    vault_set(&server->vault, &to->balance, to->balance + amount);
}

static int64_t open(void *context, const struct packet *packet,
                    const struct bank_open_request *request, struct bank_open_reply *reply,
                    handle_t handles_out[1]) {
    (void)packet;
    struct server *server = context;
    const struct account *house = find(server, 0);
    int32_t index = vault_find_free(&server->vault, 0);
    if (index < 0) {
        return ERR_NO_SPACE;
    }
    if (request->amount > house->balance) {
        return ERR_OUT_OF_RANGE;
    }
    const struct account *account = vault_record(&server->vault, 0, (uint32_t)index);
    uint32_t number = (account->number / ACCOUNTS_MAX + 1) * ACCOUNTS_MAX + (uint32_t)index;
    handle_t endpoint;
    status_t status = server_channel(server, number, 0, &handles_out[0], &endpoint);
    if (status != OK) {
        return status;
    }
    vault_set(&server->vault, &account->head.used, 1);
    vault_set(&server->vault, &account->balance, 0);
    vault_set(&server->vault, &account->number, number);
    vault_set(&server->vault, &account->endpoint, endpoint);
    move(server, house, account, request->amount);
    reply->account = number;
    return 0;
}

static int64_t transfer(void *context, const struct packet *packet,
                        const struct bank_transfer_request *request,
                        struct bank_transfer_reply *reply) {
    (void)packet;
    struct server *server = context;
    const struct account *from = find(server, request->from);
    const struct account *to = find(server, request->to);
    if (from == NULL || to == NULL) {
        return ERR_NOT_FOUND;
    }
    if (request->amount > from->balance) {
        return ERR_OUT_OF_RANGE;
    }
    move(server, from, to, request->amount);
    reply->balance = from->balance;
    return 0;
}

static int64_t balance(void *context, const struct packet *packet,
                       const struct bank_balance_request *request,
                       struct bank_balance_reply *reply) {
    (void)packet;
    const struct account *account = find(context, request->account);
    if (account == NULL) {
        return ERR_NOT_FOUND;
    }
    reply->balance = account->balance;
    return 0;
}

static int64_t total(void *context, const struct packet *packet, struct bank_total_reply *reply) {
    (void)packet;
    struct server *server = context;
    for (uint32_t i = 0; i < ACCOUNTS_MAX; i++) {
        const struct account *account = vault_record(&server->vault, 0, i);
        reply->sum += account->head.used ? account->balance : 0;
        reply->accounts += account->head.used && i != 0;
    }
    return 0;
}

static void close_account(struct server *server, const struct account *account) {
    move(server, account, find(server, 0), account->balance);
    step_close(&server->vault, account->endpoint);
    vault_set(&server->vault, &account->endpoint, HANDLE_NONE);
    vault_set(&server->vault, &account->head.used, 0);
}

static int64_t close(void *context, const struct packet *packet,
                     const struct bank_close_request *request, struct bank_close_reply *reply) {
    (void)packet;
    struct server *server = context;
    const struct account *account = request->account != 0 ? find(server, request->account) : NULL;
    if (account == NULL) {
        return ERR_NOT_FOUND;
    }
    reply->balance = account->balance;
    close_account(server, account);
    return 0;
}

// The owner is gone.
static void closed(struct server *server, uint64_t key) {
    const struct account *account = key != 0 ? find(server, key) : NULL;
    if (account != NULL) {
        close_account(server, account);
    }
}

// A fresh bank gets its capital. In an adopted one that lost a record to its check the house makes
// the sum good again: the ladder's third rung, and loud.
static status_t start(struct server *server, bool fresh) {
    struct bank_total_reply now = {0};
    (void)total(server, NULL, &now);
    const struct account *house = vault_record(&server->vault, 0, 0);
    if (now.sum > CAPITAL) {
        log_printf("bank: the accounts hold %lu too much", now.sum - CAPITAL);
        return ERR_CORRUPT;
    }
    if (!fresh && (now.sum != CAPITAL || !house->head.used)) {
        log_printf("bank: %lu are missing, the house replaces them", CAPITAL - now.sum);
    }
    if (!house->head.used) {
        vault_set(&server->vault, &house->head.used, 1);
        vault_set(&server->vault, &house->balance, 0);
        vault_set(&server->vault, &house->number, 0);
        vault_set(&server->vault, &house->endpoint, HANDLE_NONE);
    }
    if (now.sum != CAPITAL) {
        vault_set(&server->vault, &house->balance, house->balance + (CAPITAL - now.sum));
    }
    return OK;
}

static const struct bank_ops operations = {
    .open = open,
    .transfer = transfer,
    .balance = balance,
    .total = total,
    .close = close,
};

static int64_t dispatch(struct server *server, const struct packet *packet,
                        struct message *message) {
    return bank_dispatch(&operations, server, packet, message);
}

static const struct server_program program = {
    .name = "bank",
    .protocol = &bank_protocol,
    .vault = &layout,
    .start = start,
    .dispatch = dispatch,
    .closed = closed,
};

int64_t native_main(struct thread_block *block) {
    (void)block;
    struct server server;
    return server_run(&server, &program);
}
