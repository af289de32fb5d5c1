// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run: 500000
//
// Much output on both streams in turn, with all 256 byte values.

#include "report.h"

int main(int argc, char **argv) {
    size_t total = argc > 1 ? (size_t)atol(argv[1]) : 1000;
    char block[1009];
    uint32_t state = 1;
    for (size_t done = 0; done < total; done += sizeof(block)) {
        for (size_t i = 0; i < sizeof(block); i++) {
            state = state * 1664525 + 1013904223;
            block[i] = (char)(state >> 24);
        }
        write_all(done / sizeof(block) % 3 == 2 ? 2 : 1, block, sizeof(block));
    }
    return 0;
}
