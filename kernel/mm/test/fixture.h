// SPDX-License-Identifier: MIT
//
// What the tests of kernel/mm share: the machine with its RAM, the root job, and the check that
// nothing is left over. The page allocator starts once; everything else starts afresh in each test.
#pragma once

#include "../../test/host/host_boot.h"

#include <mm/aspace.h>
#include <mm/page.h>
#include <mm/reap.h>
#include <mm/slab.h>
#include <object/job.h>
#include <stdlib.h>
#include <test/host.h>
#include <test/test.h>

static uint64_t fixture_pages;   // free and in slabs, at the beginning
static uint64_t fixture_objects; // alive at the beginning
static uint64_t random_state;

static inline uint64_t pick(uint64_t bound) {
    return test_random_below(&random_state, bound);
}

// As the idle loop does it: each round is an entry of its own.
static inline void reap_all(void) {
    while (reap_work()) {
        cpu_this()->entry_seq += 2;
    }
}

static inline uint64_t pages_not_lost(void) {
    return page_free_count() + slab_page_count();
}

static inline void fixture_begin(uint32_t cpu_wanted, uint64_t job_pages) {
    host_cpus_init(cpu_wanted);
    if (page_total_count() == 0) {
        page_init();
        random_state = test_seed();
    }
    job_init_root(job_pages);
    fixture_pages = pages_not_lost();
    fixture_objects = object_count();
}

static inline void fixture_end(void) {
    reap_all();
    CHECK_EQ(pages_not_lost(), fixture_pages);
    CHECK_EQ(object_count(), fixture_objects);
    CHECK_EQ(job_root->counters[RESOURCE_PAGES].used, 0);
    CHECK_EQ(job_root->bytes, 0);
    CHECK_EQ(job_root->object.refs, 1);
}

// All steps of the native calls of these names, and aspace_map populates.
static inline status_t aspace_map(struct aspace *aspace, struct handle_table *table,
                                  handle_t handle, struct vmo *vmo, uint64_t offset, vaddr_t addr,
                                  uint64_t size, uint32_t flags, vaddr_t *out) {
    uint64_t left = size;
    status_t status;
    do {
        status = aspace_map_step(aspace, table, handle, vmo, offset, addr, &left, flags, out);
    } while (status == OK && left != 0);
    uint64_t done = 0;
    while (status == OK && (flags & MAP_POPULATE) != 0 && done < size) {
        aspace_populate_step(aspace, *out, size, &done);
    }
    return status;
}

static inline status_t aspace_unmap(struct aspace *aspace, vaddr_t addr, uint64_t size) {
    status_t status;
    do {
        status = aspace_unmap_step(aspace, addr, &size);
    } while (status == OK && size != 0);
    return status;
}

static inline status_t aspace_protect(struct aspace *aspace, vaddr_t addr, uint64_t size,
                                      uint32_t flags) {
    status_t status;
    do {
        status = aspace_protect_step(aspace, addr, &size, flags);
    } while (status == OK && size != 0);
    return status;
}
