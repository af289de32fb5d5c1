// SPDX-License-Identifier: MIT
//
// Programs: static and position-independent ELF64 files of x86_64 (System V ABI and its processor
// supplement). The file is hostile input: elf_read checks all that elf_map uses.
#pragma once

#include <abi/types.h>
#include <load/source.h>
#include <stdbool.h>

#define ELF_LOADS_MAX 16
#define ELF_PATH_BYTES 256

struct elf_load {
    uint64_t addr, offset, file_bytes, memory_bytes;
    uint32_t protection; // PROT_
};

struct elf_program {
    bool relocatable; // may be loaded anywhere
    uint64_t entry;
    uint64_t headers; // address of the program headers in memory, relative as all addresses
    uint32_t header_count;
    uint32_t load_count;
    struct elf_load loads[ELF_LOADS_MAX];
    uint64_t low, high;               // whole pages that it takes
    char interpreter[ELF_PATH_BYTES]; // empty: none
};

// Reads the headers of a program in a vmo of so many bytes. -ENOEXEC: it is none for this machine;
// -EIO.
[[nodiscard]] int64_t elf_read(handle_t vmo, uint64_t bytes, struct elf_program *program);
// Maps it, with all its addresses moved by `base`. Says nothing of brk. -ENOMEM and its like.
[[nodiscard]] int64_t elf_map(const struct program_source *source,
                              const struct elf_program *program, uint64_t base);
