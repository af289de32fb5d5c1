// SPDX-License-Identifier: MIT
//
// The failure ladder: how a service that has just crashed is started again. Only faults, hangs and
// exits that nobody ordered climb it; a service that was killed or frozen on purpose comes back as
// if nothing had happened. Pure functions on a small record, which init keeps in its vault.
//
//   L0 with its vault, at once                  the first crash
//   L1 the same, after a full check             two crashes in 5 s
//   L2 the same, after a back-off               four in 30 s; 0.1 s, 0.4 s, 1.6 s
//   L3 with an empty vault, channels kept       when that did not help (back-off 6.4 s),
//      then with everything new                 once more (back-off 10 s): clients see PEER_CLOSED
//   L4 not at all                               it stays down
//
// A service that has lived for LADDER_GOOD_LIFE stands at the bottom again.
#pragma once

#include <abi/types.h>
#include <stdbool.h>

#define LADDER_L1_CRASHES 2
#define LADDER_L1_WINDOW SECONDS(5)
#define LADDER_L2_CRASHES 4
#define LADDER_L2_WINDOW SECONDS(30)
#define LADDER_L2_TRIES 3
#define LADDER_BACKOFF_FIRST MILLISECONDS(100)
#define LADDER_BACKOFF_FACTOR 4
#define LADDER_BACKOFF_MAX SECONDS(10)
#define LADDER_GOOD_LIFE SECONDS(60)
#define LADDER_HISTORY LADDER_L2_CRASHES

enum ladder_step {
    LADDER_RESTART = 0, // L0
    LADDER_CHECK = 1,   // L1: check the whole vault
    LADDER_BACKOFF = 2, // L2: the same, later
    LADDER_EMPTY = 3,   // L3: throw its state away, keep its channels
    LADDER_RENEW = 4,   // L3: throw everything away
    LADDER_FAILED = 5,  // L4
};

// Zeroed memory is the bottom of the ladder.
struct ladder {
    uint32_t step;                     // enum ladder_step
    uint32_t tries;                    // back-offs so far
    instant_t crashes[LADDER_HISTORY]; // when the last ones were, newest first; 0: none
};

struct ladder_verdict {
    uint32_t step; // enum ladder_step
    duration_t delay;
};

// Climbs: the service crashed at `now`, in an instance that ran since `started`. Times are above 0.
struct ladder_verdict ladder_crash(struct ladder *ladder, instant_t started, instant_t now);
// The level, 0 to 4, of a step.
uint32_t ladder_level(uint32_t step);
// Whether a record read from the vault can be one.
bool ladder_valid(const struct ladder *ladder);
