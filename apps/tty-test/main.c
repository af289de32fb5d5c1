// SPDX-License-Identifier: MIT
//
// ttyd in the guest: what it does, and that nobody notices when it dies. It stands on a bench
// (bench.h) that plays the serial driver, procd and the processes.
//
//   tty-test [PART...]    the tests whose names hold one of the parts, all without
//
//   rounds=N     the script is played so often (default 1)
//   stages=5     deaths at each stage of each message, not at two
//   kills=N      at random (default 300)
//   restarts=N   after which nothing may have leaked (default 1000)

#include <abi/terminal.h>
#include <heal/pause.h>
#include <heal/program.h>
#include <heal/scenario.h>
#include <proto/tty_client.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/string.h>
#include <sys/thread.h>

#include "bench.h"
#include "load.h"
#include "peers.h"
#include "script.h"
#include "terminal.h"

#define DEFAULT_KILLS 300
#define RESTARTS 1000
#define SAMPLES 100
#define PERIOD 10
#define VAULT_BYTES (512UL * 1024)

static struct scenario script(void) {
    return (struct scenario){
        .service = TTYD,
        .stages = STAGES_ALL,
        .acts = acts,
        .act_count = act_count,
        .rounds = (uint32_t)start_number("rounds", 1),
    };
}

static bool all_stages(void) {
    return start_number("stages", 0) == HEAL_STAGES;
}

TEST(tty_script) {
    const struct scenario all = script();
    test_figure("the script is %u messages", scenario_play(&all));
}

// ---- what the session does not show

static void take_time(void) {
    handle_t master, slave;
    char got[16];
    pair_open(&master, &slave);
    struct tty_settings raw = settings_raw(terminal_settings(slave), 0, 2);
    CHECK_EQ(terminal_set(slave, &raw, TTY_SET_NOW), OK);
    instant_t start = now();
    CHECK_EQ(terminal_read(slave, got, sizeof(got), 0), 0);
    CHECK(now() - start >= MILLISECONDS(200) && now() - start < MILLISECONDS(1500));
    // With MIN the time begins at the first character.
    raw.cc[CC_MIN] = 5;
    CHECK_EQ(terminal_set(slave, &raw, TTY_SET_NOW), OK);
    CHECK_EQ(terminal_write(master, "ab", 2), 2);
    start = now();
    CHECK_EQ(terminal_read(slave, got, sizeof(got), 0), 2);
    CHECK(now() - start >= MILLISECONDS(150));
    CHECK_EQ(terminal_write(master, "abcdefg", 7), 7);
    CHECK_EQ(terminal_read(slave, got, 5, 0), 5);
    CHECK_EQ(terminal_read(slave, got, 1, 0), 1);
    terminal_close(slave);
    terminal_close(master);
}

TEST(tty_read_waits_as_min_and_time_say) {
    take_time();
}

static bool wait_signals(handle_t terminal, uint32_t wanted, uint32_t unwanted) {
    for (int i = 0; i < 2000; i++) {
        int64_t bits = sys_object_wait(terminal, wanted | unwanted, 0, 0);
        uint32_t seen = bits < 0 ? 0 : (uint32_t)bits;
        if ((seen & wanted) == wanted && (seen & unwanted) == 0) {
            return true;
        }
        sleep_for(MICROSECONDS(500));
    }
    return false;
}

TEST(tty_readiness_is_seen_without_a_call) {
    handle_t master, slave;
    pair_open(&master, &slave);
    CHECK(wait_signals(slave, TTY_SIGNAL_WRITABLE, TTY_SIGNAL_READABLE));
    CHECK(wait_signals(master, TTY_SIGNAL_WRITABLE, TTY_SIGNAL_READABLE));
    CHECK_EQ(terminal_write(master, "half", 4), 4);
    CHECK(wait_signals(slave, TTY_SIGNAL_WRITABLE, TTY_SIGNAL_READABLE));
    CHECK(wait_signals(master, TTY_SIGNAL_READABLE, 0));
    CHECK_EQ(terminal_write(master, "\r", 1), 1);
    CHECK(wait_signals(slave, TTY_SIGNAL_READABLE | TTY_SIGNAL_WRITABLE, 0));
    service_restart(TTYD);
    CHECK(wait_signals(slave, TTY_SIGNAL_READABLE | TTY_SIGNAL_WRITABLE, TTY_SIGNAL_HUNG_UP));
    terminal_close(master);
    CHECK(wait_signals(slave, TTY_SIGNAL_READABLE | TTY_SIGNAL_HUNG_UP, 0));
    char got[8];
    CHECK_EQ(terminal_read(slave, got, sizeof(got), 0), 0);
    CHECK_EQ(terminal_write_some(slave, "x", 1, 0), ERR_IO);
    terminal_close(slave);
}

static void leader_dies(void) {
    handle_t console, other;
    int32_t group, session;
    char got[8];
    process_be(PROCESS_NONE);
    CHECK_EQ(terminal_open(DEVICE_CONSOLE, READ_WRITE, &other), OK);
    process_be(PROCESS_LEADER);
    CHECK_EQ(terminal_open(DEVICE_CONTROLLING, READ_WRITE, &console), ERR_NOT_FOUND);
    CHECK_EQ(terminal_open(DEVICE_SERIAL, READ_WRITE, &console), OK);
    CHECK_EQ(terminal_control(console, &group, &session), OK);
    CHECK_EQ(session, PID_LEADER);
    CHECK_EQ(terminal_set_group(console, PID_JOB, 0), OK);
    process_be(PROCESS_NONE);
    signals_forget();
    process_end(PROCESS_LEADER);
    CHECK(signals_wait(3));
    CHECK_EQ(signals_at(0).target, -PID_LEADER);
    CHECK_EQ(signals_at(0).number, 1);
    CHECK_EQ(signals_at(2).target, PID_JOB);
    CHECK_EQ(signals_at(2).number, 1);
    CHECK_EQ(terminal_read(other, got, sizeof(got), 0), 0);
    process_begin(PROCESS_LEADER);
    terminal_close(console);
    terminal_close(other);
}

