// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Descriptors that are no files: eventfd, timerfd, signalfd.

#include "child.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>

static void show_ready(const char *what, int fd) {
    struct pollfd polled = {fd, POLLIN | POLLOUT, 0};
    poll(&polled, 1, 0);
    say("%s: %x\n", what, (unsigned)polled.revents);
}

static void take(const char *what, int fd) {
    uint64_t value = 0;
    long result = read(fd, &value, sizeof(value));
    report(what, result);
    if (result > 0) {
        say("  %llu\n", (unsigned long long)value);
    }
}

static void give(const char *what, int fd, uint64_t value) {
    report(what, write(fd, &value, sizeof(value)));
}

static void try_counter(void) {
    int fd = eventfd(3, EFD_NONBLOCK);
    show_ready("a counter of 3", fd);
    take("take", fd);
    take("take again", fd);
    show_ready("empty", fd);
    give("add 5", fd, 5);
    give("add 7", fd, 7);
    take("take all", fd);
    give("as much as it can hold", fd, UINT64_MAX - 1);
    show_ready("full", fd);
    give("more", fd, 1);
    give("the one value that is none", fd, UINT64_MAX);
    take("take", fd);
    uint32_t little = 1;
    report("too little", write(fd, &little, sizeof(little)));
    report("too little room", read(fd, &little, sizeof(little)));
    close(fd);
    fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
    take("as a semaphore", fd);
    take("again", fd);
    take("empty", fd);
    report("unknown flags", eventfd(0, 0x100));
    close(fd);
    fd = eventfd(0, 0);
    pid_t pid = fork();
    if (pid == 0) {
        give("the child adds", fd, 9);
        _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    take("the parent takes", fd);
    close(fd);
}

static void try_timer(void) {
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    take("not set", fd);
    struct itimerspec value = {{0, 2000000}, {0, 2000000}}, old;
    report("each 2 ms", timerfd_settime(fd, 0, &value, NULL));
    struct pollfd polled = {fd, POLLIN, 0};
    report("poll", poll(&polled, 1, -1));
    struct timespec pause = {0, 11000000};
    nanosleep(&pause, NULL);
    uint64_t count = 0;
    report("read", read(fd, &count, sizeof(count)));
    check("five at least", count >= 5);
    report("look", timerfd_gettime(fd, &old));
    say("interval %ld\n", old.it_interval.tv_nsec);
    value = (struct itimerspec){{0, 0}, {0, 0}};
    report("stop", timerfd_settime(fd, 0, &value, &old));
    value = (struct itimerspec){{0, 0}, {0, 1}};
    report("until a time gone by", timerfd_settime(fd, TFD_TIMER_ABSTIME, &value, NULL));
    report("poll", poll(&polled, 1, -1));
    take("once", fd);
    give("write", fd, 1);
    value.it_value.tv_nsec = 1000000000;
    report("no such time", timerfd_settime(fd, 0, &value, NULL));
    report("no such clock", timerfd_create(99, 0));
    report("no timer", timerfd_settime(1, 0, &old, NULL));
    close(fd);
}

static void try_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_NONBLOCK);
    struct signalfd_siginfo info;
    report("none", read(fd, &info, sizeof(info)));
    show_ready("not ready", fd);
    kill(getpid(), SIGUSR2);
    show_ready("ready", fd);
    report("one", read(fd, &info, sizeof(info)));
    say("%u, code %d, from me %d\n", info.ssi_signo, info.ssi_code,
        (pid_t)info.ssi_pid == getpid());
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    report("another set", signalfd(fd, &set, 0) == fd ? 0 : -1);
    kill(getpid(), SIGUSR2);
    report("not in the set", read(fd, &info, sizeof(info)));
    report("too little room", read(fd, &info, 10));
}

int main(void) {
    try_counter();
    try_timer();
    try_signals();
    return 0;
}
