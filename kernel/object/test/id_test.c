// SPDX-License-Identifier: MIT
//
// Ids: uniqueness, staleness, and look-ups that race with frees.
//
// host-sources: lib/test/test.c lib/test/test/host_main.c kernel/test/host/host.c
// host-sources: kernel/test/host/host_memory.c kernel/sched/spinlock.c kernel/object/id.c
#include "../../test/host/host.h"

#include <object/id.h>
#include <test/host.h>
#include <test/test.h>

#define THINGS 300

static uint64_t things[THINGS]; // what ids name; each holds the last id that named it
static uint64_t used[200000];   // every id of the random test, to see that none comes twice

static enum id_kind kind_of(size_t i) {
    return (enum id_kind)(ID_PROCESS + i % 3);
}

TEST(id_random_work) {
    host_cpus_init(1);
    uint64_t state = test_seed();
    uint64_t ids[THINGS] = {0};
    size_t uses = 0;
    for (int step = 0; step < 100000; step++) {
        size_t i = test_random_below(&state, THINGS);
        if (ids[i] == 0) {
            ids[i] = id_alloc(kind_of(i), &things[i]);
            used[uses++] = ids[i];
            REQUIRE(ids[i] != 0);
        } else if ((test_random(&state) & 3) == 0) {
            uint64_t old = ids[i];
            ids[i] = id_renew(id_slot(old));
            used[uses++] = ids[i];
            REQUIRE(id_lookup(kind_of(i), old) == NULL);
        } else {
            id_free(ids[i]);
            REQUIRE(id_lookup(kind_of(i), ids[i]) == NULL);
            ids[i] = 0;
        }
        size_t other = test_random_below(&state, THINGS);
        REQUIRE(ids[other] == 0 || id_lookup(kind_of(other), ids[other]) == &things[other]);
        REQUIRE(ids[other] == 0 || id_lookup(kind_of(other + 1), ids[other]) == NULL);
    }
    // Slots are few and ids of one slot rise, so comparing within a slot finds every repetition.
    static uint64_t last[1024];
    for (size_t i = 0; i < uses; i++) {
        uint64_t slot = used[i] & ((1 << ID_SLOT_BITS) - 1);
        REQUIRE(slot < 1024);
        REQUIRE(last[slot] < used[i]);
        last[slot] = used[i];
    }
    for (size_t i = 0; i < THINGS; i++) {
        if (ids[i] != 0) {
            id_free(ids[i]);
        }
    }
}

TEST(id_hostile_numbers) {
    host_cpus_init(1);
    uint64_t state = test_seed();
    uint64_t id = id_alloc(ID_CALL, &things[0]);
    CHECK(id_lookup(ID_CALL, id) == &things[0]);
    CHECK(id_lookup(ID_CALL, id | (uint64_t)1 << 63) == NULL);
    CHECK(id_lookup(ID_CALL, id | (uint64_t)1 << 60) == NULL);
    CHECK(id_lookup(ID_CALL, 0) == NULL);
    CHECK(id_lookup(ID_CALL, UINT64_MAX) == NULL);
    CHECK(id_lookup(ID_CALL, (1 << ID_SLOT_BITS) - 1) == NULL);
    id_free(id);
    // What the free slot holds inside.
    CHECK(id_lookup(ID_CALL, (id + (1 << ID_SLOT_BITS)) | (uint64_t)1 << 63) == NULL);
    CHECK(id_lookup(ID_CALL, id + (1 << ID_SLOT_BITS)) == NULL);
    // A free slot's link to the next one may look like a pointer with a kind.
    uint64_t free_ids[16];
    for (int i = 0; i < 16; i++) {
        free_ids[i] = id_alloc(ID_CALL, &things[i]);
    }
    for (int i = 0; i < 16; i++) {
        id_free(free_ids[i]);
    }
    for (int i = 0; i < 16; i++) {
        uint64_t inside = (free_ids[i] + (1 << ID_SLOT_BITS)) | (uint64_t)1 << 63;
        CHECK(id_lookup(ID_CALL, inside) == NULL);
    }
    for (int i = 0; i < 100000; i++) {
        REQUIRE(id_lookup(ID_CALL, test_random(&state)) == NULL);
    }
}

static uint64_t published;
static bool stop;

// CPU 0 gives and frees ids; each thing holds the id that named it before that id is published.
static void race(void *context) {
    (void)context;
    if (cpu_this()->index == 0) {
        for (int i = 0; i < 30000; i++) {
            uint64_t *thing = &things[i % THINGS];
            uint64_t id = id_alloc(ID_THREAD, thing);
            __atomic_store_n(thing, id, __ATOMIC_RELEASE);
            __atomic_store_n(&published, id, __ATOMIC_RELEASE);
            if (i % 3 == 0) {
                arch_pause();
            }
            id_free(id);
        }
        __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
        return;
    }
    uint64_t hits = 0;
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        uint64_t id = __atomic_load_n(&published, __ATOMIC_ACQUIRE);
        uint64_t *thing = id_lookup(ID_THREAD, id);
        if (thing != NULL) {
            hits++;
            // Later ids of the same thing are higher; it can't hold an earlier one.
            CHECK(__atomic_load_n(thing, __ATOMIC_ACQUIRE) == id ||
                  __atomic_load_n(&published, __ATOMIC_ACQUIRE) != id);
        }
    }
    CHECK(hits > 0);
}

TEST(id_lookups_race) {
    host_cpus_init(3);
    host_cpus_run(3, race, NULL);
}
