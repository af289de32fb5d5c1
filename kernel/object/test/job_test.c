// SPDX-License-Identifier: MIT
//
// Job accounting against a model that adds everything up anew, and with several CPUs at once.
//
// host-sources: lib/test/test.c lib/test/test/host_main.c kernel/test/host/host.c
// host-sources: kernel/test/host/host_source.c kernel/test/host/host_memory.c
// host-sources: kernel/test/host/host_reap.c kernel/sched/spinlock.c kernel/object/object.c
// host-sources: kernel/object/job.c
#include "fixture.h"

#include <mm/slab.h>

#define JOBS 12

struct model_job {
    struct job *job;
    int parent;
    uint64_t own;   // charged to this very job
    uint64_t bytes; // likewise
    uint64_t limit, reserved;
};

static struct model_job model[JOBS];
static uint64_t random_state;

static int pick(uint64_t bound) {
    return (int)test_random_below(&random_state, bound);
}

// What a job uses: its own charges, and each child's share.
static uint64_t model_used(int job) {
    uint64_t used = model[job].own + (model[job].bytes + PAGE_SIZE - 1) / PAGE_SIZE;
    for (int i = 1; i < JOBS; i++) {
        if (model[i].job != NULL && model[i].parent == job) {
            used += MAX(model_used(i), model[i].reserved);
        }
    }
    return used;
}

// Whether the change just made to the model stays within all limits above.
static bool model_fits(int job) {
    for (; job != -1; job = model[job].parent) {
        if (model_used(job) > model[job].limit) {
            return false;
        }
    }
    return true;
}

static bool same(void) {
    for (int i = 0; i < JOBS; i++) {
        if (model[i].job != NULL && model[i].job->counters[RESOURCE_PAGES].used != model_used(i)) {
            return false;
        }
    }
    return true;
}

// Slab memory of the job structs is charged too, so the model's jobs are charged for it.
static void create(int i) {
    int parent = pick(JOBS);
    if (model[parent].job == NULL || parent == i) {
        return;
    }
    uint64_t limit = (uint64_t)pick(60);
    struct job_limits limits = {.memory_pages = limit, .reserved_pages = (uint64_t)pick(30)};
    struct job *job;
    uint64_t allocations = host_memory_live();
    status_t status = job_create(model[parent].job, &limits, &job);
    if (limits.reserved_pages > limit) {
        CHECK_EQ(status, ERR_INVALID_ARGUMENT);
        return;
    }
    model[i] = (struct model_job){.job = model[parent].job,
                                  .parent = parent,
                                  .limit = limit,
                                  .reserved = limits.reserved_pages};
    model[parent].bytes += ALIGN_UP(sizeof(struct job), SLAB_ALIGN);
    bool fits = model_fits(parent);
    CHECK_EQ(status, fits ? OK : ERR_LIMIT);
    if (status == OK) {
        model[i].job = job;
    } else {
        CHECK_EQ(host_memory_live(), allocations);
        model[i].job = NULL;
        model[parent].bytes -= ALIGN_UP(sizeof(struct job), SLAB_ALIGN);
    }
}

static void destroy(int i) {
    for (int child = 1; child < JOBS; child++) {
        if (model[child].job != NULL && model[child].parent == i) {
            return;
        }
    }
    job_uncharge(model[i].job, RESOURCE_PAGES, model[i].own);
    job_uncharge_bytes(model[i].job, model[i].bytes);
    object_unref(&model[i].job->object);
    host_reap_all();
    model[i].job = NULL;
    model[model[i].parent].bytes -= ALIGN_UP(sizeof(struct job), SLAB_ALIGN);
}

static void charge(int i) {
    uint64_t count = (uint64_t)pick(20);
    model[i].own += count;
    bool fits = model_fits(i);
    CHECK_EQ(job_charge(model[i].job, RESOURCE_PAGES, count), fits ? OK : ERR_LIMIT);
    model[i].own -= fits ? 0 : count;
}

static void charge_bytes(int i) {
    uint64_t bytes = (uint64_t)pick(3 * PAGE_SIZE);
    model[i].bytes += bytes;
    bool fits = model_fits(i);
    CHECK_EQ(job_charge_bytes(model[i].job, bytes), fits ? OK : ERR_LIMIT);
    model[i].bytes -= fits ? 0 : bytes;
}

static void uncharge(int i) {
    uint64_t count = (uint64_t)pick(model[i].own + 1);
    job_uncharge(model[i].job, RESOURCE_PAGES, count);
    model[i].own -= count;
}

static void uncharge_bytes(int i, uint64_t children) {
    uint64_t bytes =
        (uint64_t)pick(model[i].bytes - children * ALIGN_UP(sizeof(struct job), SLAB_ALIGN) + 1);
    job_uncharge_bytes(model[i].job, bytes);
    model[i].bytes -= bytes;
}

static uint64_t children_of(int job) {
    uint64_t count = 0;
    for (int i = 1; i < JOBS; i++) {
        count += model[i].job != NULL && model[i].parent == job;
    }
    return count;
}

static void step(void) {
    int i = pick(JOBS);
    int what = pick(12);
    if (model[i].job == NULL) {
        create(i);
    } else if (what == 0 && i != 0) {
        destroy(i);
    } else if (what < 4) {
        charge(i);
    } else if (what < 7) {
        charge_bytes(i);
    } else if (what < 9) {
        uncharge(i);
    } else {
        uncharge_bytes(i, children_of(i));
    }
}

