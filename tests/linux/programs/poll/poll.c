// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// poll and ppoll: what is ready, what has ended, what is no descriptor, and time.

#include "child.h"

#include <poll.h>
#include <sys/syscall.h>
#include <time.h>

static char block[70000];

static void show(const char *what, struct pollfd *fds, nfds_t count, int timeout) {
    int ready = poll(fds, count, timeout);
    if (ready < 0) {
        report(what, ready);
        return;
    }
    say("%s: %d ready:", what, ready);
    for (nfds_t i = 0; i < count; i++) {
        say(" %x", (unsigned)fds[i].revents);
    }
    say("\n");
}

static long long now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static void try_pipe(void) {
    int ends[2];
    (void)!pipe(ends);
    struct pollfd fds[2] = {{ends[0], POLLIN, 0}, {ends[1], POLLOUT, 0}};
    show("empty", fds, 2, 0);
    (void)!write(ends[1], "x", 1);
    show("a byte", fds, 2, 0);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    (void)!write(ends[1], block, sizeof(block));
    show("full", fds, 2, 0);
    (void)!read(ends[0], block, 4096);
    show("a page is free", fds, 2, 0);
    fds[0].events = 0;
    show("nothing asked", fds, 1, 0);
    fds[0].events = POLLIN;
    close(ends[1]);
    fds[1].fd = -1;
    show("the writer has gone, data is left", fds, 2, 0);
    while (read(ends[0], block, sizeof(block)) > 0) {
    }
    show("nothing is left", fds, 2, 0);
    close(ends[0]);
    show("no descriptor", fds, 1, 0);
    (void)!pipe(ends);
    close(ends[0]);
    fds[0] = (struct pollfd){ends[1], POLLOUT, 0};
    show("the reader has gone", fds, 1, 0);
    close(ends[1]);
}

static void try_others(void) {
    int null = open("/dev/null", O_RDWR), folder = open("/", O_RDONLY);
    struct pollfd fds[3] = {
        {null, POLLIN | POLLOUT, 0}, {folder, POLLIN | POLLOUT, 0}, {-5, POLLIN, 0}};
    show("null, a folder, a negative number", fds, 3, -1);
    report("no descriptors", poll(NULL, 0, 0));
    report_raw("bad address", raw(__NR_poll, 16, 1, 0));
    report_raw("too many", raw(__NR_poll, fds, 1u << 30, 0));
}

static void try_time(void) {
    int ends[2];
    (void)!pipe(ends);
    struct pollfd fd = {ends[0], POLLIN, 0};
    long long start = now_ms();
    show("wait for 10 ms", &fd, 1, 10);
    check("long enough", now_ms() - start >= 10);
    struct timespec time = {0, 5000000};
    report("ppoll for 5 ms", ppoll(&fd, 1, &time, NULL));
    time.tv_nsec = -1;
    report("no such time", ppoll(&fd, 1, &time, NULL));
    pid_t pid = fork();
    if (pid == 0) {
        struct timespec pause = {0, 10000000};
        nanosleep(&pause, NULL);
        (void)!write(ends[1], "x", 1);
        _exit(0);
    }
    show("wait for a child's byte", &fd, 1, -1);
    await("child", pid);
    (void)!read(ends[0], block, 10);
    pid = fork();
    if (pid == 0) {
        close(ends[1]);
        _exit(0);
    }
    close(ends[1]);
    show("wait for the end", &fd, 1, -1);
    await("child", pid);
}

static void on_signal(int signal) {
    say("handler of %d\n", signal);
}

static void try_masks(void) {
    sigset_t set, none;
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    struct timespec time = {5, 0};
    report("ppoll lets a signal in", ppoll(NULL, 0, &time, &none));
    sigprocmask(SIG_BLOCK, NULL, &set);
    say("blocked again: %d\n", sigismember(&set, SIGUSR1));
}

int main(void) {
    try_pipe();
    try_others();
    try_time();
    try_masks();
    return 0;
}
