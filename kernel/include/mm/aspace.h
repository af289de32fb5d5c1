// SPDX-License-Identifier: MIT
//
// Address spaces: mappings of vmos, and the page tables made from them. Page tables hold only what
// was touched; the mappings are the truth.
#pragma once

#include <abi/flags.h>
#include <abi/info.h>
#include <abi/libos.h>
#include <base.h>
#include <object/handle.h>
#include <object/object.h>

struct aspace;
struct vmo;
struct page;

#define USER_MIN 0x10000ULL
#define USER_MAX 0x00007ffffffff000ULL

enum fault_access {
    FAULT_READ = 1,
    FAULT_WRITE = 2,
    FAULT_EXECUTE = 4,
};

struct aspace *aspace_from(struct object *object);
struct object *aspace_object(struct aspace *aspace);

// NO_MEMORY, LIMIT.
[[nodiscard]] status_t aspace_create(struct job *job, uint32_t flags, uint64_t provider,
                                     struct aspace **out);

// See the native call.
[[nodiscard]] status_t aspace_query(struct aspace *aspace, vaddr_t addr, struct mapping_info *info);

// One step of the native calls of these names, from the end of the range: leaves in *size what is
// still to be done, 0 when it is finished; the other arguments stay for the next step. For
// aspace_map the vmo is named by a handle in `table`, so that the mapping becomes a node of its
// derivation tree; `table` null: `vmo` is used without a node. What finds its place free needs one
// step. Does not populate.
[[nodiscard]] status_t aspace_map_step(struct aspace *aspace, struct handle_table *table,
                                       handle_t handle, struct vmo *vmo, uint64_t offset,
                                       vaddr_t addr, uint64_t *size, uint32_t flags, vaddr_t *out);
[[nodiscard]] status_t aspace_unmap_step(struct aspace *aspace, vaddr_t addr, uint64_t *size);
[[nodiscard]] status_t aspace_protect_step(struct aspace *aspace, vaddr_t addr, uint64_t *size,
                                           uint32_t flags);
// Resolves up to 512 pages from addr + *done on, as the mapping there allows; moves *done, to
// `size` when one can't be resolved: populating is a favour.
void aspace_populate_step(struct aspace *aspace, vaddr_t addr, uint64_t size, uint64_t *done);

// Resolves a fault of a user address: maps the page. OK; FAULT (no mapping, or not so accessible);
// NEEDS_PAGE; NO_MEMORY; LIMIT. No lock held.
[[nodiscard]] status_t aspace_fault(struct aspace *aspace, vaddr_t addr, uint32_t access);

// Copies between another aspace and a user buffer of the calling thread (windows,
// aspace_read/write). Returns bytes copied, or a status when none could be: FAULT, NEEDS_PAGE,
// NO_MEMORY, LIMIT; and STATUS_PAGE_WAIT when the caller's own buffer needs its pager.
int64_t aspace_read_user(struct aspace *aspace, vaddr_t addr, vaddr_t buffer, size_t size);
int64_t aspace_write_user(struct aspace *aspace, vaddr_t addr, vaddr_t buffer, size_t size);

// Pins the page of a thread block: FAULT unless mapped readable and writable from an anonymous vmo;
// the page can't be replaced, decommitted or unmapped until it is unpinned (BUSY for those calls).
// COW is broken first, and a clone of the vmo copies a pinned page at once. Revoking the handle
// that was mapped still unmaps the page, which then stays with the kernel alone. Also
// INVALID_ARGUMENT (misaligned), NO_MEMORY, LIMIT, NEEDS_PAGE.
[[nodiscard]] status_t aspace_pin_block(struct aspace *aspace, vaddr_t addr, struct page **out);
void aspace_unpin_block(struct aspace *aspace, vaddr_t addr, struct page *page);

// Loads the aspace's page tables on this CPU (null: the kernel's own) and keeps the set of CPUs
// that have it loaded. Called by the scheduler with interrupts off. An idle CPU may keep what is
// loaded; but nobody may load an aspace to which no running thread holds a reference (aspace.c says
// why).
void aspace_switch(struct aspace *aspace);

// Key of a shared futex: the vmo and offset behind an address. FAULT.
[[nodiscard]] status_t aspace_futex_key(struct aspace *aspace, vaddr_t addr, uint64_t key[2]);

// Copies what is mapped in one aspace, and its entry, into another, as process_clone says; leaves
// alone what is there. On failure some of it is there. BAD_STATE (the other's flags forbid what
// this one's allow), NO_MEMORY, LIMIT. No lock held.
[[nodiscard]] status_t aspace_copy(struct aspace *from, struct aspace *to, vaddr_t share_end);
// Where threads enter the libos; stays readable as long as the aspace, and is all 0 until it is
// set.
const struct aspace_entry *aspace_entry(const struct aspace *aspace);
// See the native call. INVALID_ARGUMENT, BAD_STATE.
[[nodiscard]] status_t aspace_set_entry(struct aspace *aspace, const struct aspace_entry *entry);

uint64_t aspace_resident_pages(const struct aspace *aspace);
