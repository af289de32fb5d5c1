// SPDX-License-Identifier: MIT
//
// Descriptor tables and stacks of a CPU (Intel SDM volume 3, 3.4, 6.10, 6.14, 7.7).
#pragma once

#include <base.h>
#include <sched/cpu.h>

struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map;
} __attribute__((packed));
static_assert(sizeof(struct tss) == 104, "the CPU reads struct tss");

struct cpu_tables {
    uint64_t gdt[8];
    struct tss tss;
};

// Everything of one CPU, in pages of its own.
struct cpu_memory {
    struct cpu cpu;
    struct cpu_tables tables;
};

// The boot CPU's.
extern struct cpu_memory boot_cpu_memory;

// The stacks of CPU `index`: the kernel stack, and those of #DF, NMI and #MC, each above a guard
// page.
enum stack { STACK_KERNEL, STACK_DOUBLE_FAULT, STACK_NMI, STACK_MACHINE_CHECK, STACK_COUNT };
vaddr_t stack_top(uint32_t index, enum stack stack);
// Maps them; after paging_init, for the CPU itself before it first uses them.
void stacks_map(struct cpu *cpu);
// Which stack an address belongs to, or whose guard page it hits. Returns false when to none.
bool stack_of(vaddr_t addr, uint32_t *index, enum stack *stack, bool *guard);
const char *stack_name(enum stack stack);

// Fills the interrupt table in; before paging_init makes it read-only.
void idt_init(void);
// Loads the tables of this CPU and points the segment base at `cpu`.
void tables_load(struct cpu *cpu);
