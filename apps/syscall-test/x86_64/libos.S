// SPDX-License-Identifier: MIT
//
// The ways in and out of the small libos, and a program that looks at its registers.
#include "libos.h"

    .text

// ---- A Linux call of the program: r11 = block << 16; rip and flags are in the block.
    .globl mini_redirect
mini_redirect:
    shrq $16, %r11
    movq %rax, REDIRECT+RAX(%r11)
    movq %rbx, REDIRECT+RBX(%r11)
    movq %rdx, REDIRECT+RDX(%r11)
    movq %rsi, REDIRECT+RSI(%r11)
    movq %rdi, REDIRECT+RDI(%r11)
    movq %rbp, REDIRECT+RBP(%r11)
    movq %rsp, REDIRECT+RSP(%r11)
    movq %r8, REDIRECT+R8(%r11)
    movq %r9, REDIRECT+R9(%r11)
    movq %r10, REDIRECT+R10(%r11)
    movq %r12, REDIRECT+R12(%r11)
    movq %r13, REDIRECT+R13(%r11)
    movq %r14, REDIRECT+R14(%r11)
    movq %r15, REDIRECT+R15(%r11)
    leaq LIBOS_STACK(%r11), %rsp
    movq %r11, %rbx
    movq %r11, %rdi
    call mini_call
    movq %rbx, %rcx

// ---- The short return. From here to mini_exit_end nothing is needed but rcx = block.
    .globl mini_exit
mini_exit:
    movl $0, MASKED(%rcx)
    cmpl $0, LATCHED(%rcx)
    jne 1f
    leaq LIBOS_STACK(%rcx), %rsp
    movq REDIRECT+RAX(%rcx), %rax
    movq REDIRECT+RBX(%rcx), %rbx
    movq REDIRECT+RDX(%rcx), %rdx
    movq REDIRECT+RSI(%rcx), %rsi
    movq REDIRECT+RDI(%rcx), %rdi
    movq REDIRECT+RBP(%rcx), %rbp
    movq REDIRECT+R8(%rcx), %r8
    movq REDIRECT+R9(%rcx), %r9
    movq REDIRECT+R10(%rcx), %r10
    movq REDIRECT+RFLAGS(%rcx), %r11
    movq REDIRECT+R12(%rcx), %r12
    movq REDIRECT+R13(%rcx), %r13
    movq REDIRECT+R14(%rcx), %r14
    movq REDIRECT+R15(%rcx), %r15
    pushq %r11
    popfq
    movq REDIRECT+RSP(%rcx), %rsp
    movq REDIRECT-8(%rcx), %rcx // redirect_rip
    jmp *%rcx
1:  movl $1, MASKED(%rcx)
    .globl mini_exit_end
mini_exit_end:
    leaq LIBOS_STACK(%rcx), %rsp
    movq %rcx, %rbx
    movq %rcx, %rdi
    cld
    call mini_take_latched
    movq %rbx, %rcx
    jmp mini_exit

// ---- rcx = block; all registers of the program are in block->upcall.
    .globl mini_upcall
mini_upcall:
    leaq LIBOS_STACK(%rcx), %rsp
    movq %rcx, %rdi
    xorl %ebp, %ebp
    call mini_take_upcall
    ud2

// ---- Where the first thread of a clone begins: as its maker's call returns.
    .globl mini_child
mini_child:
    jmp mini_exit

// ---- status_t mini_copy(to, from, bytes, *left)
    .globl mini_copy
mini_copy:
    movq %rcx, %r8
    movq %rdx, %rcx
    .globl mini_access
mini_access:
    rep movsb
    .globl mini_access_end
mini_access_end:
    xorl %eax, %eax
    .globl mini_access_fault
mini_access_fault:
    movq %rcx, (%r8)
    ret

// ---- uint64_t mini_call_checked(seed, number)
// Register n (from rbx on) holds seed + n, vector register n the word seed + n, the red zone seed,
// and the carry and direction flags are set.
#define FLAG_CARRY 1
#define FLAG_INTERRUPT 0x200
#define FLAG_DIRECTION 0x400
.macro EXPECT register, difference
    subq %rdi, \register
    subq $\difference, \register
    orq \register, %rbp
