// SPDX-License-Identifier: MIT
//
// Threads that call, park, are woken and restart, for tests of what threads wait for. A thread
// belongs to a host CPU: the pthread of that CPU is the thread, and spins while it is parked,
// running the CPU's timers. Link kernel/sched/wait.c and kernel/time/timer_queue.c with it.
#pragma once

#include <sched/thread.h>

// Makes a thread of a process without a job, current on CPU `index`, which must exist. Its block is
// zero.
struct thread *host_thread_create(uint32_t index);
// Frees it. It must be in no wait.
void host_thread_destroy(struct thread *thread);

// Runs one native call of the calling pthread's thread: parks, restarts and cleans up as the
// kernel's entry does, until there is a result.
int64_t host_thread_call(int64_t (*call)(void *context), void *context);
// The same, but returns STATUS_PARKED when the call has parked.
int64_t host_thread_try(int64_t (*call)(void *context), void *context);
// Whether a parked thread was made runnable.
bool host_thread_woken(struct thread *thread);
// Goes on with a thread that was woken: returns its result, or STATUS_RESTART.
int64_t host_thread_resume(struct thread *thread);
