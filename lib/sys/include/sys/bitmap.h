// SPDX-License-Identifier: MIT
//
// Bitmaps: arrays of 64-bit words, bit 0 the lowest of the first. The caller does all locking.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BITMAP_WORDS(bits) (((bits) + 63) / 64)
#define BITMAP_NONE SIZE_MAX

static inline bool bitmap_test(const uint64_t *map, size_t bit) {
    return (map[bit / 64] >> bit % 64 & 1) != 0;
}

static inline void bitmap_set(uint64_t *map, size_t bit) {
    map[bit / 64] |= (uint64_t)1 << bit % 64;
}

static inline void bitmap_clear(uint64_t *map, size_t bit) {
    map[bit / 64] &= ~((uint64_t)1 << bit % 64);
}

// The first bit at or after `from` and below `bits` that has the value; BITMAP_NONE when there is
// none.
static inline size_t bitmap_find(const uint64_t *map, size_t bits, size_t from, bool value) {
    uint64_t skip = value ? 0 : UINT64_MAX;
    while (from < bits) {
        uint64_t word = (map[from / 64] ^ skip) >> from % 64;
        if (word != 0) {
            size_t bit = from + (size_t)__builtin_ctzll(word);
            return bit < bits ? bit : BITMAP_NONE;
        }
        from = (from / 64 + 1) * 64;
    }
    return BITMAP_NONE;
}

// How many of the first `bits` bits are set.
static inline size_t bitmap_count(const uint64_t *map, size_t bits) {
    size_t count = 0;
    for (size_t i = 0; i < bits / 64; i++) {
        count += (size_t)__builtin_popcountll(map[i]);
    }
    if (bits % 64 != 0) {
        count += (size_t)__builtin_popcountll(map[bits / 64] << (64 - bits % 64));
    }
    return count;
}
