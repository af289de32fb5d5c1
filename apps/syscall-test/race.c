// SPDX-License-Identifier: MIT

#include "races.h"

struct racer {
    struct race *race;
    race_step_t *step;
    uint64_t random;
};

static int64_t racer_main(void *argument) {
    struct racer *racer = argument;
    for (uint64_t i = 0; i < racer->race->rounds; i++) {
        racer->step(racer->race, &racer->random);
    }
    return 0;
}

void race_run(struct race *race, uint64_t seed) {
    struct racer racers[RACE_THREADS_MAX];
    struct task tasks[RACE_THREADS_MAX];
    for (uint32_t i = 0; i < race->thread_count; i++) {
        racers[i] = (struct racer){.race = race, .step = race->steps[i], .random = seed + i * 77};
        task_start(&tasks[i], racer_main, &racers[i]);
    }
    for (uint32_t i = 0; i < race->thread_count; i++) {
        (void)task_join(&tasks[i]); // some races kill their threads
    }
}

uint64_t race_batches(uint64_t rounds, uint64_t share) {
    uint64_t batches = suite.rounds * share / 100 / rounds;
    return batches > 0 ? batches : 1;
}

uint64_t race_seed(uint64_t race_number, uint64_t batch) {
    uint64_t state = suite.seed ^ race_number << 32 ^ batch;
    return test_random(&state);
}
