// SPDX-License-Identifier: MIT
//
// The memory object as the files of mm/ see it.
//
// One lock a family: a vmo and its AT_WRITE clones, which read its pages, share the vmo's lock. So
// what happens to a page of the source can be carried to the mappings of the clones without a
// second lock.
#pragma once

#include <mm/mapping.h>
#include <mm/page_map.h>
#include <mm/vmo.h>

enum vmo_kind { VMO_ANONYMOUS, VMO_PHYSICAL };

struct vmo {
    struct object object;
    uint32_t flags;           // fixed, VMO_
    uint8_t kind;             // fixed, enum vmo_kind
    paddr_t physical;         // fixed; VMO_PHYSICAL: where it begins
    struct vmo *source;       // fixed; AT_WRITE clones: holds a reference; never itself a clone
    uint64_t source_first;    // fixed; index in the source of page 0
    struct spinlock *lock;    // fixed; own_lock, or the source's
    struct spinlock own_lock; // RANK_VMO. *lock guards:
    uint64_t pages;           // size
    uint64_t used_end; // no page at or past it, and none shown; > pages while a shrink goes on
    uint64_t resident;
    struct page_map map;
    bool zeros_shown;     // the zero page may be in page tables for absent pages of this vmo
    uint32_t pins;        // thread blocks in it
    struct list mappings; // struct mapping.vmo_node
    uint32_t mapping_count;
    struct list clones; // struct vmo.clone_node
    struct list_node clone_node;
};

// A page as it may be shown or used now.
struct vmo_view {
    struct page *page; // null: not RAM
    paddr_t addr;
    bool writable; // by this vmo alone, at this moment
    bool fresh;    // nothing was there before
};

// Finds the page at an index for reading or writing: allocates, breaks copy-on-write (updating
// every mapping that shows the old page). A read of an absent anonymous page may give the shared
// zero page. `payer` (null: the vmo's job) is charged for a broken copy-on-write page. A page for
// writing is the vmo's alone at this moment, but a snapshot taken before the caller has written
// shares it: so what copies into it holds it (page_hold). vmo->lock held; no reference is taken.
// OUT_OF_RANGE, NO_MEMORY, LIMIT, NEEDS_PAGE.
[[nodiscard]] status_t vmo_resolve(struct vmo *vmo, uint64_t index, bool write, struct job *payer,
                                   struct vmo_view *view);
// After the fresh page at `index` of a vmo that is being filled from one end to the other:
// allocates up to `most` pages behind it, no more than lie before it in one piece. Their addresses
// go to `pages`; returns how many. vmo->lock held.
size_t vmo_go_ahead(struct vmo *vmo, uint64_t index, paddr_t *pages, size_t most);
#define AHEAD_MAX 16
#define AHEAD_AFTER 4 // so many pages in one piece show that a vmo is being filled
// Finds what is there already in a range: the address of each page, with VMO_PEEK_READ_ONLY when it
// is not to be written to, or 0. vmo->lock held.
void vmo_peek(struct vmo *vmo, uint64_t index, paddr_t *pages, uint64_t count);
#define VMO_PEEK_READ_ONLY 1UL

// Takes [first, end) of the vmo out of all page tables: its own mappings and those of AT_WRITE
// clones. vmo->lock held. The flush is the caller's.
void vmo_hide(struct vmo *vmo, uint64_t first, uint64_t end, struct shootdown *shootdown);
// Takes the right to write away in the vmo's own mappings.
void vmo_write_protect(struct vmo *vmo, uint64_t first, uint64_t end, struct shootdown *shootdown);
// Frees the pages in a range that nobody is shown any more, the first `most` of them.
void vmo_free_range(struct vmo *vmo, uint64_t first, uint64_t end, uint64_t most);

// A copy into a page under way: the page is exclusive, and until page_release a snapshot copies it
// instead of sharing it, so that a snapshot never changes.
static inline void page_hold(struct page *page, bool write) {
    page_ref(page);
    if (write) {
        __atomic_fetch_add(&page->writers, 1, __ATOMIC_RELAXED);
    }
}
static inline void page_release(struct page *page, bool write) {
    if (write) {
        __atomic_fetch_sub(&page->writers, 1, __ATOMIC_RELEASE);
    }
    page_unref(page);
}

// Allocates a vmo that nobody knows yet. NO_MEMORY, LIMIT.
[[nodiscard]] status_t vmo_new(struct job *job, uint64_t pages, uint32_t flags, uint64_t provider,
                               struct vmo **out);
