// SPDX-License-Identifier: MIT
//
// The sparse array of pages against a plain one. The pages are never touched, so made-up records
// do.
// host-sources: lib/test/test.c lib/test/test/host_main.c kernel/test/host/host.c
// host-sources: kernel/test/host/host_source.c kernel/test/host/host_boot.c kernel/mm/page.c
// host-sources: kernel/mm/page_init.c kernel/mm/page_map.c kernel/mm/slab.c kernel/mm/reap.c
// host-sources: kernel/sched/spinlock.c kernel/object/object.c kernel/object/job.c
#include "fixture.h"

#include <mm/page_map.h>

#define PLACES 300

static struct page records[PLACES];

// Indices close together and far apart, over all heights of the tree.
static uint64_t random_index(void) {
    return pick(1ULL << pick(29));
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void check_walk(const struct page_map *map, const uint64_t *indices, const bool *there) {
    uint64_t from = random_index();
    uint64_t end = random_index();
    uint64_t count = 0;
    uint64_t index = from;
    for (size_t i = 0; i < PLACES; i++) {
        if (!there[i] || indices[i] < from || indices[i] >= end) {
            continue;
        }
        struct page *page = page_map_next(map, &index, end);
        REQUIRE(page == &records[i] && index == indices[i]);
        index++;
        count++;
    }
    CHECK(page_map_next(map, &index, end) == NULL);
    CHECK_EQ(page_map_count(map, from, end, UINT64_MAX), count);
    CHECK_EQ(page_map_count(map, from, end, 5), MIN(count, 5ULL));
}

static void random_round(void) {
    uint64_t indices[PLACES];
    bool there[PLACES] = {0};
    struct page_map map = {0};
    for (size_t i = 0; i < PLACES; i++) {
        indices[i] = i < 10 ? i : random_index();
    }
    qsort(indices, PLACES, sizeof(indices[0]), compare);
    for (size_t i = 1; i < PLACES; i++) {
        indices[i] = MAX(indices[i], indices[i - 1] + 1);
    }
    for (int step = 0; step < 3000; step++) {
        // Sparse for a while, then full, then sparse again, so that the height goes up and down.
        size_t i = pick(1 + MIN((uint64_t)PLACES - 1, (uint64_t)step * (3000 - step) / 6000));
        if (there[i]) {
            CHECK(page_map_get(&map, indices[i]) == &records[i]);
            if (pick(4) == 0) {
                page_map_replace(&map, indices[i], &records[(i + 1) % PLACES]);
                CHECK(page_map_get(&map, indices[i]) == &records[(i + 1) % PLACES]);
                page_map_replace(&map, indices[i], &records[i]);
                continue;
            }
            CHECK(page_map_take(&map, indices[i]) == &records[i]);
            there[i] = false;
        } else if (page_map_put(&map, job_root, indices[i], &records[i]) == OK) {
            there[i] = true;
        }
        if (step % 16 == 0) {
            check_walk(&map, indices, there);
        }
    }
    for (size_t i = 0; i < PLACES; i++) {
        CHECK(page_map_get(&map, indices[i]) == (there[i] ? &records[i] : NULL));
        if (there[i]) {
            page_map_take(&map, indices[i]);
        }
    }
    CHECK_EQ(job_root->counters[RESOURCE_PAGES].used, 0);
}

TEST(page_map_random) {
    fixture_begin(1, 10000);
    for (int i = 0; i < 20; i++) {
        random_round();
    }
    fixture_end();
}

TEST(page_map_without_memory_for_tables) {
    fixture_begin(1, 60);
    for (int i = 0; i < 20; i++) {
        random_round();
    }
    fixture_end();
}

TEST(page_map_small_is_free) {
    fixture_begin(1, 10);
    struct page_map map = {0};
    for (size_t i = 0; i < PAGE_MAP_INLINE; i++) {
        REQUIRE_EQ(page_map_put(&map, job_root, i, &records[i]), OK);
    }
    CHECK_EQ(job_root->counters[RESOURCE_PAGES].used, 0);
    for (size_t i = PAGE_MAP_INLINE; i < 200; i++) {
        REQUIRE_EQ(page_map_put(&map, job_root, i, &records[i]), OK);
    }
    CHECK_EQ(job_root->counters[RESOURCE_PAGES].used, 1);
    for (size_t i = 0; i < 200; i++) {
        CHECK(page_map_take(&map, i) == &records[i]);
    }
    fixture_end();
}
