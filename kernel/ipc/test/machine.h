// SPDX-License-Identifier: MIT
//
// A machine for tests of the scheduler and of IPC: the kernel's own entry, exit, scheduling and
// reaping run on several CPUs, and the test is what runs in user mode.
//
// A CPU is a fiber of one pthread (then a run depends on nothing but its seed) or a pthread of its
// own. Fibers change places where the real CPUs could tell the difference: before each lock is
// taken, in spin loops, at barriers that the machine sees (kicks, switches), and between any two
// native calls.
#pragma once

#include <base.h>
#include <sched/cpu.h>
#include <sched/thread.h>
#include <time/timer_queue.h>

struct machine_config {
    uint32_t cpus;
    bool pthreads;     // not fibers
    uint32_t calmness; // fibers: one chance in so many to switch at a point
    uint64_t seed;
};

// What a thread does next in user mode.
enum machine_step {
    MACHINE_CALL,  // a native call: syscall_dispatch, which the test provides, is entered
    MACHINE_FAULT, // an exception that nothing handles
    MACHINE_SPIN,  // nothing that the kernel sees
};

// Provided by the test. Called in user mode with the thread that runs.
enum machine_step machine_user(struct thread *thread);
// Provided by the test. Called with a lock that is about to be released and is still held.
void machine_release(struct spinlock *lock);
// Provided by the test: it has hung. Prints what helps.
void machine_stuck(void);

// Makes the CPUs and the root job. No thread exists but the idle ones.
void machine_create(const struct machine_config *config);
// Runs until machine_stop was called and nothing is left to do: all CPUs idle, everything reaped.
void machine_run(void);
void machine_destroy(void);
// Any thread may call this.
void machine_stop(void);

// A point where another CPU may go on first.
void machine_point(void);
// The same, but certainly.
void machine_yield(void);
// Random numbers; each CPU has its own sequence.
uint64_t machine_random(uint64_t bound);
// One chance in `bound`.
bool machine_chance(uint64_t bound);
// Moves the clock.
void machine_clock_advance(duration_t by);
// Native calls so far.
uint64_t machine_calls(void);

// A fake aspace, with one reference.
struct aspace *machine_aspace_create(struct job *job);
// Frees the pages of blocks.
void machine_memory_destroy(void);
