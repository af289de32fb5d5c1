// SPDX-License-Identifier: MIT

#include <core/alarms.h>

#include <core/clock.h>
#include <core/process.h>
#include <core/signal.h>
#include <core/status.h>
#include <core/threads.h>
#include <sys/calls.h>

#define CONTROL_LOOK 1u
#define PAUSE_LEAST MILLISECONDS(1)
#define PAUSE_MOST MILLISECONDS(100)

// The kernel has no timers of CPU time. Such a timer is looked at again when its time can have
// passed at the earliest; while the process does not run, ever more rarely.
static void look_later(struct alarm *alarm, int64_t cpu) {
    int64_t rest = alarm->deadline - cpu;
    alarm->pause = cpu - alarm->looked > alarm->pause / 4 ? rest : 2 * alarm->pause;
    alarm->pause = alarm->pause > PAUSE_MOST ? PAUSE_MOST : alarm->pause;
    alarm->pause = alarm->pause < PAUSE_LEAST ? PAUSE_LEAST : alarm->pause;
    alarm->looked = cpu;
    (void)!sys_timer_set(alarm->timer, clock_now() + alarm->pause, 0, 0);
}

// Whether the time of a timer of CPU time has come; then it is set for the next.
static bool cpu_expired(struct linux_thread *self, struct alarm *alarm) {
    int64_t cpu = process_time(self);
    bool expired = alarm->deadline != 0 && cpu >= alarm->deadline;
    if (expired && alarm->interval != 0) {
        alarm->deadline += ((cpu - alarm->deadline) / alarm->interval + 1) * alarm->interval;
    } else if (expired) {
        alarm->deadline = 0;
    }
    if (alarm->deadline != 0) {
        look_later(alarm, cpu);
    }
    return expired;
}

static void expire(struct linux_thread *self, struct alarm *alarm, uint32_t place) {
    struct threads *threads = &process_current()->threads;
    int64_t count = sys_timer_ack(alarm->timer);
    if (count <= 0 || (alarm->cpu && !cpu_expired(self, alarm))) {
        return;
    }
    alarm->overruns = (uint32_t)count - 1;
    if (alarm->interval == 0) {
        alarm->deadline = 0;
    }
    struct signal_info info = {.number = alarm->number, .code = alarm->code};
    if (alarm->code == SI_TIMER) {
        info.sent.pid = (int32_t)place; // si_timerid, si_overrun
        info.sent.uid = alarm->overruns;
        info.sent.value = alarm->value;
    }
    if (alarm->number == 0) {
        return;
    }
    if (alarm->tid == 0) {
        (void)!signal_send(self, NULL, &info);
        return;
    }
    mutex_lock(&threads->lock);
    struct linux_thread *target = thread_find(alarm->tid);
    if (target != NULL) {
        (void)!signal_send(self, target, &info);
    }
    mutex_unlock(&threads->lock);
}

static uint32_t list_timers(struct wait_item *items, uint32_t places[ALARMS_MAX + 1]) {
    struct alarms *alarms = &process_current()->alarms;
    uint32_t count = 0;
    mutex_lock(&alarms->lock);
    items[count++] = (struct wait_item){.handle = alarms->control, .signals = CONTROL_LOOK};
    for (uint32_t i = 0; i < ALARMS_MAX; i++) {
        if (alarms->of[i].used) {
            places[count] = i;
            items[count++] =
                (struct wait_item){.handle = alarms->of[i].timer, .signals = SIGNAL_TIMER_EXPIRED};
        }
    }
    mutex_unlock(&alarms->lock);
    return count;
}

// The helper's whole life.
static _Noreturn void run(struct linux_thread *self) {
    struct alarms *alarms = &process_current()->alarms;
    struct wait_item items[ALARMS_MAX + 1];
    uint32_t places[ALARMS_MAX + 1];
    while (!__atomic_load_n(&self->leaving, __ATOMIC_ACQUIRE)) {
        uint32_t count = list_timers(items, places);
        (void)!sys_object_wait_many(items, count, INSTANT_NEVER, 0);
        mutex_lock(&alarms->lock);
        (void)!sys_event_signal(alarms->control, CONTROL_LOOK, 0);
        for (uint32_t i = 1; i < count; i++) {
            if (items[i].observed != 0 && alarms->of[places[i]].used) {
                expire(self, &alarms->of[places[i]], places[i]);
            }
        }
        mutex_unlock(&alarms->lock);
    }
    for (;;) {
        sys_thread_exit(0, 0, 0);
    }
}

static int64_t start_helper(struct alarms *alarms) {
    struct linux_thread *helper;
    if (alarms->helper != NULL) {
        return 0;
    }
    int64_t control = sys_event_create();
    int64_t result = control < 0 ? -LINUX_EAGAIN : thread_take_region(&helper);
    if (result < 0) {
        return result;
    }
    alarms->control = (handle_t)control;
    helper->signals = &helper->own_signals;
    helper->own_signals.blocked = ~0UL;
    helper->block->masked = 1;
    helper->block->latched = 0;
    int64_t handle = sys_thread_create(HANDLE_NONE, (vaddr_t)helper->block);
    status_t status = handle < 0 ? (status_t)handle : OK;
    if (status == OK) {
        helper->handle = (handle_t)handle;
        status = sys_thread_start(helper->handle, (vaddr_t)run, (vaddr_t)helper - 8,
                                  (uint64_t)helper, 0);
    }
    if (status != OK) {
        helper->listed = false;
        return -LINUX_EAGAIN;
    }
    alarms->helper = helper;
    return 0;
}

