// SPDX-License-Identifier: MIT
//
// A mapping: a range of an aspace that shows a range of a vmo. Private to mm/.
#pragma once

#include <ds/tree.h>
#include <mm/aspace.h>
#include <mm/reap.h>
#include <mm/shootdown.h>
#include <mm/vmo.h>

struct mapping {
    struct handle handle;      // node of the vmo's derivation tree, when has_handle
    struct aspace *aspace;     // fixed
    struct vmo *vmo;           // fixed; holds a reference
    struct job *job;           // fixed; charged for the struct
    uint64_t origin;           // fixed; the same in all pieces of what was mapped at once
    uint8_t max_access;        // fixed; MAP_ access bits that the handle allowed
    uint32_t inherit;          // fixed; MAP_INHERIT bits
    bool has_handle;           // fixed
    bool revoked;              // aspace->lock: the handle was revoked before the mapping was there
    bool linked;               // aspace->lock
    struct tree_node node;     // aspace->lock
    struct list_node vmo_node; // the vmo's lock
    // Written with both locks held, so either is enough to read them:
    vaddr_t start;
    uint64_t bytes;
    uint64_t first; // index in the vmo of the page at `start`
    uint32_t flags; // MAP_ access bits
    struct reap_item reap;
};

#define MAP_ACCESS (MAP_READ | MAP_WRITE | MAP_EXECUTE)
#define MAP_INHERIT (MAP_INHERIT_SHARE | MAP_INHERIT_DROP)
#define MAPPINGS_MAX 65536 // an aspace; bounds the walks over all of them

static inline vaddr_t mapping_end(const struct mapping *mapping) {
    return mapping->start + mapping->bytes;
}
static inline vaddr_t mapping_addr(const struct mapping *mapping, uint64_t index) {
    return mapping->start + ((index - mapping->first) << PAGE_SHIFT);
}
static inline uint64_t mapping_index(const struct mapping *mapping, vaddr_t addr) {
    return mapping->first + ((addr - mapping->start) >> PAGE_SHIFT);
}

// A mapping that is not yet linked. NO_MEMORY, LIMIT.
[[nodiscard]] status_t mapping_create(struct aspace *aspace, struct mapping **out);
// Gives one that is not linked what `other` shows from an address on, with a reference on its vmo.
void mapping_resemble(struct mapping *mapping, const struct mapping *other, vaddr_t addr);
// Frees one that is not linked, after a grace period (a revoke may still be looking at its node);
// its handle and its reference on the vmo go at once.
void mapping_discard(struct mapping *mapping);

// aspace->lock held by the caller for all of these.

// The mapping at an address, or the first above it, or null.
struct mapping *mapping_find(const struct aspace *aspace, vaddr_t addr);
struct mapping *mapping_after(const struct mapping *mapping);
// Enters it into the aspace's tree and the vmo's list. The place is free.
void mapping_link(struct mapping *mapping);
// Takes it out of both, and its entries out of the page tables; discards it.
void mapping_remove(struct mapping *mapping);
// The same without the page tables, which nobody has loaded and which are about to go.
void mapping_forget(struct mapping *mapping);
// Cuts off what lies at or above `end`.
void mapping_trim(struct mapping *mapping, vaddr_t end);
// Makes `addr` a border between mappings. OK also when it is one or nothing is mapped there; a
// mapping that is being revoked at this moment is removed. NO_MEMORY, LIMIT.
[[nodiscard]] status_t mapping_split(struct aspace *aspace, vaddr_t addr);
// Joins the mapping with the one after it, if they are pieces of one and alike. Returns what is
// then the last of the two.
struct mapping *mapping_merge(struct mapping *mapping);

// The vmo's lock held by the caller for all of these. The range lies within the mapping.

// Takes entries away.
void mapping_clear(struct mapping *mapping, vaddr_t start, vaddr_t end,
                   struct shootdown *shootdown);
// Makes entries follow mapping->flags, less the MMU_ flags in `remove`; some access is left.
void mapping_narrow(struct mapping *mapping, vaddr_t start, vaddr_t end, uint32_t remove,
                    struct shootdown *shootdown);
// Takes the right to write away.
void mapping_write_protect(struct mapping *mapping, vaddr_t start, vaddr_t end,
                           struct shootdown *shootdown);
// How many page tables have to be looked through in a range, counted up to `limit`. (No lock
// needed.)
uint32_t mapping_tables(const struct mapping *mapping, vaddr_t start, vaddr_t end, uint32_t limit);
// Shows a page at an address. NO_MEMORY, LIMIT.
struct vmo_view;
[[nodiscard]] status_t mapping_show(struct mapping *mapping, vaddr_t addr,
                                    const struct vmo_view *view);
// Shows pages that are resident around an address, as far as that needs no new page table.
void mapping_show_around(struct mapping *mapping, vaddr_t addr);
// After a write to a page that was absent: shows the next ones too, allocating them, when the pages
// before it tell that all are being filled in order. Where memory ends, so does this.
void mapping_show_ahead(struct mapping *mapping, vaddr_t addr);

// What one step of a long operation may do before it returns to be restarted.
#define STEP_PAGES 512
#define STEP_TABLES 8
#define STEP_MAPPINGS 64
