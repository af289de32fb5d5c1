// SPDX-License-Identifier: MIT
//
// Where a program of the Linux ABI begins: the stack pointer names the count of arguments, behind
// which their addresses lie.

    .section .text.start, "ax", @progbits
    .globl _start
    .type _start, @function
_start:
    xorl %ebp, %ebp
    movq %rsp, %rdi
    andq $-16, %rsp
    call tool_start
    ud2
    .size _start, . - _start

    .section .note.GNU-stack, "", @progbits
