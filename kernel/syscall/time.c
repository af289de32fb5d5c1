// SPDX-License-Identifier: MIT
//
// Native calls of the group "time": events and timers.
#include <abi/limits.h>
#include <kernel/syscall_handlers.h>
#include <object/event.h>
#include <object/timer.h>
#include <sched/current.h>

int64_t sys_event_create(void) {
    struct object *event;
    status_t status = event_create(self_job(), self_process()->provider, &event);
    return status == OK ? self_insert(event, RIGHTS_EVENT) : status;
}

int64_t sys_event_pair_create(void) {
    struct object *first;
    struct object *second;
    status_t status = event_pair_create(self_job(), self_process()->provider, &first, &second);
    return status == OK ? self_insert_pair(first, RIGHTS_EVENT, second, RIGHTS_EVENT) : status;
}

int64_t sys_timer_create(void) {
    struct object *timer;
    status_t status = timer_create(self_job(), self_process()->provider, &timer);
    return status == OK ? self_insert(timer, RIGHTS_TIMER) : status;
}

int64_t sys_timer_set(struct object *timer, instant_t deadline, duration_t interval,
                      duration_t slack) {
    if (slack < 0 || interval < 0 || (interval != 0 && interval < TIMER_MIN_INTERVAL)) {
        return ERR_INVALID_ARGUMENT;
    }
    timer_set(timer, deadline, interval, slack);
    return OK;
}

int64_t sys_timer_interrupt(struct object *timer, uint32_t bits) {
    timer_set_target(timer, bits != 0 ? self_process() : NULL, bits);
    return OK;
}
