// SPDX-License-Identifier: MIT
//
// All that a Linux call must leave alone, before and after it. Layout known to call.S.
#pragma once

#include <stdint.h>

#define REGISTERS_RED_ZONE_WORDS 16

struct registers {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t flags;
    uint64_t red_zone[REGISTERS_RED_ZONE_WORDS]; // from rsp - 8 down
    uint8_t vectors[16][16];
    uint32_t mxcsr;
    uint32_t x87_control;
};

// Loads all of `registers_before` but rsp, rcx and r11, executes `syscall`, stores all into
// `registers_after`. registers_return is the address behind the instruction.
extern struct registers registers_before, registers_after;
extern const char registers_return[];
void registers_call(void);
