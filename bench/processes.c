// SPDX-License-Identifier: MIT
//
// Threads and processes: beginning, waiting for each other, end.

#include "bench.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Linux, include/uapi/linux/futex.h; musl has no header for it.
#define FUTEX_WAIT_PRIVATE 128
#define FUTEX_WAKE_PRIVATE 129

static pthread_t partner;
// What each side waits for: 0, or 1 when it is its turn; 2 ends the partner.
static _Atomic uint32_t partner_turn, own_turn;

static void wait_turn(_Atomic uint32_t *turn) {
    while (atomic_load(turn) == 0) {
        syscall(SYS_futex, turn, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    }
}

static void give_turn(_Atomic uint32_t *turn, uint32_t value) {
    atomic_store(turn, value);
    syscall(SYS_futex, turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *answer_turns(void *unused) {
    for (;;) {
        wait_turn(&partner_turn);
        if (atomic_load(&partner_turn) == 2) {
            return unused;
        }
        atomic_store(&partner_turn, 0);
        give_turn(&own_turn, 1);
    }
}

static void start_partner(void) {
    atomic_store(&partner_turn, 0);
    atomic_store(&own_turn, 0);
    errno = pthread_create(&partner, NULL, answer_turns, NULL);
    if (errno != 0) {
        fail("pthread_create");
    }
}

static void stop_partner(void) {
    give_turn(&partner_turn, 2);
    pthread_join(partner, NULL);
}

static void take_turns(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        give_turn(&partner_turn, 1);
        wait_turn(&own_turn);
        atomic_store(&own_turn, 0);
    }
}

static void *end_at_once(void *unused) {
    return unused;
}

void create_and_join(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        pthread_t thread;
        errno = pthread_create(&thread, NULL, end_at_once, NULL);
        if (errno != 0) {
            fail("pthread_create");
        }
        pthread_join(thread, NULL);
    }
}

static void reap(pid_t child) {
    int status = 0;
    MUST(waitpid, child, &status, 0);
    if (status != 0) {
        errno = ECHILD;
        fail("the child");
    }
}

void fork_and_wait(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        pid_t child = (pid_t)MUST(fork);
        if (child == 0) {
            _exit(0);
        }
        reap(child);
    }
}

static void fork_exec_and_wait(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        pid_t child = (pid_t)MUST(fork);
        if (child == 0) {
            execl(self_path, self_path, EXIT_WORD, NULL);
            _exit(1);
        }
        reap(child);
    }
}

const struct row process_rows[] = {
    {.name = "futex_pingpong",
     .count = 300,
     .prepare = start_partner,
     .run = take_turns,
     .finish = stop_partner},
    {.name = "thread_create_join", .count = 50, .run = create_and_join},
    {.name = "fork_exit_wait", .count = 20, .run = fork_and_wait},
    {.name = "fork_exec_wait", .count = 10, .run = fork_exec_and_wait},
    {0},
};
