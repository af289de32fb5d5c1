// SPDX-License-Identifier: MIT
//
// tmpfsd on the kernel itself: every operation and error, scripts that are compared with a model
// while it is killed, and how long it takes to come back. What the simulator (tests/sim/files.c)
// tries at every word is tried here at every message.
//
//   fs-test [PART...]   the tests whose names hold one of the parts, all without
//
//   steps=N   operations of the scripts (default 250)
//   rounds=N   how many acts, by fours, tmpfsd dies in at each message (default 1)
//   stages=5   deaths at each stage of each message there, not at two
//   kills=N   random kills (default 300)
//   restarts=N   after which nothing may have leaked (default 1000)
//
// It brings its own small supervisor (lib/heal).

#include "main.h"

#include <heal/pause.h>
#include <heal/program.h>
#include <heal/scenario.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/string.h>

#define DEFAULT_STEPS 250
#define NTH_STEPS 60 // of each act that is played again for each message
#define ACTS 4
#define DEFAULT_KILLS 300
#define PAIRS 60
#define DEFAULT_RESTARTS 1000
#define CLIENTS 2
#define VAULT_BYTES (4UL << 20)

handle_t files_root(void) {
    return service_channel(TMPFSD);
}

static struct script scripts[CLIENTS];

// ---- one script

static void report(const struct script *script) {
    if (script->failure != NULL) {
        log_printf("     step %u: %s: %ld, not %ld (%s | %s)", script->steps, script->failure,
                   script->got, script->wanted, script->path[0], script->path[1]);
    }
    CHECK(script->failure == NULL);
}

// Plays a script from its beginning to its end. Returns the calls that it made.
static uint32_t play(struct script *script, const char *home, uint64_t seed, uint32_t steps,
                     uint32_t compare_each) {
    script_begin(script, files_root(), home, seed);
    while (script->steps < steps && script_step(script)) {
        if (script->steps % compare_each == 0) {
            (void)script_compare(script);
        }
    }
    if (script_compare(script)) {
        script_end(script, files_root(), home);
    }
    report(script);
    return script->calls;
}

TEST(fs_script_compared_after_each_operation) {
    uint32_t steps = (uint32_t)start_number("steps", DEFAULT_STEPS);
    uint32_t calls = 0;
    instant_t start = now();
    for (uint64_t seed = 1; seed <= 4 && !test_failed(); seed++) {
        calls += play(&scripts[0], "script", seed, steps, 1);
    }
    test_figure("4 scripts of %u operations, compared after each: %u calls in %u ms", steps, calls,
                (uint32_t)((now() - start) / MILLISECONDS(1)));
}

static void play_act(uint32_t round, uint32_t which) {
    (void)play(&scripts[0], "nth", 5 + ACTS * round + which, NTH_STEPS, NTH_STEPS);
}

#define ACT(n)                                                                                     \
    static void act_##n(uint32_t round) {                                                          \
        play_act(round, n);                                                                        \
    }
ACT(0)
ACT(1)
ACT(2)
ACT(3)

// Random operations, each act and each round its own.
static const struct act acts[ACTS] = {{"0", act_0}, {"1", act_1}, {"2", act_2}, {"3", act_3}};

TEST(fs_dies_at_nth_message) {
    const struct scenario scenario = {
        .service = TMPFSD,
        .stages = STAGES_ALL,
        .acts = acts,
        .act_count = ACTS,
        .rounds = (uint32_t)start_number("rounds", 1),
    };
    scenario_die_alone(&scenario, start_number("stages", 0) == HEAL_STAGES);
}

// Each instance dies at its second or third message: so nearly every message meets a death.
TEST(fs_dies_at_each_message) {
    uint32_t steps = (uint32_t)start_number("steps", DEFAULT_STEPS);
    for (uint32_t stage = 0; stage < HEAL_STAGES && !test_failed(); stage++) {
        uint32_t before = service_starts(TMPFSD);
        service_die_each(TMPFSD, 2, heal_stages[stage], "exit");
        service_restart(TMPFSD);
        uint32_t calls = play(&scripts[0], "each", 11 + stage, steps, steps);
        service_die_each(TMPFSD, 0, NULL, NULL);
        service_restart(TMPFSD);
        uint32_t deaths = service_starts(TMPFSD) - before - 2;
        CHECK(deaths > steps / 8); // not each message has each stage
        test_figure("%s: %u deaths in %u calls", heal_stages[stage], deaths, calls);
    }
}

