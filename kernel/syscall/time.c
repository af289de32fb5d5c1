// SPDX-License-Identifier: MIT
//
// Native calls of the group "time": events and timers.
#include <abi/limits.h>
#include <kernel/syscall_handlers.h>
#include <object/event.h>
#include <object/timer.h>
#include <syscall/syscall.h>

typedef status_t create_function(struct job *job, uint64_t provider, struct object **out);

// Creates an object charged to the caller's job and returns its first handle.
static int64_t create_with(create_function *create, uint32_t rights) {
    struct object *object;
    handle_t handle;
    status_t status = create(self_job(), self_process()->provider, &object);
    if (status == OK) {
        status = handle_insert(self_table(), object, rights, &handle);
    }
    return status == OK ? (int64_t)handle : status;
}

int64_t sys_event_create(void) {
    return create_with(event_create, RIGHTS_EVENT);
}

int64_t sys_event_pair_create(void) {
    struct object *first;
    struct object *second;
    status_t status = event_pair_create(self_job(), self_process()->provider, &first, &second);
    if (status != OK) {
        return status;
    }
    int64_t pair;
    status = handle_insert_pair(self_table(), first, RIGHTS_EVENT, second, RIGHTS_EVENT, &pair);
    return status == OK ? pair : status;
}

int64_t sys_event_signal(handle_t event, uint32_t clear, uint32_t set) {
    struct object *object;
    if (((clear | set) & ~EVENT_USER_SIGNALS) != 0) {
        return ERR_INVALID_ARGUMENT;
    }
    status_t status = self_lookup(event, OBJECT_EVENT, RIGHT_SIGNAL, &object);
    return status == OK ? (int64_t)event_signal(object, clear, set) : status;
}

int64_t sys_timer_create(void) {
    return create_with(timer_create, RIGHTS_TIMER);
}

int64_t sys_timer_set(handle_t timer, instant_t deadline, duration_t interval, duration_t slack) {
    struct object *object;
    if (slack < 0 || interval < 0 || (interval != 0 && interval < TIMER_MIN_INTERVAL)) {
        return ERR_INVALID_ARGUMENT;
    }
    status_t status = self_lookup(timer, OBJECT_TIMER, RIGHT_MANAGE, &object);
    if (status == OK) {
        timer_set(object, deadline, interval, slack);
    }
    return status;
}

int64_t sys_timer_ack(handle_t timer) {
    struct object *object;
    status_t status = self_lookup(timer, OBJECT_TIMER, RIGHT_READ, &object);
    return status == OK ? (int64_t)timer_ack(object) : status;
}
