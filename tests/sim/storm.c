// SPDX-License-Identifier: MIT
//
// Many short worlds, each with its own seed: clients of all kinds, services that die at random
// points, and now and then a client that is killed or interrupted. A world ends when enough kills
// have happened; then everybody finishes, and everything must add up.

#include <inttypes.h>
#include <stdio.h>

#include "cases.h"
#include "clients.h"
#include "log.h"

#define KILLS_A_WORLD 200
#define KILL_OUTSIDE 1500 // one step in so many
#define KILL_CLIENT 3000
#define INTERRUPT 300
#define CALM_CALLS 300 // after the last kill: whoever waits must be served without a restart

static void disturb(void) {
    if (sim_random(KILL_OUTSIDE) == 0) {
        world_kill((enum service_id)sim_random(SERVICES), EXIT_KILLED);
    }
    if (sim_random(INTERRUPT) == 0) {
        client_interrupt(&clients[sim_random(CLIENTS_MAX)]);
    }
    if (sim_random(KILL_CLIENT) == 0) {
        struct client *victim = &clients[sim_random(CLIENTS_MAX)];
        enum role role = victim->role;
        if (victim->process != NULL && !victim->process->dead) {
            client_kill(victim);
            (void)clients_watch();
            client_start(role, 0);
        }
    }
}

// One world. Returns the kills that happened in it.
static uint64_t storm_world(const struct options *options, uint64_t seed, uint64_t kills) {
    clients_begin();
    world_begin(seed);
    for (uint32_t i = 0; i < 12; i++) {
        client_start((enum role)(i % ROLES), 0);
    }
    world.storm = true;
    sim.trace = options->verbose;
    while (world.kills < kills && world_step()) {
        disturb();
        if (sim.steps % 64 == 0) {
            (void)clients_watch();
        }
    }
    world.storm = false;
    uint64_t until = clients_calls() + CALM_CALLS;
    while (world_step()) {
        if (clients_calls() >= until) {
            clients_stop();
        }
        if (sim.steps % 64 == 0 && clients_watch() == 0) {
            break;
        }
    }
    if (world_settle()) {
        clients_check();
        world_check_flat();
    }
    return world.kills;
}

bool storm_run(const struct options *options) {
    uint64_t done = 0, answered = 0, worlds = 0;
    char failure[400] = "";
    while (done < options->kills && failure[0] == '\0') {
        uint64_t seed = options->seed + worlds++;
        uint64_t left = options->kills - done;
        done += storm_world(options, seed, left < KILLS_A_WORLD ? left : KILLS_A_WORLD);
        answered += clients_calls();
        if (world_failed()) {
            snprintf(failure, sizeof(failure), "seed %" PRIu64 ": %s", seed, world.failure);
            sim_log_show();
        }
        world_end();
    }
    printf("# storm: %" PRIu64 " kills in %" PRIu64 " worlds, %" PRIu64 " calls answered\n", done,
           worlds, answered);
    return case_report("storm", failure);
}
