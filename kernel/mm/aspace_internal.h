// SPDX-License-Identifier: MIT
//
// The address space as the files of mm/ see it.
#pragma once

#include <arch/mmu.h>
#include <mm/mapping.h>

struct aspace {
    struct object object;
    uint32_t flags;            // fixed, ASPACE_
    uint32_t cpus;             // atomic; bit n: CPU n has the tables loaded
    struct aspace_entry entry; // written once, under the lock; `redirect` last, atomic

    struct spinlock lock; // RANK_ASPACE, guards:
    struct tree mappings; // struct mapping.node, by address; none overlap
    uint32_t mapping_count;
    uint64_t origins; // the last one given out
    vaddr_t rover;    // where the search for a gap begins
    struct tree pins; // struct pin.node, by address

    struct spinlock tables_lock; // RANK_PAGE_TABLE, guards:
    struct arch_space space;
    uint64_t resident; // entries that show a page other than the zero page
};

// A thread block's place.
struct pin {
    struct tree_node node;
    vaddr_t addr;
    struct vmo *vmo;   // holds a reference, and one of vmo->pins
    struct page *page; // holds a reference, and one of page->pins
};

// Whether a thread block lies in a range. aspace->lock held.
bool aspace_has_pin(const struct aspace *aspace, vaddr_t start, vaddr_t end);

// The page behind an address, resolving as a fault would, for a copy that ends with page_release
// (vmo_internal.h).
[[nodiscard]] status_t aspace_page_hold(struct aspace *aspace, vaddr_t addr, bool write,
                                        struct page **out);

// Whether a range lies in the user half.
static inline bool user_range(vaddr_t addr, uint64_t bytes) {
    return addr >= USER_MIN && addr < USER_MAX && bytes <= USER_MAX - addr;
}

#define MAP_BASE                                                                                   \
    0x100000000ULL // the first gap that is looked at when the caller leaves the place open
