// SPDX-License-Identifier: MIT
//
// What generic code wants from a CPU. arch_impl/cpu.h defines struct arch_cpu and the inline
// functions
//
//   struct cpu *cpu_this(void);            this CPU, from the segment base: one load
//   struct thread *cpu_this_thread(void);  its running thread: one load
//   void arch_pause(void);                 in spin loops
//   uint64_t arch_cycles(void);            time stamp counter
#pragma once

#include <arch_impl/cpu.h>
#include <base.h>

struct cpu;

// Waits for an interrupt: enables interrupts, halts, disables them again. Wakes also when an
// interrupt was pending before (no lost wake-up). Handlers run on the kernel stack and only set
// flags, ack hardware, post packets and expire timers.
void arch_idle(void);
// A preemption point: lets pending interrupts in for a moment. No lock held.
void arch_interrupt_window(void);
// Interrupts another CPU so that it polls its mailbox. Callable with any lock held.
void arch_cpu_kick(struct cpu *cpu);
// Stops this CPU for good.
_Noreturn void arch_stop(void);
// Runs `function` on this CPU's empty kernel stack, discarding what is on it.
_Noreturn void arch_run_on_stack(struct cpu *cpu, void (*function)(void));
// Leaves the kernel to this CPU's current thread, from its saved registers. Used once to enter the
// first thread; later exits go through the entry code's own path.
_Noreturn void arch_enter_user(void);

// Starts all other CPUs; each calls smp_cpu_main(cpu) on its own stack with interrupts off.
void arch_smp_start(void);
