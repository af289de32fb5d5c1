// SPDX-License-Identifier: MIT
// libcs: musl musl-pie glibc glibc-pie klibc
// run: 17
// status: 17
//
// What the libc does before main and after it: buffers flushed at exit, handlers of atexit in turn.

#include <stdio.h>
#include <stdlib.h>

static void first(void) {
    printf("registered first, runs last\n");
}

static void second(void) {
    printf("registered second, runs first\n");
}

int main(int argc, char **argv) {
    atexit(first);
    atexit(second);
    printf("%s %d %5.2s| %-4d| %04x %c\n", "text", -12, "cut", 7, 0xbeef, '!');
    fprintf(stderr, "unbuffered\n");
    for (int i = 0; i < 1000; i++) {
        printf("%d%c", i * i, i % 20 == 19 ? '\n' : ' ');
    }
    exit(argc > 1 ? atoi(argv[1]) : 0);
}
