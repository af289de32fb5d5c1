// SPDX-License-Identifier: MIT
//
// What a program of user mode must not be able to do: the machine's part of the protection tests.
#pragma once

#include <stddef.h>
#include <stdint.h>

// One attempt. It returns only when the machine let it pass.
struct violation {
    const char *name;
    void (*attempt)(void);
    int64_t trap;       // the trap that must end the process
    int64_t other_trap; // another that is as good, -1 for none
};

// Attempts on memory, on privileged instructions, on selectors, and traps that a program may raise.
extern const struct violation violations[];
extern const size_t violation_count;

// Strange states in which a program may call and be interrupted, and go on. Each returns 0 when it
// did.
struct oddity {
    const char *name;
    int64_t (*run)(void);
};

extern const struct oddity oddities[];
extern const size_t oddity_count;
