// SPDX-License-Identifier: MIT
//
// Checks the offsets that entry.S uses.

#include <core/thread.h>

#define IN_REGISTERS(field) offsetof(struct registers, field)
static_assert(BLOCK_MASKED == offsetof(struct thread_block, masked), "layout.h");
static_assert(BLOCK_LATCHED == offsetof(struct thread_block, latched), "layout.h");
static_assert(BLOCK_REDIRECT_RIP == offsetof(struct thread_block, redirect_rip), "layout.h");
static_assert(BLOCK_REDIRECT == offsetof(struct thread_block, redirect), "layout.h");
static_assert(REGISTERS_RAX == IN_REGISTERS(rax), "layout.h");
static_assert(REGISTERS_RBX == IN_REGISTERS(rbx), "layout.h");
static_assert(REGISTERS_RBP == IN_REGISTERS(rbp), "layout.h");
static_assert(REGISTERS_RSP == IN_REGISTERS(rsp), "layout.h");
static_assert(REGISTERS_R12 == IN_REGISTERS(r12), "layout.h");
static_assert(REGISTERS_R13 == IN_REGISTERS(r13), "layout.h");
static_assert(REGISTERS_R14 == IN_REGISTERS(r14), "layout.h");
static_assert(REGISTERS_R15 == IN_REGISTERS(r15), "layout.h");
static_assert(REGISTERS_RFLAGS == IN_REGISTERS(rflags), "layout.h");
static_assert(THREAD_ARGS == THREAD_OFFSET + offsetof(struct linux_thread, args), "layout.h");
static_assert(THREAD_RESULT == THREAD_OFFSET + offsetof(struct linux_thread, result), "layout.h");
static_assert(THREAD_CALL_LIMIT == THREAD_OFFSET + offsetof(struct linux_thread, call_limit),
              "layout.h");
static_assert(THREAD_OFFSET == BLOCK_REGION_BYTES - LIBOS_THREAD_BYTES, "layout.h");
