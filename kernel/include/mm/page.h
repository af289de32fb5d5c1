// SPDX-License-Identifier: MIT
//
// Physical pages. All RAM is mapped once in the kernel (never executable), so a physical address
// and its kernel address convert by addition. A frame record per page counts references and
// remembers which job pays.
#pragma once

#include <abi/types.h>
#include <arch/physmap.h>
#include <base.h>

struct job;

// One record a page of RAM. A page in use has refs >= 1. Each vmo slot that holds the page counts
// one reference and one share; all else that uses it (a copy under way, a thread block) counts
// references alone. So shares > 1 is what makes a page copy-on-write.
struct page {
    union {
        uint64_t counts; // atomic: both halves at once
        struct {
            uint32_t refs;
            uint32_t shares;
        };
    };
    uint16_t pins;    // thread blocks in it; the lock of the one vmo that holds it
    uint16_t writers; // atomic: copies into it under way, see vmo.c, I4
    uint8_t order;    // the page allocator's own, like the next two
    uint8_t state;
    bool poisoned;
    union {
        struct job *job;   // charged for it, null for the kernel itself
        struct page *prev; // while free
    };
    union {
        struct page *next; // while free, or for a list of pages that only its owner refers to
        uint64_t groups; // of a table: bit g is set when one of entries [8g, 8g+8) ever was in use
    };
};
static_assert(sizeof(struct page) == 32, "the frame table takes 1/128 of RAM");

// A table of 512 entries in a page: which eight of them to look at, so that few are when few are
// used. The lock of the table.
static inline void page_mark_entry(struct page *table, uint32_t entry) {
    table->groups |= 1UL << (entry / 8);
}
// The first entry at or after this one that may be in use; 512 when there is none.
static inline uint32_t page_next_marked(const struct page *table, uint32_t entry) {
    uint64_t later = entry < 512 ? table->groups & (~0UL << (entry / 8)) : 0;
    uint32_t first = later == 0 ? 512 : (uint32_t)__builtin_ctzl(later) * 8;
    return first > entry ? first : entry;
}

#define PAGE_SHARE ((1ULL << 32) | 1)

enum page_flags {
    PAGE_ALLOC_ZERO = 1 << 0, // cleared
};

// Hands the RAM described by the boot information to the allocator, minus what is reserved.
// Allocates the frame table. Called once, on the boot CPU, when cpu_this() works and all RAM is
// mapped.
void page_init(void);

// Allocates a page charged to `job` (null: to nobody), refs 1. LIMIT, NO_MEMORY.
[[nodiscard]] status_t page_alloc(struct job *job, uint32_t flags, struct page **out);
// Allocates `count` contiguous pages, aligned to the next power of two, each with refs 1, so that
// they may be freed one by one with page_unref. At most 2^PAGE_ORDER_MAX. LIMIT, NO_MEMORY.
[[nodiscard]] status_t page_alloc_span(struct job *job, size_t count, uint32_t flags,
                                       struct page **out);
void page_free_span(struct page *page, size_t count);

#define PAGE_ORDER_MAX 13 // 32 MiB

static inline void page_ref(struct page *page) {
    __atomic_fetch_add(&page->counts, 1, __ATOMIC_RELAXED);
}
// Drops a reference; the last one uncharges and frees the page. Only after no TLB can hold it.
void page_unref(struct page *page);
// The same, but it does not uncharge: returns whether that is left to be done.
[[nodiscard]] bool page_put(struct page *page);
// One more vmo slot holds the page; or one fewer, after which page_unref is due.
static inline void page_share(struct page *page) {
    __atomic_fetch_add(&page->counts, PAGE_SHARE, __ATOMIC_RELAXED);
}
static inline void page_unshare(struct page *page) {
    __atomic_fetch_sub(&page->counts, PAGE_SHARE - 1, __ATOMIC_RELAXED);
}
// Turns the reference of an allocation into that of the first slot.
static inline void page_adopt(struct page *page) {
    __atomic_fetch_add(&page->counts, PAGE_SHARE - 1, __ATOMIC_RELAXED);
}
static inline uint32_t page_shares(const struct page *page) {
    return (uint32_t)(__atomic_load_n(&page->counts, __ATOMIC_ACQUIRE) >> 32);
}

// The frame table: a record for each page from address 0 on.
extern struct page *page_frames;
extern uint64_t page_frame_count;

static inline paddr_t page_to_phys(const struct page *page) {
    assert(page >= page_frames && page < page_frames + page_frame_count);
    return (paddr_t)(page - page_frames) << PAGE_SHIFT;
}
static inline void *page_to_virt(const struct page *page) {
    return phys_to_virt(page_to_phys(page));
}
// Null when the address is not RAM that the allocator manages.
struct page *page_from_phys(paddr_t addr);
// The same, and gives the records of reserved RAM too (the boot archive): these always have refs >=
// 1.
struct page *page_frame(paddr_t addr);

// The page of zeros that absent anonymous pages read. Never written, never freed.
struct page *page_zero(void);

uint64_t page_total_count(void);
uint64_t page_free_count(void);
