// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
//
// Pipes in one process: order, ends, capacity, not waiting.

#include "child.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static char block[70000];

static void try_flow(void) {
    int ends[2];
    (void)!pipe(ends);
    report("write", write(ends[1], "abcdefgh", 8));
    report("read a part", read(ends[0], block, 3));
    say("%.3s\n", block);
    int waiting = 0;
    report("how many wait", ioctl(ends[0], FIONREAD, &waiting));
    say("%d\n", waiting);
    report("read the rest", read(ends[0], block, 100));
    say("%.5s\n", block);
    struct iovec vector[3] = {{"one ", 4}, {"", 0}, {"two", 3}};
    report("writev", writev(ends[1], vector, 3));
    struct iovec into[2] = {{block, 2}, {block + 10, 100}};
    report("readv", readv(ends[0], into, 2));
    say("%.2s|%.5s\n", block, block + 10);
    report("write into the reading end", write(ends[0], "x", 1));
    report("read from the writing end", read(ends[1], block, 1));
    report("seek", lseek(ends[0], 0, SEEK_CUR));
    report("pread", pread(ends[0], block, 1, 0));
    report("write of nothing", write(ends[1], "", 0));
    write_all(ends[1], "last", 4);
    close(ends[1]);
    report("what was written before the end", read(ends[0], block, 100));
    report("the end", read(ends[0], block, 100));
    report("the end again", read(ends[0], block, 100));
    close(ends[0]);
}

static void try_broken(void) {
    int ends[2];
    (void)!pipe(ends);
    close(ends[0]);
    signal(SIGPIPE, SIG_IGN);
    report("write without a reader", write(ends[1], "x", 1));
    signal(SIGPIPE, SIG_DFL);
    pid_t pid = fork();
    if (pid == 0) {
        (void)!write(ends[1], "x", 1);
        _exit(0);
    }
    await("the same without ignoring the signal", pid);
    close(ends[1]);
}

static void try_capacity(void) {
    int ends[2];
    (void)!pipe(ends);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    report("read of an empty pipe", read(ends[0], block, 1));
    report("fill it", write(ends[1], block, sizeof(block)));
    report("it is full", write(ends[1], "x", 1));
    report("read a little", read(ends[0], block, 100));
    report("a page must be free", write(ends[1], "x", 1));
    report("read a page", read(ends[0], block, 4096));
    report("now it fits", write(ends[1], block, 4096));
    report("no more", write(ends[1], block, 4096));
    report("size", fcntl(ends[1], 1032));
    size_t total = 0;
    ssize_t count;
    while ((count = read(ends[0], block, sizeof(block))) > 0) {
        total += (size_t)count;
    }
    say("%zu bytes were in it, then %s\n", total, error_name(errno));
    close(ends[0]);
    close(ends[1]);
}

static void try_flags(void) {
    int ends[2];
    report_raw("pipe2", raw(__NR_pipe2, ends, O_CLOEXEC | O_NONBLOCK));
    say("%d %d %o\n", fcntl(ends[0], F_GETFD), fcntl(ends[1], F_GETFD),
        (unsigned)fcntl(ends[0], F_GETFL));
    report_raw("unknown flags", raw(__NR_pipe2, ends, 0x10));
    report_raw("bad address", raw(__NR_pipe, 16));
}

int main(void) {
    try_flow();
    try_broken();
    try_capacity();
    try_flags();
    return 0;
}
