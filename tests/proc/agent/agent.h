// SPDX-License-Identifier: MIT
//
// A process that stands for a Linux one: a small native program in the place of the libos. It forks
// by procd and process_clone, and checks every answer of procd against what it has done.
#pragma once

#include <abi/block.h>
#include <abi/libos.h>
#include <abi/status.h>
#include <proto/proc_client.h>
#include <stdbool.h>
#include <sys/calls.h>
#include <sys/string.h>
#include <sys/thread.h>

#define AGENT_FAILED 255 // exit code of a process that has found something wrong

// Signals of Linux that are used here.
#define SIG_KILL 9
#define SIG_USR1 10
#define SIG_SEGV 11
#define SIG_CHLD 17
#define SIG_CONT 18
#define SIG_STOP 19
#define SIG_TSTP 20
#define SIG_QUEUED 40 // queues
#define SIG_LEAVE 41  // a sleeper ends

struct agent {
    handle_t proc, log;
    int32_t pid;
    uint32_t depth;
    uint64_t random;
    uint32_t taken[SIGNAL_COUNT + 1]; // signals by number
};

static inline struct signal_page *signals(void) {
    return (struct signal_page *)LIBOS_SIGNALS;
}

static inline const struct identity_page *identity(void) {
    return (const struct identity_page *)LIBOS_IDENTITY;
}

int64_t agent_clone(handle_t embryo);
// Says where, and ends the process with AGENT_FAILED.
_Noreturn void agent_fail(const struct agent *agent, const char *file, int line, int64_t got,
                          int64_t wanted);
_Noreturn void agent_exit(const struct agent *agent, int code);
#define WANT(agent, got, wanted)                                                                   \
    do {                                                                                           \
        int64_t got_ = (int64_t)(got), wanted_ = (int64_t)(wanted);                                \
        if (got_ != wanted_) {                                                                     \
            agent_fail(agent, __FILE__, __LINE__, got_, wanted_);                                  \
        }                                                                                          \
    } while (0)

uint64_t agent_random(struct agent *agent, uint64_t bound);
void agent_sleep(duration_t duration);
// Takes what is pending, as a libos does.
void agent_take_signals(struct agent *agent);
// Waits until so many signals of a number were taken in all.
void agent_await(struct agent *agent, int32_t number, uint32_t count);

// Forks. 0 in the child, which has an agent of its own in the same place; else the child's pid.
int32_t agent_fork(struct agent *agent);
int64_t agent_kill(struct agent *agent, int32_t pid, int32_t number);
// Waits for one child (pid above 0) or any. The status; `pid` is set to who it was.
int64_t agent_wait(struct agent *agent, int32_t *pid, uint32_t options);
// Waits for one child, which must have ended so.
void agent_want_exit(struct agent *agent, int32_t pid, int64_t status);

// The parts: each does something with children of its own and leaves none. parts.c, ids.c
struct part {
    const char *name;
    void (*run)(struct agent *agent);
};
extern const struct part parts[];
extern const uint32_t part_count;
void part_ids(struct agent *agent);
void part_tids(struct agent *agent);
void part_credentials(struct agent *agent);
void part_limits(struct agent *agent);
void part_list(struct agent *agent);
void part_pages(struct agent *agent);
void part_errors(struct agent *agent);
