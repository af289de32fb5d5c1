// SPDX-License-Identifier: MIT
//
// The host as a machine: a CPU is whatever the calling pthread was made by host_cpu_use (host.h).
#pragma once

#include <sched.h>
#include <stdint.h>

struct cpu;
struct thread;

struct arch_cpu {
    uint32_t kicks; // how often arch_cpu_kick was called for it; atomic
};

extern _Thread_local struct cpu *host_cpu;

// When not 0, every so many uses of cpu_this, which debug builds make around each lock, another
// pthread gets its turn: so races are found on few processors.
extern uint32_t host_jitter;
extern _Thread_local uint32_t host_jitter_count;

static inline struct cpu *cpu_this(void) {
    if (host_jitter != 0 && ++host_jitter_count % host_jitter == 0) {
        sched_yield();
    }
    return host_cpu;
}

struct thread *cpu_this_thread(void);

static inline void arch_pause(void) {
    sched_yield();
}

static inline uint64_t arch_cycles(void) {
    return __builtin_ia32_rdtsc();
}
