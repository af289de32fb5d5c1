// SPDX-License-Identifier: MIT
//
// Looking which of a hundred pipes is ready: the last one. Nothing of it waits.

#include "bench.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <unistd.h>

#define PIPES 100

static int readers[PIPES], writers[PIPES];
static struct pollfd polled[PIPES];
static int epoll, highest;

static void make_pipes(void) {
    highest = 0;
    for (unsigned i = 0; i < PIPES; i++) {
        int ends[2];
        MUST(pipe, ends);
        readers[i] = ends[0];
        writers[i] = ends[1];
        polled[i] = (struct pollfd){.fd = ends[0], .events = POLLIN};
        highest = ends[0] > highest ? ends[0] : highest;
    }
    MUST(write, writers[PIPES - 1], "x", 1);
}

static void close_pipes(void) {
    for (unsigned i = 0; i < PIPES; i++) {
        close(readers[i]);
        close(writers[i]);
    }
}

static void only_one(long found, const char *call) {
    if (found != 1) {
        errno = EIO;
        fail(call);
    }
}

static void select_all(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        fd_set set;
        FD_ZERO(&set);
        for (unsigned at = 0; at < PIPES; at++) {
            FD_SET(readers[at], &set);
        }
        struct timeval no_time = {0};
        only_one(MUST(select, highest + 1, &set, NULL, NULL, &no_time), "select");
    }
}

static void poll_all(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        only_one(MUST(poll, polled, PIPES, 0), "poll");
    }
}

static void make_epoll(void) {
    make_pipes();
    epoll = (int)MUST(epoll_create1, 0);
    for (unsigned i = 0; i < PIPES; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = readers[i]};
        MUST(epoll_ctl, epoll, EPOLL_CTL_ADD, readers[i], &event);
    }
}

static void close_epoll(void) {
    close(epoll);
    close_pipes();
}

static void wait_for_one(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        struct epoll_event events[PIPES];
        only_one(MUST(epoll_wait, epoll, events, PIPES, -1), "epoll_wait");
    }
}

const struct row waiting_rows[] = {
    {.name = "select_100",
     .count = 100,
     .prepare = make_pipes,
     .run = select_all,
     .finish = close_pipes},
    {.name = "poll_100",
     .count = 100,
     .prepare = make_pipes,
     .run = poll_all,
     .finish = close_pipes},
    {.name = "epoll_1_of_100",
     .count = 500,
     .prepare = make_epoll,
     .run = wait_for_one,
     .finish = close_epoll},
    {0},
};
