// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run: 5 400000
//
// A chain of processes, each adding 1 to every byte, with more data than the pipes hold.

#include "child.h"

static char block[10000];

static void add_one(int from, int to) {
    ssize_t count;
    while ((count = read(from, block, sizeof(block))) > 0) {
        for (ssize_t i = 0; i < count; i++) {
            block[i]++;
        }
        write_all(to, block, (size_t)count);
    }
    _exit(count < 0);
}

static void produce(int to, size_t size) {
    for (size_t done = 0; done < size;) {
        size_t part = size - done < 777 ? size - done : 777;
        for (size_t i = 0; i < part; i++) {
            block[i] = (char)((done + i) * 13);
        }
        write_all(to, block, part);
        done += part;
    }
    _exit(0);
}

int main(int argc, char **argv) {
    int stages = argc > 1 ? atoi(argv[1]) : 2;
    size_t size = argc > 2 ? (size_t)atol(argv[2]) : 1000;
    int from = -1;
    for (int i = 0; i <= stages; i++) {
        int ends[2];
        (void)!pipe(ends);
        if (fork() == 0) {
            close(ends[0]);
            if (i == 0) {
                produce(ends[1], size);
            }
            add_one(from, ends[1]);
        }
        close(ends[1]);
        if (from >= 0) {
            close(from);
        }
        from = ends[0];
    }
    size_t total = 0, wrong = 0;
    ssize_t count;
    while ((count = read(from, block, sizeof(block))) > 0) {
        for (ssize_t i = 0; i < count; i++) {
            wrong += block[i] != (char)((total + (size_t)i) * 13 + (size_t)stages);
        }
        total += (size_t)count;
    }
    int status, failed = 0;
    while (wait(&status) > 0) {
        failed += status != 0;
    }
    say("%zu bytes, %zu wrong, %d stages failed\n", total, wrong, failed);
    return 0;
}
