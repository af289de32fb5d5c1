// SPDX-License-Identifier: MIT
//
// Requests that make a server fault whenever they are tried. After the second fault the request is
// refused to its caller alone, and everybody else goes on.

#include <proto/bank_client.h>
#include <proto/relay_client.h>
#include <stdio.h>

#include "cases.h"
#include "clients.h"
#include "journal.h"
#include "log.h"

#define POISON 613
#define POISON_ARGUMENT "poison=613"
#define CHANNEL_BANK ((handle_t)1)
#define CHANNEL_RELAY ((handle_t)3)

enum poisoned { POISON_BANK, POISON_BANK_BY_RELAY, POISON_RELAY, POISONS };

// Asks for the poisoned amount, then for a good one.
static void poisoner(void *argument) {
    enum poisoned kind = *(const enum poisoned *)argument;
    struct bank_transfer_request transfer = {0, 0, POISON};
    struct bank_transfer_reply moved;
    struct relay_pay_request pay = {.amount = POISON};
    struct relay_pay_reply paid;
    for (uint32_t round = 0; round < 3; round++) {
        bool good = round == 1;
        pay.sequence = journal_begin(pay.from);
        journal_unknown(pay.sequence);
        transfer.amount = pay.amount = good ? POISON + 1 : POISON;
        int64_t result = kind == POISON_BANK
                             ? bank_transfer(CHANNEL_BANK, &transfer, &moved, INSTANT_NEVER)
                             : relay_pay(CHANNEL_RELAY, &pay, &paid, INSTANT_NEVER);
        if (result != (good ? 0 : ERR_QUARANTINED)) {
            world_fail("round %u gave %ld", round, result);
        }
    }
}

static void poison_world(uint64_t seed, enum poisoned kind) {
    enum service_id service = kind == POISON_RELAY ? RELAY : BANK;
    clients_begin();
    world_begin(seed);
    world_argument(service, POISON_ARGUMENT);
    world_kill(service, EXIT_KILLED);
    // Others go on meanwhile; their own amounts may be poisoned too, so they don't look at the
    // bank.
    for (uint32_t i = 0; i < 4; i++) {
        client_start(i % 2 == 0 ? ROLE_PRODUCER : ROLE_CONSUMER, 0);
    }
    outsider_run(poisoner, &kind);
    clients_stop();
    while (clients_watch() != 0 && world_step()) {
    }
    // The kill, and two faults for each of two poisoned requests.
    if (!world_failed() && world.services[service].deaths != 5) {
        world_fail("%lu deaths, not 5", world.services[service].deaths);
    }
    if (world_settle()) {
        world_check_flat();
    }
}

bool poison_run(const struct options *options) {
    static const char *const names[POISONS] = {"bank", "bank by relay", "relay"};
    char failure[400] = "";
    for (uint32_t run = 0; run < 300 && failure[0] == '\0'; run++) {
        uint64_t seed = options->seed + run;
        poison_world(seed, (enum poisoned)(run % POISONS));
        if (world_failed()) {
            snprintf(failure, sizeof(failure), "%s, seed %lu: %s", names[run % POISONS], seed,
                     world.failure);
            sim_log_show();
        }
        world_end();
    }
    return case_report("poison", failure);
}
