// SPDX-License-Identifier: MIT
//
// Servers that heal, in the guest: bank, queue and relay are killed, frozen and broken in every way
// while clients use them, and no client may notice. What the simulator (tests/sim) proves of the
// library in a host process is tried here on the kernel itself, on one CPU and on several.
//
//   heal-test [PART...]    the tests whose names hold one of the parts, all without; kills=N as an
//                          argument changes the number of random kills
//
// It brings its own small supervisor (lib/heal).

#include <abi/names.h>
#include <proto/bank_client.h>
#include <proto/queue_client.h>
#include <proto/relay_client.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/string.h>

#include "clients.h"
#include <heal/pause.h>
#include <heal/program.h>
#include <heal/supervisor.h>
#include <heal/support.h>

#define DEFAULT_KILLS 700
#define PAIRS 100
#define RESTARTS 1000
#define SAMPLES 200
#define COST_ROUNDS 4000
#define HANG_LIMIT MILLISECONDS(1500)
#define SCRIPT_ROUNDS 32 // of each client, in the tests that die at each message
#define POISON 613
#define DEATHS_SPREAD 6

static const char *const names[SERVICES] = {"bank", "queue", "relay"};
static const struct service_plan plans[SERVICES] = {
    [BANK] = {.name = "bank",
              .path = "sbin/bank",
              .vault_bytes = 256UL * 1024,
              .spread = DEATHS_SPREAD},
    [QUEUE] = {.name = "queue",
               .path = "sbin/queue",
               .vault_bytes = 256UL * 1024,
               .spread = DEATHS_SPREAD},
    [RELAY] = {.name = "relay",
               .path = "sbin/relay",
               .vault_bytes = 256UL * 1024,
               .spread = DEATHS_SPREAD,
               .forwards = 1 << BANK | 1 << QUEUE},
};

static void start_all_roles(uint32_t rounds) {
    clients_begin();
    for (uint32_t role = 0; role < ROLES; role++) {
        client_start((enum role)role, rounds);
    }
}

// After the clients have ended: within some heartbeats nothing of their calls is left in the
// vaults.
static void check_vaults_empty(void) {
    instant_t end = now() + SECONDS(5);
    struct bank_total_reply total;
    struct queue_depth_reply depth;
    // This thread's own forwarded calls are acknowledged by its next call.
    CHECK_EQ(bank_total(service_channel(BANK), &total, INSTANT_NEVER), OK);
    CHECK_EQ(queue_depth(service_channel(QUEUE), &depth, INSTANT_NEVER), OK);
    for (uint32_t i = 0; i < SERVICES; i++) {
        struct vault_summary found;
        do {
            sleep_for(MILLISECONDS(50));
            found = service_summary((enum service_id)i);
        } while (found.direct + found.forwarded + found.intents != 0 && now() < end);
        CHECK_EQ(found.direct, 0);
        CHECK_EQ(found.forwarded, 0);
        CHECK_EQ(found.intents, 0);
    }
}

TEST(heal_nobody_dies) {
    start_all_roles(100);
    instant_t start = now();
    uint64_t calls = clients_finish();
    duration_t took = now() - start;
    CHECK(calls > 300);
    check_vaults_empty();
    test_figure("undisturbed: %u calls in %u ms", (uint32_t)calls,
                (uint32_t)(took / MILLISECONDS(1)));
}

// ---- at the n-th message, for each n

// Calls that a service takes in its script of 12 rounds (the bank: 24), at least.
static const uint32_t script_calls[SERVICES] = {24, 24, 12};

// One death in each run of the script, at its n-th call: so each call meets a death at each stage.
static void die_at_nth(enum service_id service) {
    uint32_t before = service_starts(service);
    uint32_t runs = 0;
    uint64_t calls = 0;
    for (uint32_t stage = 0; stage < HEAL_STAGES; stage++) {
        for (uint32_t n = 1; n <= script_calls[service] && !test_failed(); n++) {
            service_die_once(service, n, heal_stages[stage]);
            service_restart(service);
            clients_begin();
            calls += script_play(service, service == BANK ? 24 : 12);
            runs++;
        }
    }
    uint32_t deaths = service_starts(service) - before - runs;
    CHECK(deaths > runs / 3); // reads change nothing, so three of the stages don't come
    check_vaults_empty();
    test_figure("%s: %u deaths at the n-th call, n from 1 to %u, %u calls", names[service], deaths,
                script_calls[service], (uint32_t)calls);
}

TEST(heal_bank_dies_at_nth_message) {
    die_at_nth(BANK);
}

TEST(heal_queue_dies_at_nth_message) {
    die_at_nth(QUEUE);
}

TEST(heal_relay_dies_at_nth_message) {
    die_at_nth(RELAY);
}

// ---- at each message

