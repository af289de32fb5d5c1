// SPDX-License-Identifier: MIT
//
// What a thread is to this machine. entry.S saves and restores the registers; their places are in
// layout.h. After a system call rcx and r11 hold what the instruction puts there, rip and rflags,
// and their own places here are stale: `entered` says so. set_registers, a restart and every other
// entry make the full set valid.
#pragma once

#include <abi/block.h>
#include <arch_impl/cpu.h>
#include <arch_impl/layout.h>
#include <stdint.h>
#include <x86/bits.h>

struct arch_thread {
    struct registers registers; // rcx, r11: when ENTERED_BY_TRAP; bases: while it is not on a CPU
    uint32_t call;              // eax at the system call, while ENTERED_BY_CALL
    uint8_t entered;            // ENTERED_: whether the short way out is open
    void *vectors;              // save area, null until first use; see vectors.c
};

#define SYSCALL_INSTRUCTION_BYTES 2
#define ARCH_VECTOR_PAGE_FAULT 14

// Number of the native call that the thread makes.
static inline uint64_t arch_thread_call_number(const struct arch_thread *arch) {
    return arch->call & ~(uint64_t)CALL_NATIVE_BIT;
}

static inline const uint64_t *arch_thread_arguments(const struct arch_thread *arch) {
    return arch->registers.args;
}

static inline void arch_thread_set_result(struct arch_thread *arch, int64_t result) {
    arch->registers.rax = (uint64_t)result;
}

// Nothing to do for a fault: its instruction runs again anyway.
static inline void arch_thread_restart(struct arch_thread *arch) {
    if (arch->entered == ENTERED_BY_CALL) {
        arch->registers.rcx = arch->registers.rip;
        arch->registers.r11 = arch->registers.rflags;
        arch->registers.rip -= SYSCALL_INSTRUCTION_BYTES;
        arch->registers.rax = arch->call;
        arch->entered = ENTERED_BY_TRAP;
    }
}

static inline void arch_thread_set_argument(struct arch_thread *arch, unsigned index,
                                            uint64_t value) {
    arch->registers.args[index] = value;
}

static inline vaddr_t arch_thread_pc(const struct arch_thread *arch) {
    return arch->registers.rip;
}

// After a trap, where all registers are valid.
static inline void arch_thread_set_pc(struct arch_thread *arch, vaddr_t pc) {
    arch->registers.rip = pc;
}

static inline void arch_thread_enter(struct arch_thread *arch, vaddr_t pc, uint64_t value) {
    if (arch->entered == ENTERED_BY_CALL) {
        arch->registers.r11 = arch->registers.rflags;
        arch->entered = ENTERED_BY_TRAP;
    }
    arch->registers.rip = pc;
    arch->registers.rcx = value;
    arch->registers.rflags &= ~(uint64_t)(RFLAGS_TF | RFLAGS_DF | RFLAGS_AC);
}

// For threads that use vector registers, and to take them away from one that does not.
void vectors_save(struct arch_thread *from);
void vectors_load(const struct arch_thread *to);

// The segment bases of the user. In the kernel its gs base waits in KERNEL_GS_BASE; swapgs brings
// it out for a moment. No trap can come in between but NMI, #DF and #MC, which find their CPU
// without gs.
static inline void bases_save(struct registers *to) {
    __asm__ volatile("rdfsbase %0; swapgs; rdgsbase %1; swapgs"
                     : "=r"(to->fs_base), "=r"(to->gs_base));
}

static inline void bases_load(const struct registers *from) {
    __asm__ volatile("wrfsbase %0; swapgs; wrgsbase %1; swapgs"
                     :
                     : "r"(from->fs_base), "r"(from->gs_base)
                     : "memory");
}

// Both at once, with one look behind swapgs.
static inline void bases_swap(struct registers *from, const struct registers *to) {
    __asm__ volatile("rdfsbase %0; wrfsbase %2; swapgs; rdgsbase %1; wrgsbase %3; swapgs"
                     : "=&r"(from->fs_base), "=&r"(from->gs_base)
                     : "r"(to->fs_base), "r"(to->gs_base)
                     : "memory");
}

// struct arch_thread stands at the beginning of struct thread, which is not known here. An idle
// thread is treated like any other: what it saves and loads is of no meaning.
static inline void arch_thread_save(struct thread *from) {
    struct arch_thread *arch = (struct arch_thread *)from;
    bases_save(&arch->registers);
    if (__builtin_expect(arch->vectors != NULL, 0)) {
        vectors_save(arch);
    }
}

static inline void arch_thread_load(struct thread *to) {
    struct arch_thread *arch = (struct arch_thread *)to;
    const struct arch_cpu *cpu = (const struct arch_cpu *)cpu_this();
    bases_load(&arch->registers);
    if (__builtin_expect(arch->vectors != NULL || cpu->vectors_on, 0)) {
        vectors_load(arch);
    }
}

static inline void arch_thread_swap(struct thread *from, struct thread *to) {
    struct arch_thread *old = (struct arch_thread *)from;
    const struct arch_thread *new = (const struct arch_thread *)to;
    const struct arch_cpu *cpu = (const struct arch_cpu *)cpu_this();
    bases_swap(&old->registers, &new->registers);
    if (__builtin_expect(old->vectors != NULL, 0)) {
        vectors_save(old);
    }
    if (__builtin_expect(new->vectors != NULL || cpu->vectors_on, 0)) {
        vectors_load(new);
    }
}
