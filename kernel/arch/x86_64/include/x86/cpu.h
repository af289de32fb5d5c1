// SPDX-License-Identifier: MIT
//
// Features of the CPU, and the vector registers.
#pragma once

#include <base.h>

struct cpu;
struct thread;

// What CPUs may lack; the same on all of them.
struct cpu_features {
    bool umip, rdrand;
};
extern struct cpu_features cpu_features;

// Reads the features; panics when one is missing that the kernel needs. Boot CPU, before
// paging_init.
void cpu_features_init(void);
// Turns on what protects the kernel, and system calls, on this CPU; panics when a bit does not
// stay.
void cpu_init(void);
// One log line of what is on.
void cpu_log_features(void);

// Finds the size of the save area; boot CPU, before any thread. Then per CPU.
void vectors_init(void);
void vectors_init_cpu(void);
// A thread's first use of vector registers: gives it a save area, and them. False: no memory.
bool vectors_first_use(struct thread *thread);
// Gives a new thread the vector registers of the calling one, which uses them. NO_MEMORY, LIMIT.
[[nodiscard]] status_t vectors_copy(struct thread *to);
void vectors_free(struct thread *thread);