// ---- two clients

static uint32_t endless; // atomic: 1 while clients go on

static void client_main(void *argument) {
    struct script *script = argument;
    char home[] = "client0";
    home[6] = (char)('0' + (script - scripts));
    uint64_t seed = script->random;
    uint32_t calls = 0;
    do {
        calls += play(script, home, seed, 400, 100);
        seed += CLIENTS;
    } while (__atomic_load_n(&endless, __ATOMIC_ACQUIRE) && !test_failed());
    script->calls = calls;
}

static void clients_start(struct thread threads[CLIENTS]) {
    __atomic_store_n(&endless, 1, __ATOMIC_RELEASE);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        scripts[i].random = 100 + i;
        CHECK_EQ(thread_run(&threads[i], client_main, &scripts[i]), OK);
    }
}

static uint32_t clients_finish(struct thread threads[CLIENTS]) {
    uint32_t calls = 0;
    __atomic_store_n(&endless, 0, __ATOMIC_RELEASE);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        thread_join(&threads[i]);
        calls += scripts[i].calls;
    }
    return calls;
}

TEST(fs_random_kills_under_two_clients) {
    uint32_t kills = (uint32_t)start_number("kills", DEFAULT_KILLS), done = 0;
    uint64_t random = kills;
    struct thread threads[CLIENTS];
    clients_start(threads);
    instant_t start = now();
    for (uint32_t i = 0; i < kills && !test_failed(); i++) {
        pause_in_steps(MICROSECONDS(test_random_below(&random, 8000)));
        done += service_kill(TMPFSD, 0);
    }
    duration_t took = now() - start;
    uint32_t calls = clients_finish(threads);
    CHECK(done > kills / 2);
    test_figure("%u random kills in %u ms, %u calls answered", done,
                (uint32_t)(took / MILLISECONDS(1)), calls);
}

// The successor dies, too, before it is ready or just after.
TEST(fs_double_kills) {
    uint64_t random = 3;
    uint32_t twice = 0;
    struct thread threads[CLIENTS];
    clients_start(threads);
    for (uint32_t i = 0; i < PAIRS && !test_failed(); i++) {
        bool both = service_kill(TMPFSD, 0);
        pause_in_steps(MICROSECONDS(test_random_below(&random, 3000)));
        both &= service_kill(TMPFSD, 0);
        twice += both;
        pause_in_steps(MICROSECONDS(test_random_below(&random, 10000)));
    }
    uint32_t calls = clients_finish(threads);
    test_figure("%u double kills, %u calls answered", twice, calls);
}

// ---- flat, and quick

TEST(fs_nothing_leaks_in_restarts) {
    uint32_t restarts = (uint32_t)start_number("restarts", DEFAULT_RESTARTS);
    (void)play(&scripts[0], "flat", 21, 60, 60);
    service_restart(TMPFSD);
    (void)play(&scripts[0], "flat", 21, 60, 60);
    sleep_for(MILLISECONDS(300));
    struct system_info before = counters_settled();
    uint64_t random = 1;
    for (uint32_t i = 0; i < restarts && !test_failed(); i++) {
        if (i % 8 == 0) {
            service_die_once(TMPFSD, 1 + (uint32_t)test_random_below(&random, 60),
                             heal_stages[test_random_below(&random, HEAL_STAGES)]);
        }
        service_restart(TMPFSD);
        if (i % 8 == 0) {
            (void)play(&scripts[0], "flat", 21, 60, 60);
        }
    }
    service_restart(TMPFSD);
    (void)play(&scripts[0], "flat", 21, 60, 60);
    sleep_for(MILLISECONDS(300));
    CHECK(counters_return(&before));
}

// ---- the program

int64_t native_main(struct thread_block *block) {
    const struct service_plan plan = {
        .name = "tmpfsd",
        .path = "sbin/tmpfsd",
        .vault_bytes = VAULT_BYTES,
        .argument = "folder=root/",
        .grant_count = 1,
        .grants = {{"archive", start_handle("archive"),
                    RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_READ | RIGHT_MAP}},
    };
    (void)block;
    services_start(&plan, 1);
    int status = heal_program(0);
    services_stop();
    return status;
}
