/* SPDX-License-Identifier: MIT */
/*
 * registers_call of registers.h. From `syscall` until the flags are read, only `mov` is used: it
 * changes no flag, and nothing is pushed, as the red zone lies below rsp.
 */

.set FLAGS, 16 * 8
.set RED_ZONE, FLAGS + 8
.set VECTORS, RED_ZONE + 16 * 8
.set MXCSR, VECTORS + 16 * 16
.set X87, MXCSR + 4

.bss
.balign 16
.globl registers_before, registers_after
registers_before: .skip X87 + 8
registers_after: .skip X87 + 8

.text
.globl registers_call, registers_return
.type registers_call, @function
registers_call:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15

    /* What is in the red zone, vector registers and control words. */
    lea registers_before(%rip), %rax
    .set i, 0
    .rept 16
    mov RED_ZONE + i * 8(%rax), %rcx
    mov %rcx, -8 - i * 8(%rsp)
    .set i, i + 1
    .endr
    .altmacro
    .macro load_vector n
    movdqu VECTORS + \n * 16(%rax), %xmm\n
    .endm
    .macro store_vector n
    movdqu %xmm\n, VECTORS + \n * 16(%rax)
    .endm
    .set i, 0
    .rept 16
    load_vector %i
    .set i, i + 1
    .endr
    ldmxcsr MXCSR(%rax)
    fldcw X87(%rax)

    mov 1 * 8(%rax), %rbx
    mov 3 * 8(%rax), %rdx
    mov 4 * 8(%rax), %rsi
    mov 5 * 8(%rax), %rdi
    mov 6 * 8(%rax), %rbp
    mov 8 * 8(%rax), %r8
    mov 9 * 8(%rax), %r9
    mov 10 * 8(%rax), %r10
    mov 12 * 8(%rax), %r12
    mov 13 * 8(%rax), %r13
    mov 14 * 8(%rax), %r14
    mov 15 * 8(%rax), %r15
    /* The flags go through the stack: below the red zone. */
    lea -256(%rsp), %rsp
    push FLAGS(%rax)
    popf
    lea 256(%rsp), %rsp
    mov 0 * 8(%rax), %rax
    syscall
registers_return:
    mov %rax, registers_after + 0 * 8(%rip)
    lea registers_after(%rip), %rax
    mov %rbx, 1 * 8(%rax)
    mov %rcx, 2 * 8(%rax)
    mov %rdx, 3 * 8(%rax)
    mov %rsi, 4 * 8(%rax)
    mov %rdi, 5 * 8(%rax)
    mov %rbp, 6 * 8(%rax)
    mov %rsp, 7 * 8(%rax)
    mov %r8, 8 * 8(%rax)
    mov %r9, 9 * 8(%rax)
    mov %r10, 10 * 8(%rax)
    mov %r11, 11 * 8(%rax)
    mov %r12, 12 * 8(%rax)
    mov %r13, 13 * 8(%rax)
    mov %r14, 14 * 8(%rax)
    mov %r15, 15 * 8(%rax)
    .set i, 0
    .rept 16
    mov -8 - i * 8(%rsp), %rcx
    mov %rcx, RED_ZONE + i * 8(%rax)
    .set i, i + 1
    .endr
    pushf
    pop FLAGS(%rax)
    cld
    .set i, 0
    .rept 16
    store_vector %i
    .set i, i + 1
    .endr
    stmxcsr MXCSR(%rax)
    fnstcw X87(%rax)
    fninit

    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret

.section .note.GNU-stack, "", @progbits