TEST(job_random_work) {
    fixture_begin(1);
    random_state = test_seed();
    job_root->counters[RESOURCE_PAGES].limit = 150;
    model[0] = (struct model_job){.job = job_root, .parent = -1, .limit = 150};
    for (int i = 0; i < 100000; i++) {
        step();
        REQUIRE(same());
    }
    bool left = true;
    while (left) {
        left = false;
        for (int i = JOBS - 1; i > 0; i--) {
            if (model[i].job != NULL) {
                destroy(i);
                left = true;
            }
        }
    }
    job_uncharge(job_root, RESOURCE_PAGES, model[0].own);
    job_uncharge_bytes(job_root, model[0].bytes);
    fixture_end();
}

TEST(job_depth_is_bounded) {
    fixture_begin(1);
    const struct job_limits limits = {.memory_pages = 50};
    struct job *chain[JOB_DEPTH_MAX];
    struct job *parent = job_root;
    for (int i = 1; i < JOB_DEPTH_MAX; i++) {
        REQUIRE_EQ(job_create(parent, &limits, &chain[i]), OK);
        parent = chain[i];
    }
    struct job *job;
    CHECK_EQ(job_create(parent, &limits, &job), ERR_LIMIT);
    // One charge goes all the way up, and the chain holds itself.
    for (int i = 1; i < JOB_DEPTH_MAX; i++) {
        object_unref(&chain[i]->object);
    }
    host_reap_all();
    CHECK_EQ(object_count(), 1);
    fixture_end();
}

TEST(job_lives_until_its_last_charge) {
    fixture_begin(1);
    const struct job_limits limits = {.memory_pages = 50, .handles = 10};
    struct job *job;
    REQUIRE_EQ(job_create(job_root, &limits, &job), OK);
    REQUIRE_EQ(job_charge(job, RESOURCE_HANDLES, 5), OK);
    REQUIRE_EQ(job_charge_bytes(job, 100), OK);
    object_unref(&job->object);
    for (int i = 0; i < 5; i++) {
        job_uncharge(job, RESOURCE_HANDLES, 1);
    }
    CHECK_EQ(host_reap_all(), 0);
    job_uncharge_bytes(job, 100);
    CHECK_EQ(host_reap_all(), 1);
    fixture_end();
}

TEST(job_killed_is_inherited) {
    fixture_begin(1);
    const struct job_limits limits = {.memory_pages = 50};
    struct job *job;
    job_root->killed = true;
    REQUIRE_EQ(job_create(job_root, &limits, &job), OK);
    CHECK(job->killed);
    object_unref(&job->object);
    fixture_end();
}

TEST(job_describe_tells_usage_and_limits) {
    fixture_begin(1);
    const struct job_limits limits = {.memory_pages = 50,
                                      .handles = 3,
                                      .threads = 4,
                                      .processes = JOB_UNLIMITED,
                                      .reserved_pages = 7};
    struct job *job;
    struct job_usage usage;
    REQUIRE_EQ(job_create(job_root, &limits, &job), OK);
    REQUIRE_EQ(job_charge(job, RESOURCE_PROCESSES, 9), OK);
    REQUIRE_EQ(job_charge(job, RESOURCE_PAGES, 2), OK);
    job_describe(job, &usage);
    CHECK(usage.memory_pages == 2 && usage.handles == 0 && usage.processes == 9);
    CHECK_EQ(memcmp(&usage.limits, &limits, sizeof(limits)), 0);
    CHECK_EQ(job_root->counters[RESOURCE_PAGES].used, 8); // 7 and the struct
    job_uncharge(job, RESOURCE_PROCESSES, 9);
    job_uncharge(job, RESOURCE_PAGES, 2);
    object_unref(&job->object);
    fixture_end();
}

static struct job *leaves[2];

static void charge_and_uncharge(void *context) {
    uint64_t state = *(uint64_t *)context + cpu_this()->index;
    uint64_t held[2] = {0};
    for (int i = 0; i < 30000; i++) {
        int leaf = (int)test_random_below(&state, 2);
        uint64_t count = test_random_below(&state, 8);
        if (count <= held[leaf] && (test_random(&state) & 1) != 0) {
            job_uncharge(leaves[leaf], RESOURCE_PAGES, count);
            held[leaf] -= count;
        } else if (job_charge(leaves[leaf], RESOURCE_PAGES, count) == OK) {
            held[leaf] += count;
        }
        size_t bytes = test_random_below(&state, 5000);
        if (job_charge_bytes(leaves[leaf], bytes) == OK) {
            job_uncharge_bytes(leaves[leaf], bytes);
        }
    }
    for (int leaf = 0; leaf < 2; leaf++) {
        job_uncharge(leaves[leaf], RESOURCE_PAGES, held[leaf]);
    }
}

TEST(job_charges_race) {
    fixture_begin(4);
    uint64_t seed = test_seed();
    const struct job_limits outer = {.memory_pages = 60};
    const struct job_limits inner[2] = {{.memory_pages = 50, .reserved_pages = 20},
                                        {.memory_pages = 1000}};
    struct job *middle;
    REQUIRE_EQ(job_create(job_root, &outer, &middle), OK);
    for (int i = 0; i < 2; i++) {
        REQUIRE_EQ(job_create(middle, &inner[i], &leaves[i]), OK);
    }
    uint64_t before = middle->counters[RESOURCE_PAGES].used;
    host_cpus_run(4, charge_and_uncharge, &seed);
    CHECK_EQ(leaves[0]->counters[RESOURCE_PAGES].used, 0);
    CHECK_EQ(leaves[1]->counters[RESOURCE_PAGES].used, 0);
    CHECK_EQ(leaves[0]->bytes, 0);
    CHECK_EQ(middle->counters[RESOURCE_PAGES].used, before);
    for (int i = 0; i < 2; i++) {
        object_unref(&leaves[i]->object);
    }
    object_unref(&middle->object);
    fixture_end();
}
