// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
//
// setjmp and longjmp over many frames.

#include "report.h"

#include <setjmp.h>

static jmp_buf place;

static int descend(int depth) {
    volatile char room[64];
    room[0] = (char)depth;
    if (depth == 0) {
        longjmp(place, 42);
    }
    return depth < 0 ? 0 : descend(depth - 1) + room[0];
}

int main(void) {
    volatile int rounds = 0;
    int value = setjmp(place);
    rounds++;
    say("round %d: setjmp gave %d\n", rounds, value);
    if (rounds <= 3) {
        descend(1000 * rounds);
    }
    return value != 42;
}
