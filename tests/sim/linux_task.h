// SPDX-License-Identifier: MIT
//
// A Linux process of the model, and how it calls.
#pragma once

#include "linux.h"

struct task {
    struct sim_process *process; // null: the place is free
    struct task *parent;
    int32_t pid;
    uint32_t depth, rounds, serial;
    bool busy, reaped;
    instant_t since;
    // Signals of number QUEUED: those sent to it with success, those that may have been (the sender
    // died in the call), those it has taken; how many senders are at it.
    uint32_t expected, maybe, taken, senders;
    struct task *sending; // to whom this one is sending
    uint32_t user;        // effective; all real ones are root
    uint32_t groups;      // supplementary ones: so many, from `group` on
    uint32_t group;       //
    bool grouped;         // leads a group of its own
    bool wants_continue;  // is in `stopped`
    bool child_signal;    // a SIGCHLD was taken
};

extern uint64_t linux_call_count;

#define CALL(self, call)                                                                           \
    ({                                                                                             \
        (self)->busy = true;                                                                       \
        (self)->since = sim.now;                                                                   \
        int64_t result_ = (call);                                                                  \
        (self)->busy = false;                                                                      \
        linux_call_count++;                                                                        \
        result_;                                                                                   \
    })

#define EXPECT(self, what, got, wanted)                                                            \
    do {                                                                                           \
        int64_t got_ = (got), wanted_ = (wanted);                                                  \
        if (got_ != wanted_) {                                                                     \
            world_fail("process %d: %s gave %ld, not %ld", (self)->pid, what, got_, wanted_);      \
        }                                                                                          \
    } while (0)

// ---- linux_credentials.c: things that a process does, and checks

void change_user(struct task *self);
void change_groups(struct task *self);
void change_priority(struct task *self);
// The native caller asks for the table of groups, before all others begin.
void ask_for_groups(struct task *self);
