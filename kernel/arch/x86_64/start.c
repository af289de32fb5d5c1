// SPDX-License-Identifier: MIT
//
// The boot CPU between the loader and kernel_main.
#include <arch/boot.h>
#include <sched/cpu.h>
#include <x86/apic.h>
#include <x86/cpu.h>
#include <x86/paging.h>
#include <x86/start.h>
#include <x86/tables.h>

void arch_start(paddr_t start_info) {
    struct cpu *cpu = &boot_cpu_memory.cpu;
    clock_begin();
    arch_serial_init();
    cpu->arch.tables = &boot_cpu_memory.tables;
    cpu->entry_seq = 1; // in the kernel
    cpu->online = true;
    cpus[0] = cpu;
    cpu_count = 1;
    idt_init();
    tables_load(cpu); // from here on a fault is a panic that says where
    cpu_features_init();
    pvh_read(start_info);
    paging_init();
    stacks_map(cpu);
    vectors_init();
    cpu_init();
    arch_run_on_stack(cpu, kernel_main);
}
