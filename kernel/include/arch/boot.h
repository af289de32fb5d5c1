// SPDX-License-Identifier: MIT
//
// The boot information block: what every loader (PVH now, UEFI later) tells the kernel.
#pragma once

#include <base.h>

#define BOOT_RANGES_MAX 64
#define BOOT_COMMAND_MAX 1024

struct boot_range {
    paddr_t base;
    uint64_t size;
    bool usable;
};

struct boot_info {
    uint32_t range_count;
    struct boot_range ranges[BOOT_RANGES_MAX]; // sorted, not overlapping
    paddr_t archive;                           // the boot archive, 0 when none
    uint64_t archive_size;
    paddr_t kernel_start, kernel_end; // physical extent of the kernel image
    paddr_t acpi_rsdp;                // 0 when unknown
    char command[BOOT_COMMAND_MAX];   // zero-terminated
};

extern struct boot_info boot_info;

// Adds a range to boot_info: usable memory is cut to whole pages, reserved memory grown to them,
// and where both are claimed the memory is reserved. A range that finds no place is left out:
// memory in no range is not used.
void boot_range_add(paddr_t base, uint64_t size, bool usable);

// Value of `key=value` in the command line copied into `out` (zero-terminated), or false when
// absent.
bool boot_option(const char *key, char *out, size_t size);

// What the architecture enters, on the boot CPU's own stack, when boot_info is filled in and all
// RAM is mapped (kernel/main.c).
_Noreturn void kernel_main(void);
// What every other CPU enters, on its own stack, with interrupts off.
struct cpu;
_Noreturn void smp_cpu_main(struct cpu *cpu);

// Firmware tables and interrupt controllers. Boot CPU, after page_init; before arch_clock_init.
void arch_platform_init(void);

// Ends the machine. SYSTEM_ operations of system_control. `value` for the emulator's exit device.
_Noreturn void arch_power_off(void);
_Noreturn void arch_restart(void);
_Noreturn void arch_emulator_exit(uint32_t value);

// The early serial console: polled, usable from the first instruction of C on.
void arch_serial_init(void);
void arch_serial_write(const char *text, size_t bytes);

// Random bits from the CPU, if it has them; returns whether it does.
bool arch_random(uint64_t *out);
// Calls `visit` for each return address of a stack, innermost first, starting from a frame pointer
// (0: here).
void arch_backtrace(uintptr_t frame, void (*visit)(uintptr_t pc, void *context), void *context);
