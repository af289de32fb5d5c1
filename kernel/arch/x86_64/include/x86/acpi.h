// SPDX-License-Identifier: MIT
//
// What the kernel wants from the firmware's static tables (ACPI specification 6.5, chapter 5). No
// byte code is run. Fields are 0 when the table in question is missing or damaged.
#pragma once

#include <base.h>
#include <sched/cpu.h>

#define ACPI_IOAPICS_MAX 8
#define ACPI_LEGACY_IRQS 16

struct acpi_ioapic {
    paddr_t addr;
    uint32_t first_line;
};

// How an old PC interrupt is wired to a line.
struct acpi_legacy_irq {
    uint32_t line;
    bool level, active_low;
};

struct acpi_info {
    paddr_t apic_addr;
    uint32_t cpus_found; // enabled CPUs
    uint32_t cpu_count;  // those of them that we use
    uint32_t apic_ids[CPU_MAX];
    uint32_t ioapic_count;
    struct acpi_ioapic ioapics[ACPI_IOAPICS_MAX];
    struct acpi_legacy_irq legacy[ACPI_LEGACY_IRQS];
    paddr_t hpet;
    uint16_t pm_timer_port;
    uint16_t pm1a_control_port, pm1b_control_port;
    bool has_reset, reset_is_port;
    paddr_t reset_addr;
    uint8_t reset_value;
};
extern struct acpi_info acpi_info;

// Reads the tables; boot CPU, after paging_init. Says in the log what it could not read.
void acpi_init(void);
