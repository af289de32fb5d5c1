// SPDX-License-Identifier: MIT
//
// Handles on several CPUs at once: look-ups against close and reuse; then everything against
// everything, and at the end nothing may be left over.
//
// host-sources: lib/test/test.c lib/test/test/host_main.c kernel/test/host/host.c
// host-sources: kernel/test/host/host_source.c kernel/test/host/host_memory.c
// host-sources: kernel/test/host/host_reap.c kernel/sched/spinlock.c kernel/object/object.c
// host-sources: kernel/object/job.c kernel/object/handle.c kernel/object/handle_table.c
// host-sources: kernel/object/handle_tree.c kernel/object/handle_revoke.c
#include "../handle_internal.h"
#include "fixture.h"
#include "tree_check.h"

// ---- Look-ups against close and reuse

#define READERS 2
#define REUSES 60000

struct expected {
    struct object *object;
    uint32_t rights;
};

static struct handle_table *table;
static struct thing *pair[2];
static handle_t parents[2];
static struct expected expected[HANDLE_CHUNK]
                               [2048]; // by index and generation; written before it is shown
static handle_t shown;
static bool stop;

static struct expected *expected_of(handle_t value) {
    return &expected[HANDLE_INDEX(value)][value >> HANDLE_INDEX_BITS];
}

static void reuse_slots(void) {
    uint64_t state = test_seed();
    for (int i = 0; i < REUSES; i++) {
        int which = (int)(test_random(&state) & 1);
        uint32_t rights = (uint32_t)test_random(&state) & RIGHTS_SOME;
        handle_t value = HANDLE_NONE;
        CHECK_EQ(handle_derive(table, parents[which], rights, &value), OK);
        *expected_of(value) = (struct expected){&pair[which]->object, rights};
        __atomic_store_n(&shown, value, __ATOMIC_RELEASE);
        if (i % 8 == 0) {
            arch_pause();
        }
        CHECK_EQ(handle_close(table, value), OK);
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
}

static void look_up(void) {
    uint64_t hits = 0;
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        handle_t value = __atomic_load_n(&shown, __ATOMIC_ACQUIRE);
        struct handle_entry entry;
        struct handle_info info;
        if (value != 0 && handle_lookup(table, value, 0, 0, &entry) == OK) {
            hits++;
            CHECK(entry.object == expected_of(value)->object);
            CHECK_EQ(handle_entry_rights(&entry), expected_of(value)->rights);
        }
        if (value != 0 && handle_describe(table, value, &info) == OK) {
            CHECK_EQ(info.id, expected_of(value)->object->id);
            CHECK_EQ(info.depth, 1);
        }
    }
    CHECK(hits > 0);
}

static void reuse_or_look_up(void *context) {
    (void)context;
    if (cpu_this()->index == 0) {
        reuse_slots();
    } else {
        look_up();
    }
}

TEST(handle_lookups_race) {
    fixture_begin(1 + READERS);
    REQUIRE_EQ(handle_table_create(job_root, &table), OK);
    for (int i = 0; i < 2; i++) {
        pair[i] = thing_create(OBJECT_VMO, NULL);
        REQUIRE_EQ(handle_insert(table, &pair[i]->object, RIGHTS_SOME, &parents[i]), OK);
    }
    host_cpus_run(1 + READERS, reuse_or_look_up, NULL);
    table_close(table);
    fixture_end();
}

// ---- Everything against everything

#define CPUS 4
#define TABLES 3
#define OBJECTS 3
#define SHARED 64
#define ROUNDS 25000

static struct handle_table *tables[TABLES];
static struct thing *things[OBJECTS];

// Mappings are freed at the end of the test: as if the grace period lasted until then.
static struct graveyard {
    struct handle *dead[ROUNDS];
    uint32_t count;
} graveyards[CPUS];

static uint64_t shared[SHARED]; // table << 32 | handle, as some CPU has last seen it; may be stale

static void publish(uint64_t *state, uint32_t which, handle_t value) {
    __atomic_store_n(&shared[test_random_below(state, SHARED)], (uint64_t)which << 32 | value,
                     __ATOMIC_RELAXED);
}

