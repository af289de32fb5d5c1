// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// epoll: by level, by edge, once; what it refuses; what close does.

#include "child.h"

#include <sys/epoll.h>
#include <sys/syscall.h>

static int set;

static void show(const char *what, int timeout) {
    struct epoll_event events[8];
    int count = epoll_wait(set, events, 8, timeout);
    if (count < 0) {
        report(what, count);
        return;
    }
    say("%s: %d:", what, count);
    for (int i = 0; i < count; i++) {
        say(" %lx/%x", (unsigned long)events[i].data.u64, (unsigned)events[i].events);
    }
    say("\n");
}

static int control(int operation, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data.u64 = data};
    return epoll_ctl(set, operation, fd, &event);
}

static void try_triggers(void) {
    int ends[2];
    char text[100];
    (void)!pipe(ends);
    report("add", control(EPOLL_CTL_ADD, ends[0], EPOLLIN, 0xabcdef0123456789));
    show("empty", 0);
    (void)!write(ends[1], "one", 3);
    show("by level", 0);
    show("again", 0);
    report("by edge", control(EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLET, 2));
    show("the change counts as an edge", 0);
    show("no more", 0);
    (void)!write(ends[1], "two", 3);
    show("a new edge", 0);
    report("once", control(EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLONESHOT, 3));
    show("once", 0);
    (void)!write(ends[1], "three", 5);
    show("not again", 0);
    report("armed again", control(EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLONESHOT, 4));
    show("once more", 0);
    (void)!read(ends[0], text, sizeof(text));
    report("for nothing", control(EPOLL_CTL_MOD, ends[0], 0, 5));
    show("nothing", 0);
    close(ends[1]);
    show("the end comes unasked", 0);
    report("remove", control(EPOLL_CTL_DEL, ends[0], 0, 0));
    show("removed", 0);
    close(ends[0]);
}

static void try_errors(void) {
    int ends[2], file = open("/etc/passwd", O_RDONLY), null = open("/dev/null", O_RDWR);
    (void)!pipe(ends);
    report("add", control(EPOLL_CTL_ADD, ends[0], EPOLLIN, 1));
    report("add again", control(EPOLL_CTL_ADD, ends[0], EPOLLIN, 1));
    report("change what is not in", control(EPOLL_CTL_MOD, ends[1], EPOLLIN, 1));
    report("remove what is not in", control(EPOLL_CTL_DEL, ends[1], 0, 0));
    report("no descriptor", control(EPOLL_CTL_ADD, 99, EPOLLIN, 1));
    report("a file", control(EPOLL_CTL_ADD, file, EPOLLIN, 1));
    report("null", control(EPOLL_CTL_ADD, null, EPOLLIN, 1));
    report("itself", control(EPOLL_CTL_ADD, set, EPOLLIN, 1));
    report("no operation", control(77, ends[1], EPOLLIN, 1));
    struct epoll_event event;
    report("wait at no set", epoll_wait(ends[0], &event, 1, 0));
    report("room for none", epoll_wait(set, &event, 0, 0));
    report_raw("create with no size", raw(__NR_epoll_create, 0));
    report_raw("create with unknown flags", raw(__NR_epoll_create1, 1));
    int copy = dup(ends[0]);
    (void)!write(ends[1], "x", 1);
    close(ends[0]);
    show("a copy keeps it in", 0);
    close(copy);
    show("gone with the last", 0);
    close(ends[1]);
}

static void try_waiting(void) {
    int ends[2], more[2];
    (void)!pipe(ends);
    (void)!pipe(more);
    control(EPOLL_CTL_ADD, ends[0], EPOLLIN, 1);
    control(EPOLL_CTL_ADD, more[0], EPOLLIN, 2);
    show("wait for 5 ms", 5);
    pid_t pid = fork();
    if (pid == 0) {
        (void)!write(more[1], "x", 1);
        _exit(0);
    }
    show("wait for a child", -1);
    await("child", pid);
    (void)!write(ends[1], "x", 1);
    struct epoll_event event[2];
    int first = epoll_wait(set, event, 1, 0);
    uint64_t data = event[0].data.u64;
    first += epoll_wait(set, event, 1, 0);
    say("with room for one, both come in turn: %d, %d\n", first, data != event[0].data.u64);
    int outer = epoll_create1(0), inner = set;
    set = outer;
    report("a set in a set", control(EPOLL_CTL_ADD, inner, EPOLLIN, 3));
    show("is ready as its members are", 0);
}

int main(void) {
    set = epoll_create1(EPOLL_CLOEXEC);
    check("made", set >= 0);
    try_triggers();
    try_errors();
    try_waiting();
    return 0;
}
