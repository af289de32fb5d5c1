// SPDX-License-Identifier: MIT
//
// What entry.S hands to C.
#pragma once

#include <base.h>

struct thread;

// A trap in kernel mode, as it stands on the stack; and NMI, #DF, #MC from anywhere.
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, code;
    uint64_t rip, cs, rflags, rsp, ss;
};
static_assert(sizeof(struct trap_frame) == 176, "entry.S builds struct trap_frame");

// From user mode; the registers are in the thread.
void trap_user(struct thread *thread, uint64_t vector, uint64_t code);
// From kernel mode. May change the frame.
void trap_kernel(struct trap_frame *frame);
// NMI, #DF, #MC: on its own stack, no locks.
void trap_critical(struct trap_frame *frame);

// Where the CPU enters at a `syscall` (entry.S).
void syscall_entry(void);

// A kernel trap that nothing can mend: says what was violated.
_Noreturn void trap_panic(const struct trap_frame *frame);

// Handles an interrupt (a vector above the traps): acknowledges it and does what it asks for.
void interrupt_dispatch(uint32_t vector);

// The #PF error code as an enum fault_access.
uint32_t fault_access(uint64_t code);
