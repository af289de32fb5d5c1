// SPDX-License-Identifier: MIT
//
// Offsets that the assembly of the entry needs: of the thread block (abi/block.h), of struct
// registers, and of struct linux_thread, which lies at the end of the thread's region, with the
// stack below it. layout.c checks them against the structures.
#pragma once

#define BLOCK_MASKED 0
#define BLOCK_LATCHED 4
#define BLOCK_REDIRECT_RIP 656
#define BLOCK_REDIRECT 664

#define REGISTERS_RAX 48
#define REGISTERS_RBX 56
#define REGISTERS_RBP 64
#define REGISTERS_R12 72
#define REGISTERS_R13 80
#define REGISTERS_R14 88
#define REGISTERS_R15 96
#define REGISTERS_RSP 104
#define REGISTERS_RFLAGS 120

// From the block's address.
#define THREAD_OFFSET 64512 // where the stack begins, too
#define THREAD_ARGS 64512
#define THREAD_RESULT 64560
#define THREAD_CALL_LIMIT 64568