// Each instance dies at a stage of one of the first calls that it takes, or of the first after that
// which gets there: so nearly every call of the script meets a death.
static void die_at_each(enum service_id service, const char *stage, const char *how) {
    uint32_t before = service_starts(service);
    // A call that meets two faults is refused for good: those that come again are served first.
    service_die_each(service, strcmp(how, "fault") == 0 ? ROLES + 1 : 2, stage, how);
    service_restart(service);
    start_all_roles(SCRIPT_ROUNDS * (service == RELAY ? 2 : 1));
    uint64_t calls = clients_finish();
    service_die_each(service, 0, NULL, NULL);
    service_restart(service);
    uint32_t deaths = service_starts(service) - before - 2;
    log_printf("     %s, %s, %s: %u deaths in %lu calls", names[service], stage, how, deaths,
               calls);
    // Of the payers' calls not all change something, and one of two goes through.
    CHECK(deaths >= SCRIPT_ROUNDS / 8);
    check_vaults_empty();
}

static void die_at_each_stage(enum service_id service) {
    static const char *const hows[] = {"exit", "fault"};
    uint32_t before = service_starts(service);
    for (uint32_t i = 0; i < 2 * HEAL_STAGES && !test_failed(); i++) {
        die_at_each(service, heal_stages[i % HEAL_STAGES], hows[i / HEAL_STAGES]);
    }
    test_figure("%s: %u deaths, at each message and stage", names[service],
                service_starts(service) - before);
}

TEST(heal_bank_dies_at_each_message) {
    die_at_each_stage(BANK);
}

TEST(heal_queue_dies_at_each_message) {
    die_at_each_stage(QUEUE);
}

TEST(heal_relay_dies_at_each_message) {
    die_at_each_stage(RELAY);
}

// ---- at random

static void start_load(void) {
    clients_begin();
    for (uint32_t i = 0; i < 8; i++) {
        client_start((enum role)(i % ROLES), 0);
    }
}

TEST(heal_random_kills) {
    uint32_t kills = (uint32_t)start_number("kills", DEFAULT_KILLS), done = 0;
    uint64_t random = kills;
    start_load();
    instant_t start = now();
    for (uint32_t i = 0; i < kills && !test_failed(); i++) {
        pause_in_steps(MICROSECONDS(test_random_below(&random, 8000)));
        done += service_kill((enum service_id)test_random_below(&random, SERVICES), 0);
    }
    duration_t took = now() - start;
    uint64_t calls = clients_finish();
    CHECK(done > kills / 2);
    check_vaults_empty();
    test_figure("random kills: %u in %u ms, %u calls answered meanwhile", done,
                (uint32_t)(took / MILLISECONDS(1)), (uint32_t)calls);
}

TEST(heal_double_kills) {
    uint64_t random = 1;
    uint32_t twice = 0;
    start_load();
    for (uint32_t i = 0; i < PAIRS && !test_failed(); i++) {
        enum service_id first = (enum service_id)test_random_below(&random, SERVICES);
        enum service_id second = (enum service_id)test_random_below(&random, SERVICES);
        bool both = service_kill(first, 0);
        pause_in_steps(MICROSECONDS(test_random_below(&random, 3000)));
        both &= service_kill(second, 0);
        twice += both;
        pause_in_steps(MICROSECONDS(test_random_below(&random, 10000)));
    }
    uint64_t calls = clients_finish();
    check_vaults_empty();
    test_figure("double kills: %u pairs, %u calls answered meanwhile", twice, (uint32_t)calls);
}

// ---- requests that break their server

static int64_t pay(uint64_t amount) {
    struct relay_pay_request request = {.amount = amount, .sequence = 1};
    struct relay_pay_reply reply;
    return relay_pay(service_channel(RELAY), &request, &reply, INSTANT_NEVER);
}

static int64_t transfer(uint64_t amount) {
    struct bank_transfer_request request = {.amount = amount};
    struct bank_transfer_reply reply;
    return bank_transfer(service_channel(BANK), &request, &reply, INSTANT_NEVER);
}

static void take_notices(void) {
    struct queue_take_reply reply;
    while (queue_take(service_channel(QUEUE), &reply, now() + MILLISECONDS(20)) == OK) {
    }
}

// The caller may know before the supervisor does.
static void check_faults(enum service_id service, uint32_t wanted) {
    instant_t end = now() + SECONDS(2);
    while (service_faults(service) < wanted && now() < end) {
        sleep_for(MILLISECONDS(1));
    }
    CHECK_EQ(service_faults(service), wanted);
}

// A poisoned request is refused to its caller after two faults; others don't notice.
static void poison(enum service_id service, int64_t (*ask)(uint64_t amount)) {
    service_argument(service, "poison=613", NULL);
    service_restart(service);
    uint32_t before = service_faults(service);
    clients_begin();
    client_start(ROLE_PRODUCER, 0);
    client_start(ROLE_CONSUMER, 0);
    CHECK_EQ(ask(POISON), ERR_QUARANTINED);
    CHECK_EQ(ask(POISON + 1), OK);
    CHECK_EQ(ask(POISON), ERR_QUARANTINED);
    check_faults(service, before + 4);
    service_argument(service, NULL, NULL);
    service_restart(service);
    CHECK_EQ(ask(POISON), OK);
}

