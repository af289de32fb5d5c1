// SPDX-License-Identifier: MIT
//
// A small heap for native programs and tests. Bounded: a process never holds more than
// HEAP_MAX_BYTES of it. Threads may use it at once. Servers that must survive don't: they keep
// state in vaults.
#pragma once

#include <stddef.h>

#define HEAP_MAX_BYTES (64UL << 20)

// Memory of at least `bytes`, aligned to 16; zeroed by calloc. Null when there is none, when the
// bound is reached, or for 0 bytes.
void *malloc(size_t bytes);
void *calloc(size_t count, size_t bytes);
// Gives memory back; null is allowed. A pointer that malloc did not return ends the program.
void free(void *memory);
