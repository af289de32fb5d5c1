// SPDX-License-Identifier: MIT

#include "ladder.h"

// Notes a crash in the history, newest first.
static void note(struct ladder *ladder, instant_t now) {
    for (int i = LADDER_HISTORY - 1; i > 0; i--) {
        ladder->crashes[i] = ladder->crashes[i - 1];
    }
    ladder->crashes[0] = now;
}

// Whether the last `count` crashes lie within a window that ends with the newest.
static bool within(const struct ladder *ladder, int count, duration_t window) {
    instant_t oldest = ladder->crashes[count - 1];
    return oldest != 0 && ladder->crashes[0] - oldest <= window;
}

static duration_t back_off(uint32_t tries) {
    duration_t delay = LADDER_BACKOFF_FIRST;
    for (uint32_t i = 0; i < tries && delay < LADDER_BACKOFF_MAX; i++) {
        delay *= LADDER_BACKOFF_FACTOR;
    }
    return delay < LADDER_BACKOFF_MAX ? delay : LADDER_BACKOFF_MAX;
}

// The step after a crash; never a lower one than before.
static uint32_t next_step(const struct ladder *ladder) {
    if (ladder->step == LADDER_BACKOFF) {
        return ladder->tries < LADDER_L2_TRIES ? LADDER_BACKOFF : LADDER_EMPTY;
    }
    if (ladder->step > LADDER_BACKOFF) {
        return ladder->step < LADDER_FAILED ? ladder->step + 1 : LADDER_FAILED;
    }
    if (within(ladder, LADDER_L2_CRASHES, LADDER_L2_WINDOW)) {
        return LADDER_BACKOFF;
    }
    if (ladder->step == LADDER_CHECK || within(ladder, LADDER_L1_CRASHES, LADDER_L1_WINDOW)) {
        return LADDER_CHECK;
    }
    return LADDER_RESTART;
}

struct ladder_verdict ladder_crash(struct ladder *ladder, instant_t started, instant_t now) {
    if (now - started >= LADDER_GOOD_LIFE) {
        *ladder = (struct ladder){0};
    }
    note(ladder, now);
    ladder->step = next_step(ladder);
    struct ladder_verdict verdict = {.step = ladder->step};
    if (ladder->step >= LADDER_BACKOFF && ladder->step < LADDER_FAILED) {
        verdict.delay = back_off(ladder->tries++);
    }
    return verdict;
}

uint32_t ladder_level(uint32_t step) {
    return step <= LADDER_EMPTY ? step : step == LADDER_RENEW ? 3 : 4;
}

bool ladder_valid(const struct ladder *ladder) {
    if (ladder->step > LADDER_FAILED || ladder->tries > LADDER_L2_TRIES + 2) {
        return false;
    }
    for (int i = 1; i < LADDER_HISTORY; i++) {
        if (ladder->crashes[i] < 0 || ladder->crashes[i] > ladder->crashes[i - 1]) {
            return false;
        }
    }
    return true;
}
