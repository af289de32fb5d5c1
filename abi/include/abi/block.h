// SPDX-License-Identifier: MIT
//
// The thread block: one page a thread, shared by the kernel and the code that runs the thread,
// pinned while the thread lives. Messages and packets travel in it, the kernel latches
// interruptions in it, and saves the program's registers in it. Its layout is ABI.
//
// The stack of native code lies in the same aligned region of BLOCK_REGION_BYTES as the block,
// which is the region's first page, so that code finds its block from the stack pointer alone.
#pragma once

#include <abi/message.h>

#define BLOCK_REGION_BYTES 65536UL

// Registers of a thread as kernel and libos exchange them; in the kernel they lie like this too.
struct registers {
    union {
        struct {
            uint64_t rdi, rsi, rdx, r10, r8, r9;
        };
        uint64_t args[6]; // the same: the arguments of a call, in their order
    };
    uint64_t rax, rbx, rbp, r12, r13, r14, r15;
    uint64_t rsp, rip, rflags;
    uint64_t rcx, r11;
    uint64_t fs_base, gs_base;
};
static_assert(sizeof(struct registers) == 160, "struct registers is ABI");

// Why the upcall entry was entered.
enum upcall_kind {
    UPCALL_INTERRUPT = 1, // another party holding the right asked for attention
    UPCALL_EXCEPTION = 2, // the thread's own fault
};

struct thread_block {
    uint32_t masked; // not zero: no upcall; interruptions only latch
    uint32_t
        latched;     // interruption bits not yet seen; the kernel sets them, the thread clears them
    uint64_t self;   // address of this block in its address space, written at thread_create
    uint64_t thread; // id of the thread, written at thread_create
    uint64_t process; // id of the process, written at thread_create
    uint64_t reserved[4];
    struct packet packet;   // out: the packet that port_reply_wait took
    struct message message; // in and out: the message of channel_call and port_reply_wait
    // Upcalls: written by the kernel just before the upcall entry is entered.
    uint32_t upcall_kind;
    uint32_t upcall_vector; // EXCEPTION: trap number
    uint64_t upcall_code;   // EXCEPTION: error code of the trap; bits 32-63: why a page fault could
                            // not be resolved, an ERR_ status
    uint64_t upcall_addr;   // EXCEPTION: faulting address
    struct registers upcall;
    // Redirected Linux calls: the kernel writes redirect_rip and redirect.rflags at a redirect; the
    // rest of `redirect` is the libos's, for the program's registers.
    uint64_t redirect_rip;
    struct registers redirect;
    uint8_t unused[4096 - 64 - 96 - 312 - 24 - 160 - 8 - 160];
};
static_assert(sizeof(struct thread_block) == PAGE_SIZE, "struct thread_block is ABI");
static_assert(offsetof(struct thread_block, packet) == 64, "struct thread_block is ABI");
static_assert(offsetof(struct thread_block, message) == 160, "struct thread_block is ABI");
