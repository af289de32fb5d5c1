// SPDX-License-Identifier: MIT
//
// The part of struct cpu that only this architecture knows. The GS base points at it while a CPU is
// in the kernel; in user mode it waits in KERNEL_GS_BASE.
#pragma once

#include <arch_impl/layout.h>
#include <stdbool.h>
#include <stdint.h>

struct cpu;
struct thread;
struct cpu_tables;

struct arch_cpu {
    struct cpu *self;
    uint64_t user_rsp;         // scratch of the system call entry
    uint64_t stack_top;        // of the one kernel stack
    struct cpu_tables *tables; // GDT, TSS
    uint32_t apic_id;
    bool vectors_on;        // CR0.TS is clear: the vector registers may be used
    uint64_t nmi_count;     // those of no known cause
    int64_t timer_deadline; // instant_t: what the timer is armed for
    uint64_t unused;
};

// A kernel entry stays on its CPU from beginning to end, so the compiler may keep the result.
static inline struct cpu *cpu_this(void) {
    struct cpu *cpu;
    __asm__("movq %%gs:%c1, %0" : "=r"(cpu) : "i"(CPU_SELF));
    return cpu;
}

static inline struct thread *cpu_this_thread(void) {
    struct thread *thread;
    __asm__ volatile("movq %%gs:%c1, %0" : "=r"(thread) : "i"(CPU_THREAD));
    return thread;
}

static inline void arch_pause(void) {
    __asm__ volatile("pause" ::: "memory");
}

static inline uint64_t arch_cycles(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}
