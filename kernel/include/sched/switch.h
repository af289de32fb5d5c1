// SPDX-License-Identifier: MIT
//
// The steps of a switch from one thread to another, for the scheduler and for the fast path of IPC,
// which inlines them. sched.c states the rules that they keep.
#pragma once

#include <arch/cpu.h>
#include <arch/thread.h>
#include <mm/aspace.h>
#include <sched/cpu.h>
#include <sched/thread.h>

// Highest priority that is ready on this CPU, -1 when none.
static inline int run_queue_best(const struct run_queue *run) {
    uint32_t ready = __atomic_load_n(&run->ready, __ATOMIC_RELAXED);
    return ready == 0 ? -1 : 31 - __builtin_clz(ready);
}

// Counts the time of `prev`, and tells other CPUs what runs here from now on.
static inline void switch_account(struct cpu *cpu, struct thread *prev, const struct thread *next) {
    assert(next->state == THREAD_RUNNING);
    uint64_t now = arch_cycles();
    __atomic_store_n(&prev->cpu_cycles, prev->cpu_cycles + (now - cpu->switched_at),
                     __ATOMIC_RELAXED);
    cpu->switched_at = now;
    cpu->parked = false;
    __atomic_store_n(&cpu->priority, __atomic_load_n(&next->priority, __ATOMIC_RELAXED),
                     __ATOMIC_RELAXED);
}

// Makes `next`, which no CPU has its registers in, this CPU's thread.
static inline void switch_current(struct cpu *cpu, struct thread *next) {
    __atomic_store_n(&next->on_cpu, true, __ATOMIC_RELAXED);
    __atomic_store_n(&next->last_cpu, cpu->index, __ATOMIC_RELAXED);
    __atomic_store_n(&cpu->thread, next, __ATOMIC_RELAXED);
    if (next->aspace != cpu->aspace && likely(next->aspace != NULL)) {
        aspace_switch(next->aspace);
    }
}

// A killer sets `pending` and then reads `state` and `last_cpu`; we set these and read `pending` on
// the way out of the kernel. One of the two must see the other.
static inline void switch_look_again(struct cpu *cpu) {
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (unlikely(run_queue_best(&cpu->run) > (int)cpu->priority)) {
        cpu->reschedule = true; // queued since, by somebody who saw the thread before this one
    }
}

// sched_switch_direct to a thread whose registers were seen, under its lock and while it was
// BLOCKED, to be on no CPU: then there is nothing to wait for. `prev` is the current thread, and
// another one.
__attribute__((always_inline)) static inline void
switch_direct(struct cpu *cpu, struct thread *prev, struct thread *next) {
    assert(prev == cpu->thread && prev != next && next != cpu->idle);
    assert(prev->on_cpu && !next->on_cpu);
    switch_account(cpu, prev, next);
    arch_thread_swap(prev, next);
    __atomic_store_n(&prev->on_cpu, false, __ATOMIC_RELEASE);
    switch_current(cpu, next);
    switch_look_again(cpu);
}
