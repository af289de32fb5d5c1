// SPDX-License-Identifier: MIT
//
// init itself is killed: at any moment under load, and between any two of its steps.

#include "self.h"

#include <abi/boot.h>
#include <abi/names.h>
#include <heal/pause.h>
#include <proto/bank_client.h>
#include <proto/svc_client.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/string.h>

#define KILLS 100
#define LIMIT SECONDS(10)
#define PAIRS 60
#define STORM_GAP_US 12000 // about as long as a restart takes
#define POINTS_MAX 400     // more than any action has
#define POINTS_THEN 100    // a second death comes within so many points

// struct init_points of servers/init/init.h
struct points {
    uint64_t die_at, then, count, deaths;
};

uint8_t *init_vault(void) {
    static uint8_t *memory;
    if (memory == NULL) {
        int64_t addr = sys_aspace_map(HANDLE_NONE, start_handle("init-vault"), 0, 0,
                                      INIT_VAULT_BYTES, MAP_READ | MAP_WRITE);
        if (addr < 0) {
            panic("init-test: can't map init's vault: %s", status_name(addr));
        }
        memory = (uint8_t *)addr;
    }
    return memory;
}

static struct points *points(void) {
    return (struct points *)(init_vault() + INIT_VAULT_BYTES - sizeof(struct points));
}

static int64_t ask(handle_t channel) {
    struct bank_total_reply reply;
    return bank_total(channel, &reply, INSTANT_NEVER);
}

// Kills init many times; each time it is asked until it answers.
static void kill_init(duration_t times[KILLS]) {
    for (int i = 0; i < KILLS; i++) {
        handle_t process = find_process("init");
        sleep_for(MICROSECONDS(500 * (i % 5)));
        instant_t start = now();
        CHECK(kill_process(process));
        (void)look("bank");
        times[i] = now() - start;
    }
}

static void check_unchanged(const struct svc_status_reply *before,
                            const struct svc_status_reply *after) {
    CHECK_EQ(after->instance, before->instance);
    CHECK_EQ(after->crashes, before->crashes);
    CHECK_EQ(after->kills, before->kills);
    CHECK_EQ(after->entry.process, before->entry.process);
}

TEST(init_killed_100_times) {
    static duration_t times[KILLS];
    struct svc_status_reply bank = look("bank");
    struct svc_status_reply self = look("init");
    kill_init(times);
    struct svc_status_reply after = look("bank");
    check_unchanged(&bank, &after);
    CHECK_EQ(look("init").instance, self.instance + KILLS);
    figure_times("init answers again", times, KILLS);
}

TEST(init_killed_100_times_under_load) {
    static duration_t times[KILLS];
    static struct load loads[LOAD_THREADS];
    uint64_t calls;
    struct svc_status_reply bank = look("bank");
    struct system_info before = counters_settled();
    load_start(loads);
    kill_init(times);
    CHECK(load_stop(loads, &calls));
    struct svc_status_reply after = look("bank");
    check_unchanged(&bank, &after);
    CHECK(counters_return(&before));
    figure_times("init answers again, under load", times, KILLS);
}

// Kills services while init is killed, too: each kill counts once, and all come back.
TEST(init_killed_while_services_die) {
    static struct load loads[LOAD_THREADS];
    uint64_t state = 1;
    uint64_t calls;
    struct svc_status_reply bank = look("bank");
    struct system_info before = counters_settled();
    load_start(loads);
    for (int i = 0; i < KILLS; i++) {
        handle_t self = find_process("init");
        CHECK(kill_process(find_process("bank")));
        pause_in_steps(MICROSECONDS((duration_t)test_random_below(&state, STORM_GAP_US)));
        CHECK(kill_process(self));
        CHECK_EQ(ask(bank_channel()), OK);
    }
    CHECK(load_stop(loads, &calls));
    struct svc_status_reply after = look("bank");
    CHECK_EQ(after.instance, bank.instance + KILLS);
    CHECK_EQ(after.kills, bank.kills + KILLS);
    CHECK_EQ(after.crashes, bank.crashes);
    CHECK(counters_return(&before));
}

TEST(init_answers_its_own_kill) {
    struct svc_status_reply before = look("init");
    struct svc_kill_request request = {"init", before.instance};
    CHECK_EQ(svc_kill(svc_channel(), &request, INSTANT_NEVER), OK);
    CHECK_EQ(look("init").instance, before.instance + 1);
    CHECK_EQ(svc_kill(svc_channel(), &request, INSTANT_NEVER), OK);
    CHECK_EQ(look("init").instance, before.instance + 1);
}

// ---- between any two steps

// An action with its check: what must hold whether init died on the way or not.
typedef void (*action_t)(void);