TEST(tty_hangs_up_when_the_leader_ends) {
    user_run(leader_dies);
}

static void flow(void) {
    handle_t console;
    char got[64];
    CHECK_EQ(terminal_open(DEVICE_CONSOLE, READ_WRITE, &console), OK);
    line_type("\x13", 1);
    while (terminal_write_some(console, "x", 1, TTY_IO_NO_WAIT) == 1) {
        CHECK_EQ(line_expect(got, 1), 1);
    }
    line_type("\x11", 1);
    CHECK_EQ(terminal_write(console, "again", 5), 5);
    CHECK_EQ(line_expect(got, 5), 5);
    CHECK(memcmp(got, "again", 5) == 0);
    // The line is full: what does not fit waits.
    static char page[8192];
    memset(page, 'p', sizeof(page));
    int64_t count = 0, total = 0;
    while ((count = terminal_write_some(console, page, sizeof(page), TTY_IO_NO_WAIT)) > 0) {
        total += count;
    }
    CHECK_EQ(count, ERR_WOULD_BLOCK);
    struct tty_available_reply available = {0};
    CHECK_EQ(tty_available(console, &available, INSTANT_NEVER), OK);
    CHECK_EQ(available.output, total);
    while (total > 0) {
        size_t taken =
            line_expect(page, (size_t)total < sizeof(page) ? (size_t)total : sizeof(page));
        total -= (int64_t)taken;
        CHECK(taken != 0);
        if (taken == 0) {
            break;
        }
    }
    const struct tty_drain_request drain = {0};
    CHECK_EQ(tty_drain(console, &drain, INSTANT_NEVER), OK);
    terminal_close(console);
}

TEST(tty_flow_of_output) {
    flow();
}

// ---- at the n-th message, for each n

TEST(tty_dies_at_nth_message) {
    const struct scenario all = script();
    scenario_die_alone(&all, all_stages());
}

TEST(tty_dies_often) {
    const struct scenario all = script();
    scenario_die_often(&all, PERIOD, all_stages());
}

// ---- at random

TEST(tty_random_kills_under_load) {
    uint32_t kills = (uint32_t)start_number("kills", DEFAULT_KILLS), done = 0;
    uint64_t random = kills;
    load_start();
    instant_t start = now();
    for (uint32_t i = 0; i < kills && !test_failed(); i++) {
        pause_in_steps(MICROSECONDS(test_random_below(&random, 10000)));
        done += service_kill(TTYD, 0);
    }
    duration_t took = now() - start;
    uint64_t bytes = load_finish();
    CHECK(done > kills / 2);
    test_figure("%u random kills in %u ms, %u bytes through consoles and pairs", done,
                (uint32_t)(took / MILLISECONDS(1)), (uint32_t)bytes);
}

TEST(tty_load_undisturbed) {
    instant_t start = now();
    load_start();
    sleep_for(MILLISECONDS(500));
    uint64_t bytes = load_finish();
    test_figure("undisturbed: %u bytes in %u ms", (uint32_t)bytes,
                (uint32_t)((now() - start) / MILLISECONDS(1)));
}

// ---- flat, and quick

TEST(tty_nothing_leaks_in_restarts) {
    const struct scenario all = script();
    (void)scenario_play(&all);
    service_restart(TTYD);
    sleep_for(MILLISECONDS(300));
    struct system_info before = counters_settled();
    uint32_t restarts = (uint32_t)start_number("restarts", RESTARTS);
    for (uint32_t i = 0; i < restarts && !test_failed(); i++) {
        service_restart(TTYD);
        if (i % 100 == 50) {
            (void)scenario_play(&all);
        }
    }
    sleep_for(MILLISECONDS(300));
    CHECK(counters_return(&before));
    test_figure("flat after %u restarts", restarts);
}

TEST(tty_recovery_times) {
    static duration_t times[SAMPLES];
    handle_t master, slave;
    pair_open(&master, &slave);
    for (uint32_t i = 0; i < SAMPLES; i++) {
        char got[8];
        sleep_for(MICROSECONDS(300 * (i % 5)));
        instant_t start = now();
        CHECK(service_kill(TTYD, 0));
        CHECK_EQ(terminal_write(slave, "x", 1), 1);
        CHECK_EQ(terminal_read(master, got, 1, 0), 1);
        times[i] = now() - start;
    }
    terminal_close(slave);
    terminal_close(master);
    figure_times("a byte through a pair after a kill", times, SAMPLES);
}

// ---- the program

int64_t native_main(struct thread_block *block) {
    (void)block;
    peers_start();
    const struct service_plan plan = {
        .name = "ttyd",
        .path = "sbin/ttyd",
        .vault_bytes = VAULT_BYTES,
        .grant_count = 2,
        .grants = {{"uart", peers_uart(), SPAWN_MOVE}, {"proc", peers_proc(), SPAWN_MOVE}},
    };
    services_start(&plan, 1);
    int status = heal_program(0);
    services_stop();
    return status;
}
