// SPDX-License-Identifier: MIT
//
// Offsets that the assembly of the entry needs: of the thread block (abi/block.h), of struct
// registers, and of struct linux_thread, which lies in the page behind the block. layout.c checks
// them against the structures.
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
#define THREAD_OFFSET 4096
#define THREAD_ARGS 4096
#define THREAD_RESULT 4144
#define THREAD_CALL_LIMIT 4152
#define REGION_BYTES 65536
