// SPDX-License-Identifier: MIT
//
// A thread's machine state on the host: records what the kernel did to it, for tests to look at.
#pragma once

#include <abi/block.h>
#include <stdbool.h>
#include <stdint.h>

#define ARCH_VECTOR_PAGE_FAULT 14

struct arch_thread {
    struct registers registers;
    uint64_t call_number; // of the present call, without CALL_NATIVE
    uint64_t args[6];
    int64_t result;
    uint32_t results;  // how often a result was written
    uint32_t restarts; // how often the call was made to restart
};

static inline uint64_t arch_thread_call_number(const struct arch_thread *arch) {
    return arch->call_number;
}

static inline const uint64_t *arch_thread_arguments(const struct arch_thread *arch) {
    return arch->args;
}

static inline void arch_thread_set_result(struct arch_thread *arch, int64_t result) {
    arch->result = result;
    arch->results++;
}

static inline void arch_thread_restart(struct arch_thread *arch) {
    arch->restarts++;
}

static inline uint64_t arch_thread_pc(const struct arch_thread *arch) {
    return arch->registers.rip;
}

static inline void arch_thread_set_pc(struct arch_thread *arch, uint64_t pc) {
    arch->registers.rip = pc;
}

static inline void arch_thread_enter(struct arch_thread *arch, uint64_t pc, uint64_t value) {
    arch->registers.rip = pc;
    arch->registers.rcx = value;
}

static inline void arch_thread_set_argument(struct arch_thread *arch, unsigned index,
                                            uint64_t value) {
    arch->args[index] = value;
}
