// SPDX-License-Identifier: MIT
//
// Segments, the task state, the interrupt table, and where each CPU's stacks stand. Stacks lie in
// slots of their own address range, separated by pages that are never mapped: whoever runs over the
// end of one faults, and the fault's own stack (IST) is another. NMI, #DF and #MC can come at any
// instruction, even where the segment base is still the user's; so at the top of their stacks
// stands a pointer to the CPU (entry.S).
#include <sched/cpu.h>
#include <x86/paging.h>
#include <x86/regs.h>
#include <x86/tables.h>

#define STACK_SLOT_BYTES 0x10000UL
#define IST_STACK_BYTES 0x2000UL
#define KERNEL_STACK_BYTES 0x4000UL
#define GDT_CODE 0x00af9b000000ffff
#define GDT_DATA 0x00cf93000000ffff
#define GDT_USER_DATA 0x00cff3000000ffff
#define GDT_USER_CODE 0x00affb000000ffff
#define GDT_TSS_AVAILABLE (0x89UL << 40)
#define GATE_INTERRUPT 0x8e
#define GATE_INTERRUPT_USER 0xee
#define TRAP_BREAKPOINT 3
#define VECTOR_COUNT 256

struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};
static_assert(sizeof(struct gate) == 16, "the CPU reads struct gate");

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

struct cpu_memory boot_cpu_memory __attribute__((section(".percpu"), aligned(4096)));
static struct gate idt[VECTOR_COUNT] __attribute__((section(".boot_data"), aligned(16)));
extern const char trap_stubs[]; // entry.S: VECTOR_COUNT stubs of TRAP_STUB_BYTES

// From the end of the slot: guard, kernel stack, guard, #DF, guard, NMI, guard, #MC, guard.
static const struct {
    uint64_t end; // distance of the stack's top from the end of the slot
    uint64_t size;
    const char *name;
} stacks[STACK_COUNT] = {
    [STACK_KERNEL] = {0x1000, KERNEL_STACK_BYTES, "kernel stack"},
    [STACK_DOUBLE_FAULT] = {0x6000, IST_STACK_BYTES, "double fault stack"},
    [STACK_NMI] = {0x9000, IST_STACK_BYTES, "NMI stack"},
    [STACK_MACHINE_CHECK] = {0xc000, IST_STACK_BYTES, "machine check stack"},
};

vaddr_t stack_top(uint32_t index, enum stack stack) {
    assert(index < CPU_MAX && stack < STACK_COUNT);
    return STACKS_BASE + (index + 1) * STACK_SLOT_BYTES - stacks[stack].end;
}

const char *stack_name(enum stack stack) {
    return stacks[stack].name;
}

void stacks_map(struct cpu *cpu) {
    for (size_t i = 0; i < STACK_COUNT; i++) {
        paging_map_stack(stack_top(cpu->index, i) - stacks[i].size, stacks[i].size);
    }
    cpu->arch.stack_top = stack_top(cpu->index, STACK_KERNEL);
    for (size_t i = STACK_DOUBLE_FAULT; i < STACK_COUNT; i++) {
        vaddr_t top = stack_top(cpu->index, i) - TRAP_STACK_RESERVE;
        *(struct cpu **)top = cpu;
        cpu->arch.tables->tss.ist[i - STACK_DOUBLE_FAULT] = top;
    }
    cpu->arch.tables->tss.rsp[0] = cpu->arch.stack_top;
}

bool stack_of(vaddr_t addr, uint32_t *index, enum stack *stack, bool *guard) {
    if (addr < STACKS_BASE || addr >= STACKS_BASE + CPU_MAX * STACK_SLOT_BYTES) {
        return false;
    }
    *index = (uint32_t)((addr - STACKS_BASE) / STACK_SLOT_BYTES);
    for (size_t i = 0; i < STACK_COUNT; i++) {
        vaddr_t top = stack_top(*index, i);
        vaddr_t bottom = top - stacks[i].size;
        if (addr >= bottom - PAGE_SIZE && addr < top) {
            *stack = i;
            *guard = addr < bottom;
            return true;
        }
    }
    return false;
}

static void gate_set(uint32_t vector, uint8_t ist, uint8_t type) {
    uint64_t stub = (uint64_t)trap_stubs + vector * TRAP_STUB_BYTES;
    idt[vector] = (struct gate){
        .offset_low = (uint16_t)stub,
        .selector = KERNEL_CS,
        .ist = ist,
        .type = type,
        .offset_middle = (uint16_t)(stub >> 16),
        .offset_high = (uint32_t)(stub >> 32),
    };
}

void idt_init(void) {
    for (uint32_t vector = 0; vector < VECTOR_COUNT; vector++) {
        gate_set(vector, 0, GATE_INTERRUPT);
    }
    gate_set(TRAP_BREAKPOINT, 0, GATE_INTERRUPT_USER);
    gate_set(TRAP_DOUBLE_FAULT, STACK_DOUBLE_FAULT, GATE_INTERRUPT);
    gate_set(TRAP_NMI, STACK_NMI, GATE_INTERRUPT);
    gate_set(TRAP_MACHINE_CHECK, STACK_MACHINE_CHECK, GATE_INTERRUPT);
}

static void gdt_fill(struct cpu_tables *tables) {
    uint64_t base = (uint64_t)&tables->tss;
    uint64_t *gdt = tables->gdt;
    gdt[KERNEL_CS / 8] = GDT_CODE;
    gdt[KERNEL_DS / 8] = GDT_DATA;
    gdt[USER_DS / 8] = GDT_USER_DATA;
    gdt[USER_CS / 8] = GDT_USER_CODE;
    gdt[TSS_SELECTOR / 8] = (sizeof(struct tss) - 1) | (base & 0xffffff) << 16 | GDT_TSS_AVAILABLE |
                            (base >> 24 & 0xff) << 56;
    gdt[TSS_SELECTOR / 8 + 1] = base >> 32;
    tables->tss.io_map = sizeof(struct tss); // none: every port is forbidden
}

void tables_load(struct cpu *cpu) {
    struct cpu_tables *tables = cpu->arch.tables;
    gdt_fill(tables);
    struct table_pointer gdt = {sizeof(tables->gdt) - 1, (uint64_t)tables->gdt};
    struct table_pointer idt_pointer = {sizeof(idt) - 1, (uint64_t)idt};
    __asm__ volatile("lgdt %0" : : "m"(gdt));
    __asm__ volatile("lidt %0" : : "m"(idt_pointer));
    __asm__ volatile("ltr %w0" : : "r"(TSS_SELECTOR));
    // A reset leaves a local table of 64 KiB at address 0, which user mode could use.
    __asm__ volatile("lldt %w0" : : "r"(0));
    cpu->arch.self = cpu;
    msr_write(MSR_GS_BASE, (uint64_t)cpu);
    msr_write(MSR_KERNEL_GS_BASE, 0);
}
