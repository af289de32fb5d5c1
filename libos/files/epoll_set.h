// SPDX-License-Identifier: MIT
//
// A set of epoll, as epoll.c and epoll_wait.c see it.
//
// A member whose poll looks at one object, always the same (poll_steady), is bound to the set's
// port: each time a signal is set that it waits for, the kernel posts a packet that names it. Such
// a member is put in the queue, and only what is in the queue is looked at; a member that turns out
// to be ready and does not have EPOLLET stays in it. So a wait costs by what is ready, not by what
// is watched.
//
// A set with any other member (named pipes, terminals, sets), or one that can't be bound, is slow:
// then each wait looks at all of them, and the kernel's count of edges tells those that were
// reported.
#pragma once

#include <files/epoll.h>
#include <files/poll.h>

#define EPOLLONESHOT 0x40000000u
#define EPOLLET 0x80000000u
#define EPOLL_EVENTS 0x3fffu // that poll knows

struct member {
    // To see that the descriptor still means the same; removed before it is freed (epoll_forget).
    // Null: the place is free.
    struct description *file;
    struct epoll_event event;
    int fd;
    int now;    // slow: the descriptor by which the file is reached: a copy of it may outlive `fd`
    bool muted; // ONESHOT has fired
    bool bound;
    bool queued;
    uint32_t next;           // in the queue
    uint32_t generation;     // of its binding
    struct poll_edges edges; // slow, EPOLLET: those reported; else 0
};

struct epoll {
    struct epoll *next; // of the process
    struct mutex lock;  // guards all below
    handle_t port;      // HANDLE_NONE: nothing is bound
    handle_t bell;      // an event by which one thread wakes another that waits for packets
    bool slow;
    uint32_t generations;
    uint32_t waiters;    // threads that wait for packets
    uint32_t head, tail; // of the queue, when `queued`
    uint32_t queued;
    uint32_t turn;  // slow: the member to be reported first: with little room, each has its turn
    uint32_t count; // members
    uint32_t bound; // places in use end here
    uint32_t room;
    struct member *members;
};

// Binds all members to a fresh port where that is due. lock held.
void epoll_prepare(struct epoll *epoll);

// Before any is reported: what is there already counts as one.
static inline struct poll_edges epoll_first_edges(const struct epoll_event *event) {
    uint32_t none = (event->events & EPOLLET) != 0 ? WAIT_EDGE : 0;
    return (struct poll_edges){.known = {none, none, none}};
}

uint32_t epoll_poll(struct description *set, uint32_t events, struct wait_item *items);
void epoll_close(struct description *set);