TEST(heal_poisoned_request_is_quarantined) {
    poison(BANK, transfer);
    (void)clients_finish();
}

// The relay faults in the second run of its handler, when no call was taken last: the kernel can't
// know which one is to blame, the library does.
TEST(heal_poisoned_forwarder_is_quarantined) {
    service_argument(RELAY, "poison=613", NULL);
    service_restart(RELAY);
    uint32_t before = service_faults(RELAY);
    CHECK_EQ(pay(POISON), ERR_QUARANTINED);
    CHECK_EQ(pay(POISON + 1), OK);
    check_faults(RELAY, before + 2);
    service_argument(RELAY, NULL, NULL);
    service_restart(RELAY);
    take_notices();
    check_vaults_empty();
}

// ---- hangs

static void hang(const char *how) {
    uint32_t before = service_hangs(BANK);
    duration_t slowest = 0;
    for (uint32_t i = 0; i < 3; i++) {
        service_die_each(BANK, 1, "mid-step", how);
        service_restart(BANK);
        service_die_each(BANK, 0, NULL, NULL);
        uint32_t hangs = service_hangs(BANK);
        instant_t start = now();
        while (service_hangs(BANK) == hangs && !test_failed()) {
            start = now();
            CHECK_EQ(transfer(1), OK);
        }
        duration_t took = now() - start;
        slowest = took > slowest ? took : slowest;
    }
    CHECK_EQ(service_hangs(BANK), before + 3);
    CHECK(slowest <= HANG_LIMIT);
    test_figure("%s: answered again after %u ms at most", how,
                (uint32_t)(slowest / MILLISECONDS(1)));
}

TEST(heal_frozen_server_is_replaced) {
    hang("freeze");
}

TEST(heal_looping_server_is_replaced) {
    hang("loop");
}

// ---- flat, and quick

TEST(heal_nothing_leaks_in_1000_restarts) {
    clients_begin();
    for (uint32_t i = 0; i < SERVICES; i++) {
        service_restart((enum service_id)i);
    }
    sleep_for(MILLISECONDS(300));
    struct system_info before = counters_settled();
    for (uint32_t i = 0; i < RESTARTS && !test_failed(); i++) {
        enum service_id service = (enum service_id)(i % SERVICES);
        service_restart(service);
        // Some in the middle of a call that makes and moves handles.
        if (i % 8 == 0) {
            start_all_roles(1);
            (void)service_kill(BANK, 0);
            (void)clients_finish();
        }
    }
    sleep_for(MILLISECONDS(300));
    CHECK(counters_return(&before));
}

TEST(heal_recovery_times) {
    static duration_t times[SAMPLES];
    for (uint32_t service = 0; service < SERVICES; service++) {
        for (uint32_t i = 0; i < SAMPLES; i++) {
            struct queue_depth_reply depth;
            struct relay_count_reply count;
            struct bank_total_reply total;
            sleep_for(MICROSECONDS(200 * (i % 5)));
            instant_t start = now();
            CHECK(service_kill((enum service_id)service, 0));
            int64_t result =
                service == BANK    ? bank_total(service_channel(BANK), &total, INSTANT_NEVER)
                : service == QUEUE ? queue_depth(service_channel(QUEUE), &depth, INSTANT_NEVER)
                                   : relay_count(service_channel(RELAY), &count, INSTANT_NEVER);
            times[i] = now() - start;
            CHECK_EQ(result, OK);
        }
        char what[64] = "";
        (void)text_copy(what, sizeof(what), names[service]);
        figure_times(names[service], times, SAMPLES);
    }
}

// What the library costs when nobody dies: with --icount a nanosecond is an instruction.
TEST(heal_costs) {
    struct bank_balance_request look = {0};
    struct bank_balance_reply seen;
    struct bank_transfer_request move = {.amount = 1};
    struct bank_transfer_reply moved;
    duration_t times[2];
    for (uint32_t kind = 0; kind < 2; kind++) {
        instant_t start = 0;
        for (uint32_t i = 0; i < COST_ROUNDS + COST_ROUNDS / 4; i++) {
            start = i == COST_ROUNDS / 4 ? now() : start; // the first ones warm up
            int64_t result =
                kind == 0 ? bank_balance(service_channel(BANK), &look, &seen, INSTANT_NEVER)
                          : bank_transfer(service_channel(BANK), &move, &moved, INSTANT_NEVER);
            CHECK_EQ(result, OK);
        }
        times[kind] = (now() - start) / COST_ROUNDS;
    }
    test_figure("a call that reads: %u ns, one that changes two records: %u ns", (uint32_t)times[0],
                (uint32_t)times[1]);
}

// ---- the program

int64_t native_main(struct thread_block *block) {
    (void)block;
    services_start(plans, SERVICES);
    int status = heal_program(0);
    services_stop();
    return status;
}
