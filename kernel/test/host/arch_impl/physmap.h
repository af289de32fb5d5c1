// SPDX-License-Identifier: MIT
//
// The host's physical memory is an array: HOST_RAM_BYTES of RAM from physical address 0 on.
#pragma once

#include <abi/types.h>

#define HOST_RAM_BYTES (64UL << 20)

extern char host_ram[HOST_RAM_BYTES];

static inline void *phys_to_virt(paddr_t addr) {
    return host_ram + addr;
}

static inline paddr_t virt_to_phys(const void *addr) {
    return (paddr_t)((const char *)addr - host_ram);
}
