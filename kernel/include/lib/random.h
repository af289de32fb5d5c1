// SPDX-License-Identifier: MIT
//
// The kernel's random number generator.
#pragma once

#include <base.h>

// Fills memory with random bytes. Any lock of an outer rank than LOG may be held.
void random_fill(void *buffer, size_t bytes);
// Mixes in a value that an outsider can't guess, for example the cycle counter at an interrupt. It
// can't make the generator worse. As random_fill.
void random_stir(uint64_t value);
