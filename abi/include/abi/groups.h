// SPDX-License-Identifier: MIT
//
// Supplementary groups of Linux processes: written by procd, read-only to file servers. User and
// group stand in the cookie of a call; what more groups its caller has, here.
//
// An entry holds two lists; the lowest bit of `sequence` tells which one is valid. procd writes the
// other one and then counts up: so a list is whole whenever procd dies, and a reader that finds
// `sequence` changed reads again. An entry whose process has ended may stay: ids are never used
// again.
#pragma once

#include <abi/types.h>

#define GROUP_ENTRIES 1024
#define GROUPS_OF_PROCESS 32

struct group_entry {
    uint64_t process;  // id of the kernel; 0: none
    uint32_t sequence; // counts changes
    uint32_t counts[2];
    uint32_t groups[2][GROUPS_OF_PROCESS];
    uint32_t spare;
};
static_assert(sizeof(struct group_entry) == 280, "struct group_entry is ABI");

struct group_table {
    uint32_t top; // entries from here on are unused
    uint32_t spare;
    struct group_entry entries[GROUP_ENTRIES];
};
