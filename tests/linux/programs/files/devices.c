// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
//
// The devices that every program counts on.

#include "scratch.h"

#include <sys/ioctl.h>

static char block[1000];

static int all_are(char byte) {
    for (size_t i = 0; i < sizeof(block); i++) {
        if (block[i] != byte) {
            return 0;
        }
    }
    return 1;
}

static void try_device(const char *name) {
    int fd = open(name, O_RDWR);
    if (fd < 0) {
        report(name, fd);
        return;
    }
    memset(block, 'x', sizeof(block));
    long got = read(fd, block, sizeof(block));
    report(name, got);
    say("  %s\n", got <= 0       ? "nothing"
                  : all_are(0)   ? "zeros"
                  : all_are('x') ? "untouched"
                                 : "chance");
    report("  write", write(fd, block, sizeof(block)));
    report("  write of nothing", write(fd, block, 0));
    report("  seek", lseek(fd, 5, SEEK_SET) >= 0 ? 0 : -1);
    int size;
    report("  terminal", ioctl(fd, 0x5401, &size));
    close(fd);
}

int main(void) {
    try_device("/dev/null");
    try_device("/dev/zero");
    try_device("/dev/full");
    try_device("/dev/urandom");
    report("isatty of a pipe", isatty(1) ? 1 : -1);
    int size;
    report("window of a pipe", ioctl(0, 0x5413, &size));
    report("unknown request", ioctl(1, 0xdead, &size));
    report("request to no descriptor", ioctl(99, 0x5401, &size));
    int fd = open("/dev/null", O_RDONLY | O_NONBLOCK);
    report("write to null opened to read", write(fd, "x", 1));
    return 0;
}
