// SPDX-License-Identifier: MIT
#pragma once

#include <abi/types.h>
#include <arch_impl/layout.h>

static inline void *phys_to_virt(paddr_t addr) {
    return (void *)(addr + PHYSMAP_BASE);
}

static inline paddr_t virt_to_phys(const void *addr) {
    return (paddr_t)addr - PHYSMAP_BASE;
}
