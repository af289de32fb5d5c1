// SPDX-License-Identifier: MIT
// libcs: musl musl-pie glibc klibc
// run: 1000
// run: 40000
//
// The stack grows as it is used: frame by frame, and by a great leap.

#include "report.h"

__attribute__((noinline)) static uint32_t descend(uint32_t depth) {
    volatile uint32_t room[20];
    room[depth % 20] = depth * 7;
    uint32_t below = depth == 0 ? 1 : descend(depth - 1);
    return below * 33 + room[depth % 20];
}

__attribute__((noinline)) static uint32_t leap(size_t size) {
    volatile char *room = __builtin_alloca(size);
    room[0] = 'x';
    room[size - 1] = 'y';
    return (uint32_t)room[0] + (uint32_t)room[size / 2];
}

int main(int argc, char **argv) {
    uint32_t depth = argc > 1 ? (uint32_t)atoi(argv[1]) : 10;
    say("%u\n", descend(depth));
    say("%u\n", leap(3 << 20));
    return 0;
}
