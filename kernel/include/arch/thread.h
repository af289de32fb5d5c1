// SPDX-License-Identifier: MIT
//
// A thread's machine state. arch_impl/thread.h defines struct arch_thread: all general registers,
// rip, rflags, how it entered (so that the short exit can be used), segment bases, and the vector
// save area.
#pragma once

#include <abi/block.h>
#include <arch_impl/thread.h>
#include <base.h>

struct thread;

// ARCH_VECTOR_PAGE_FAULT: the trap number that a process's exit status shows for a page fault.

// Prepares registers for a first entry to user mode: all zero but these.
void arch_thread_init(struct thread *thread, vaddr_t pc, vaddr_t sp, uint64_t arg0, uint64_t arg1);
// Writes the result of a native call into a parked thread's registers.
static inline void arch_thread_set_result(struct arch_thread *arch, int64_t result);
// Makes the thread's present native call run again when it next runs: moves the pc back onto the
// instruction and restores the call number.
static inline void arch_thread_restart(struct arch_thread *arch);
// Number (without the native bit) and the six arguments of the native call that the thread makes.
static inline uint64_t arch_thread_call_number(const struct arch_thread *arch);
static inline const uint64_t *arch_thread_arguments(const struct arch_thread *arch);
// Argument `index` (0-5) of the present native call, for progress kept across a restart.
static inline void arch_thread_set_argument(struct arch_thread *arch, unsigned index,
                                            uint64_t value);
// Where the thread goes on; after a trap it can be set without touching anything else.
static inline vaddr_t arch_thread_pc(const struct arch_thread *arch);
static inline void arch_thread_set_pc(struct arch_thread *arch, vaddr_t pc);
// Has the thread go on at an entry of the libos, with `value` in the register that the ABI gives it
// (x86_64: rcx) and flags that do no harm there.
static inline void arch_thread_enter(struct arch_thread *arch, vaddr_t pc, uint64_t value);
// Copies the user registers out, or checked in (canonical pc, flag mask, user selectors).
void arch_thread_get_registers(const struct thread *thread, struct registers *regs);
[[nodiscard]] status_t arch_thread_set_registers(struct thread *thread,
                                                 const struct registers *regs);

// The calling thread starts anew, with nothing but these: the pc, its block in the registers of the
// first argument and of an entry of the libos, and a second argument.
void arch_thread_reset(struct thread *self, vaddr_t pc, vaddr_t block, uint64_t arg1);
// Gives a new thread what the calling one has: registers, segment bases, vectors; but it goes on at
// an entry of the libos, with its block's address (arch_thread_enter). NO_MEMORY, LIMIT.
[[nodiscard]] status_t arch_thread_clone(struct thread *child, vaddr_t pc);

// A switch has two halves, so that a CPU never waits for another one's `from` while its own is
// still unsaved. save: what `from` has in the CPU beside general registers (segment bases, vectors
// if it used them) goes into the struct. load: that of `to` goes into the CPU. Either may be an
// idle thread (process null): nothing to do. Page tables are aspace_switch's.
void arch_thread_save(struct thread *from);
void arch_thread_load(struct thread *to);
// Both halves at once, when no CPU has `to`.
void arch_thread_swap(struct thread *from, struct thread *to);
// Frees the vector save area, if there is one.
void arch_thread_destroy(struct thread *thread);

// Whether an address can be a user pc or sp.
bool arch_user_address(vaddr_t addr);
