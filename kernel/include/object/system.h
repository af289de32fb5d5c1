// SPDX-License-Identifier: MIT
//
// The system object: power, counters, and the kernel's examination of itself.
#pragma once

#include <abi/info.h>
#include <object/object.h>

struct job;

#define SYSTEM_CHECKS_MAX 16

// Creates a system object for init. The caller gets its reference. LIMIT, NO_MEMORY.
[[nodiscard]] status_t system_object_create(struct job *job, struct object **out);
// Fills in the counters of the whole kernel. They are read one by one, while others go on.
void system_describe(struct system_info *info);

// Adds a check to those of SYSTEM_CHECK: a function that takes no argument, logs each invariant it
// finds broken, and returns how many. It is called with no lock held, while other CPUs are at work.
// At boot.
void system_check_add(const char *name, uint64_t (*check)(void));
// Runs them all. Returns the sum.
uint64_t system_check(void);
