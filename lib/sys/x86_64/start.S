// SPDX-License-Identifier: MIT
//
// Where the kernel, or spawn, starts the first thread of a native program: rdi holds the address of
// the thread block, rsi that of the start record (0 in init).

    .section .text.start, "ax", @progbits
    .globl _start
    .type _start, @function
_start:
    xorl %ebp, %ebp
    andq $-16, %rsp
    call start_program
    ud2
    .size _start, . - _start

    .section .note.GNU-stack, "", @progbits
