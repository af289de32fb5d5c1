// SPDX-License-Identifier: MIT
//
// The early console: the first serial port, a 16550 at its old place, polled. A machine without one
// reads 0xff everywhere, which looks like a port that is always ready.
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/device.h>
#include <arch/interrupt.h>
#include <x86/io.h>

#define PORT_BASE 0x3f8
#define REG_DATA (PORT_BASE + 0)
#define REG_INTERRUPTS (PORT_BASE + 1)
#define REG_DIVISOR_LOW (PORT_BASE + 0)
#define REG_DIVISOR_HIGH (PORT_BASE + 1)
#define REG_FIFO (PORT_BASE + 2)
#define REG_LINE (PORT_BASE + 3)
#define REG_MODEM (PORT_BASE + 4)
#define REG_LINE_STATUS (PORT_BASE + 5)
#define SCRATCH 7
#define SCRATCH_PROBE 0x5a
#define LINE_DIVISOR 0x80
#define LINE_8N1 0x03
#define FIFO_ENABLE_CLEAR 0x07
#define MODEM_DTR_RTS_OUT2 0x0b
#define STATUS_TRANSMIT_EMPTY 0x20
#define DIVISOR_115200 1
// At 115,200 baud a character takes 87 us, a status read about 1 us: a stuck port costs no more
// than a few.
#define POLLS_MAX 10000

void arch_serial_init(void) {
    out8(REG_INTERRUPTS, 0);
    out8(REG_LINE, LINE_DIVISOR);
    out8(REG_DIVISOR_LOW, DIVISOR_115200);
    out8(REG_DIVISOR_HIGH, 0);
    out8(REG_LINE, LINE_8N1);
    out8(REG_FIFO, FIFO_ENABLE_CLEAR);
    out8(REG_MODEM, MODEM_DTR_RTS_OUT2);
}

static void put(char c) {
    for (int i = 0; i < POLLS_MAX && (in8(REG_LINE_STATUS) & STATUS_TRANSMIT_EMPTY) == 0; i++) {
        arch_pause();
    }
    out8(REG_DATA, (uint8_t)c);
}

void arch_serial_write(const char *text, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '\n') {
            put('\r');
        }
        put(text[i]);
    }
}

// Where the two serial ports of a PC have always been. The scratch register of one that exists
// keeps what is written to it; not even the early console uses it.
bool arch_serial_find(uint32_t index, uint32_t *base, uint32_t *line) {
    static const struct {
        uint16_t base;
        uint8_t irq;
    } places[] = {{PORT_BASE, 4}, {0x2f8, 3}};
    *base = places[index].base;
    out8(places[index].base + SCRATCH, SCRATCH_PROBE);
    if (in8(places[index].base + SCRATCH) != SCRATCH_PROBE) {
        return false;
    }
    *line = arch_interrupt_legacy(places[index].irq);
    return true;
}

uint8_t arch_register_read(uint32_t reg) {
    return in8((uint16_t)reg);
}

void arch_register_write(uint32_t reg, uint8_t value) {
    out8((uint16_t)reg, value);
}
