// SPDX-License-Identifier: MIT
//
// Vaults that somebody has spoilt while their server was dead. Whatever stands in one, the
// successor must not crash, hang, or reach outside; it may drop records, or refuse the whole (then
// it is started with vault=reset). Afterwards it must serve, and a bank's money must add up.

#include <inttypes.h>
#include <proto/bank_client.h>
#include <proto/queue_client.h>
#include <stdio.h>
#include <string.h>

#include "../../lib/server/vault_internal.h"
#include "cases.h"
#include "clients.h"
#include "log.h"

#define ROUNDS_A_WORLD 20

// A place that is worth spoiling: mostly near the beginning, where the state is, or in what is in
// use.
static size_t some_place(const struct vault_state *state) {
    struct vault_places places;
    vault_place(&state->sizes, &places);
    switch (sim_random(4)) {
    case 0:
        return sim_random(sizeof(struct vault_state));
    case 1:
        return places.undo + sim_random(512);
    case 2:
        return places.replies + sim_random(2048);
    default:
        return sim_random(places.bytes);
    }
}

static void spoil(struct service *service) {
    uint8_t *base = service->vault->memory;
    struct vault_state before = *(const struct vault_state *)base;
    uint64_t count = 1 + sim_random(8);
    for (uint64_t i = 0; i < count; i++) {
        size_t at = some_place(&before);
        size_t bytes = sim_random(3) == 0 ? 1 + sim_random(64) : 1;
        for (size_t j = 0; j < bytes && at + j < service->vault->bytes; j++) {
            switch (i % 3) {
            case 0:
                base[at + j] ^= (uint8_t)(1u << sim_random(8));
                break;
            case 1:
                base[at + j] = (uint8_t)sim_random(256);
                break;
            default:
                base[at + j] = sim_random(2) == 0 ? 0xff : 0;
                break;
            }
        }
    }
}

// Both must answer, and the money must be there.
static void look(void *argument) {
    struct bank_total_reply total = {0};
    struct queue_depth_reply depth = {0};
    (void)argument;
    int64_t banked = bank_total((handle_t)1, &total, INSTANT_NEVER);
    int64_t queued = queue_depth((handle_t)2, &depth, INSTANT_NEVER);
    if (banked != 0 || queued != 0 || total.sum != BANK_CAPITAL || depth.count > depth.capacity) {
        world_fail("total %ld, sum %" PRIu64 "; depth %ld, %u", banked, total.sum, queued,
                   depth.count);
    }
}

static uint64_t garbage_world(uint64_t seed, bool verbose) {
    uint64_t refused = 0;
    clients_begin();
    world_begin(seed);
    world.spoilt = true;
    sim.trace = verbose;
    for (uint32_t i = 0; i < 6; i++) {
        client_start(ROLE_BLIND, 0);
    }
    for (uint32_t round = 0; round < ROUNDS_A_WORLD && !world_failed(); round++) {
        enum service_id victim = (enum service_id)sim_random(SERVICES);
        struct service *service = &world.services[victim];
        service->may_refuse = true;
        world_plan(victim, 1 + sim_random(1500), EXIT_KILLED);
        while (world.next_death < world.death_count && world_step()) {
        }
        world.next_death = world.death_count = 0;
        if (!world_failed()) {
            spoil(service);
        }
        uint64_t starts = service->starts;
        while ((service->starts == starts || service->process == NULL) && world_step()) {
        }
        for (uint32_t i = 0; i < 2000 && world_step(); i++) {
        }
        refused += service->starts > starts + 1;
        outsider_run(look, NULL);
    }
    clients_stop();
    while (clients_watch() != 0 && world_step()) {
    }
    return refused;
}

bool garbage_run(const struct options *options) {
    char failure[400] = "";
    uint64_t rounds = options->kills / 10, refused = 0, done = 0;
    for (; done < rounds && failure[0] == '\0'; done += ROUNDS_A_WORLD) {
        uint64_t seed = options->seed + done;
        refused += garbage_world(seed, options->verbose);
        if (world_failed()) {
            snprintf(failure, sizeof(failure), "seed %" PRIu64 ": %s", seed, world.failure);
            sim_log_show();
        }
        world_end();
    }
    printf("# garbage: %" PRIu64 " spoilt vaults, %" PRIu64 " refused as a whole\n", done, refused);
    return case_report("garbage", failure);
}
