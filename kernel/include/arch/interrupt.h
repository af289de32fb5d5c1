// SPDX-License-Identifier: MIT
//
// Interrupt lines of devices. A line is an input of an interrupt controller, numbered through all
// controllers (x86_64: the ACPI global system interrupt).
//
// A line starts masked. When it fires, the architecture masks it if it is level-triggered,
// acknowledges the controller, and calls interrupt_fired; the driver quiets its device, and then
// the line is unmasked again. An edge-triggered line stays open, since an edge at a masked line
// would be lost.
#pragma once

#include <base.h>

#define INTERRUPT_LINES_MAX 128

// Number of lines; 0 when the machine has no controller that we know.
uint32_t arch_interrupt_count(void);
// The line behind a number of the old PC interrupts (0-15), as the firmware has wired it.
uint32_t arch_interrupt_legacy(uint32_t irq);
// Routes the line to this CPU, masked. INVALID_ARGUMENT: no such line. Idempotent; the caller
// locks.
[[nodiscard]] status_t arch_interrupt_enable(uint32_t line);
void arch_interrupt_mask(uint32_t line);
void arch_interrupt_unmask(uint32_t line);
// Whether the line is level-triggered, and so masked when it has fired.
bool arch_interrupt_is_level(uint32_t line);

// What generic code does when a line has fired: interrupts off, no lock held, in the kernel by way
// of an interrupt (entry_interrupt_done follows).
void interrupt_fired(uint32_t line);
