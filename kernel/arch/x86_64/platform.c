// SPDX-License-Identifier: MIT
//
// What stands around the CPU: firmware tables and interrupt controllers.
#include <arch/boot.h>
#include <arch/interrupt.h>
#include <debug/log.h>
#include <x86/acpi.h>
#include <x86/apic.h>
#include <x86/cpu.h>

void arch_platform_init(void) {
    cpu_log_features();
    acpi_init();
    apic_init();
    apic_init_cpu();
    ioapic_init();
    log_line("acpi: %u CPUs, %u of them used; %u interrupt lines", acpi_info.cpus_found,
             acpi_info.cpu_count, arch_interrupt_count());
}
