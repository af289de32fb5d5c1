// SPDX-License-Identifier: MIT
//
// Services that are killed, frozen, that loop, and that crash at each start.

#include "support.h"

#include <proto/bank_client.h>
#include <proto/svc_client.h>
#include <sys/calls.h>
#include <sys/start.h>
#include <sys/string.h>

#define KILLS 100
#define FREEZES 5
#define LIMIT SECONDS(5)
#define HANG_LIMIT MILLISECONDS(1500)
#define LADDER_LIMIT SECONDS(60)
#define LADDER_CRASHES 9 // see servers/init/ladder.h

static int64_t ask(handle_t channel) {
    struct bank_total_reply reply;
    return bank_total(channel, &reply, INSTANT_NEVER);
}

// Kills the bank many times; each time it is asked until it answers.
static void kill_bank(duration_t times[KILLS]) {
    for (int i = 0; i < KILLS; i++) {
        handle_t process = find_process("bank");
        sleep_for(MICROSECONDS(300 * (i % 7)));
        instant_t start = now();
        CHECK(kill_process(process));
        CHECK_EQ(ask(bank_channel()), OK);
        times[i] = now() - start;
    }
}

TEST(init_service_killed_100_times) {
    static duration_t times[KILLS];
    struct svc_status_reply before = look("bank");
    kill_bank(times);
    struct svc_status_reply after = look("bank");
    CHECK_EQ(after.instance, before.instance + KILLS);
    CHECK_EQ(after.kills, before.kills + KILLS);
    figure_times("a killed service answers again", times, KILLS);
}

TEST(init_service_killed_100_times_under_load) {
    static duration_t times[KILLS];
    static struct load loads[LOAD_THREADS];
    struct svc_status_reply before = look("bank");
    uint64_t calls;
    load_start(loads);
    kill_bank(times);
    CHECK(load_stop(loads, &calls));
    struct svc_status_reply after = look("bank");
    CHECK_EQ(after.entry.state, SVC_STATE_RUNNING);
    CHECK_EQ(after.entry.level, 0);
    CHECK_EQ(after.instance, before.instance + KILLS);
    CHECK_EQ(after.kills, before.kills + KILLS);
    CHECK_EQ(after.crashes, before.crashes);
    figure_times("a killed service answers again, under load", times, KILLS);
    test_figure("calls that clients made meanwhile: %u", (uint32_t)calls);
}

TEST(init_frozen_service_is_replaced) {
    static duration_t times[FREEZES];
    struct svc_status_reply before = look("bank");
    for (int i = 0; i < FREEZES; i++) {
        struct svc_freeze_request request = {"bank", look("bank").instance};
        instant_t start = now();
        CHECK_EQ(svc_freeze(svc_channel(), &request, INSTANT_NEVER), OK);
        CHECK_EQ(ask(bank_channel()), OK);
        times[i] = now() - start;
        CHECK(times[i] <= HANG_LIMIT);
    }
    struct svc_status_reply after = look("bank");
    CHECK_EQ(after.hangs, before.hangs + FREEZES);
    CHECK_EQ(after.crashes, before.crashes); // ordered: it does not climb
    CHECK_EQ(after.entry.level, 0);
    figure_times("a frozen service answers again", times, FREEZES);
}

// A bank that hangs in its third call. Returns how long it was gone.
static duration_t provoke_hang(const char *name) {
    handle_t channel = start_handle(name);
    CHECK_EQ(ask(channel), OK);
    CHECK_EQ(ask(channel), OK);
    struct svc_status_reply before = look(name);
    instant_t start = now();
    CHECK_EQ(ask(channel), OK);
    duration_t gone = now() - start;
    struct svc_status_reply after = look(name);
    CHECK_EQ(after.hangs, before.hangs + 1);
    CHECK_EQ(after.crashes, before.crashes + 1);
    CHECK_EQ(after.last_cause, EXIT_HANG);
    CHECK(gone <= HANG_LIMIT);
    return gone;
}

TEST(init_looping_service_is_replaced) {
    duration_t gone = provoke_hang("test-loop");
    test_figure("a looping service answers again: %u ms", (uint32_t)(gone / MILLISECONDS(1)));
}

TEST(init_sleeping_service_is_replaced) {
    duration_t gone = provoke_hang("test-sleep");
    test_figure("a sleeping service answers again: %u ms", (uint32_t)(gone / MILLISECONDS(1)));
}

TEST(init_idle_service_is_left_alone) {
    struct svc_status_reply before = look("test-spare");
    sleep_for(SECONDS(3));
    struct svc_status_reply after = look("test-spare");
    CHECK_EQ(after.instance, before.instance);
    CHECK_EQ(after.hangs, before.hangs);
}

TEST(init_crashing_service_climbs_the_ladder) {
    static struct load loads[LOAD_THREADS];
    struct svc_start_request request = {"test-faulty"};
    struct svc_status_reply bank = look("bank");
    uint64_t calls;
    load_start(loads);
    instant_t start = now();
    REQUIRE_EQ(svc_start(svc_channel(), &request, INSTANT_NEVER), OK);
    CHECK(wait_for_state("test-faulty", SVC_STATE_FAILED, 0, LADDER_LIMIT));
    duration_t took = now() - start;
    CHECK(load_stop(loads, &calls));
    struct svc_status_reply faulty = look("test-faulty");
    CHECK_EQ(faulty.entry.level, 4);
    CHECK_EQ(faulty.crashes, LADDER_CRASHES);
    CHECK_EQ(faulty.last_cause, EXIT_FAULT);
    CHECK_EQ(faulty.entry.process, 0);
    CHECK(took > SECONDS(18) && took < SECONDS(30));
    CHECK_EQ(look("bank").instance, bank.instance);
    // It stays down until it is started, and begins at the bottom then.
    sleep_for(MILLISECONDS(300));
    CHECK_EQ(look("test-faulty").instance, faulty.instance);
    REQUIRE_EQ(svc_start(svc_channel(), &request, INSTANT_NEVER), OK);
    sleep_for(MILLISECONDS(300));
    CHECK(look("test-faulty").entry.level < 4);
    CHECK(look("test-faulty").instance > faulty.instance);
    struct svc_stop_request stop = {"test-faulty"};
    CHECK_EQ(svc_stop(svc_channel(), &stop, INSTANT_NEVER), OK);
    test_figure("from the first crash to the end of the ladder: %u ms",
                (uint32_t)(took / MILLISECONDS(1)));
}

TEST(init_one_shot_service_is_done) {
    struct svc_start_request request = {"test-once"};
    REQUIRE_EQ(svc_start(svc_channel(), &request, INSTANT_NEVER), OK);
    CHECK(wait_for_state("test-once", SVC_STATE_DONE, 0, LIMIT));
    CHECK_EQ(look("test-once").instance, 1);
    CHECK_EQ(look("test-once").entry.restarts, 0);
}
