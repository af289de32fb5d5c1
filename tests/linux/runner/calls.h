// SPDX-License-Identifier: MIT
//
// Which Linux calls a case makes, it and all of its children, told by the kernel's tracing: a
// histogram of the numbers at the event raw_syscalls:sys_enter, for the processes that were named
// and those that they fork. It costs the case next to nothing and changes nothing that it sees.
#pragma once

#include <stdint.h>

#define CALLS_MAX 512

struct calls {
    uint8_t made[CALLS_MAX / 8];
};

// Sets the tracing up; once, before the first case. Without tracing in the kernel no call is seen.
void calls_prepare(void);

// The calling process and its children are looked at from now on. Last thing before its execve,
// which is counted.
void calls_follow_me(void);

// Takes what has been seen since the last time.
void calls_take(struct calls *calls);
