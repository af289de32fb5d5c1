// SPDX-License-Identifier: MIT
//
// The end of the machine: off, restart, or out of the emulator. The value that tells the firmware's
// sleep type for "off" stands in its byte code, which we don't run; 0 is right for the virtual
// machines we know.
#include <arch/boot.h>
#include <arch/cpu.h>
#include <x86/acpi.h>
#include <x86/io.h>
#include <x86/paging.h>
#include <x86/regs.h>

#define SLEEP_ENABLE (1 << 13)
#define SLEEP_TYPE_OFF (0 << 10)
#define Q35_PM1A_CONTROL 0x604
#define EMULATOR_EXIT_PORT 0xf4
#define RESET_PORT 0xcf9
#define RESET_FULL 0x06
#define KEYBOARD_COMMAND 0x64
#define KEYBOARD_RESET 0xfe

static void sleep_off(uint16_t port) {
    if (port != 0) {
        out16(port, SLEEP_TYPE_OFF | SLEEP_ENABLE);
    }
}

void arch_power_off(void) {
    interrupts_off();
    sleep_off(acpi_info.pm1a_control_port);
    sleep_off(acpi_info.pm1b_control_port);
    sleep_off(Q35_PM1A_CONTROL);
    arch_stop();
}

static void reset_by_firmware(void) {
    if (!acpi_info.has_reset) {
        return;
    }
    if (acpi_info.reset_is_port) {
        out8((uint16_t)acpi_info.reset_addr, acpi_info.reset_value);
        return;
    }
    volatile uint8_t *at = paging_map_device(acpi_info.reset_addr, 1);
    if (at != NULL) {
        *at = acpi_info.reset_value;
    }
}

void arch_restart(void) {
    interrupts_off();
    reset_by_firmware();
    out8(RESET_PORT, RESET_FULL);
    out8(KEYBOARD_COMMAND, KEYBOARD_RESET);
    // At last a triple fault: a trap with no table to find its handler in.
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) none = {0, 0};
    __asm__ volatile("lidt %0; int3" : : "m"(none));
    arch_stop();
}

// QEMU's isa-debug-exit: the process ends with (value << 1) | 1.
void arch_emulator_exit(uint32_t value) {
    interrupts_off();
    out8(EMULATOR_EXIT_PORT, (uint8_t)value);
    arch_stop();
}
