// SPDX-License-Identifier: MIT
#pragma once

#include <abi/types.h>
#include <stddef.h>

// Four levels of tables. The upper half of the root is the kernel's and the same in all.
struct arch_space {
    paddr_t root;
};

extern paddr_t mmu_kernel_root;

static inline void mmu_load(const struct arch_space *space) {
    paddr_t root = space != NULL ? space->root : mmu_kernel_root;
    __asm__ volatile("movq %0, %%cr3" : : "r"(root) : "memory");
}
