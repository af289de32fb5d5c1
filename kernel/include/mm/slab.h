// SPDX-License-Identifier: MIT
//
// Typed slabs: one cache a kernel type, charged by the byte to a job. A page holds objects of one
// type until all of them are freed, and only then serves another purpose. Objects that are looked
// up without a lock are freed after a grace period (mm/reap.h), so such a look-up that loses a race
// reads a dead object, never somebody else's data. Fresh objects are zeroed at each allocation.
#pragma once

#include <base.h>
#include <ds/list.h>
#include <sched/spinlock.h>

struct job;

struct slab_cache {
    const char *name;
    size_t object_bytes;
    struct spinlock lock; // RANK_SLAB, guards:
    struct list partial;
    uint64_t live;  // objects allocated
    uint64_t slabs; // pages in use
};

#define SLAB_ALIGN 16 // of objects, and of their size
#define SLAB_CACHE(type, label)                                                                    \
    {                                                                                              \
        .name = (label), .object_bytes = ALIGN_UP(sizeof(type), SLAB_ALIGN),                       \
        .lock = SPINLOCK_INIT(RANK_SLAB)                                                           \
    }

// Allocates a zeroed object charged to `job` (null: nobody). Size at most 2,032 bytes. LIMIT,
// NO_MEMORY.
[[nodiscard]] status_t slab_alloc(struct slab_cache *cache, struct job *job, void **out);
// Frees it; `job` is the one charged. The caller has waited for the grace period where look-ups
// race.
void slab_free(struct slab_cache *cache, struct job *job, void *object);

// Variable-size memory in whole pages, for arrays: charged like slabs. Zeroed. NO_MEMORY, LIMIT.
[[nodiscard]] status_t kpages_alloc(struct job *job, size_t bytes, void **out);
void kpages_free(struct job *job, void *memory, size_t bytes);

// Pages in slabs and kpages, for counters.
uint64_t slab_page_count(void);