static void kill_bank(void) {
    struct svc_status_reply before = look("bank");
    CHECK(kill_process(find_process("bank")));
    CHECK_EQ(ask(bank_channel()), OK);
    CHECK(wait_for_state("bank", SVC_STATE_RUNNING, before.instance, LIMIT));
    struct svc_status_reply after = look("bank");
    CHECK_EQ(after.instance, before.instance + 1);
    CHECK_EQ(after.kills, before.kills + 1);
    CHECK_EQ(after.crashes, before.crashes);
}

static void stop_and_start(void) {
    struct svc_stop_request stop = {"test-spare"};
    struct svc_start_request start = {"test-spare"};
    uint64_t before = look("test-spare").instance;
    CHECK_EQ(svc_stop(svc_channel(), &stop, INSTANT_NEVER), OK);
    CHECK_EQ(svc_start(svc_channel(), &start, INSTANT_NEVER), OK);
    CHECK(wait_for_state("test-spare", SVC_STATE_RUNNING, before, LIMIT));
    CHECK_EQ(look("test-spare").instance, before + 1);
    struct svc_open_request request = {"test-spare"};
    handle_t handle[1];
    REQUIRE_EQ(svc_open(svc_channel(), &request, handle, INSTANT_NEVER), OK);
    CHECK_EQ(ask(handle[0]), OK);
    CHECK_EQ(sys_handle_close(handle[0]), OK);
}

static void crash_once(void) {
    // The second crash of a young service: counted once, and the ladder is at level 1 at most.
    struct svc_status_reply before = look("test-spare");
    handle_t process = find_process("test-spare");
    REQUIRE(process != HANDLE_NONE);
    CHECK_EQ(sys_task_kill(process, 0, KILL_HANG), OK);
    CHECK_EQ(sys_handle_close(process), OK);
    CHECK(wait_for_state("test-spare", SVC_STATE_RUNNING, before.instance, LIMIT));
    struct svc_status_reply after = look("test-spare");
    CHECK_EQ(after.crashes, before.crashes + 1);
    CHECK_EQ(after.instance, before.instance + 1);
    struct svc_stop_request stop = {"test-spare"};
    struct svc_start_request start = {"test-spare"};
    CHECK_EQ(svc_stop(svc_channel(), &stop, INSTANT_NEVER), OK);
    CHECK_EQ(svc_start(svc_channel(), &start, INSTANT_NEVER), OK);
    CHECK(wait_for_state("test-spare", SVC_STATE_RUNNING, after.instance, LIMIT));
}

// Has init die at its n-th point from now. Returns whether the action got that far.
static bool run_armed(action_t action, uint64_t n, uint64_t then, uint64_t deaths) {
    struct points *p = points();
    uint64_t before = p->deaths;
    p->count = 0;
    p->then = then;
    __atomic_store_n(&p->die_at, n, __ATOMIC_RELEASE);
    action();
    __atomic_store_n(&p->die_at, 0, __ATOMIC_RELEASE);
    p->then = 0;
    return p->deaths - before >= deaths;
}

static void die_everywhere(const char *name, action_t action) {
    action();
    struct system_info before = counters_settled();
    uint64_t n = 1;
    while (n < POINTS_MAX && !test_failed() && run_armed(action, n, 0, 1)) {
        n++;
    }
    if (test_failed()) {
        log_printf("     %s: failed at point %lu", name, n);
    }
    // Waiting for the end of the action takes points as well, so the number differs from run to
    // run.
    CHECK(n > 5 && n < POINTS_MAX);
    CHECK(counters_return(&before));
    test_figure("%s: init killed at each of %u points", name, (uint32_t)n - 1);
}

TEST(init_dies_at_each_step_of_a_restart) {
    die_everywhere("a restart", kill_bank);
}

TEST(init_dies_at_each_step_of_a_stop_and_start) {
    die_everywhere("stop and start", stop_and_start);
}

TEST(init_dies_at_each_step_of_a_crash) {
    die_everywhere("a crash", crash_once);
}

// Twice: at a point of the action, and at one of the successor's.
TEST(init_dies_twice) {
    static const action_t actions[] = {kill_bank, stop_and_start};
    uint64_t state = 7;
    uint32_t twice = 0;
    kill_bank();
    stop_and_start();
    struct system_info before = counters_settled();
    for (int i = 0; i < PAIRS && !test_failed(); i++) {
        uint64_t first = 1 + test_random_below(&state, 20);
        uint64_t second = 1 + test_random_below(&state, POINTS_THEN / 5);
        twice += run_armed(actions[i % 2], first, second, 2);
        if (test_failed()) {
            log_printf("     failed at points %lu and %lu", first, second);
        }
    }
    CHECK(counters_return(&before));
    CHECK(twice > 0);
    test_figure("init killed twice in %u of %u actions", twice, PAIRS);
}
