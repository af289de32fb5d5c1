// SPDX-License-Identifier: MIT
//
// What C libraries call for the time without entering the libos: a small shared object that every
// program finds through AT_SYSINFO_EHDR. It reads the clock page, which is mapped just below it. A
// clock that it does not know is asked for by a Linux call.

#include <abi/libos.h>
#include <abi/linux/calls.h>

struct time_spec {
    int64_t seconds, nanoseconds;
};
struct time_value {
    int64_t seconds, microseconds;
};
struct time_zone {
    int32_t minutes_west, kind;
};

enum clock_id {
    CLOCK_REALTIME = 0,
    CLOCK_MONOTONIC = 1,
    CLOCK_MONOTONIC_RAW = 4,
    CLOCK_REALTIME_COARSE = 5,
    CLOCK_MONOTONIC_COARSE = 6,
    CLOCK_BOOTTIME = 7,
    CLOCK_TAI = 11,
};

extern const struct clock_page vdso_clock __attribute__((visibility("hidden")));

int vdso_clock_gettime(int clock, struct time_spec *result);
int vdso_gettimeofday(struct time_value *result, struct time_zone *zone);
int64_t vdso_time(int64_t *result);
int vdso_clock_getres(int clock, struct time_spec *result);
int vdso_getcpu(uint32_t *cpu, uint32_t *node, void *unused);

static int64_t linux_call(uint64_t number, uint64_t a0, uint64_t a1) {
    int64_t result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a0), "S"(a1)
                     : "rcx", "r11", "memory");
    return result;
}

static uint64_t cycles_read(void) {
    uint32_t low, high;
    __asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static int64_t monotonic_ns(const struct clock_page *page) {
    uint64_t cycles = cycles_read() - page->base_cycles;
    return page->base_ns + (int64_t)(((unsigned __int128)cycles * page->multiplier) >> page->shift);
}

static int64_t realtime_ns(const struct clock_page *page) {
    for (;;) {
        uint32_t sequence = __atomic_load_n(&page->sequence, __ATOMIC_ACQUIRE);
        int64_t offset = __atomic_load_n(&page->realtime_ns, __ATOMIC_RELAXED);
        int64_t now = monotonic_ns(page) + offset;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if ((sequence & 1) == 0 && sequence == __atomic_load_n(&page->sequence, __ATOMIC_RELAXED)) {
            return now;
        }
    }
}

int vdso_clock_gettime(int clock, struct time_spec *result) {
    int64_t now;
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI:
        now = realtime_ns(&vdso_clock);
        break;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        now = monotonic_ns(&vdso_clock);
        break;
    default:
        return (int)linux_call(LINUX_CALL_CLOCK_GETTIME, (uint32_t)clock, (uint64_t)result);
    }
    result->seconds = now / 1000000000;
    result->nanoseconds = now % 1000000000;
    return 0;
}

int vdso_gettimeofday(struct time_value *result, struct time_zone *zone) {
    if (result != NULL) {
        int64_t now = realtime_ns(&vdso_clock);
        result->seconds = now / 1000000000;
        result->microseconds = now % 1000000000 / 1000;
    }
    if (zone != NULL) {
        *zone = (struct time_zone){0};
    }
    return 0;
}

int64_t vdso_time(int64_t *result) {
    int64_t seconds = realtime_ns(&vdso_clock) / 1000000000;
    if (result != NULL) {
        *result = seconds;
    }
    return seconds;
}

int vdso_clock_getres(int clock, struct time_spec *result) {
    return (int)linux_call(LINUX_CALL_CLOCK_GETRES, (uint32_t)clock, (uint64_t)result);
}

int vdso_getcpu(uint32_t *cpu, uint32_t *node, void *unused) {
    (void)unused;
    return (int)linux_call(LINUX_CALL_GETCPU, (uint64_t)cpu, (uint64_t)node);
}

#define PUBLISH(name)                                                                              \
    extern __typeof__(vdso_##name) __vdso_##name __attribute__((alias("vdso_" #name)));            \
    extern __typeof__(vdso_##name) alias_##name __asm__(#name)                                     \
        __attribute__((weak, alias("vdso_" #name)))

PUBLISH(clock_gettime);
PUBLISH(gettimeofday);
PUBLISH(time);
PUBLISH(clock_getres);
PUBLISH(getcpu);
