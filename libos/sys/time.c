// SPDX-License-Identifier: MIT
//
// Clocks and sleeping.

#include <core/access.h>
#include <core/clock.h>
#include <core/process.h>
#include <core/signal.h>
#include <core/status.h>
#include <linux/handlers.h>
#include <sys/calls.h>

enum clock_id {
    CLOCK_REALTIME = 0,
    CLOCK_MONOTONIC = 1,
    CLOCK_PROCESS_CPU = 2,
    CLOCK_THREAD_CPU = 3,
    CLOCK_MONOTONIC_RAW = 4,
    CLOCK_REALTIME_COARSE = 5,
    CLOCK_MONOTONIC_COARSE = 6,
    CLOCK_BOOTTIME = 7,
    CLOCK_REALTIME_ALARM = 8,
    CLOCK_BOOTTIME_ALARM = 9,
    CLOCK_TAI = 11,
};

// CPU time of a thread, as the kernel counts it; where there is no handle to ask by (after a fork),
// the time since it began.
static int64_t thread_time(struct linux_thread *thread) {
    struct thread_info info = {0};
    return sys_object_get(thread->handle, &info, sizeof(info)) == OK
               ? info.cpu_time
               : clock_now() - thread->started;
}

int64_t process_time(struct linux_thread *self) {
    struct threads *threads = &process_current()->threads;
    (void)self;
    int64_t total = threads->ended_time;
    mutex_lock(&threads->lock);
    for (struct linux_thread *thread = threads->first; thread != NULL; thread = thread->next) {
        total += thread_time(thread);
    }
    mutex_unlock(&threads->lock);
    return total;
}

static int64_t clock_read(struct linux_thread *self, int32_t clock, int64_t *ns) {
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_TAI:
        *ns = clock_realtime_now();
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
        *ns = clock_now();
        return 0;
    case CLOCK_PROCESS_CPU:
        *ns = process_time(self);
        return 0;
    case CLOCK_THREAD_CPU:
        *ns = thread_time(self);
        return 0;
    default:
        // Clocks of processes and threads by id: only the caller's own.
        if (clock < 0 && (clock & 3) == 2 && (uint32_t) ~(clock >> 3) <= INT32_MAX) {
            int32_t id = ~(clock >> 3);
            bool thread = (clock & 4) != 0;
            if (id == 0 || id == (thread ? self->tid : identity_current()->pid)) {
                *ns = thread ? thread_time(self) : process_time(self);
                return 0;
            }
        }
        return -LINUX_EINVAL;
    }
}

int64_t linux_clock_gettime(struct linux_thread *self, const uint64_t args[6]) {
    int64_t ns;
    int64_t result = clock_read(self, (int32_t)args[0], &ns);
    return result < 0 ? result : time_out(args[1], ns) ? 0 : -LINUX_EFAULT;
}

int64_t linux_clock_getres(struct linux_thread *self, const uint64_t args[6]) {
    int64_t ns;
    int32_t clock = (int32_t)args[0];
    int64_t result = clock_read(self, clock, &ns);
    bool coarse = clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE;
    if (result < 0 || args[1] == 0) {
        return result;
    }
    return time_out(args[1], coarse ? 4000000 : 1) ? 0 : -LINUX_EFAULT;
}

int64_t linux_gettimeofday(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    int64_t now = clock_realtime_now();
    const int64_t value[2] = {now / SECOND, now % SECOND / 1000};
    const int32_t zone[2] = {0, 0};
    bool stored = (args[0] == 0 || copy_out(args[0], value, sizeof(value))) &&
                  (args[1] == 0 || copy_out(args[1], zone, sizeof(zone)));
    return stored ? 0 : -LINUX_EFAULT;
}

int64_t linux_time(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    int64_t now = clock_realtime_now() / SECOND;
    return args[0] == 0 || store_user64(args[0], (uint64_t)now) ? now : -LINUX_EFAULT;
}

// Sleeps to a monotonic deadline; what is left goes to `left` when a signal ends it.
static int64_t sleep_until(struct linux_thread *self, int64_t deadline, uint64_t left) {
    for (;;) {
        status_t status = sys_thread_sleep(deadline, WAIT_INTERRUPTIBLE);
        if (status != ERR_INTERRUPTED) {
            return linux_result(status);
        }
        if (!signal_interrupts(self)) {
            continue;
        }
        int64_t rest = deadline - clock_now();
        if (left != 0 && !time_out(left, rest > 0 ? rest : 0)) {
            return -LINUX_EFAULT;
        }
        self->restart = (struct call_restart){.deadline = deadline, .left = left};
        return -LINUX_ERESTART_BLOCK;
    }
}

int64_t linux_restart_syscall(struct linux_thread *self, const uint64_t args[6]) {
    (void)args;
    return sleep_until(self, self->restart.deadline, self->restart.left);
}

int64_t linux_nanosleep(struct linux_thread *self, const uint64_t args[6]) {
    int64_t ns;
    int64_t result = time_in(args[0], &ns);
    return result < 0 ? result : sleep_until(self, deadline_after(ns), args[1]);
}

#define TIMER_ABSTIME 1

int64_t linux_clock_nanosleep(struct linux_thread *self, const uint64_t args[6]) {
    int64_t ns, now;
    int32_t clock = (int32_t)args[0];
    int64_t result = clock == CLOCK_THREAD_CPU ? -LINUX_EINVAL : clock_read(self, clock, &now);
    if (result < 0) {
        return result;
    }
    if (clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_REALTIME_COARSE ||
        clock == CLOCK_MONOTONIC_COARSE) {
        return -LINUX_EOPNOTSUPP;
    }
    result = time_in(args[2], &ns);
    if (result < 0) {
        return result;
    }
    if ((args[1] & TIMER_ABSTIME) == 0) {
        return sleep_until(self, deadline_after(ns), args[3]);
    }
    bool real = clock == CLOCK_REALTIME || clock == CLOCK_TAI || clock == CLOCK_REALTIME_ALARM;
    result = sleep_until(self, real ? ns - clock_realtime_offset() : ns, 0);
    return result == -LINUX_ERESTART_BLOCK ? -LINUX_ERESTARTNOHAND : result;
}

#define TICKS_PER_SECOND 100

int64_t linux_times(struct linux_thread *self, const uint64_t args[6]) {
    int64_t ticks = process_time(self) / (SECOND / TICKS_PER_SECOND);
    const int64_t times[4] = {ticks, 0, 0, 0};
    if (args[0] != 0 && !copy_out(args[0], times, sizeof(times))) {
        return -LINUX_EFAULT;
    }
    return clock_now() / (SECOND / TICKS_PER_SECOND);
}
