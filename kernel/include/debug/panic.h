// SPDX-License-Identifier: MIT
//
// The end of the system, for code that has more to tell than panic() takes.
#pragma once

#include <base.h>

// A panic at a given place: prints the message, lets `details` (may be null) print more about
// `context`, and the backtrace from `pc` and `frame`, as from a trap.
_Noreturn void panic_at(uintptr_t pc, uintptr_t frame, void (*details)(const void *context),
                        const void *context, const char *format, ...) PRINTF(5, 6);

// Whether a CPU is in a panic, so that the others are to stop.
bool panic_running(void);

// Makes the canary that guards stack frames random. Called from a function that never returns.
void stack_guard_init(void);

// Deliberate violations, `provoke=` on the command line; returns when there is none or it is
// unknown. Each ends in a panic that names what was violated.
void provoke_run(void);
