// SPDX-License-Identifier: MIT
// libcs: musl musl-pie glibc glibc-pie klibc
// run: 3000
//
// The libc's malloc at work: many sizes, freed in another order, some grown, contents kept.

#include "report.h"

#define SLOTS 200

static uint32_t state = 12345;

static uint32_t next(void) {
    state = state * 1664525 + 1013904223;
    return state >> 8;
}

static size_t any_size(void) {
    uint32_t kind = next() % 100;
    if (kind < 80) {
        return next() % 300 + 1;
    }
    return kind < 98 ? next() % 20000 + 1 : next() % 400000 + 1;
}

int main(int argc, char **argv) {
    static uint8_t *blocks[SLOTS];
    static size_t sizes[SLOTS];
    int rounds = argc > 1 ? atoi(argv[1]) : 1000, wrong = 0;
    for (int i = 0; i < rounds; i++) {
        uint32_t slot = next() % SLOTS;
        uint8_t mark = (uint8_t)slot;
        if (blocks[slot] && (blocks[slot][0] != mark || blocks[slot][sizes[slot] - 1] != mark)) {
            wrong++;
        }
        if (blocks[slot] && next() % 2) {
            free(blocks[slot]);
            blocks[slot] = NULL;
            continue;
        }
        size_t size = any_size();
        // What is kept of a grown block must be as it was.
        size_t kept = blocks[slot] && sizes[slot] < size ? sizes[slot] : 0;
        blocks[slot] = realloc(blocks[slot], size);
        if (kept && blocks[slot][kept - 1] != mark) {
            wrong++;
        }
        memset(blocks[slot], mark, size);
        sizes[slot] = size;
    }
    say("%d rounds, %d wrong\n", rounds, wrong);
    uint8_t *zeros = calloc(1, 1 << 20);
    check("calloc gives zeros", zeros[0] == 0 && zeros[(1 << 20) - 1] == 0);
    return wrong != 0;
}
