// SPDX-License-Identifier: MIT
//
// Slabs and kpages: random use against a model, and the mistakes that debug builds refuse.
// host-sources: lib/test/test.c lib/test/test/host_main.c kernel/test/host/host.c
// host-sources: kernel/test/host/host_source.c kernel/test/host/host_boot.c kernel/mm/page.c
// host-sources: kernel/mm/page_init.c kernel/mm/slab.c kernel/mm/reap.c kernel/sched/spinlock.c
// host-sources: kernel/object/object.c kernel/object/job.c
#include "fixture.h"

struct small {
    uint64_t words[3];
};
struct large {
    char bytes[2032];
};

static struct slab_cache small_cache = SLAB_CACHE(struct small, "small");
static struct slab_cache large_cache = SLAB_CACHE(struct large, "large");

static bool all_are(const char *memory, size_t bytes, char value) {
    for (size_t i = 0; i < bytes; i++) {
        if (memory[i] != value) {
            return false;
        }
    }
    return true;
}

#define OBJECTS 700

static void random_objects(struct slab_cache *cache, size_t bytes, uint64_t *state, char mark) {
    static _Thread_local char *objects[OBJECTS];
    memset(objects, 0, sizeof(objects));
    for (int round = 0; round < 20000; round++) {
        char **object = &objects[test_random_below(state, OBJECTS)];
        if (*object != NULL) {
            CHECK(all_are(*object, bytes, mark));
            slab_free(cache, job_root, *object);
            *object = NULL;
        } else {
            REQUIRE_EQ(slab_alloc(cache, job_root, (void **)object), OK);
            CHECK(IS_ALIGNED((uintptr_t)*object, 16));
            CHECK(all_are(*object, bytes, 0));
            memset(*object, mark, bytes);
        }
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        if (objects[i] != NULL) {
            CHECK(all_are(objects[i], bytes, mark));
            slab_free(cache, job_root, objects[i]);
        }
    }
}

TEST(slab_random_objects) {
    fixture_begin(1, 10000);
    random_objects(&small_cache, sizeof(struct small), &random_state, 1);
    random_objects(&large_cache, sizeof(struct large), &random_state, 2);
    CHECK_EQ(small_cache.live, 0);
    CHECK_EQ(large_cache.live, 0);
    CHECK_EQ(small_cache.slabs, 0);
    CHECK_EQ(slab_page_count(), 0);
    fixture_end();
}

static void random_on_cpu(void *context) {
    uint32_t index = cpu_this()->index;
    uint64_t state = *(uint64_t *)context + index;
    random_objects(&small_cache, sizeof(struct small), &state, (char)(1 + index));
}

TEST(slab_random_objects_on_four_cpus) {
    fixture_begin(4, 10000);
    host_cpus_run(4, random_on_cpu, &random_state);
    CHECK_EQ(small_cache.live, 0);
    fixture_end();
}

#ifdef DEBUG
TEST(slab_refuses_mistakes) {
    static struct slab_cache own_cache = SLAB_CACHE(struct small, "own");
    fixture_begin(1, 10000);
    void *a;
    void *b;
    REQUIRE_EQ(slab_alloc(&own_cache, job_root, &a), OK);
    REQUIRE_EQ(slab_alloc(&own_cache, job_root, &b), OK);
    CHECK(HOST_PANICS(slab_free(&own_cache, job_root, (char *)a + 8)));
    own_cache.lock = (struct spinlock)SPINLOCK_INIT(RANK_SLAB);
    host_cpus_init(1);
    CHECK(HOST_PANICS(slab_free(&large_cache, job_root, a)));
    large_cache.lock = (struct spinlock)SPINLOCK_INIT(RANK_SLAB);
    host_cpus_init(1);
    slab_free(&own_cache, job_root, a);
    CHECK(HOST_PANICS(slab_free(&own_cache, job_root, a)));
    own_cache.lock = (struct spinlock)SPINLOCK_INIT(RANK_SLAB);
    host_cpus_init(1);
    slab_free(&own_cache, job_root, b);
    fixture_end();
}
#endif

TEST(slab_limits) {
    fixture_begin(1, 2);
    void *objects[3 * 85];
    size_t count = 0;
    // 2 pages of 48-byte objects: what is charged is the object, not the slab.
    struct slab_cache cache = {
        .name = "of 48", .object_bytes = 48, .lock = SPINLOCK_INIT(RANK_SLAB)};
    while (count < ARRAY_SIZE(objects) && slab_alloc(&cache, job_root, &objects[count]) == OK) {
        count++;
    }
    CHECK_EQ(count, 2 * PAGE_SIZE / 48);
    while (count > 0) {
        slab_free(&cache, job_root, objects[--count]);
    }
    fixture_end();
}

TEST(kpages_are_zeroed_and_charged_by_the_page) {
    fixture_begin(1, 20);
    void *memory[3];
    REQUIRE_EQ(kpages_alloc(job_root, 5 * PAGE_SIZE + 1, &memory[0]), OK);
    CHECK(all_are(memory[0], 6 * PAGE_SIZE, 0));
    memset(memory[0], 1, 6 * PAGE_SIZE);
    CHECK_EQ(job_root->counters[RESOURCE_PAGES].used, 6);
    REQUIRE_EQ(kpages_alloc(job_root, 14 * PAGE_SIZE, &memory[1]), OK);
    CHECK_EQ(kpages_alloc(job_root, 1, &memory[2]), ERR_LIMIT);
    CHECK_EQ(kpages_alloc(NULL, 0, &memory[2]), ERR_NO_MEMORY);
    CHECK_EQ(kpages_alloc(NULL, SIZE_MAX, &memory[2]), ERR_NO_MEMORY);
    CHECK_EQ(kpages_alloc(NULL, 1UL << 40, &memory[2]), ERR_NO_MEMORY);
    kpages_free(job_root, memory[0], 5 * PAGE_SIZE + 1);
    kpages_free(job_root, memory[1], 14 * PAGE_SIZE);
    fixture_end();
}
