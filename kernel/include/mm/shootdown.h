// SPDX-License-Identifier: MIT
//
// TLB shoot-downs: making every CPU forget page table entries that were taken away or narrowed.
// First all entries are changed, with shootdown_add for each range; then one shootdown_flush for
// all of them; only then may a page that was shown there be freed or its new content be relied on.
#pragma once

#include <base.h>

struct aspace;

#define SHOOTDOWN_RANGES 4

struct shootdown {
    uint32_t cpus;  // bit n: CPU n may hold an entry
    uint32_t count; // of ranges; more than SHOOTDOWN_RANGES: flush everything
    struct aspace
        *leaving; // not null: CPUs that have this one loaded switch to the kernel's tables
    struct {
        const struct aspace *aspace;
        vaddr_t addr;
        size_t bytes;
    } ranges[SHOOTDOWN_RANGES];
};

// An empty one, without clearing all of it.
static inline void shootdown_init(struct shootdown *shootdown) {
    shootdown->cpus = 0;
    shootdown->count = 0;
    shootdown->leaving = NULL;
}

// Notes that entries of the aspace in a range have been changed.
void shootdown_add(struct shootdown *shootdown, const struct aspace *aspace, vaddr_t addr,
                   size_t bytes);
// Flushes this CPU's TLB and those of the others concerned, and waits for them. Callable with any
// lock held that cpu_mailbox_poll does not take, and it takes none.
void shootdown_flush(struct shootdown *shootdown);

// Makes every CPU that still has the aspace loaded switch to the kernel's own tables. Nobody runs
// in it any more, so that it is not loaded again.
void shootdown_leave(struct aspace *aspace);
