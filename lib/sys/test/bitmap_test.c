// SPDX-License-Identifier: MIT
//
// Bitmaps against an array of flags, at every length around word borders.
//
// host-sources: lib/test/test.c lib/test/test/host_main.c
#include <sys/bitmap.h>
#include <test/host.h>
#include <test/test.h>

#define BITS 200

static size_t find(const bool *flags, size_t bits, size_t from, bool value) {
    for (; from < bits; from++) {
        if (flags[from] == value) {
            return from;
        }
    }
    return BITMAP_NONE;
}

static size_t count(const bool *flags, size_t bits) {
    size_t found = 0;
    for (size_t i = 0; i < bits; i++) {
        found += flags[i];
    }
    return found;
}

TEST(bitmap_random_work) {
    uint64_t map[BITMAP_WORDS(BITS)] = {0};
    bool flags[BITS] = {false};
    uint64_t state = test_seed();
    for (int step = 0; step < 100000; step++) {
        // Runs of equal bits, so that whole words are full or empty at times.
        size_t bit = test_random_below(&state, BITS);
        size_t end = bit + test_random_below(&state, 100);
        bool value = (test_random(&state) & 1) != 0;
        for (; bit < end && bit < BITS; bit++) {
            (value ? bitmap_set : bitmap_clear)(map, bit);
            flags[bit] = value;
        }
        size_t bits = test_random_below(&state, BITS + 1);
        size_t from = test_random_below(&state, BITS + 1);
        REQUIRE_EQ(bitmap_find(map, bits, from, true), find(flags, bits, from, true));
        REQUIRE_EQ(bitmap_find(map, bits, from, false), find(flags, bits, from, false));
        REQUIRE_EQ(bitmap_count(map, bits), count(flags, bits));
        REQUIRE(bit >= BITS || bitmap_test(map, bit) == flags[bit]);
    }
}
