// SPDX-License-Identifier: MIT
//
// Page tables of user address spaces (Intel SDM volume 3, 4.5): four levels, 4 KiB pages. The
// aspace's lock keeps other CPUs from changing them; the hardware may set accessed and dirty bits
// at any time, so live entries are only ever changed atomically. Both bits are set from the start:
// nobody asks for them yet, and setting them later costs the hardware a locked access each.
#include <arch/mmu.h>
#include <arch/physmap.h>
#include <mm/aspace.h>
#include <mm/page.h>
#include <x86/paging.h>
#include <x86/regs.h>

#define TABLE_FLAGS (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)
// More single flushes than this cost more than reloading everything.
#define FLUSH_PAGES_MAX 16

static uint64_t *table_at(uint64_t entry) {
    return phys_to_virt(entry & PTE_ADDRESS);
}

static uint64_t entry_make(paddr_t page, uint32_t flags) {
    uint64_t entry = page | PTE_PRESENT | PTE_ACCESSED;
    entry |= (flags & MMU_WRITE) != 0 ? PTE_WRITE | PTE_DIRTY : 0;
    entry |= (flags & MMU_USER) != 0 ? PTE_USER : 0;
    entry |= (flags & MMU_EXECUTE) != 0 ? 0 : PTE_NO_EXECUTE;
    entry |= (flags & MMU_UNCACHED) != 0 ? PTE_NO_CACHE | PTE_WRITE_THROUGH : 0;
    return entry;
}

static uint32_t entry_flags(uint64_t entry) {
    uint32_t flags = MMU_READ;
    flags |= (entry & PTE_WRITE) != 0 ? MMU_WRITE : 0;
    flags |= (entry & PTE_USER) != 0 ? MMU_USER : 0;
    flags |= (entry & PTE_NO_EXECUTE) != 0 ? 0 : MMU_EXECUTE;
    flags |= (entry & PTE_NO_CACHE) != 0 ? MMU_UNCACHED : 0;
    return flags;
}

static struct page *table_page(const uint64_t *entry) {
    return &page_frames[virt_to_phys(entry) >> PAGE_SHIFT];
}

// To be done before an entry is made.
static void mark(const uint64_t *entry) {
    page_mark_entry(table_page(entry), TABLE_INDEX((vaddr_t)entry >> 3 << PAGE_SHIFT, 0));
}

status_t mmu_space_create(struct arch_space *space, struct job *job) {
    struct page *page;
    status_t status = page_alloc(job, PAGE_ALLOC_ZERO, &page);
    if (status != OK) {
        return status;
    }
    space->root = page_to_phys(page);
    uint64_t *root = phys_to_virt(space->root);
    memcpy(root + KERNEL_HALF_INDEX, paging_root_table() + KERNEL_HALF_INDEX,
           (TABLE_ENTRIES - KERNEL_HALF_INDEX) * sizeof(root[0]));
    return OK;
}

// Frees the tables below entries [0, count) of a table, then the table.
static void table_free(paddr_t addr, int level, uint32_t count) {
    assert(IS_ALIGNED(addr, PAGE_SIZE) && level <= ROOT_LEVEL);
    const uint64_t *table = phys_to_virt(addr);
    struct page *page = table_page(table);
    uint32_t i = level > 0 ? 0 : count;
    while ((i = page_next_marked(page, i)) < count) {
        if (table[i] != 0) {
            table_free(table[i] & PTE_ADDRESS, level - 1, TABLE_ENTRIES);
        }
        i++;
    }
    page_unref(page);
}

void mmu_space_destroy(struct arch_space *space, struct job *job) {
    (void)job; // the pages know who is charged
    table_free(space->root, ROOT_LEVEL, KERNEL_HALF_INDEX);
    space->root = 0;
}

// The lowest-level entry for an address, or null when a table on the way is missing.
static uint64_t *entry_find(const struct arch_space *space, vaddr_t addr) {
    uint64_t *table = phys_to_virt(space->root);
#pragma GCC unroll 3
    for (int level = ROOT_LEVEL; level > 0; level--) {
        uint64_t entry = table[TABLE_INDEX(addr, level)];
        if (entry == 0) {
            return NULL;
        }
        table = table_at(entry);
    }
    return &table[TABLE_INDEX(addr, 0)];
}

// The same, making what is missing.
static status_t entry_make_path(struct arch_space *space, struct job *job, vaddr_t addr,
                                uint64_t **out) {
    uint64_t *table = phys_to_virt(space->root);
#pragma GCC unroll 3
    for (int level = ROOT_LEVEL; level > 0; level--) {
        uint64_t *entry = &table[TABLE_INDEX(addr, level)];
        if (*entry == 0) {
            struct page *page;
            status_t status = page_alloc(job, PAGE_ALLOC_ZERO, &page);
            if (status != OK) {
                return status; // tables made so far stay, for the next try or the space's end
            }
            mark(entry);
            __atomic_store_n(entry, page_to_phys(page) | TABLE_FLAGS, __ATOMIC_RELEASE);
        }
        table = table_at(*entry);
    }
    *out = &table[TABLE_INDEX(addr, 0)];
    return OK;
}

