// SPDX-License-Identifier: MIT

#include <core/clock.h>

#include <core/access.h>
#include <core/status.h>

static const struct clock_page *page(void) {
    return (const struct clock_page *)LIBOS_CLOCK;
}

int64_t clock_now(void) {
    uint32_t low, high;
    __asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
    uint64_t cycles = ((uint64_t)high << 32 | low) - page()->base_cycles;
    return page()->base_ns +
           (int64_t)(((unsigned __int128)cycles * page()->multiplier) >> page()->shift);
}

int64_t clock_realtime_offset(void) {
    for (;;) {
        uint32_t sequence = __atomic_load_n(&page()->sequence, __ATOMIC_ACQUIRE);
        int64_t offset = __atomic_load_n(&page()->realtime_ns, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if ((sequence & 1) == 0 &&
            sequence == __atomic_load_n(&page()->sequence, __ATOMIC_RELAXED)) {
            return offset;
        }
    }
}

int64_t clock_realtime_now(void) {
    return clock_now() + clock_realtime_offset();
}

int64_t time_in(uint64_t addr, int64_t *ns) {
    struct time_spec time;
    if (!copy_in(&time, addr, sizeof(time))) {
        return -LINUX_EFAULT;
    }
    if (time.seconds < 0 || time.nanoseconds < 0 || time.nanoseconds >= SECOND) {
        return -LINUX_EINVAL;
    }
    *ns = time.seconds >= INT64_MAX / SECOND - 1 ? INT64_MAX
                                                 : time.seconds * SECOND + time.nanoseconds;
    return 0;
}

bool time_out(uint64_t addr, int64_t ns) {
    const struct time_spec time = {ns / SECOND, ns % SECOND};
    return copy_out(addr, &time, sizeof(time));
}

int64_t deadline_after(int64_t ns) {
    int64_t now = clock_now();
    return ns >= INSTANT_NEVER - now ? INSTANT_NEVER : now + ns;
}
