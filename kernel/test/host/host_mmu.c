// SPDX-License-Identifier: MIT
//
// Page tables of the host: entries sorted by address. Tables cost no pages here.
#include "host.h"

#include <arch/mmu.h>
#include <stdlib.h>

uint64_t host_mmu_flushes;

status_t mmu_space_create(struct arch_space *space, struct job *job) {
    (void)job;
    *space = (struct arch_space){0};
    return OK;
}

void mmu_space_destroy(struct arch_space *space, struct job *job) {
    (void)job;
    free(space->entries);
    *space = (struct arch_space){0};
}

// Index of the first entry at or above an address.
static size_t lower_bound(const struct arch_space *space, vaddr_t addr) {
    size_t low = 0;
    size_t high = space->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (space->entries[middle].addr < addr) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct host_mmu_entry *find(const struct arch_space *space, vaddr_t addr) {
    size_t index = lower_bound(space, ALIGN_DOWN(addr, PAGE_SIZE));
    return index < space->count && space->entries[index].addr == ALIGN_DOWN(addr, PAGE_SIZE)
               ? &space->entries[index]
               : NULL;
}

status_t mmu_map(struct arch_space *space, struct job *job, vaddr_t addr, paddr_t page,
                 uint32_t flags) {
    (void)job;
    assert(IS_ALIGNED(addr, PAGE_SIZE) && IS_ALIGNED(page, PAGE_SIZE));
    struct host_mmu_entry *entry = find(space, addr);
    if (entry == NULL) {
        if (space->count == space->capacity) {
            size_t capacity = space->capacity == 0 ? 64 : 2 * space->capacity;
            void *grown = realloc(space->entries, capacity * sizeof(*entry));
            if (grown == NULL) {
                return ERR_NO_MEMORY;
            }
            space->entries = grown;
            space->capacity = capacity;
        }
        size_t index = lower_bound(space, addr);
        entry = &space->entries[index];
        memmove(entry + 1, entry, (space->count - index) * sizeof(*entry));
        space->count++;
    }
    *entry = (struct host_mmu_entry){addr, page, flags};
    return OK;
}

void mmu_fill(struct arch_space *space, vaddr_t addr, paddr_t *pages, size_t count,
              uint32_t flags) {
    for (size_t i = 0; i < count; i++) {
        paddr_t page = ALIGN_DOWN(pages[i], PAGE_SIZE);
        uint32_t own = (pages[i] & 1) != 0 ? flags & ~(uint32_t)MMU_WRITE : flags;
        vaddr_t at = addr + i * PAGE_SIZE;
        if (page == 0 || find(space, at) != NULL || mmu_map(space, NULL, at, page, own) != OK) {
            pages[i] = 0;
        }
    }
}

bool mmu_unmap(struct arch_space *space, vaddr_t addr, paddr_t *page) {
    struct host_mmu_entry *entry = find(space, addr);
    if (entry == NULL) {
        return false;
    }
    *page = entry->page;
    size_t index = (size_t)(entry - space->entries);
    memmove(entry, entry + 1, (space->count - index - 1) * sizeof(*entry));
    space->count--;
    return true;
}

uint32_t mmu_lookup(const struct arch_space *space, vaddr_t addr, paddr_t *page) {
    const struct host_mmu_entry *entry = find(space, addr);
    if (entry == NULL) {
        return 0;
    }
    *page = entry->page;
    return entry->flags | MMU_READ;
}

size_t mmu_protect(struct arch_space *space, vaddr_t addr, size_t size, uint32_t flags) {
    size_t changed = 0;
    for (size_t i = lower_bound(space, addr);
         i < space->count && space->entries[i].addr < addr + size; i++) {
        uint32_t write = space->entries[i].flags & flags & MMU_WRITE;
        uint32_t wanted = (flags & ~(uint32_t)MMU_WRITE) | write;
        changed += space->entries[i].flags != wanted;
        space->entries[i].flags = wanted;
    }
    return changed;
}

vaddr_t mmu_next(const struct arch_space *space, vaddr_t addr, vaddr_t end) {
    size_t index = lower_bound(space, addr);
    return index < space->count && space->entries[index].addr < end ? space->entries[index].addr
                                                                    : end;
}

void mmu_load(const struct arch_space *space) {
    (void)space;
}

void mmu_flush_local(vaddr_t addr, size_t size) {
    (void)addr;
    host_mmu_flushes += size / PAGE_SIZE;
}

void mmu_flush_local_all(void) {
    host_mmu_flushes++;
}
