// SPDX-License-Identifier: MIT
//
// The local interrupt controller of each CPU (Intel SDM volume 3, chapter 11), and the I/O ones.
#pragma once

#include <base.h>

// Maps the registers; boot CPU, after acpi_init. Then per CPU: turns it on.
void apic_init(void);
void apic_init_cpu(void);
uint32_t apic_id(void);
void apic_eoi(void);

// The timer: its counter counts down from what is written; 0 stops it. Undivided bus clock.
void apic_timer_init(void);
void apic_timer_start(uint32_t count);
uint32_t apic_timer_current(void);

// Makes another CPU start: INIT, then the page to start at.
void apic_send_init(uint32_t id);
void apic_send_startup(uint32_t id, uint32_t page);

// Finds and masks all lines; after apic_init_cpu.
void ioapic_init(void);
// A line has fired at this CPU.
void ioapic_fired(uint32_t line);

// The timer interrupt; acknowledged already.
void clock_timer_fired(void);
// Remembers when the system began; the first thing that the boot CPU does.
void clock_begin(void);
// Waits, for hardware that wants it. After arch_clock_init.
void clock_wait(duration_t time);
