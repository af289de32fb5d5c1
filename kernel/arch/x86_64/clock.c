// SPDX-License-Identifier: MIT
//
// Time: the time stamp counter, scaled to nanoseconds since the boot CPU began, and the timer of
// each local APIC, which counts down.
//
// The rates of both are measured together against a reference clock over a few milliseconds. Each
// end of the interval is the tightest of several tries, since an emulator or a hypervisor may stop
// us at any point between two reads. A reference that stands still is given up for the next.
#include <arch/clock.h>
#include <debug/log.h>
#include <sched/cpu.h>
#include <x86/apic.h>
#include <x86/reference.h>
#include <x86/rtc.h>

#define MEASURE_US 4000
#define TRIES 8
// No counter is slower than 10 MHz or faster than 10 GHz; a loop that waits longer than this at 10
// GHz has met a reference that stands still.
#define TSC_HZ_MIN 10000000UL
#define TSC_HZ_MAX 10000000000UL
#define STUCK_TICKS (TSC_HZ_MAX / 10)
#define NS_PER_S 1000000000UL

static uint64_t tsc_start;
static uint64_t tsc_hertz;
static uint64_t ns_per_tick;   // 32.32 fixed point
static uint64_t counts_per_ns; // of the APIC timer, 32.32

struct sample {
    uint64_t tsc;
    uint32_t reference, apic;
};

// a * b for a number and a 32.32 fraction.
static uint64_t scale(uint64_t a, uint64_t fraction) {
    return (uint64_t)((unsigned __int128)a * fraction >> 32);
}

// a / b as a 32.32 fraction; a is below 2^35. The last bits are not worth a 128-bit division.
static uint64_t fraction(uint64_t a, uint64_t b) {
    assert(a >> 35 == 0);
    return ((a << 29) / b) << 3;
}

void clock_begin(void) {
    tsc_start = arch_cycles();
}

instant_t clock_now(void) {
    return (instant_t)scale(arch_cycles() - tsc_start, ns_per_tick);
}

duration_t clock_span(uint64_t cycles) {
    return (duration_t)scale(cycles, ns_per_tick);
}

void arch_clock_describe(struct clock_page *clock) {
    *clock = (struct clock_page){
        .shift = 32,
        .multiplier = ns_per_tick,
        .base_cycles = tsc_start,
        .realtime_ns = SECONDS(rtc_read()) - clock_now(),
        .hertz = tsc_hertz,
    };
}

void clock_wait(duration_t time) {
    instant_t end = clock_now() + time;
    while (clock_now() < end) {
        arch_pause();
    }
}

static struct sample sample_take(const struct reference *reference) {
    struct sample best = {0};
    uint64_t best_width = UINT64_MAX;
    for (int i = 0; i < TRIES; i++) {
        uint64_t before = arch_cycles();
        uint32_t value = reference->read();
        uint32_t apic = apic_timer_current();
        uint64_t width = arch_cycles() - before;
        if (width < best_width) {
            best_width = width;
            best = (struct sample){before + width / 2, value, apic};
        }
    }
    return best;
}

// Measures the rates in Hz. Returns false when the reference is of no use.
static bool measure(const struct reference *reference, uint64_t *tsc_hz, uint64_t *apic_hz) {
    apic_timer_start(UINT32_MAX);
    struct sample first = sample_take(reference);
    uint32_t wanted = (uint32_t)(reference->hz * MEASURE_US / 1000000);
    while (((reference->read() - first.reference) & reference->mask) < wanted) {
        if (arch_cycles() - first.tsc > STUCK_TICKS) {
            return false;
        }
        arch_pause();
    }
    struct sample last = sample_take(reference);
    apic_timer_start(0);
    uint64_t ticks = (last.reference - first.reference) & reference->mask;
    *tsc_hz = (last.tsc - first.tsc) * reference->hz / ticks;
    *apic_hz = (uint64_t)(first.apic - last.apic) * reference->hz / ticks;
    return *tsc_hz >= TSC_HZ_MIN && *tsc_hz <= TSC_HZ_MAX && *apic_hz != 0 &&
           *apic_hz <= TSC_HZ_MAX;
}

void arch_clock_init(void) {
    struct reference reference;
    uint64_t tsc_hz = 0, apic_hz = 0;
    bool found = false;
    apic_timer_init();
    for (uint32_t i = 0; !found && reference_find(i, &reference); i = reference.number + 1) {
        found = measure(&reference, &tsc_hz, &apic_hz);
        if (!found) {
            log_line("clock: the %s is of no use", reference.name);
        }
    }
    if (!found) {
        panic("no clock to measure time with");
    }
    tsc_hertz = tsc_hz;
    ns_per_tick = (NS_PER_S << 32) / tsc_hz;
    counts_per_ns = fraction(apic_hz, NS_PER_S);
    log_line("clock: TSC %lu kHz, APIC timer %lu kHz by the %s", tsc_hz / 1000, apic_hz / 1000,
             reference.name);
}

void arch_clock_init_cpu(void) {
    cpu_this()->arch.timer_deadline = INSTANT_NEVER;
    apic_timer_init();
}

void arch_timer_arm(instant_t deadline) {
    cpu_this()->arch.timer_deadline = deadline;
    uint32_t count = 0;
    if (deadline != INSTANT_NEVER) {
        duration_t left = MAX(deadline - clock_now(), 0);
        // Too far for the counter: it fires early, and clock_timer_fired goes on.
        uint64_t wanted = scale((uint64_t)MIN(left, SECONDS(3600)), counts_per_ns) + 1;
        count = (uint32_t)MIN(wanted, (uint64_t)UINT32_MAX);
    }
    apic_timer_start(count);
}

// The two rates are not quite the same clock: what comes too early is armed again.
void clock_timer_fired(void) {
    instant_t deadline = cpu_this()->arch.timer_deadline;
    if (deadline != INSTANT_NEVER && deadline > clock_now()) {
        arch_timer_arm(deadline);
    }
}
