// SPDX-License-Identifier: MIT
//
// The only instructions that touch user memory through user addresses. Each is listed in the fixup
// table: a fault that can't be resolved goes on at the second address, with the status in eax.

.macro FIXUP at, to
    .pushsection .fixup_table, "a"
    .quad \at, \to
    .popsection
.endm

    .text

// status_t user_copy(void *dst, const void *src, size_t bytes)
// Words first: `rep movsb` is slow where it is not specially supported.
    .globl user_copy
user_copy:
    stac
    movq %rdx, %rcx
    shrq $3, %rcx
1:  rep movsq
    movl %edx, %ecx
    andl $7, %ecx
2:  rep movsb
    clac
    xorl %eax, %eax
    ret
    FIXUP 1b, user_fault
    FIXUP 2b, user_fault

// status_t user_load(const uint32_t *src, uint32_t *out)
    .globl user_load
user_load:
    stac
3:  movl (%rdi), %ecx
    clac
    movl %ecx, (%rsi)
    xorl %eax, %eax
    ret
    FIXUP 3b, user_fault

// status_t user_store(uint32_t *dst, uint32_t value)
    .globl user_store
user_store:
    stac
4:  movl %esi, (%rdi)
    clac
    xorl %eax, %eax
    ret
    FIXUP 4b, user_fault

user_fault:
    clac
    ret
