// SPDX-License-Identifier: MIT
//
// procd killed: in a storm, at every point of a script, and twice.

#include <inttypes.h>
#include <stdio.h>

#include "cases.h"
#include "linux.h"
#include "log.h"

#define KILLS_A_WORLD 200
#define KILL_OUTSIDE 1500 // one step in so many
#define KILL_PROCESS 2000
#define INTERRUPT 300
#define CALM_CALLS 300 // after the last kill
#define STORM_SHARE 2  // kills and pairs: one of so many
#define SECOND_DEATH 3000
#define SCRIPT_ROOTS 3
#define SCRIPT_ROUNDS 12

// Runs until all processes have ended.
static void finish(void) {
    while (world_step()) {
        if (sim.steps % 16 == 0 && linux_watch() == 0) {
            break;
        }
    }
    if (world_settle()) {
        world_check_flat();
    }
}

static uint64_t storm_world(const struct options *options, uint64_t seed, uint64_t kills) {
    linux_begin();
    world_create_procd(seed);
    world_ready();
    linux_start(0, SCRIPT_ROUNDS);
    world.storm = true;
    sim.trace = options->verbose;
    while (world.kills < kills && world_step()) {
        if (sim_random(KILL_OUTSIDE) == 0) {
            world_kill(PROCD, EXIT_KILLED);
        }
        if (sim_random(KILL_PROCESS) == 0) {
            linux_kill_one();
        }
        if (sim_random(INTERRUPT) == 0) {
            linux_interrupt_one();
        }
        if (sim.steps % 16 == 0) {
            (void)linux_watch();
        }
    }
    world.storm = false;
    uint64_t until = linux_calls() + CALM_CALLS;
    while (linux_calls() < until && world_step()) {
        if (sim.steps % 16 == 0) {
            (void)linux_watch();
        }
    }
    linux_stop();
    finish();
    return world.kills;
}

bool procd_storm_run(const struct options *options) {
    uint64_t done = 0, answered = 0, worlds = 0, wanted = options->kills / STORM_SHARE;
    char failure[400] = "";
    while (done < wanted && failure[0] == '\0') {
        uint64_t seed = options->seed + worlds++;
        uint64_t left = wanted - done;
        done += storm_world(options, seed, left < KILLS_A_WORLD ? left : KILLS_A_WORLD);
        answered += linux_calls();
        if (world_failed()) {
            snprintf(failure, sizeof(failure), "seed %" PRIu64 ": %s", seed, world.failure);
            sim_log_show();
        }
        linux_end();
        world_end();
    }
    printf("# procd-storm: %" PRIu64 " kills in %" PRIu64 " worlds, %" PRIu64 " calls answered\n",
           done, worlds, answered);
    return case_report("procd-storm", failure);
}

// Plays the script with deaths at these points. Returns the points that procd passed; on failure
// `failure` says why.
static uint64_t script_run(const struct options *options, const uint64_t *deaths, uint32_t count,
                           enum exit_cause cause, char *failure, size_t size) {
    linux_begin();
    world_create_procd(options->script);
    world_ready();
    for (uint32_t i = 0; i < count; i++) {
        world_plan(PROCD, deaths[i], cause);
    }
    sim.trace = options->verbose;
    linux_start(SCRIPT_ROOTS, SCRIPT_ROUNDS);
    finish();
    if (world_failed()) {
        snprintf(failure, size, "deaths %" PRIu64 ", %" PRIu64 ": %s", count > 0 ? deaths[0] : 0,
                 count > 1 ? deaths[1] : 0, world.failure);
        sim_log_show();
    }
    uint64_t points = world.services[PROCD].points;
    linux_end();
    world_end();
    return points;
}

bool procd_exhaustive_run(const struct options *options) {
    char failure[400] = "";
    uint64_t runs = 0;
    uint64_t points = script_run(options, NULL, 0, EXIT_KILLED, failure, sizeof(failure));
    for (uint64_t n = 1; n <= points && failure[0] == '\0'; n += options->stride) {
        // Killed at one, a fault at the next.
        (void)script_run(options, &n, 1, runs % 2 == 0 ? EXIT_KILLED : EXIT_FAULT, failure,
                         sizeof(failure));
        runs++;
    }
    printf("# procd-exhaustive: %" PRIu64 " runs, one at each of %" PRIu64 " points\n", runs,
           points);
    return case_report("procd-exhaustive", failure);
}

bool procd_pairs_run(const struct options *options) {
    char failure[400] = "";
    uint64_t state = options->seed;
    uint64_t wanted = options->pairs / STORM_SHARE;
    uint64_t points = script_run(options, NULL, 0, EXIT_KILLED, failure, sizeof(failure));
    for (uint64_t run = 0; run < wanted && failure[0] == '\0'; run++) {
        sim.random = state;
        uint64_t deaths[2] = {1 + sim_random(points),
                              1 + sim_random(sim_random(2) == 0 ? 100 : SECOND_DEATH)};
        state = sim.random;
        (void)script_run(options, deaths, 2, EXIT_KILLED, failure, sizeof(failure));
    }
    printf("# procd-pairs: %" PRIu64 " of deaths\n", wanted);
    return case_report("procd-pairs", failure);
}
