// SPDX-License-Identifier: MIT
//
// What the handlers of native calls share. A handler sys_<name> (prototypes generated into
// <kernel/syscall_handlers.h>) is called with looked-up objects and copied records. It checks
// everything else first, then does a step that can't fail for its input's sake. It returns a result
// >= 0, an ERR_ status, or one of the internal statuses of base.h.
#pragma once

#include <base.h>
#include <sched/current.h>

// The generated dispatcher.
int64_t syscall_dispatch(uint64_t number, const uint64_t args[6]);

// Entry points called by the architecture's entry code, on the CPU's kernel stack with interrupts
// off and the registers saved in the current thread. They return when this CPU's current thread
// (perhaps another one) is to be resumed in user mode.
void entry_syscall(struct thread *thread);
// The same for any native call and without the fast path.
void entry_syscall_general(struct thread *thread);
// A page fault in user mode; `code` is the machine's error code, for an upcall.
void entry_page_fault(struct thread *thread, vaddr_t addr, uint32_t access, uint64_t code);
// A fault at a kernel instruction that may touch user memory: tries to resolve. Returns OK to run
// the instruction again, or the status that the copy ends with.
status_t entry_user_copy_fault(vaddr_t addr, uint32_t access);
// Any other exception in user mode.
void entry_exception(struct thread *thread, uint32_t vector, uint64_t code, vaddr_t addr);
// The running thread, on its way to user mode, has had an interruption latched: enters the upcall,
// or starts the exit range anew, as struct aspace_entry says. No lock held.
void upcall_interrupt(struct thread *thread);
// Its own exception (`status`: why a page fault could not be resolved) goes to the libos, if that
// can take it. Returns whether it does.
bool upcall_exception(struct thread *thread, uint32_t vector, uint64_t code, vaddr_t addr,
                      status_t status);
// After an interrupt (from user mode: `thread`; from idle or a window: null) was acknowledged.
void entry_interrupt_done(struct thread *thread);
// The end of every entry, and of the idle loop's wait: chooses who runs, and does what is pending
// for that thread. Does not return to the idle loop, but begins it anew.
void entry_leave(void);
