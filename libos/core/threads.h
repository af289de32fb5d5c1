// SPDX-License-Identifier: MIT
//
// The threads of the process: their list, and how each comes and goes.
#pragma once

#include <core/thread.h>

struct threads;

// Notes that a region is in use. threads.lock held.
void region_use(struct threads *threads, uint32_t region);
// Adds the calling or a new thread to the list.
void thread_add(struct linux_thread *thread);
// Publishes a thread in the signal page, with its mask.
void thread_publish(struct linux_thread *thread, uint64_t mask);
// Takes it out of the signal page.
void thread_withdraw(struct linux_thread *thread);
// Latches bits in another thread (INTERRUPT_), and ends the call that it waits in.
void thread_interrupt(struct linux_thread *thread, uint32_t bits);
// The thread of that id, or null. threads.lock held.
struct linux_thread *thread_find(int32_t tid);

// Ends the calling thread; the last one ends the process with this status.
_Noreturn void thread_end(struct linux_thread *self, int64_t status);
// Ends the calling thread because another makes an exec or ends the process.
_Noreturn void thread_leave(struct linux_thread *self);
// Makes all other threads leave and waits until they have; for exec.
void threads_stop_others(struct linux_thread *self);
// After a fork, in the child: only the calling thread is left.
void threads_forget_others(struct linux_thread *self);

// A region for a new thread, with a fresh record: one that was left, or a new one. EAGAIN.
[[nodiscard]] int64_t thread_take_region(struct linux_thread **out);

// Gives back the regions of threads that have ended, which else wait for new ones: before a fork,
// which would copy them.
void threads_drop_left(void);

// core/clone.c: called by entry.S.
_Noreturn void clone_begin(struct linux_thread *self);
int64_t clone_from_registers(struct linux_thread *self, const uint64_t args[6]);
int64_t clone3_from_registers(struct linux_thread *self, const uint64_t args[6]);