// Through a message, from one table to another, with a reserved slot.
static void send(uint64_t *state, uint32_t from, handle_t value, uint32_t to) {
    struct handle message = {.kind = HANDLE_MESSAGE};
    handle_t out;
    if (handle_derive_node(tables[from], value, OBJECT_VMO, 0, UINT32_MAX, &message) != OK) {
        return;
    }
    if (handle_reserve(tables[to], 1) == OK) {
        if (handle_install(tables[to], &message, true, &out) == OK) {
            publish(state, to, out);
        } else {
            handle_unreserve(tables[to], 1);
        }
    }
    handle_node_drop(&message);
}

// A mapping, its copy, and their end, unless revoke comes first.
static void map(uint32_t from, handle_t value) {
    struct handle *mapping = calloc(2, sizeof(*mapping));
    mapping[0].kind = HANDLE_MAPPING;
    if (handle_derive_node(tables[from], value, OBJECT_VMO, 0, UINT32_MAX, &mapping[0]) == OK) {
        arch_pause();
        if (handle_copy_node(&mapping[0], &mapping[1])) {
            handle_node_drop(&mapping[1]);
        }
        handle_node_drop(&mapping[0]);
    }
    struct graveyard *graveyard = &graveyards[cpu_this()->index];
    graveyard->dead[graveyard->count++] = mapping;
}

// Revoke finds a mapping: its owner drops the node at some moment, so here there is nothing to do.
void mapping_revoked(struct handle *node) {
    CHECK(node->dead);
}

static void one_operation(uint64_t *state, uint64_t number) {
    uint64_t entry = __atomic_load_n(&shared[test_random_below(state, SHARED)], __ATOMIC_RELAXED);
    uint32_t from = (uint32_t)(entry >> 32);
    uint32_t to = (uint32_t)test_random_below(state, TABLES);
    handle_t value = (handle_t)entry;
    handle_t out;
    switch (test_random_below(state, 12)) {
    case 0:
    case 1:
    case 2:
    case 3:
        if (handle_derive(tables[from], value, RIGHTS_SOME, &out) == OK) {
            publish(state, from, out);
        }
        break;
    case 4:
    case 5:
        send(state, from, value, to);
        break;
    case 6:
        map(from, value);
        break;
    case 7:
    case 8:
        (void)!handle_close(tables[from], value);
        break;
    case 9:
        if (handle_move(tables[from], value, tables[to], 0, &out) == OK) {
            publish(state, to, out);
        }
        break;
    case 10:
        if (number % 8 == 0) {
            while (handle_revoke(tables[from], value) == STATUS_RESTART) {
            }
        }
        break;
    default: {
        struct object *object = &things[test_random_below(state, OBJECTS)]->object;
        object_ref(object);
        if (handle_insert(tables[to], object, RIGHTS_SOME, &out) == OK) {
            publish(state, to, out);
        }
    }
    }
}

static void work(void *context) {
    uint64_t state = *(uint64_t *)context * 7919 + cpu_this()->index;
    for (uint64_t i = 0; i < ROUNDS && !test_failed(); i++) {
        one_operation(&state, i);
    }
}

TEST(handle_everything_races) {
    fixture_begin(CPUS);
    uint64_t seed = test_seed();
    for (int i = 0; i < TABLES; i++) {
        REQUIRE_EQ(handle_table_create(job_root, &tables[i]), OK);
    }
    for (int i = 0; i < OBJECTS; i++) {
        things[i] = thing_create(OBJECT_VMO, NULL);
    }
    host_jitter = 7;
    host_cpus_run(CPUS, work, &seed);
    host_jitter = 0;
    for (int i = 0; i < CPUS; i++) {
        while (graveyards[i].count > 0) {
            free(graveyards[i].dead[--graveyards[i].count]);
        }
    }
    uint32_t nodes = 0;
    for (int i = 0; i < OBJECTS; i++) {
        uint32_t count;
        CHECK(handle_tree_valid(&things[i]->object, &count));
        CHECK_EQ(things[i]->object.handles, count);
        CHECK_EQ(things[i]->object.refs, count + 1);
        nodes += count;
    }
    CHECK_EQ(handle_count(), nodes);
    for (int i = 0; i < TABLES; i++) {
        CHECK_EQ(tables[i]->reserved, 0);
        table_close(tables[i]);
    }
    for (int i = 0; i < OBJECTS; i++) {
        CHECK_EQ(things[i]->object.refs, 1);
        CHECK_EQ(things[i]->object.handles, 0);
        object_unref(&things[i]->object);
    }
    fixture_end();
}
