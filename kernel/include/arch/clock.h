// SPDX-License-Identifier: MIT
//
// The monotonic clock and the one-shot timer of each CPU.
#pragma once

#include <abi/libos.h>
#include <base.h>

// Nanoseconds since boot; never goes back, same on all CPUs.
instant_t clock_now(void);
// A difference of arch_cycles() as time.
duration_t clock_span(uint64_t cycles);
// Fills in what programs need to tell the time themselves; the time of day is read from the
// machine's clock.
void arch_clock_describe(struct clock_page *clock);
// Arms this CPU's timer interrupt for an absolute time (at once when past; INSTANT_NEVER: off).
void arch_timer_arm(instant_t deadline);
// Finds out the rates; boot CPU. Then per CPU.
void arch_clock_init(void);
void arch_clock_init_cpu(void);