static void look(struct alarms *alarms) {
    (void)!sys_event_signal(alarms->control, 0, CONTROL_LOOK);
}

int64_t alarm_make(uint32_t place, const struct alarm *wanted) {
    struct alarms *alarms = &process_current()->alarms;
    mutex_lock(&alarms->lock);
    int64_t result = start_helper(alarms);
    uint32_t at = place != 0 || wanted->code == SI_KERNEL ? place : 1;
    while (result == 0 && at < ALARM_VIRTUAL && alarms->of[at].used && place == 0) {
        at++;
    }
    bool full = at >= ALARM_VIRTUAL && place == 0;
    int64_t timer = result < 0 || full ? ERR_LIMIT : sys_timer_create();
    if (timer >= 0) {
        alarms->of[at] = *wanted;
        alarms->of[at].used = true;
        alarms->of[at].timer = (handle_t)timer;
        look(alarms);
    }
    mutex_unlock(&alarms->lock);
    return timer < 0 ? -LINUX_EAGAIN : (int64_t)at;
}

int64_t alarm_delete(uint32_t place) {
    struct alarms *alarms = &process_current()->alarms;
    int64_t result = -LINUX_EINVAL;
    mutex_lock(&alarms->lock);
    if (place < ALARMS_MAX && alarms->of[place].used) {
        (void)!sys_handle_close(alarms->of[place].timer);
        alarms->of[place] = (struct alarm){0};
        look(alarms);
        result = 0;
    }
    mutex_unlock(&alarms->lock);
    return result;
}

static void left(const struct alarm *alarm, struct alarm_setting *now) {
    *now = (struct alarm_setting){0};
    if (alarm->deadline == 0) {
        return;
    }
    int64_t rest = alarm->deadline - (alarm->cpu ? process_time(thread_current()) : clock_now());
    if (rest <= 0 && alarm->interval > 0) {
        rest = alarm->interval - (-rest % alarm->interval);
    }
    now->value = rest > 0 ? rest : 1;
    now->interval = alarm->interval;
}

static int64_t arm_cpu(struct alarm *alarm, const struct alarm_setting *new) {
    int64_t cpu = process_time(thread_current());
    alarm->deadline = new->value == 0 ? 0 : cpu + new->value;
    alarm->interval = new->value == 0 ? 0 : new->interval;
    alarm->overruns = 0;
    alarm->looked = alarm->pause = 0;
    if (new->value != 0) {
        look_later(alarm, cpu);
    }
    return 0;
}

static int64_t arm(struct alarm *alarm, const struct alarm_setting *new, bool absolute) {
    if (alarm->cpu) {
        return arm_cpu(alarm, new);
    }
    int64_t deadline = new->value == 0 ? INSTANT_NEVER
                       : !absolute     ? deadline_after(new->value)
                       : alarm->real   ? new->value - clock_realtime_offset()
                                       : new->value;
    const int64_t least = MICROSECONDS(100);
    int64_t interval = new->interval > 0 && new->interval < least ? least : new->interval;
    alarm->deadline = new->value == 0 ? 0 : deadline > 0 ? deadline : 1;
    alarm->interval = new->value == 0 ? 0 : interval;
    alarm->overruns = 0;
    return linux_result(
        sys_timer_set(alarm->timer, deadline > 0 ? deadline : 1, alarm->interval, 0));
}

int64_t alarm_set(uint32_t place, const struct alarm_setting *new, bool absolute,
                  struct alarm_setting *old) {
    struct alarms *alarms = &process_current()->alarms;
    int64_t result = -LINUX_EINVAL;
    mutex_lock(&alarms->lock);
    if (place < ALARMS_MAX && alarms->of[place].used) {
        left(&alarms->of[place], old);
        result = arm(&alarms->of[place], new, absolute);
    }
    mutex_unlock(&alarms->lock);
    return result;
}

int64_t alarm_get(uint32_t place, struct alarm_setting *now) {
    struct alarms *alarms = &process_current()->alarms;
    int64_t result = -LINUX_EINVAL;
    mutex_lock(&alarms->lock);
    if (place < ALARMS_MAX && alarms->of[place].used) {
        left(&alarms->of[place], now);
        result = 0;
    }
    mutex_unlock(&alarms->lock);
    return result;
}

void alarms_forget(void) {
    struct alarms *alarms = &process_current()->alarms;
    for (uint32_t i = 0; i < ALARMS_MAX; i++) {
        if (alarms->of[i].used) {
            (void)!sys_handle_close(alarms->of[i].timer);
            alarms->of[i] = (struct alarm){0};
        }
    }
    if (alarms->control != HANDLE_NONE) {
        (void)!sys_handle_close(alarms->control);
    }
    *alarms = (struct alarms){.of = alarms->of};
}

void alarms_stop(void) {
    struct alarms *alarms = &process_current()->alarms;
    struct linux_thread *helper = alarms->helper;
    if (helper != NULL) {
        __atomic_store_n(&helper->leaving, true, __ATOMIC_RELEASE);
        look(alarms);
        (void)!sys_object_wait(helper->handle, SIGNAL_THREAD_ENDED, INSTANT_NEVER, 0);
        (void)!sys_handle_close(helper->handle);
        alarms_forget();
    }
}
