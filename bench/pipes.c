// SPDX-License-Identifier: MIT
//
// Bytes between processes, and what changing from one to another costs.

#include "bench.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LARGE_BYTES 65536u
#define RING_MAX 16

static int to_child, from_child;
static pid_t children[RING_MAX];
static unsigned child_count;
static unsigned ring_size;
static char buffer[LARGE_BYTES];

// Starts a child that runs act(in, out) until its input ends.
static void start_child(int in, int out, void (*act)(int in, int out), int unused1, int unused2) {
    pid_t child = (pid_t)MUST(fork);
    if (child == 0) {
        close(unused1);
        close(unused2);
        act(in, out);
        _exit(0);
    }
    children[child_count++] = child;
}

static void stop_children(void) {
    close(to_child);
    if (from_child != to_child) {
        close(from_child);
    }
    while (child_count > 0) {
        waitpid(children[--child_count], NULL, 0);
    }
}

static void echo(int in, int out) {
    char byte;
    while (read(in, &byte, 1) == 1 && write(out, &byte, 1) == 1) {
    }
}

// Answers each LARGE_BYTES with a byte.
static void swallow(int in, int out) {
    size_t have = 0;
    for (ssize_t got; (got = read(in, buffer, LARGE_BYTES)) > 0;) {
        have += (size_t)got;
        while (have >= LARGE_BYTES) {
            have -= LARGE_BYTES;
            if (write(out, "x", 1) != 1) {
                return;
            }
        }
    }
}

static void pipes_to(void (*act)(int in, int out)) {
    int there[2], back[2];
    MUST(pipe, there);
    MUST(pipe, back);
    to_child = there[1];
    from_child = back[0];
    start_child(there[0], back[1], act, there[1], back[0]);
    close(there[0]);
    close(back[1]);
}

void pipes_to_echo(void) {
    pipes_to(echo);
}

static void pipes_to_swallow(void) {
    pipes_to(swallow);
}

static void socket_to_echo(void) {
    int ends[2];
    MUST(socketpair, AF_UNIX, SOCK_STREAM, 0, ends);
    to_child = from_child = ends[0];
    start_child(ends[1], ends[1], echo, ends[0], -1);
    close(ends[1]);
}

void round_trips(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        char byte = 'x';
        MUST(write, to_child, &byte, 1);
        if (MUST(read, from_child, &byte, 1) != 1) {
            errno = EPIPE;
            fail("read");
        }
    }
}

static void send_large(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        for (size_t sent = 0; sent < LARGE_BYTES;) {
            sent += (size_t)MUST(write, to_child, buffer, LARGE_BYTES - sent);
        }
        char byte;
        MUST(read, from_child, &byte, 1);
    }
}

// ring_size processes, this one among them; each hands on what the one before it sends.
static void make_ring(void) {
    int first[2], next[2];
    MUST(pipe, first);
    to_child = first[1];
    int in = first[0];
    for (unsigned i = 1; i < ring_size; i++) {
        MUST(pipe, next);
        start_child(in, next[1], echo, to_child, next[0]);
        close(in);
        close(next[1]);
        in = next[0];
    }
    from_child = in;
}

static void make_ring_2(void) {
    ring_size = 2;
    make_ring();
}

static void make_ring_16(void) {
    ring_size = 16;
    make_ring();
}

// `count` hops, a multiple of the ring's size.
static void go_round(unsigned count) {
    round_trips(count / ring_size);
}

#define ROW(title, times, repeat, start, function)                                                 \
    {                                                                                              \
        .name = title, .count = times, .loop = repeat, .prepare = start, .run = function,          \
        .finish = stop_children                                                                    \
    }

const struct row pipe_rows[] = {
    ROW("pipe_rtt_1", 300, 1, pipes_to_echo, round_trips),
    ROW("pipe_bw_64k", 50, 1, pipes_to_swallow, send_large),
    ROW("unix_rtt_1", 300, 1, socket_to_echo, round_trips),
    ROW("ctx_ring_2", 600, 2, make_ring_2, go_round),
    ROW("ctx_ring_16", 640, 16, make_ring_16, go_round),
    {0},
};
