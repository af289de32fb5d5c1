// SPDX-License-Identifier: MIT
//
// Page table entries (Intel SDM volume 3, 4.5), and the kernel's own half.
#pragma once

#include <base.h>

#define PTE_PRESENT (1UL << 0)
#define PTE_WRITE (1UL << 1)
#define PTE_USER (1UL << 2)
#define PTE_WRITE_THROUGH (1UL << 3)
#define PTE_NO_CACHE (1UL << 4)
#define PTE_ACCESSED (1UL << 5)
#define PTE_DIRTY (1UL << 6)
#define PTE_LARGE (1UL << 7)
#define PTE_GLOBAL (1UL << 8)
#define PTE_NO_EXECUTE (1UL << 63)
#define PTE_ADDRESS 0x000ffffffffff000UL

#define TABLE_ENTRIES 512
#define ROOT_LEVEL 3
#define LEVEL_SHIFT(level) (PAGE_SHIFT + 9 * (level))
#define TABLE_INDEX(addr, level) (((addr) >> LEVEL_SHIFT(level)) & (TABLE_ENTRIES - 1))
#define KERNEL_HALF_INDEX (TABLE_ENTRIES / 2)

// Builds the kernel's half and loads it: all RAM, the image with its rights. Boot CPU, once; after
// that kernel memory can be mapped with the functions below.
void paging_init(void);

// The kernel's root table.
const uint64_t *paging_root_table(void);

// Maps device registers (uncached, writable) or firmware tables (read-only) for good. `size` in
// bytes; neither needs to be aligned. Null when the CPU has no such addresses. Panics without
// memory: boot only.
void *paging_map_device(paddr_t addr, uint64_t size);
const void *paging_map_firmware(paddr_t addr, uint64_t size);

// Maps fresh zeroed memory for a stack at [addr, addr + size). Panics without memory: boot only.
void paging_map_stack(vaddr_t addr, uint64_t size);

// How an address of the kernel's half is mapped: its leaf entry, 0 when not at all.
uint64_t paging_entry(vaddr_t addr);
