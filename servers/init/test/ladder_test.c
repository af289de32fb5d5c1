// SPDX-License-Identifier: MIT
//
// The failure ladder: the climb, the windows, and the way back.
// host-sources: servers/init/ladder.c lib/test/test.c lib/test/test/host_main.c
#include "../ladder.h"

#include <test/host.h>
#include <test/test.h>

#define MS(n) MILLISECONDS(n)

// One crash `gap` after the last; the instance lived for `life`.
static struct ladder_verdict crash(struct ladder *ladder, instant_t *now, duration_t gap,
                                   duration_t life) {
    *now += gap;
    struct ladder_verdict verdict = ladder_crash(ladder, *now - life, *now);
    CHECK(ladder_valid(ladder));
    return verdict;
}

TEST(ladder_climbs_to_the_end) {
    static const struct ladder_verdict wanted[] = {
        {LADDER_RESTART, 0},       {LADDER_CHECK, 0},         {LADDER_CHECK, 0},
        {LADDER_BACKOFF, MS(100)}, {LADDER_BACKOFF, MS(400)}, {LADDER_BACKOFF, MS(1600)},
        {LADDER_EMPTY, MS(6400)},  {LADDER_RENEW, MS(10000)}, {LADDER_FAILED, 0},
        {LADDER_FAILED, 0},
    };
    struct ladder ladder = {0};
    instant_t now = SECONDS(1);
    duration_t delay = 0;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        struct ladder_verdict verdict = crash(&ladder, &now, delay + MS(10), MS(10));
        CHECK_EQ(verdict.step, wanted[i].step);
        CHECK_EQ(verdict.delay, wanted[i].delay);
        delay = verdict.delay;
    }
}

TEST(ladder_forgives_rare_crashes) {
    struct ladder ladder = {0};
    instant_t now = SECONDS(1);
    for (int i = 0; i < 100; i++) {
        CHECK_EQ(crash(&ladder, &now, SECONDS(12), SECONDS(12)).step, LADDER_RESTART);
    }
}

TEST(ladder_windows_are_exact) {
    struct ladder ladder = {0};
    instant_t now = SECONDS(100);
    CHECK_EQ(crash(&ladder, &now, 0, MS(1)).step, LADDER_RESTART);
    CHECK_EQ(crash(&ladder, &now, LADDER_L1_WINDOW + 1, MS(1)).step, LADDER_RESTART);
    CHECK_EQ(crash(&ladder, &now, LADDER_L1_WINDOW, MS(1)).step, LADDER_CHECK);
    // Four in 30 s, the fourth at the border.
    CHECK_EQ(crash(&ladder, &now, LADDER_L2_WINDOW - 2 * LADDER_L1_WINDOW - 1, MS(1)).step,
             LADDER_BACKOFF);
}

TEST(ladder_starts_over_after_a_good_life) {
    struct ladder ladder = {0};
    instant_t now = SECONDS(1);
    for (int i = 0; i < 8; i++) {
        crash(&ladder, &now, MS(10), MS(5));
    }
    CHECK_EQ(ladder_level(ladder.step), 3);
    struct ladder_verdict verdict = crash(&ladder, &now, LADDER_GOOD_LIFE, LADDER_GOOD_LIFE);
    CHECK_EQ(verdict.step, LADDER_RESTART);
    CHECK(verdict.delay == 0 && ladder.tries == 0);
    // A moment less is no good life.
    for (int i = 0; i < 5; i++) {
        crash(&ladder, &now, MS(10), MS(5));
    }
    uint32_t before = ladder.step;
    CHECK(crash(&ladder, &now, LADDER_GOOD_LIFE - 1, LADDER_GOOD_LIFE - 1).step >= before);
}

TEST(ladder_never_goes_down_by_itself) {
    uint64_t state = test_seed();
    for (int round = 0; round < 2000; round++) {
        struct ladder ladder = {0};
        instant_t now = SECONDS(1);
        uint32_t before = 0;
        for (int i = 0; i < 20; i++) {
            duration_t gap = (duration_t)test_random_below(&state, SECONDS(20));
            struct ladder_verdict verdict = crash(&ladder, &now, gap, gap);
            CHECK(verdict.step >= before && verdict.step <= before + 2);
            CHECK(verdict.delay <= LADDER_BACKOFF_MAX);
            before = verdict.step;
        }
    }
}

TEST(ladder_levels_have_their_numbers) {
    static const uint32_t wanted[] = {0, 1, 2, 3, 3, 4};
    for (uint32_t step = 0; step <= LADDER_FAILED; step++) {
        CHECK_EQ(ladder_level(step), wanted[step]);
    }
}

TEST(ladder_refuses_wrong_records) {
    struct ladder ladder = {.step = LADDER_FAILED + 1};
    CHECK(!ladder_valid(&ladder));
    ladder = (struct ladder){.tries = 6};
    CHECK(!ladder_valid(&ladder));
    ladder = (struct ladder){.crashes = {5, 6}};
    CHECK(!ladder_valid(&ladder));
    ladder = (struct ladder){.crashes = {5, -1}};
    CHECK(!ladder_valid(&ladder));
    ladder = (struct ladder){.crashes = {6, 5, 5, 0}};
    CHECK(ladder_valid(&ladder));
}
