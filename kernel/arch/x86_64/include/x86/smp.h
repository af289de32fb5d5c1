// SPDX-License-Identifier: MIT
#pragma once

// The page where the other CPUs start, in the memory that pvh.c keeps from use.
#define TRAMPOLINE_ADDR 0x8000

#ifndef __ASSEMBLER__
struct cpu;
// Entered from pvh.S by each of them, on its own stack.
_Noreturn void smp_start_here(struct cpu *cpu);
#endif
