// SPDX-License-Identifier: MIT
//
// Races: several threads do random things to the same objects. A race runs in short batches; each
// batch makes its objects anew, starts its threads, and checks afterwards that nothing is left
// over.
#pragma once

#include "suite.h"

#define RACE_THREADS_MAX 8

struct race;

// One step of a thread, with its own random state.
typedef void race_step_t(struct race *race, uint64_t *random);

struct race {
    void *context;
    uint32_t thread_count;
    race_step_t *steps[RACE_THREADS_MAX];
    uint64_t rounds; // steps of each thread
};

// Runs all threads to their end. `seed` makes the random states.
void race_run(struct race *race, uint64_t seed);
// How many batches of `rounds` rounds make `share` hundredths of all rounds; at least one.
uint64_t race_batches(uint64_t rounds, uint64_t share);
// A new seed for each batch, made from the program's.
uint64_t race_seed(uint64_t race_number, uint64_t batch);
