// SPDX-License-Identifier: MIT
//
// The boot table: where the parts of the boot archive's native programs lie. tools/mkarchive.py
// writes it as the content of the archive's first file, so that the kernel needs to understand
// neither archives nor programs, and starting one needs no search. All numbers are little-endian.
//
// Parts of which nothing is written or zero lie so in the archive that their pages can be mapped
// where they are.
#pragma once

#include <abi/types.h>

#define BOOT_TABLE_OFFSET 512               // in the archive: behind the header of its first file
#define BOOT_TABLE_MAGIC 0x4c424154544f4f42 // "BOOTTABL"
#define BOOT_SEGMENTS_MAX 8
#define BOOT_PATH_BYTES 128

enum boot_access { BOOT_EXECUTE = 1, BOOT_WRITE = 2, BOOT_READ = 4 };

// A part of the program in memory: `file_bytes` bytes of the archive, then zeros.
struct boot_segment {
    vaddr_t addr;
    uint64_t offset; // in the archive; it and `addr` need not agree modulo the page size
    uint64_t file_bytes, memory_bytes;
    uint64_t access; // enum boot_access
};

struct boot_program {
    char path[BOOT_PATH_BYTES]; // zero-terminated, without a slash at its beginning
    vaddr_t entry;
    uint64_t segment_count;
    struct boot_segment segments[BOOT_SEGMENTS_MAX];
};

struct boot_table {
    uint64_t magic;
    uint64_t sum; // of all other 64-bit words of the table and its programs
    uint64_t count;
    struct boot_program programs[];
};
