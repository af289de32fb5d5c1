// SPDX-License-Identifier: MIT
//
// The I/O interrupt controllers (Intel 82093AA data sheet). A line is a pin of one of them, counted
// through; its vector is VECTOR_LINES + line. Each controller is reached through an index and a
// data register, which the lock guards.
#include <arch/interrupt.h>
#include <debug/log.h>
#include <lib/random.h>
#include <sched/cpu.h>
#include <sched/spinlock.h>
#include <x86/acpi.h>
#include <x86/apic.h>
#include <x86/io.h>
#include <x86/paging.h>
#include <x86/regs.h>

#define REG_SELECT 0x00
#define REG_DATA 0x10
#define REGISTERS_BYTES 0x20
#define INDEX_VERSION 1
#define INDEX_ENTRIES 0x10
#define ENTRY_ACTIVE_LOW (1u << 13)
#define ENTRY_LEVEL (1u << 15)
#define ENTRY_MASKED (1u << 16)
#define ENTRY_TARGET_SHIFT 24

static_assert(VECTOR_LINES + INTERRUPT_LINES_MAX <= VECTOR_TIMER, "each line has a vector");

struct ioapic {
    volatile void *registers;
    uint32_t first_line, line_count;
};

static struct spinlock lock = SPINLOCK_INIT(RANK_DEVICE); // guards the controllers' registers
static struct ioapic ioapics[ACPI_IOAPICS_MAX];
static uint32_t ioapic_count, line_end;

static uint32_t ioapic_read(const struct ioapic *ioapic, uint32_t index) {
    mmio_write32(ioapic->registers, REG_SELECT, index);
    return mmio_read32(ioapic->registers, REG_DATA);
}

static void ioapic_write(const struct ioapic *ioapic, uint32_t index, uint32_t value) {
    mmio_write32(ioapic->registers, REG_SELECT, index);
    mmio_write32(ioapic->registers, REG_DATA, value);
}

// The controller of a line, and the index of the low half of the line's entry.
static const struct ioapic *find(uint32_t line, uint32_t *index) {
    for (uint32_t i = 0; i < ioapic_count; i++) {
        uint32_t pin = line - ioapics[i].first_line;
        if (line >= ioapics[i].first_line && pin < ioapics[i].line_count) {
            *index = INDEX_ENTRIES + 2 * pin;
            return &ioapics[i];
        }
    }
    return NULL;
}

static void add(const struct acpi_ioapic *found) {
    struct ioapic *ioapic = &ioapics[ioapic_count];
    ioapic->registers = paging_map_device(found->addr, REGISTERS_BYTES);
    ioapic->first_line = found->first_line;
    if (ioapic->registers == NULL || found->first_line >= INTERRUPT_LINES_MAX) {
        log_line("ioapic: the one at 0x%lx with line %u is left out", found->addr,
                 found->first_line);
        return;
    }
    uint32_t count = (ioapic_read(ioapic, INDEX_VERSION) >> 16 & 0xff) + 1;
    ioapic->line_count = MIN(count, INTERRUPT_LINES_MAX - found->first_line);
    for (uint32_t pin = 0; pin < ioapic->line_count; pin++) {
        ioapic_write(ioapic, INDEX_ENTRIES + 2 * pin, ENTRY_MASKED);
    }
    line_end = MAX(line_end, ioapic->first_line + ioapic->line_count);
    ioapic_count++;
}

void ioapic_init(void) {
    for (uint32_t i = 0; i < acpi_info.ioapic_count; i++) {
        add(&acpi_info.ioapics[i]);
    }
}

uint32_t arch_interrupt_count(void) {
    return line_end;
}

uint32_t arch_interrupt_legacy(uint32_t irq) {
    return irq < ACPI_LEGACY_IRQS ? acpi_info.legacy[irq].line : irq;
}

// The firmware says how the old interrupts are wired; all others are PCI's: level, active low.
static struct acpi_legacy_irq wiring(uint32_t line) {
    for (uint32_t irq = 0; irq < ACPI_LEGACY_IRQS; irq++) {
        if (acpi_info.legacy[irq].line == line) {
            return acpi_info.legacy[irq];
        }
    }
    return (struct acpi_legacy_irq){.line = line, .level = true, .active_low = true};
}

bool arch_interrupt_is_level(uint32_t line) {
    return wiring(line).level;
}

status_t arch_interrupt_enable(uint32_t line) {
    uint32_t index;
    const struct ioapic *ioapic = find(line, &index);
    if (ioapic == NULL) {
        return ERR_INVALID_ARGUMENT;
    }
    struct acpi_legacy_irq wires = wiring(line);
    uint32_t low = (VECTOR_LINES + line) | ENTRY_MASKED | (wires.level ? ENTRY_LEVEL : 0) |
                   (wires.active_low ? ENTRY_ACTIVE_LOW : 0);
    spin_lock(&lock);
    ioapic_write(ioapic, index, low);
    ioapic_write(ioapic, index + 1, cpu_this()->arch.apic_id << ENTRY_TARGET_SHIFT);
    spin_unlock(&lock);
    return OK;
}

static void set_masked(uint32_t line, bool masked) {
    assert(line < INTERRUPT_LINES_MAX);
    uint32_t index;
    const struct ioapic *ioapic = find(line, &index);
    if (ioapic == NULL) {
        return;
    }
    spin_lock(&lock);
    uint32_t low = ioapic_read(ioapic, index) & ~ENTRY_MASKED;
    ioapic_write(ioapic, index, low | (masked ? ENTRY_MASKED : 0));
    spin_unlock(&lock);
}

void arch_interrupt_mask(uint32_t line) {
    set_masked(line, true);
}

void arch_interrupt_unmask(uint32_t line) {
    set_masked(line, false);
}

void ioapic_fired(uint32_t line) {
    if (arch_interrupt_is_level(line)) {
        arch_interrupt_mask(line);
    }
    apic_eoi();
    random_stir(arch_cycles());
    interrupt_fired(line);
}