status_t mmu_map(struct arch_space *space, struct job *job, vaddr_t addr, paddr_t page,
                 uint32_t flags) {
    assert(addr < USER_MAX && IS_ALIGNED(addr | page, PAGE_SIZE));
    assert((flags & (MMU_READ | MMU_WRITE | MMU_EXECUTE)) != 0);
    uint64_t *entry;
    status_t status = entry_make_path(space, job, addr, &entry);
    if (status == OK) {
        mark(entry);
        __atomic_store_n(entry, entry_make(page, flags), __ATOMIC_RELEASE);
    }
    return status;
}

void mmu_fill(struct arch_space *space, vaddr_t addr, paddr_t *pages, size_t count,
              uint32_t flags) {
    assert(addr < USER_MAX && TABLE_INDEX(addr, 0) + count <= TABLE_ENTRIES);
    uint64_t *entry = entry_find(space, addr);
    uint64_t full = entry_make(0, flags);
    uint64_t narrow = entry_make(0, flags & ~(uint32_t)MMU_WRITE);
    for (size_t i = 0; i < count; i++) {
        if (entry == NULL || pages[i] == 0 || entry[i] != 0) {
            pages[i] = 0;
            continue;
        }
        uint64_t page = pages[i] & PTE_ADDRESS;
        mark(&entry[i]);
        __atomic_store_n(&entry[i], page | ((pages[i] & 1) != 0 ? narrow : full), __ATOMIC_RELEASE);
    }
}

bool mmu_unmap(struct arch_space *space, vaddr_t addr, paddr_t *page) {
    assert(addr < USER_MAX);
    uint64_t *entry = entry_find(space, addr);
    uint64_t old = entry == NULL ? 0 : __atomic_exchange_n(entry, 0, __ATOMIC_ACQ_REL);
    *page = old & PTE_ADDRESS;
    return old != 0;
}

uint32_t mmu_lookup(const struct arch_space *space, vaddr_t addr, paddr_t *page) {
    const uint64_t *entry = entry_find(space, addr);
    uint64_t value = entry == NULL ? 0 : __atomic_load_n(entry, __ATOMIC_ACQUIRE);
    *page = value & PTE_ADDRESS;
    return value == 0 ? 0 : entry_flags(value);
}

// Gives one entry new access. Returns whether that changed it.
static bool entry_protect(uint64_t *entry, uint32_t flags) {
    uint64_t old = __atomic_load_n(entry, __ATOMIC_RELAXED);
    uint64_t new;
    do {
        uint32_t write = entry_flags(old) & MMU_WRITE & flags;
        uint32_t kept = entry_flags(old) & MMU_UNCACHED;
        new = entry_make(old & PTE_ADDRESS, (flags & ~(uint32_t)MMU_WRITE) | write | kept);
        new |= old &PTE_DIRTY;
    } while (
        old != 0 && old != new &&
        !__atomic_compare_exchange_n(entry, &old, new, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    return old != 0 && old != new;
}

size_t mmu_protect(struct arch_space *space, vaddr_t addr, size_t size, uint32_t flags) {
    assert(IS_ALIGNED(addr | size, PAGE_SIZE));
    assert((flags & (MMU_READ | MMU_WRITE | MMU_EXECUTE)) != 0);
    size_t changed = 0;
    vaddr_t end = addr + size;
    while ((addr = mmu_next(space, addr, end)) < end) {
        uint64_t *entry = entry_find(space, addr);
        do {
            changed += entry_protect(entry++, flags);
            addr += PAGE_SIZE;
        } while (addr < end && !IS_ALIGNED(addr, 1UL << LEVEL_SHIFT(1)) && *entry != 0);
    }
    return changed;
}

vaddr_t mmu_next(const struct arch_space *space, vaddr_t addr, vaddr_t end) {
    while (addr < end) {
        const uint64_t *table = phys_to_virt(space->root);
        int level = ROOT_LEVEL;
        while (level > 0 && table[TABLE_INDEX(addr, level)] != 0) {
            table = table_at(table[TABLE_INDEX(addr, level)]);
            level--;
        }
        uint32_t index = TABLE_INDEX(addr, level);
        if (table[index] != 0) {
            return addr;
        }
        const struct page *page = table_page(table);
        while ((index = page_next_marked(page, index)) < TABLE_ENTRIES && table[index] == 0) {
            index++;
        }
        addr = ALIGN_DOWN(addr, 1UL << LEVEL_SHIFT(level + 1)) +
               ((uint64_t)index << LEVEL_SHIFT(level));
    }
    return end;
}

void mmu_flush_local(vaddr_t addr, size_t size) {
    assert(IS_ALIGNED(addr | size, PAGE_SIZE));
    if (size > FLUSH_PAGES_MAX * PAGE_SIZE) {
        mmu_flush_local_all();
        return;
    }
    for (size_t offset = 0; offset < size; offset += PAGE_SIZE) {
        __asm__ volatile("invlpg (%0)" : : "r"(addr + offset) : "memory");
    }
}

void mmu_flush_local_all(void) {
    cr3_write(cr3_read());
}
