// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// epoll with many members: what is ready among a hundred, turns with little room, members that are
// closed, copied and replaced, sets of other kinds, waiting while the set changes, fork.

#include "child.h"
#include "scratch.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define PIPES 100

static int set;
static int readers[PIPES], writers[PIPES];

static void show_of(int from, const char *what, int room, int timeout) {
    struct epoll_event events[PIPES];
    int count = epoll_wait(from, events, room, timeout);
    if (count < 0) {
        report(what, count);
        return;
    }
    say("%s: %d:", what, count);
    for (int i = 0; i < count; i++) {
        say(" %lu/%x", (unsigned long)events[i].data.u64, (unsigned)events[i].events);
    }
    say("\n");
}

static void show(const char *what, int room) {
    show_of(set, what, room, 0);
}

static int control(int operation, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data.u64 = data};
    return epoll_ctl(set, operation, fd, &event);
}

static void put(int number) {
    (void)!write(writers[number], "x", 1);
}

static void take(int number) {
    char byte;
    (void)!read(readers[number], &byte, 1);
}

static void try_many(void) {
    for (int i = 0; i < PIPES; i++) {
        int ends[2];
        if (pipe(ends) != 0 || control(EPOLL_CTL_ADD, ends[0], EPOLLIN, (uint64_t)i) != 0) {
            say("no pipe\n");
        }
        readers[i] = ends[0];
        writers[i] = ends[1];
    }
    show("none", PIPES);
    put(99);
    show("the last", PIPES);
    show("still", PIPES);
    put(3);
    put(50);
    show("two rooms", 2);
    show("two rooms again", 2);
    show("two rooms at last", 2);
    take(99);
    show("without the last", PIPES);
    take(3);
    take(50);
    show("none again", PIPES);
}

static void try_edges(void) {
    report("by edge", control(EPOLL_CTL_MOD, readers[7], EPOLLIN | EPOLLET, 1007));
    put(7);
    put(7);
    show("an edge", PIPES);
    show("reported", PIPES);
    take(7);
    show("less is no edge", PIPES);
    put(7);
    show("more is one", PIPES);
    put(7);
    report_raw("no room to store", raw(SYS_epoll_wait, set, 8, 1, 0));
    show("not lost", PIPES);
    report("writable too", control(EPOLL_CTL_MOD, readers[7], EPOLLIN | EPOLLONESHOT, 7));
    show("once", PIPES);
    show("muted", PIPES);
    close(writers[7]);
    show("muted at the end", PIPES);
    report("armed", control(EPOLL_CTL_MOD, readers[7], EPOLLIN, 7));
    show("rest and end", PIPES);
    close(readers[7]);
    show("closed", PIPES);
}

static void try_numbers(void) {
    int copy = dup(readers[10]), other[2];
    put(10);
    close(readers[10]);
    show("a copy keeps it", PIPES);
    report("the number is free", control(EPOLL_CTL_DEL, readers[10], 0, 0));
    close(copy);
    show("the copy is gone", PIPES);
    (void)!pipe(other);
    (void)!write(other[1], "x", 1);
    show("another file of that number", PIPES);
    report("not in it", control(EPOLL_CTL_MOD, other[0], EPOLLIN, 5));
    report("added", control(EPOLL_CTL_ADD, other[0], EPOLLIN, 10));
    report("twice", control(EPOLL_CTL_ADD, other[0], EPOLLIN, 10));
    show("it is in", PIPES);
    report("out", control(EPOLL_CTL_DEL, other[0], 0, 0));
    show("it is out", PIPES);
    close(other[0]);
    close(other[1]);
}

static void try_kinds(void) {
    int pair[2], event = eventfd(0, EFD_NONBLOCK);
    uint64_t one = 1;
    (void)!socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    report("a socket", control(EPOLL_CTL_ADD, pair[0], EPOLLIN | EPOLLRDHUP, 200));
    report("its other end", control(EPOLL_CTL_ADD, pair[1], EPOLLOUT | EPOLLET, 201));
    report("a counter", control(EPOLL_CTL_ADD, event, EPOLLIN, 202));
    show("one can be written", PIPES);
    (void)!write(event, &one, sizeof(one));
    show("the counter", PIPES);
    (void)!read(event, &one, sizeof(one));
    report("without the other end", control(EPOLL_CTL_DEL, pair[1], 0, 0));
    shutdown(pair[1], SHUT_WR);
    show("shut", PIPES);
    close(pair[0]);
    close(pair[1]);
    close(event);
    show("closed", PIPES);
}

static void *change_later(void *number) {
    usleep(30000);
    if (number == NULL) {
        report("added by another", control(EPOLL_CTL_ADD, readers[20], EPOLLIN, 20));
    } else {
        put(21);
    }
    return NULL;
}

static void try_waiting(void) {
    pthread_t thread;
    report("taken out", control(EPOLL_CTL_DEL, readers[20], 0, 0));
    put(20);
    pthread_create(&thread, NULL, change_later, NULL);
    show_of(set, "waited for the set", PIPES, 5000);
    pthread_join(thread, NULL);
    take(20);
    pthread_create(&thread, NULL, change_later, readers);
    show_of(set, "waited for a byte", PIPES, 5000);
    pthread_join(thread, NULL);
    take(21);
    show_of(set, "waited for nothing", PIPES, 20);
}

static void try_others(void) {
    int outer = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 300};
    report("a set in a set", epoll_ctl(outer, EPOLL_CTL_ADD, set, &event));
    show_of(outer, "nothing in it", PIPES, 0);
    put(30);
    show_of(outer, "something in it", PIPES, 0);
    show("this", PIPES);
    take(30);
    show_of(outer, "nothing again", PIPES, 0);
    close(outer);
    (void)!mkfifo("fifo", 0600);
    int fifo = open("fifo", O_RDWR | O_NONBLOCK);
    report("a named pipe", control(EPOLL_CTL_ADD, fifo, EPOLLIN | EPOLLET, 301));
    put(31);
    show("the level", PIPES);
    show("the level again", PIPES);
    take(31);
    (void)!write(fifo, "x", 1);
    show("the edge", PIPES);
    show("none", PIPES);
    close(fifo);
    unlink("fifo");
}

static void try_fork(void) {
    int fresh = epoll_create1(0);
    int before = set;
    set = fresh;
    report("in a fresh set", control(EPOLL_CTL_ADD, readers[40], EPOLLIN, 40));
    put(40);
    pid_t child = fork();
    if (child == 0) {
        show("the child's", PIPES);
        take(40);
        show("the child has taken it", PIPES);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    show("the parent's", PIPES);
    put(40);
    show("after it", PIPES);
    take(40);
    close(fresh);
    set = before;
}

int main(void) {
    scratch_enter("epoll-many");
    set = epoll_create1(EPOLL_CLOEXEC);
    try_many();
    try_edges();
    try_numbers();
    try_kinds();
    try_waiting();
    try_fork();
    try_others();
    scratch_leave();
    return 0;
}
