// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
//
// Who waits at a pipe is woken: a reader by data and by the end, a writer by room and by the loss
// of the reader.

#include "child.h"

static char block[200000];

static void try_writer_of_much(void) {
    int ends[2];
    (void)!pipe(ends);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        ssize_t count = write(ends[1], block, sizeof(block));
        say("one write gave %zd\n", count);
        _exit(0);
    }
    close(ends[1]);
    size_t total = 0;
    ssize_t count;
    while ((count = read(ends[0], block, 1000)) > 0) {
        total += (size_t)count;
    }
    await("writer", pid);
    say("read %zu\n", total);
    close(ends[0]);
}

static void try_lost_reader(void) {
    int ends[2];
    (void)!pipe(ends);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        (void)!write(ends[1], block, sizeof(block));
        _exit(0);
    }
    close(ends[1]);
    // The writer fills the pipe and waits: one read shows that it has begun.
    report("read a little", read(ends[0], block, 10));
    close(ends[0]);
    await("the writer that lost its reader", pid);
}

static void try_reader(void) {
    int ends[2];
    struct gate ready;
    (void)!pipe(ends);
    gate_make(&ready);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[1]);
        gate_open(&ready);
        char text[10];
        ssize_t first = read(ends[0], text, 10), second = read(ends[0], text, 10);
        say("reader: %zd then %zd\n", first, second);
        _exit(0);
    }
    gate_wait(&ready);
    write_all(ends[1], "12345", 5);
    close(ends[1]);
    await("reader", pid);
    close(ends[0]);
}

int main(void) {
    try_writer_of_much();
    try_lost_reader();
    try_reader();
    return 0;
}
