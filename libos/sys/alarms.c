// SPDX-License-Identifier: MIT
//
// alarm, interval timers, and the timers of timer_create.

#include <core/access.h>
#include <core/alarms.h>
#include <core/clock.h>
#include <core/process.h>
#include <core/signal.h>
#include <linux/handlers.h>

enum { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF, ITIMERS };

// What setitimer sets, each made when it is first set. Time in the kernel counts as the process's
// own: for ITIMER_VIRTUAL too.
static const struct interval_timer {
    uint32_t place;
    struct alarm alarm;
} interval_timers[ITIMERS] = {
    [ITIMER_REAL] = {ALARM_REAL, {.number = SIGALRM, .code = SI_KERNEL}},
    [ITIMER_VIRTUAL] = {ALARM_VIRTUAL, {.number = SIGVTALRM, .code = SI_KERNEL, .cpu = true}},
    [ITIMER_PROF] = {ALARM_PROF, {.number = SIGPROF, .code = SI_KERNEL, .cpu = true}},
};

static int64_t set_interval(uint32_t which, const struct alarm_setting *new,
                            struct alarm_setting *old) {
    const struct interval_timer *timer = &interval_timers[which];
    *old = (struct alarm_setting){0};
    int64_t result = alarm_get(timer->place, old);
    if (result < 0 && new->value == 0) {
        return 0;
    }
    result = result < 0 ? alarm_make(timer->place, &timer->alarm) : 0;
    return result < 0 ? result : alarm_set(timer->place, new, false, old);
}

int64_t linux_alarm(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct alarm_setting old, new = {.value = (int64_t)(uint32_t)args[0] * SECOND};
    int64_t result = set_interval(ITIMER_REAL, &new, &old);
    // Rounded, but never to 0 while it runs.
    int64_t seconds = (old.value + SECOND / 2) / SECOND;
    return result < 0 ? 0 : old.value > 0 && seconds == 0 ? 1 : seconds;
}

static bool micro_in(uint64_t from, struct alarm_setting *setting, int64_t *error) {
    int64_t words[4]; // interval, value
    if (!copy_in(words, from, sizeof(words))) {
        *error = -LINUX_EFAULT;
        return false;
    }
    for (int i = 0; i < 4; i += 2) {
        if (words[i] < 0 || words[i + 1] < 0 || words[i + 1] >= 1000000) {
            *error = -LINUX_EINVAL;
            return false;
        }
        words[i] = words[i] > INT64_MAX / SECOND / 2 ? INT64_MAX / 2
                                                     : words[i] * SECOND + words[i + 1] * 1000;
    }
    *setting = (struct alarm_setting){.value = words[2], .interval = words[0]};
    return true;
}

static int64_t micro_out(uint64_t to, const struct alarm_setting *s) {
    const int64_t words[4] = {s->interval / SECOND, s->interval % SECOND / 1000, s->value / SECOND,
                              s->value % SECOND / 1000};
    return copy_out(to, words, sizeof(words)) ? 0 : -LINUX_EFAULT;
}

int64_t linux_getitimer(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct alarm_setting now = {0};
    if ((uint32_t)args[0] >= ITIMERS) {
        return -LINUX_EINVAL;
    }
    (void)!alarm_get(interval_timers[(uint32_t)args[0]].place, &now);
    return micro_out(args[1], &now);
}

int64_t linux_setitimer(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct alarm_setting new = {0}, old;
    int64_t result = 0;
    if ((uint32_t)args[0] >= ITIMERS) {
        return -LINUX_EINVAL;
    }
    if (args[1] != 0 && !micro_in(args[1], &new, &result)) {
        return result;
    }
    result = set_interval((uint32_t)args[0], &new, &old);
    return result < 0 || args[2] == 0 ? result : micro_out(args[2], &old);
}

enum notify { SIGEV_SIGNAL = 0, SIGEV_NONE = 1, SIGEV_THREAD_ID = 4 };

struct event_argument {
    uint64_t value;
    int32_t number, notify, tid, pad;
};

int64_t linux_timer_create(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct event_argument event = {.number = SIGALRM, .notify = SIGEV_SIGNAL};
    uint32_t clock = (uint32_t)args[0];
    if (clock != 0 && clock != 1 && clock != 7) {
        return -LINUX_EINVAL; // times of CPUs are not counted
    }
    if (args[1] != 0 && !copy_in(&event, args[1], 24)) {
        return -LINUX_EFAULT;
    }
    bool none = event.notify == SIGEV_NONE;
    if (!none && (event.number < 1 || event.number > SIGNAL_COUNT ||
                  (event.notify != SIGEV_SIGNAL && event.notify != SIGEV_THREAD_ID))) {
        return -LINUX_EINVAL;
    }
    const struct alarm wanted = {
        .real = clock == 0,
        .number = none ? 0 : event.number,
        .code = SI_TIMER,
        .tid = event.notify == SIGEV_THREAD_ID ? event.tid : 0,
        .value = event.value,
    };
    int64_t place = alarm_make(0, &wanted);
    if (place < 0) {
        return place;
    }
    if (args[1] == 0) {
        process_current()->alarms.of[place].value = (uint64_t)place;
    }
    return store_user32(args[2], (uint32_t)place) ? 0 : -LINUX_EFAULT;
}

static bool is_made(uint64_t place) {
    return (uint32_t)place != ALARM_REAL && (uint32_t)place < ALARM_VIRTUAL;
}

int64_t linux_timer_delete(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return is_made(args[0]) ? alarm_delete((uint32_t)args[0]) : -LINUX_EINVAL;
}

static int64_t nano_out(uint64_t to, const struct alarm_setting *s) {
    return time_out(to, s->interval) && time_out(to + 16, s->value) ? 0 : -LINUX_EFAULT;
}

int64_t linux_timer_gettime(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct alarm_setting now;
    int64_t result = is_made(args[0]) ? alarm_get((uint32_t)args[0], &now) : -LINUX_EINVAL;
    return result < 0 ? result : nano_out(args[1], &now);
}

int64_t linux_timer_settime(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct alarm_setting new, old;
    int64_t result = is_made(args[0]) ? time_in(args[2], &new.interval) : -LINUX_EINVAL;
    result = result < 0 ? result : time_in(args[2] + 16, &new.value);
    result = result < 0 ? result : alarm_set((uint32_t)args[0], &new, (args[1] & 1) != 0, &old);
    return result < 0 || args[3] == 0 ? result : nano_out(args[3], &old);
}

int64_t linux_timer_getoverrun(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct alarm_setting now;
    uint32_t place = (uint32_t)args[0];
    if (!is_made(place) || alarm_get(place, &now) < 0) {
        return -LINUX_EINVAL;
    }
    return process_current()->alarms.of[place].overruns;
}
