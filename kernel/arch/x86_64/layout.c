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
#define ASSERT_REGISTER(field, offset)                                                             \
    static_assert(offsetof(struct arch_thread, registers.field) == (offset), "layout.h")
ASSERT_REGISTER(rdi, THREAD_RDI);
ASSERT_REGISTER(rsi, THREAD_RSI);
ASSERT_REGISTER(rdx, THREAD_RDX);
ASSERT_REGISTER(r10, THREAD_R10);
ASSERT_REGISTER(r8, THREAD_R8);
ASSERT_REGISTER(r9, THREAD_R9);
ASSERT_REGISTER(rax, THREAD_RAX);
ASSERT_REGISTER(rbx, THREAD_RBX);
ASSERT_REGISTER(rbp, THREAD_RBP);
ASSERT_REGISTER(r12, THREAD_R12);
ASSERT_REGISTER(r13, THREAD_R13);
ASSERT_REGISTER(r14, THREAD_R14);
ASSERT_REGISTER(r15, THREAD_R15);
ASSERT_REGISTER(rsp, THREAD_RSP);
ASSERT_REGISTER(rip, THREAD_RIP);
ASSERT_REGISTER(rflags, THREAD_RFLAGS);
ASSERT_REGISTER(rcx, THREAD_RCX);
ASSERT_REGISTER(r11, THREAD_R11);
static_assert(offsetof(struct arch_thread, call) == THREAD_CALL, "layout.h");
static_assert(offsetof(struct arch_thread, entered) == THREAD_ENTERED, "layout.h");
static_assert(offsetof(struct thread, block) == THREAD_BLOCK, "layout.h");
static_assert(offsetof(struct thread, block_addr) == THREAD_BLOCK_ADDR, "layout.h");
static_assert(offsetof(struct thread, entry) == THREAD_ENTRY, "layout.h");
static_assert(offsetof(struct thread_block, masked) == BLOCK_MASKED, "layout.h");
static_assert(offsetof(struct thread_block, redirect_rip) == BLOCK_REDIRECT_RIP, "layout.h");
static_assert(offsetof(struct thread_block, redirect.rflags) == BLOCK_REDIRECT_RFLAGS, "layout.h");
static_assert(offsetof(struct aspace_entry, redirect) == ENTRY_REDIRECT, "layout.h");
