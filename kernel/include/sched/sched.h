// SPDX-License-Identifier: MIT
//
// The scheduler: a run queue with a priority bitmap per CPU, slices, stealing when idle, and the
// direct switch that IPC uses.
#pragma once

#include <sched/cpu.h>
#include <sched/thread.h>

#define SLICE_NS MILLISECONDS(5)

// Prepares this CPU's run queue and idle thread, and makes the idle thread its current one.
[[nodiscard]] status_t sched_init_cpu(struct cpu *cpu);

// Puts a READY thread on a run queue: this CPU's, its last one's, or an idle CPU's; kicks that CPU
// when the thread should run there at once. thread->lock may be held.
void sched_enqueue(struct thread *thread);

// Picks who runs next and makes it current, unless the running thread goes on. Called on the way
// out of the kernel when the current thread is no longer RUNNING or cpu->reschedule is set. No
// lock.
void schedule(void);

// Makes `next`, which is RUNNING by thread_unpark_direct, current at once: no run queue. The old
// current thread must be parked or READY and queued.
void sched_switch_direct(struct thread *next);
// Whether a direct switch to a thread of this priority is fair: nothing better is ready here.
static inline bool sched_may_switch_to(const struct thread *next) {
    uint32_t ready = __atomic_load_n(&cpu_this()->run.ready, __ATOMIC_RELAXED);
    return ready >> next->priority <= 1; // no bit above that of its priority
}

// CPU time that a thread has used, its present run included.
duration_t sched_cpu_time(const struct thread *thread);

// Changes a thread's priority, wherever it is.
void sched_set_priority(struct thread *thread, uint8_t priority);

// The timer interrupt and the kick: slice over, deadlines.
void sched_tick(instant_t now);

// What an idle CPU does; never returns. Runs on the CPU's kernel stack with interrupts off.
_Noreturn void sched_idle(void);
