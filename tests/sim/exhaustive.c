// SPDX-License-Identifier: MIT
//
// A small script that uses every operation, run again and again in the same world, each time with
// deaths at other points: every word that is stored into a vault and every native call is a point.

#include <inttypes.h>
#include <stdio.h>

#include "cases.h"
#include "clients.h"
#include "log.h"

#define SECOND_DEATH 3000 // points between two deaths, at most

static const char *const names[SERVICES] = {"bank", "queue", "relay"};
static uint64_t script; // its seed

// Starts the clients of the script and lets them finish.
static void script_play(void) {
    client_start(ROLE_BANKER, 14);
    client_start(ROLE_PRODUCER, 8);
    client_start(ROLE_CONSUMER, 1);
    client_start(ROLE_PAYER, 8);
    clients_stop();
    while (world_step()) {
        if (sim.steps % 16 == 0 && clients_watch() == 0) {
            break;
        }
    }
    if (world_settle()) {
        clients_check();
        world_check_flat();
    }
}

// Plays the script in a fresh world with the planned deaths. Returns whether it went well; if not,
// `failure` says why.
static bool script_run(const struct death *deaths, uint32_t count, char *failure, size_t size) {
    clients_begin();
    world_begin(script);
    for (uint32_t i = 0; i < count; i++) {
        world_plan(deaths[i].service, deaths[i].countdown, deaths[i].cause);
    }
    script_play();
    bool good = !world_failed();
    if (!good) {
        int at = snprintf(failure, size, "deaths");
        for (uint32_t i = 0; i < count; i++) {
            at += snprintf(failure + at, size - (size_t)at, " %s:%" PRIu64,
                           names[deaths[i].service], deaths[i].countdown);
        }
        snprintf(failure + at, size - (size_t)at, ": %s", world.failure);
        sim_log_show();
    }
    return good;
}

// Points that each service passes in the script when nobody dies.
static bool script_points(uint64_t points[SERVICES], char *failure, size_t size) {
    bool good = script_run(NULL, 0, failure, size);
    for (uint32_t i = 0; i < SERVICES; i++) {
        points[i] = world.services[i].points;
    }
    world_end();
    return good;
}

bool exhaustive_run(const struct options *options) {
    script = options->script;
    static const enum exit_cause causes[] = {EXIT_KILLED, EXIT_FAULT};
    char failure[400] = "";
    uint64_t points[SERVICES], runs = 0;
    bool good = script_points(points, failure, sizeof(failure));
    for (uint32_t c = 0; c < 2; c++) {
        for (uint32_t i = 0; i < SERVICES; i++) {
            for (uint64_t n = 1; n <= points[i] && good; n += options->stride) {
                struct death death = {(enum service_id)i, n, causes[c]};
                good = script_run(&death, 1, failure, sizeof(failure));
                world_end();
                runs++;
            }
        }
    }
    printf("# exhaustive: %" PRIu64 " runs; points: bank %" PRIu64 ", queue %" PRIu64
           ", relay %" PRIu64 "\n",
           runs, points[BANK], points[QUEUE], points[RELAY]);
    return case_report("exhaustive", failure);
}

bool pairs_run(const struct options *options) {
    script = options->script;
    char failure[400] = "";
    uint64_t points[SERVICES];
    uint64_t state = options->seed;
    bool good = script_points(points, failure, sizeof(failure));
    for (uint64_t run = 0; run < options->pairs && good; run++) {
        struct death deaths[2];
        sim.random = state;
        deaths[0].service = (enum service_id)sim_random(SERVICES);
        deaths[0].countdown = 1 + sim_random(points[deaths[0].service]);
        deaths[0].cause = EXIT_KILLED;
        deaths[1].service = (enum service_id)sim_random(SERVICES);
        deaths[1].countdown = 1 + sim_random(sim_random(2) == 0 ? 100 : SECOND_DEATH);
        deaths[1].cause = EXIT_KILLED;
        state = sim.random;
        good = script_run(deaths, 2, failure, sizeof(failure));
        world_end();
    }
    printf("# pairs: %" PRIu64 " of deaths\n", options->pairs);
    return case_report("pairs", failure);
}

// A world in which a service dies while it makes its vault. Returns the points of the first start.
static uint64_t first_start(enum service_id service, uint64_t countdown) {
    clients_begin();
    world_create(script);
    if (countdown != 0) {
        world_plan(service, countdown, EXIT_KILLED);
    }
    (void)world_settle();
    uint64_t points = world.services[service].points;
    for (uint32_t i = 0; i < SERVICES; i++) {
        world.services[i].baseline = world.services[i].process->table->used;
    }
    script_play();
    return points;
}

bool first_start_run(const struct options *options) {
    script = options->script;
    char failure[400] = "";
    uint64_t runs = 0;
    for (uint32_t i = 0; i < SERVICES && failure[0] == '\0'; i++) {
        uint64_t points = first_start((enum service_id)i, 0);
        world_end();
        for (uint64_t n = 1; n <= points && failure[0] == '\0'; n += options->stride) {
            (void)first_start((enum service_id)i, n);
            if (world_failed()) {
                snprintf(failure, sizeof(failure), "%s dies at %" PRIu64 ": %s", names[i], n,
                         world.failure);
                sim_log_show();
            }
            world_end();
            runs++;
        }
    }
    printf("# first-start: %" PRIu64 " deaths\n", runs);
    return case_report("first-start", failure);
}

bool hooks_run(const struct options *options) {
    static const char *const stages[] = {"taken", "mid-step", "before-commit", "after-commit",
                                         "after-reply"};
    static const char *const hows[] = {"exit", "fault"};
    char failure[400] = "", argument[64];
    uint64_t runs = 0, deaths = 0;
    script = options->script;
    for (uint32_t run = 0; run < SERVICES * 5 * 2 * 12 && failure[0] == '\0'; run++) {
        enum service_id service = (enum service_id)(run % SERVICES);
        const char *stage = stages[run / SERVICES % 5];
        const char *how = hows[run / SERVICES / 5 % 2];
        clients_begin();
        world_begin(script);
        snprintf(argument, sizeof(argument), "die-at=%u:%s", 1 + run / SERVICES / 5 / 2, stage);
        world_argument(service, argument);
        snprintf(argument, sizeof(argument), "die-how=%s", how);
        world_argument(service, argument);
        // Arguments count from the next start on.
        world_kill(service, EXIT_KILLED);
        script_play();
        deaths += world.services[service].deaths - 1;
        if (world_failed()) {
            snprintf(failure, sizeof(failure), "%s, %s: %s", names[service], argument,
                     world.failure);
        } else if (world.services[service].deaths > 2) {
            snprintf(failure, sizeof(failure), "%s, %s died %" PRIu64 " times", names[service],
                     stage, world.services[service].deaths - 1);
        }
        world_end();
        runs++;
    }
    if (failure[0] == '\0' && deaths < runs / 2) {
        snprintf(failure, sizeof(failure), "only %" PRIu64 " deaths in %" PRIu64 " runs", deaths,
                 runs);
    }
    printf("# hooks: %" PRIu64 " deaths in %" PRIu64 " runs\n", deaths, runs);
    return case_report("hooks", failure);
}