.endm
.macro EXPECT_VECTOR register, difference
    movq \register, %rbx
    EXPECT %rbx, \difference
.endm

    .globl mini_call_checked
mini_call_checked:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsi, %rax
    leaq 1(%rdi), %rbx
    leaq 2(%rdi), %rdx
    leaq 3(%rdi), %rsi
    leaq 4(%rdi), %rbp
    leaq 5(%rdi), %r8
    leaq 6(%rdi), %r9
    leaq 7(%rdi), %r10
    leaq 8(%rdi), %r12
    leaq 9(%rdi), %r13
    leaq 10(%rdi), %r14
    leaq 11(%rdi), %r15
    movq %rbx, %xmm0
    movq %rbp, %xmm7
    movq %r15, %xmm15
    movq %rdi, -8(%rsp)
    movq %rdi, -128(%rsp)
    std
    stc
    syscall
2:  jnc 3f
    cld
    andl $(FLAG_CARRY | FLAG_DIRECTION | FLAG_INTERRUPT), %r11d
    cmpl $(FLAG_CARRY | FLAG_DIRECTION | FLAG_INTERRUPT), %r11d
    jne 3f
    leaq 2b(%rip), %r11
    subq %rcx, %r11
    subq $4, %rbp
    subq %rdi, %rbp
    orq %r11, %rbp
    EXPECT %rbx, 1
    EXPECT %rdx, 2
    EXPECT %rsi, 3
    EXPECT %r8, 5
    EXPECT %r9, 6
    EXPECT %r10, 7
    EXPECT %r12, 8
    EXPECT %r13, 9
    EXPECT %r14, 10
    EXPECT %r15, 11
    EXPECT_VECTOR %xmm0, 1
    EXPECT_VECTOR %xmm7, 4
    EXPECT_VECTOR %xmm15, 11
    movq -8(%rsp), %rbx
    EXPECT %rbx, 0
    movq -128(%rsp), %rbx
    EXPECT %rbx, 0
    subq %rdi, %rax // the call gives its first argument
    orq %rbp, %rax
    jmp 4f
3:  movq $-1, %rax
4:  cld
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret

// ---- What a thread does after aspace_swap, copied there: looks at its registers, at what was
// latched and at `masked`, sets a signal of the event named in redirect.rax, waits a little, and
// ends its process: with 0 when all was well.
#define NATIVE 0x80000000
#define EVENT_SIGNAL (NATIVE | 92)
#define CLOCK_GET (NATIVE | 104)
#define THREAD_SLEEP (NATIVE | 35)
#define PROCESS_EXIT (NATIVE | 26)
#define PAUSE_NS 30000000
    .globl mini_after_swap
mini_after_swap:
    subq %rdi, %rcx
    orq %rcx, %rax
    movq $MINI_RECORD, %rcx
    subq %rcx, %rsi
    orq %rsi, %rax
    orq %rbx, %rax
    orq %rdx, %rax
    orq %rbp, %rax
    orq %rsp, %rax
    orq %r8, %rax
    orq %r9, %rax
    orq %r10, %rax
    orq %r11, %rax
    orq %r12, %rax
    orq %r13, %rax
    orq %r14, %rax
    orq %r15, %rax
    movq %xmm5, %rcx
    orq %rcx, %rax
    rdfsbase %rcx
    orq %rcx, %rax
    movl LATCHED(%rdi), %ecx
    subl $5, %ecx
    orq %rcx, %rax
    movl MASKED(%rdi), %ecx
    subl $7, %ecx
    orq %rcx, %rax
    movq %rax, %r12
    movq REDIRECT+RAX(%rdi), %rdi
    xorl %esi, %esi
    movl $2, %edx
    movl $EVENT_SIGNAL, %eax
    syscall
    orq %rax, %r12
    movl $CLOCK_GET, %eax
    syscall
    leaq PAUSE_NS(%rax), %rdi
    xorl %esi, %esi
    movl $THREAD_SLEEP, %eax
    syscall
    orq %rax, %r12
    movq %r12, %rdi
    movl $PROCESS_EXIT, %eax
    syscall
    ud2
    .globl mini_after_swap_end
mini_after_swap_end:
