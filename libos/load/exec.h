// SPDX-License-Identifier: MIT
//
// The steps of an exec that load/exec.c and load/arguments.c share.
#pragma once

#include <load/source.h>

#include <abi/libos.h>

// Strings that end with a zero each, in memory of the heap that grows.
struct text {
    char *data;
    uint64_t bytes, room;
};
#define TEXT_BYTES_MAX (2UL << 20) // of arguments and environment, as on Linux

// Adds a string of the libos; one of the program. E2BIG, EFAULT, ENOMEM.
[[nodiscard]] int64_t text_add(struct text *text, const char *string, uint64_t bytes);
[[nodiscard]] int64_t text_add_user(struct text *text, uint64_t from);
// Adds all strings of a vector of the program. How many, or a negative error.
[[nodiscard]] int64_t text_add_vector(struct text *text, uint64_t vector, uint32_t skip);
void text_free(struct text *text);
