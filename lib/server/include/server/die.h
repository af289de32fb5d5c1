// SPDX-License-Identifier: MIT
//
// Dying on purpose, for tests. Compiled in always, armed by start arguments only:
//
//   die-at=N:STAGE   when the N-th call that the service ever took reaches a stage; with N+ when
//   that
//                    call or any later one does
//   die-how=HOW      exit (the default), fault, freeze (sleeps for ever), loop (computes for ever)
//   poison=VALUE     each call whose body holds this 64-bit word at a multiple of 8 dies by a fault
//   at
//                    mid-step, however often it is tried
//
// Calls are counted in the vault, over all instances, so N comes once.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct message;

enum die_stage {
    DIE_NEVER,
    DIE_TAKEN,         // taken, nothing done
    DIE_MID_STEP,      // after the first change of its step
    DIE_BEFORE_COMMIT, // all changes and the reply record are written
    DIE_AFTER_COMMIT,
    DIE_AFTER_REPLY, // the caller has its answer
};

enum die_how { DIE_EXIT, DIE_FAULT, DIE_FREEZE, DIE_LOOP };

struct die {
    bool armed;
    enum die_stage stage; // DIE_NEVER: only poison
    enum die_how how;
    uint64_t at;
    bool or_later;
    uint64_t poison;  // 0: none
    uint64_t message; // number of the call being served, 0 for none
    bool poisoned;    // it holds the poison
};

// Reads the start arguments.
void die_arm(struct die *die);
// A call is being served: its number and its message.
void die_serve(struct die *die, uint64_t number, const struct message *message);
void die_now(struct die *die, enum die_stage stage);

// A stage is reached.
static inline void die_stage(struct die *die, enum die_stage stage) {
    if (__builtin_expect(die != 0 && die->armed, 0)) {
        die_now(die, stage);
    }
}
