// SPDX-License-Identifier: MIT
//
// What the tests of kernel/object share: the root job, plain objects that count what happens to
// them, and the check that nothing is left over.
#pragma once

#include "../../test/host/host.h"

#include <object/handle.h>
#include <object/job.h>
#include <stdlib.h>
#include <test/host.h>
#include <test/test.h>

#define ROOT_PAGES 100000
#define RIGHTS_SOME (RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_READ | RIGHT_WRITE | RIGHT_MAP)

struct thing {
    struct object object;
    uint32_t gone;       // how often handles_gone ran
    uint32_t *destroyed; // counts
};

static inline struct thing *thing_from(struct object *object) {
    return container_of(object, struct thing, object);
}

static inline void thing_gone(struct object *object) {
    __atomic_fetch_add(&thing_from(object)->gone, 1, __ATOMIC_RELAXED);
}

static inline bool thing_destroy(struct object *object) {
    struct thing *thing = thing_from(object);
    struct job *job = object->job;
    if (thing->destroyed != NULL) {
        ++*thing->destroyed;
    }
    free(thing);
    object_fini(job);
    return true;
}

static const struct object_ops thing_ops = {
    .name = "thing",
    .handles_gone = thing_gone,
    .destroy = thing_destroy,
};

// A new object with one reference.
static inline struct thing *thing_create(uint8_t type, uint32_t *destroyed) {
    struct thing *thing = calloc(1, sizeof(*thing));
    object_init(&thing->object, &thing_ops, type, job_root, 0);
    thing->destroyed = destroyed;
    return thing;
}

static uint64_t fixture_memory; // what was allocated before the test

static inline void fixture_begin(uint32_t cpus_wanted) {
    host_fail_after = HOST_FAIL_NEVER;
    fixture_memory = host_memory_live();
    host_cpus_init(cpus_wanted);
    job_init_root(ROOT_PAGES);
}

// Absent where no handle code is linked.
__attribute__((weak)) uint64_t handle_count(void);

// The root job object itself stays.
static inline void fixture_end(void) {
    host_fail_after = HOST_FAIL_NEVER;
    host_reap_all();
    CHECK(handle_count == NULL || handle_count() == 0);
    CHECK_EQ(object_count(), 1);
    CHECK_EQ(host_memory_live(), fixture_memory);
    for (int i = 0; i < RESOURCE_COUNT; i++) {
        CHECK_EQ(job_root->counters[i].used, 0);
    }
    CHECK_EQ(job_root->object.refs, 1);
    object_fini(NULL);
}

static inline void table_close(struct handle_table *table) {
    while (!handle_table_clear(table, 7)) {
    }
    object_unref(&table->object);
}
