// SPDX-License-Identifier: MIT
//
// Clocks of a known rate, to measure the others with: HPET, ACPI timer, or the old PC's timer,
// whichever there is first.
#include <x86/acpi.h>
#include <x86/io.h>
#include <x86/paging.h>
#include <x86/reference.h>

#define HPET_BYTES 0x400
#define HPET_PERIOD 0x04 // femtoseconds a tick
#define HPET_CONFIG 0x10
#define HPET_COUNTER 0xf0
#define HPET_CONFIG_ENABLE 1
#define HPET_PERIOD_MAX 100000000u // by its specification
#define FEMTOSECONDS 1000000000000000UL

#define PM_TIMER_HZ 3579545
#define PM_TIMER_MASK 0xffffff

#define PIT_HZ 1193182
#define PIT_CHANNEL2 0x42
#define PIT_COMMAND 0x43
#define PIT_GATE 0x61
#define PIT_GATE_MASK 0xfc
#define PIT_GATE_ON 0x01
#define PIT_START 0xb0 // channel 2, both bytes, mode 0: count down once
#define PIT_LATCH 0x80

static volatile void *hpet;

static uint32_t hpet_read(void) {
    return mmio_read32(hpet, HPET_COUNTER);
}

static bool hpet_find(struct reference *out) {
    hpet = acpi_info.hpet != 0 ? paging_map_device(acpi_info.hpet, HPET_BYTES) : NULL;
    uint32_t period = hpet != NULL ? mmio_read32(hpet, HPET_PERIOD) : 0;
    if (period == 0 || period > HPET_PERIOD_MAX) {
        return false;
    }
    mmio_write32(hpet, HPET_CONFIG, mmio_read32(hpet, HPET_CONFIG) | HPET_CONFIG_ENABLE);
    *out = (struct reference){"HPET", hpet_read, FEMTOSECONDS / period, UINT32_MAX, 0};
    return true;
}

static uint32_t pm_timer_read(void) {
    return in32(acpi_info.pm_timer_port);
}

static bool pm_timer_find(struct reference *out) {
    *out = (struct reference){"ACPI timer", pm_timer_read, PM_TIMER_HZ, PM_TIMER_MASK, 0};
    return acpi_info.pm_timer_port != 0;
}

// It counts down; the reader wants up.
static uint32_t pit_read(void) {
    out8(PIT_COMMAND, PIT_LATCH);
    uint32_t low = in8(PIT_CHANNEL2);
    return ~(low | (uint32_t)in8(PIT_CHANNEL2) << 8);
}

static bool pit_find(struct reference *out) {
    out8(PIT_GATE, (uint8_t)((in8(PIT_GATE) & PIT_GATE_MASK) | PIT_GATE_ON));
    out8(PIT_COMMAND, PIT_START);
    out8(PIT_CHANNEL2, 0xff);
    out8(PIT_CHANNEL2, 0xff);
    *out = (struct reference){"PIT", pit_read, PIT_HZ, 0xffff, 0};
    return true;
}

bool reference_find(uint32_t number, struct reference *out) {
    static bool (*const finders[])(struct reference * out) = {hpet_find, pm_timer_find, pit_find};
    while (number < ARRAY_SIZE(finders) && !finders[number](out)) {
        number++;
    }
    out->number = number;
    return number < ARRAY_SIZE(finders);
}
