// SPDX-License-Identifier: MIT
//
// Page tables on the host: a sorted array of entries (host_mmu.c).
#pragma once

#include <stddef.h>
#include <stdint.h>

struct host_mmu_entry {
    uint64_t addr;
    uint64_t page;
    uint32_t flags;
};

struct arch_space {
    struct host_mmu_entry *entries;
    size_t count;
    size_t capacity;
};
