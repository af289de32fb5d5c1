// SPDX-License-Identifier: MIT
//
// Where the kernel enters the libos, and how the libos goes back to the program (abi/libos.h).
//
// A Linux call costs the instructions from `redirect` to `exit_end`, so only what the call can
// change is saved: the six argument registers and the flags. The compiler's code preserves rbx, rbp
// and r12 to r15, and no code here uses vector registers. Whoever needs all registers (a signal
// frame, a new thread) saves the preserved ones itself: exit_slow, linux_clone.
//
// Invariants: the libos stack is empty at each entry; block->redirect holds the program's rsp and
// rflags (these the kernel stores), and in rax the number of the call; the thread's args hold the
// argument registers until the exit. Nothing is ever pushed on the program's stack.
#include <abi/calls.h>
#include <entry/layout.h>

#define REDIRECT(field) BLOCK_REDIRECT + REGISTERS_##field(%rcx)
#define ARG(n) THREAD_ARGS + 8 * n(%rcx)

    .section .text.entry, "ax"

    .balign 64
    .globl entry_redirect
entry_redirect:
    shrq $16, %r11
    movq %rdi, THREAD_ARGS(%r11)
    movq %rsi, THREAD_ARGS + 8(%r11)
    movq %rdx, THREAD_ARGS + 16(%r11)
    movq %r10, THREAD_ARGS + 24(%r11)
    movq %r8, THREAD_ARGS + 32(%r11)
    movq %r9, THREAD_ARGS + 40(%r11)
    movq %rax, BLOCK_REDIRECT + REGISTERS_RAX(%r11)
    movq %rsp, BLOCK_REDIRECT + REGISTERS_RSP(%r11)
    leaq THREAD_OFFSET(%r11), %rsp
    leaq THREAD_OFFSET(%r11), %rdi
    leaq THREAD_ARGS(%r11), %rsi
    cmpl THREAD_CALL_LIMIT(%r11), %eax
    jae call_slow
    movl %eax, %eax
    leaq linux_dispatch(%rip), %rcx
    call *(%rcx, %rax, 8) // (thread, args)
call_done:
    leaq -THREAD_OFFSET(%rsp), %rcx
    movq %rax, THREAD_RESULT(%rcx)

// ---- The short return. An interruption begins it again with nothing but rcx.

    .globl entry_exit_begin, entry_exit_end
entry_exit_begin:
    movl $0, BLOCK_MASKED(%rcx)
    cmpl $0, BLOCK_LATCHED(%rcx)
    jne exit_slow
    leaq BLOCK_REDIRECT + REGISTERS_RFLAGS(%rcx), %rsp
    popfq
    movq ARG(0), %rdi
    movq ARG(1), %rsi
    movq ARG(2), %rdx
    movq ARG(3), %r10
    movq ARG(4), %r8
    movq ARG(5), %r9
    movq THREAD_RESULT(%rcx), %rax
    movq REDIRECT(RFLAGS), %r11
    movq REDIRECT(RSP), %rsp
    movq BLOCK_REDIRECT_RIP(%rcx), %rcx
    jmp *%rcx
entry_exit_end:

.macro SAVE_PRESERVED
    movq %rbx, REDIRECT(RBX)
    movq %rbp, REDIRECT(RBP)
    movq %r12, REDIRECT(R12)
    movq %r13, REDIRECT(R13)
    movq %r14, REDIRECT(R14)
    movq %r15, REDIRECT(R15)
.endm

// Something is latched: look at it with the libos stack, then try again.
exit_slow:
    movl $1, BLOCK_MASKED(%rcx)
    leaq THREAD_OFFSET(%rcx), %rsp
    SAVE_PRESERVED
    leaq THREAD_OFFSET(%rcx), %rdi
    call exit_work // (thread): returns when the program goes on where it was
    leaq -THREAD_OFFSET(%rsp), %rcx
    jmp entry_exit_begin

// A number past the table, or a thread that is traced.
call_slow:
    movq %rax, %rdx
    call dispatch_slow // (thread, args, number)
    jmp call_done

// Handlers that need all registers of the program: (thread, args).
    .globl linux_clone, linux_clone3
linux_clone:
    leaq -THREAD_OFFSET(%rdi), %rcx
    SAVE_PRESERVED
    jmp clone_from_registers
linux_clone3:
    leaq -THREAD_OFFSET(%rdi), %rcx
    SAVE_PRESERVED
    jmp clone3_from_registers

// ---- The other ways in. rcx = the block; the program's registers are in block->upcall.

    .balign 16
    .globl entry_upcall
entry_upcall:
    leaq THREAD_OFFSET(%rcx), %rsp
    leaq THREAD_OFFSET(%rcx), %rdi
    xorl %ebp, %ebp
    call upcall_handle // (thread), does not return
    ud2

// The first thread of a program: rdi = its block, rsi = the record.
    .globl entry_start
entry_start:
    leaq THREAD_OFFSET(%rdi), %rsp
    xorl %ebp, %ebp
    call start_program // (block, record), does not return
    ud2

// A thread that clone has made: rdi = its block.
    .globl entry_thread
entry_thread:
    leaq THREAD_OFFSET(%rdi), %rsp
    addq $THREAD_OFFSET, %rdi
    xorl %ebp, %ebp
    call clone_begin // (thread), does not return
    ud2

// int64_t entry_process_clone(handle_t embryo, uint64_t share_end): process_clone that returns
// twice, in the child with 1. The child begins at entry_child with the registers of the call.
    .globl entry_process_clone, entry_child
entry_process_clone:
    movl $CALL_NATIVE | CALL_PROCESS_CLONE, %eax
    syscall
    ret
entry_child:
    movl $1, %eax
    ret

    .section .note.GNU-stack, "", @progbits
