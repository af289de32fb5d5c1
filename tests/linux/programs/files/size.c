// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run: 3000000
//
// A larger file: written in odd blocks, read in others, parts of it over and over; and a sparse
// one.

#include "scratch.h"

static uint8_t byte_at(size_t at) {
    return (uint8_t)(at * 31 + at / 251);
}

int main(int argc, char **argv) {
    size_t size = argc > 1 ? (size_t)atol(argv[1]) : 100000;
    scratch_enter("scratch-size");
    int fd = open("large", O_RDWR | O_CREAT, 0644);
    static uint8_t block[70001];
    for (size_t done = 0; done < size;) {
        size_t part = size - done < sizeof(block) ? size - done : sizeof(block);
        for (size_t i = 0; i < part; i++) {
            block[i] = byte_at(done + i);
        }
        write_all(fd, block, part);
        done += part;
    }
    report("size", lseek(fd, 0, SEEK_END));
    lseek(fd, 0, SEEK_SET);
    size_t total = 0, wrong = 0;
    ssize_t count;
    while ((count = read(fd, block, 4097)) > 0) {
        for (ssize_t i = 0; i < count; i++) {
            wrong += block[i] != byte_at(total + (size_t)i);
        }
        total += (size_t)count;
    }
    say("read %zu, wrong %zu\n", total, wrong);
    uint32_t state = 7;
    for (int round = 0; round < 500; round++) {
        state = state * 1664525 + 1013904223;
        size_t at = state % size;
        count = pread(fd, block, 100, (off_t)at);
        for (ssize_t i = 0; i < count; i++) {
            wrong += block[i] != byte_at(at + (size_t)i);
        }
    }
    say("wrong after reading here and there: %zu\n", wrong);
    report("write far away", pwrite(fd, "end", 3, 1L << 32));
    report("size", lseek(fd, 0, SEEK_END));
    report("read in the hole", pread(fd, block, 4, 1L << 31));
    say("%d%d%d%d\n", block[0], block[1], block[2], block[3]);
    report("read over the end", pread(fd, block, 10, 1L << 32));
    report("cut", ftruncate(fd, 1000));
    report("size", lseek(fd, 0, SEEK_END));
    close(fd);
    unlink("large");
    scratch_leave();
    return 0;
}
