// SPDX-License-Identifier: MIT
//
// Holds the offsets in layout.h, which assembly uses, to the structs of C.
#include <sched/cpu.h>
#include <sched/thread.h>

static_assert(offsetof(struct cpu, arch) == 0, "assembly reaches struct arch_cpu through gs");
static_assert(offsetof(struct cpu, arch.self) == CPU_SELF, "layout.h");
static_assert(offsetof(struct cpu, arch.user_rsp) == CPU_USER_RSP, "layout.h");
static_assert(offsetof(struct cpu, arch.stack_top) == CPU_STACK_TOP, "layout.h");
static_assert(offsetof(struct cpu, entry_seq) == CPU_ENTRY_SEQ, "layout.h");
static_assert(offsetof(struct cpu, thread) == CPU_THREAD, "layout.h");
static_assert(offsetof(struct cpu, entries) == CPU_ENTRIES, "layout.h");

static_assert(offsetof(struct thread, arch) == 0, "assembly saves registers at a thread's start");
#define ASSERT_THREAD(field, offset)                                                               \
    static_assert(offsetof(struct arch_thread, field) == (offset), "layout.h")
ASSERT_THREAD(args[0], THREAD_RDI);
ASSERT_THREAD(args[1], THREAD_RSI);
ASSERT_THREAD(args[2], THREAD_RDX);
ASSERT_THREAD(args[3], THREAD_R10);
ASSERT_THREAD(args[4], THREAD_R8);
ASSERT_THREAD(args[5], THREAD_R9);
ASSERT_THREAD(rax, THREAD_RAX);
ASSERT_THREAD(rbx, THREAD_RBX);
ASSERT_THREAD(rbp, THREAD_RBP);
ASSERT_THREAD(r12, THREAD_R12);
ASSERT_THREAD(r13, THREAD_R13);
ASSERT_THREAD(r14, THREAD_R14);
ASSERT_THREAD(r15, THREAD_R15);
ASSERT_THREAD(rsp, THREAD_RSP);
ASSERT_THREAD(rip, THREAD_RIP);
ASSERT_THREAD(rflags, THREAD_RFLAGS);
ASSERT_THREAD(rcx, THREAD_RCX);
ASSERT_THREAD(r11, THREAD_R11);
ASSERT_THREAD(call, THREAD_CALL);
ASSERT_THREAD(entered, THREAD_ENTERED);
static_assert(offsetof(struct thread, block) == THREAD_BLOCK, "layout.h");
static_assert(offsetof(struct thread, block_addr) == THREAD_BLOCK_ADDR, "layout.h");
static_assert(offsetof(struct thread, entry) == THREAD_ENTRY, "layout.h");
static_assert(offsetof(struct thread_block, masked) == BLOCK_MASKED, "layout.h");
static_assert(offsetof(struct thread_block, redirect_rip) == BLOCK_REDIRECT_RIP, "layout.h");
static_assert(offsetof(struct thread_block, redirect.rflags) == BLOCK_REDIRECT_RFLAGS, "layout.h");
static_assert(offsetof(struct aspace_entry, redirect) == ENTRY_REDIRECT, "layout.h");
