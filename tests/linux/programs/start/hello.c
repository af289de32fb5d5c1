// SPDX-License-Identifier: MIT
// libcs: musl musl-pie glibc glibc-pie klibc
// run:
// status: 7
//
// The smallest program: a line on each stream, and a status.

#include <string.h>
#include <unistd.h>

static void put(int fd, const char *text) {
    (void)!write(fd, text, strlen(text));
}

int main(void) {
    put(1, "hello\n");
    put(2, "a word on the error stream\n");
    put(1, "good bye\n");
    return 7;
}
