// SPDX-License-Identifier: MIT
//
// Reading the headers of a static ELF64 program (System V ABI, "Object Files"; the 64-bit layout is
// that of the processor supplement). The file is hostile input: after elf_read every offset and
// address in the result is safe to use as it stands. What a loader makes of it is its own affair.
#pragma once

#include <abi/types.h>

#define ELF_SEGMENTS_MAX 8

enum elf_access {
    ELF_EXECUTE = 1 << 0,
    ELF_WRITE = 1 << 1,
    ELF_READ = 1 << 2,
};

// A part of the program in memory: `file_bytes` bytes of the file from `offset` on, then zeros.
// `addr` and `offset` agree modulo the page size; no two segments share a page; they stand in
// rising order.
struct elf_segment {
    vaddr_t addr;
    uint64_t offset;
    uint64_t file_bytes;
    uint64_t memory_bytes;
    uint32_t access; // enum elf_access; never WRITE and EXECUTE at once
};

struct elf_image {
    vaddr_t entry; // in an executable segment
    uint32_t count;
    struct elf_segment segments[ELF_SEGMENTS_MAX];
};

// The e_machine of the machine that this code was built for.
extern const uint16_t elf_machine;

// Reads a program whose segments must lie in [low, high). CORRUPT: damaged, or with segments that
// overlap or lie elsewhere; NOT_SUPPORTED: whole, but no static program for this machine, with a
// segment both writable and executable, or with more than ELF_SEGMENTS_MAX of them.
[[nodiscard]] status_t elf_read(const void *file, size_t size, vaddr_t low, vaddr_t high,
                                struct elf_image *image);

// First page of a segment, and the bytes of whole pages that it covers.
static inline vaddr_t elf_segment_start(const struct elf_segment *segment) {
    return segment->addr & ~(PAGE_SIZE - 1);
}

static inline uint64_t elf_segment_bytes(const struct elf_segment *segment) {
    vaddr_t end = segment->addr + segment->memory_bytes;
    return ((end + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1)) - elf_segment_start(segment);
}
