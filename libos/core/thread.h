// SPDX-License-Identifier: MIT
//
// What the libos keeps of one thread. It lies at the end of the thread's region, so that any code
// finds it from its stack pointer, and above the stack, so that one page holds it and what a call
// needs of that.
//
// Only the thread itself touches its record, but for what is marked shared.
#pragma once

#include <abi/block.h>
#include <abi/libos.h>
#include <abi/linux/errno.h>
#include <entry/layout.h>
#include <stdbool.h>

// An alternate stack for handlers (sigaltstack).
struct signal_stack {
    uint64_t addr, bytes;
    uint32_t flags;
};

// What a restarted call goes on with (restart_syscall, nanosleep).
struct call_restart {
    int64_t deadline; // monotonic
    uint64_t left;    // where the program wants to know what is left
    int32_t clock;
};

struct linux_thread {
    uint64_t args[6];    // of the call being served; entry.S
    int64_t result;      // of the call, until it is back in the program; entry.S
    uint32_t call_limit; // numbers from here on take the slow way; entry.S
    int32_t tid;
    struct thread_block *block;
    uint32_t region; // its number
    handle_t handle; // of itself; HANDLE_NONE after a fork
    int64_t started; // monotonic

    // Signals (core/signal.h).
    struct signal_thread *signals; // shared with procd: mask and pending
    struct signal_thread own_signals;
    uint64_t saved_mask; // put back after a handler has been entered: sigsuspend, ppoll
    bool restore_mask;
    bool leaving; // shared: another thread ends the process or makes an exec
    struct signal_stack stack;
    struct call_restart restart;

    // Death.
    uint64_t clear_tid; // where to store 0 and wake
    uint64_t robust_head, robust_bytes;

    // Of the process's list; its lock guards these.
    struct linux_thread *next;
    bool listed;
    struct libos_thread shown; // its name, for others to read too
};
static_assert(sizeof(struct linux_thread) <= LIBOS_THREAD_BYTES, "its place");

// The thread that a block belongs to.
static inline struct linux_thread *thread_of_block(struct thread_block *block) {
    return (struct linux_thread *)((uintptr_t)block + THREAD_OFFSET);
}

// The calling thread.
static inline struct linux_thread *thread_current(void) {
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    return (struct linux_thread *)((here & ~(BLOCK_REGION_BYTES - 1)) + THREAD_OFFSET);
}
