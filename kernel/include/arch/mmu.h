// SPDX-License-Identifier: MIT
//
// Page tables. One struct arch_space an aspace (defined by arch_impl/mmu.h); the kernel's half is
// shared by all. The aspace's lock guards them. Functions that need memory for a table take pages
// from the job given.
#pragma once

#include <arch_impl/mmu.h>
#include <base.h>

struct job;

enum mmu_flags {
    MMU_READ = 1 << 0,
    MMU_WRITE = 1 << 1,
    MMU_EXECUTE = 1 << 2,
    MMU_USER = 1 << 3,
    MMU_UNCACHED = 1 << 4,
};

// NO_MEMORY, LIMIT.
[[nodiscard]] status_t mmu_space_create(struct arch_space *space, struct job *job);
// Frees page tables, not the pages mapped. Nobody has it loaded any more. Returns when done.
void mmu_space_destroy(struct arch_space *space, struct job *job);

// Maps one page (replacing an entry). Returns NO_MEMORY, LIMIT. The caller shoots down a replaced
// entry.
[[nodiscard]] status_t mmu_map(struct arch_space *space, struct job *job, vaddr_t addr,
                               paddr_t page, uint32_t flags);
// Maps pages side by side in one lowest table, that of `addr`, which is there: those of `pages`
// that are not 0 and have no entry yet, and sets all others of `pages` to 0. The lowest bit of an
// address takes MMU_WRITE from its flags.
void mmu_fill(struct arch_space *space, vaddr_t addr, paddr_t *pages, size_t count, uint32_t flags);
// Takes one page's entry away; returns whether there was one (then *page says which page it
// showed).
bool mmu_unmap(struct arch_space *space, vaddr_t addr, paddr_t *page);
// Looks an entry up: returns its flags, MMU_READ among them, and the page that it shows, or 0.
uint32_t mmu_lookup(const struct arch_space *space, vaddr_t addr, paddr_t *page);
// Changes the access of every present entry in a range; takes none away. Adds to no access:
// MMU_WRITE is only ever removed by this, never added (copy-on-write decides at the fault). Returns
// entries changed.
size_t mmu_protect(struct arch_space *space, vaddr_t addr, size_t size, uint32_t flags);
// The first page >= addr and < end that has an entry; what was never touched is skipped quickly.
// Returns end when there is none.
vaddr_t mmu_next(const struct arch_space *space, vaddr_t addr, vaddr_t end);

// Loads the tables (null: the kernel's).
void mmu_load(const struct arch_space *space);
// Flushes this CPU's TLB for a range of the loaded space (many pages: all).
void mmu_flush_local(vaddr_t addr, size_t size);
// All but global entries.
void mmu_flush_local_all(void);
