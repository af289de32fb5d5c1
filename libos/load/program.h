// SPDX-License-Identifier: MIT
//
// Making a fresh address space into a program ready to run.
#pragma once

#include <abi/block.h>
#include <abi/libos.h>

struct linux_thread;

// Loads the program of the record, with its stack, and says how it begins. A negative error of
// Linux when that fails.
[[nodiscard]] int64_t program_load(struct linux_thread *self, const struct libos_record *record,
                                   struct registers *registers);

// The path of the program in a record that was checked; the working directory, or null.
const char *record_path(const struct libos_record *record);
const char *record_folder(const struct libos_record *record);

// load/stack.c
struct stack_options {
    const struct libos_record *record;
    uint64_t entry, base;           // AT_ENTRY; AT_BASE, 0 without an interpreter
    uint64_t headers, header_count; // AT_PHDR, AT_PHNUM
};
// Maps the stack and fills it. The address of argc, or a negative error.
[[nodiscard]] int64_t stack_build(const struct stack_options *options);
// A number below `range`, from the record's seed: `which` gives independent ones.
uint64_t seed_number(const struct libos_record *record, uint32_t which, uint64_t range);
