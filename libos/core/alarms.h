// SPDX-License-Identifier: MIT
//
// Timers that send signals: the one of alarm and setitimer, and those of timer_create. They are
// timers of the kernel; a thread of the libos's own, which the program does not see, waits for all
// of them and sends. It is made with the first timer. A fork leaves timers and thread behind; an
// exec stops them.
#pragma once

#include <abi/types.h>
#include <stdbool.h>
#include <sys/mutex.h>

struct linux_thread;

#define ALARMS_MAX 32
// ITIMER_REAL, ITIMER_VIRTUAL and ITIMER_PROF; between them are timer_create's.
#define ALARM_REAL 0
#define ALARM_VIRTUAL (ALARMS_MAX - 2)
#define ALARM_PROF (ALARMS_MAX - 1)

struct alarm {
    bool used;
    bool real; // its times are Unix times
    bool cpu;  // its times are CPU time of the process
    handle_t timer;
    int32_t number, code; // of the signal, 0: none
    int32_t tid;          // 0: to the process
    uint64_t value;
    int64_t deadline, interval; // monotonic, or of the CPU; deadline 0: not armed
    int64_t looked, pause;      // cpu: the time at the last look, and how long it waits for a next
    uint32_t overruns;          // at the last signal
};

struct alarms {
    struct mutex lock;
    // Guarded by lock:
    struct alarm *of; // ALARMS_MAX
    struct linux_thread *helper;
    handle_t control; // event: the helper has to look again
};

struct alarm_setting {
    int64_t value, interval; // nanoseconds; value 0: not armed
};

// Makes a timer at a place, or at a free one (0). The place, or EAGAIN.
[[nodiscard]] int64_t alarm_make(uint32_t place, const struct alarm *wanted);
[[nodiscard]] int64_t alarm_delete(uint32_t place);
// Arms or disarms; `old` is filled in. EINVAL: there is no such timer.
[[nodiscard]] int64_t alarm_set(uint32_t place, const struct alarm_setting *new, bool absolute,
                                struct alarm_setting *old);
[[nodiscard]] int64_t alarm_get(uint32_t place, struct alarm_setting *now);
// In the child of a fork; before an exec.
void alarms_forget(void);
void alarms_stop(void);
