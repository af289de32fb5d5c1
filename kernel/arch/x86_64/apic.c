// SPDX-License-Identifier: MIT
//
// The local interrupt controller, as registers in memory (xAPIC). The old PC's controllers are
// moved out of the way of the traps and masked for good.
#include <arch/cpu.h>
#include <debug/panic.h>
#include <sched/cpu.h>
#include <x86/acpi.h>
#include <x86/apic.h>
#include <x86/io.h>
#include <x86/paging.h>
#include <x86/regs.h>
#include <x86/trap.h>

#define REG_ID 0x20
#define REG_TASK_PRIORITY 0x80
#define REG_EOI 0xb0
#define REG_SPURIOUS 0xf0
#define REG_COMMAND 0x300
#define REG_COMMAND_HIGH 0x310
#define REG_LVT_TIMER 0x320
#define REG_LVT_LINT0 0x350
#define REG_LVT_LINT1 0x360
#define REG_LVT_ERROR 0x370
#define REG_TIMER_INITIAL 0x380
#define REG_TIMER_CURRENT 0x390
#define REG_TIMER_DIVIDE 0x3e0

#define SPURIOUS_ENABLE (1 << 8)
#define LVT_MASKED (1 << 16)
#define LVT_NMI (4 << 8)
#define DIVIDE_BY_1 0xb
#define COMMAND_PENDING (1 << 12)
#define COMMAND_ASSERT (1 << 14)
#define COMMAND_NMI (4 << 8)
#define COMMAND_INIT (5 << 8)
#define COMMAND_STARTUP (6 << 8)
#define XAPIC_ID_SHIFT 24
#define PENDING_POLLS_MAX 1000000

#define PIC_MASTER 0x20
#define PIC_SLAVE 0xa0
#define PIC_VECTORS 0x20 // up to VECTOR_LINES: of no use to anybody

static volatile void *registers;

static uint32_t apic_read(uint32_t reg) {
    return mmio_read32(registers, reg);
}

static void apic_write(uint32_t reg, uint32_t value) {
    mmio_write32(registers, reg, value);
}

static void pic_disable(void) {
    static const uint16_t ports[] = {PIC_MASTER, PIC_SLAVE};
    for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
        out8(ports[i], 0x11);                               // initialise, four words
        out8(ports[i] + 1, (uint8_t)(PIC_VECTORS + 8 * i)); // vectors
        out8(ports[i] + 1, i == 0 ? 4 : 2);                 // the slave hangs on input 2
        out8(ports[i] + 1, 1);                              // 8086 mode
        out8(ports[i] + 1, 0xff);                           // all masked
    }
}

void apic_init(void) {
    pic_disable();
    registers = paging_map_device(acpi_info.apic_addr, PAGE_SIZE);
    if (registers == NULL) {
        panic("the local APIC is said to be at 0x%lx", acpi_info.apic_addr);
    }
}

void apic_init_cpu(void) {
    msr_write(MSR_APIC_BASE, msr_read(MSR_APIC_BASE) | APIC_BASE_ENABLE);
    apic_write(REG_LVT_TIMER, LVT_MASKED);
    apic_write(REG_LVT_LINT0, LVT_MASKED);
    apic_write(REG_LVT_LINT1, LVT_NMI);
    apic_write(REG_LVT_ERROR, LVT_MASKED);
    apic_write(REG_TASK_PRIORITY, 0);
    apic_write(REG_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
    cpu_this()->arch.apic_id = apic_id();
}

uint32_t apic_id(void) {
    return apic_read(REG_ID) >> XAPIC_ID_SHIFT;
}

void apic_eoi(void) {
    apic_write(REG_EOI, 0);
}

void apic_timer_init(void) {
    apic_write(REG_TIMER_DIVIDE, DIVIDE_BY_1);
    apic_write(REG_LVT_TIMER, VECTOR_TIMER);
}

void apic_timer_start(uint32_t count) {
    apic_write(REG_TIMER_INITIAL, count);
}

uint32_t apic_timer_current(void) {
    return apic_read(REG_TIMER_CURRENT);
}

// Interrupts are off, so no other command of this CPU comes between the two writes.
static void apic_command(uint32_t id, uint32_t command) {
    for (uint32_t i = 0; i < PENDING_POLLS_MAX && (apic_read(REG_COMMAND) & COMMAND_PENDING) != 0;
         i++) {
        arch_pause();
    }
    apic_write(REG_COMMAND_HIGH, id << XAPIC_ID_SHIFT);
    apic_write(REG_COMMAND, command);
}

void apic_send_init(uint32_t id) {
    apic_command(id, COMMAND_ASSERT | COMMAND_INIT);
}

void apic_send_startup(uint32_t id, uint32_t page) {
    apic_command(id, COMMAND_ASSERT | COMMAND_STARTUP | page);
}

// In a panic an NMI also reaches a CPU that has its interrupts off and polls nothing.
void arch_cpu_kick(struct cpu *cpu) {
    uint32_t how = panic_running() ? COMMAND_NMI : VECTOR_KICK;
    apic_command(cpu->arch.apic_id, COMMAND_ASSERT | how);
    arch_pause(); // an emulator that runs the CPUs in turn lets the other one have its own now
}

void interrupt_dispatch(uint32_t vector) {
    switch (vector) {
    case VECTOR_TIMER:
        apic_eoi();
        clock_timer_fired();
        break;
    case VECTOR_KICK:
        apic_eoi();
        cpu_mailbox_poll();
        break;
    case VECTOR_SPURIOUS: // is not to be acknowledged
        break;
    default:
        if (vector >= VECTOR_LINES && vector < VECTOR_TIMER) {
            ioapic_fired(vector - VECTOR_LINES);
        }
        break;
    }
}
