// SPDX-License-Identifier: MIT
//
// eventfd, timerfd, epoll.

#include <core/access.h>
#include <core/clock.h>
#include <core/process.h>
#include <core/signal.h>
#include <core/status.h>
#include <files/epoll.h>
#include <files/events.h>
#include <linux/handlers.h>

#define EFD_SEMAPHORE 1u

int64_t linux_eventfd2(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    uint32_t flags = (uint32_t)args[1];
    if ((flags & ~(EFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK)) != 0) {
        return -LINUX_EINVAL;
    }
    return event_make((uint32_t)args[0], flags & ~EFD_SEMAPHORE, (flags & EFD_SEMAPHORE) != 0);
}

int64_t linux_eventfd(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return event_make((uint32_t)args[0], 0, false);
}

int64_t linux_timerfd_create(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    uint32_t clock = (uint32_t)args[0], flags = (uint32_t)args[1];
    if ((flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK)) != 0 ||
        (clock != 0 && clock != 1 && clock != 7)) {
        return -LINUX_EINVAL;
    }
    return timer_make(clock == 0, flags);
}

static int64_t setting_out(uint64_t to, const struct timer_setting *s) {
    return time_out(to, s->interval) && time_out(to + 16, s->value) ? 0 : -LINUX_EFAULT;
}

int64_t linux_timerfd_settime(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct timer_setting new, old;
    int64_t result = (args[1] & ~3UL) != 0 ? -LINUX_EINVAL : time_in(args[2], &new.interval);
    result = result < 0 ? result : time_in(args[2] + 16, &new.value);
    if (result < 0) {
        return result;
    }
    struct description *file = file_get_open((int)args[0]);
    if (file == NULL) {
        return -LINUX_EBADF;
    }
    result = timer_arm(file, &new, (args[1] & 1) != 0, &old);
    description_release(file);
    return result < 0 || args[3] == 0 ? result : setting_out(args[3], &old);
}

int64_t linux_timerfd_gettime(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct timer_setting now;
    struct description *file = file_get_open((int)args[0]);
    if (file == NULL) {
        return -LINUX_EBADF;
    }
    int64_t result = file->kind == FD_TIMER ? 0 : -LINUX_EINVAL;
    if (result == 0) {
        timer_left(file, &now);
        result = setting_out(args[1], &now);
    }
    description_release(file);
    return result;
}

int64_t linux_epoll_create1(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return (args[0] & ~(uint64_t)O_CLOEXEC) != 0 ? -LINUX_EINVAL : epoll_make((uint32_t)args[0]);
}

int64_t linux_epoll_create(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return (int32_t)args[0] <= 0 ? -LINUX_EINVAL : epoll_make(0);
}

int64_t linux_epoll_ctl(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct epoll_event event = {0};
    if ((uint32_t)args[1] != EPOLL_DELETE && !copy_in(&event, args[3], sizeof(event))) {
        return -LINUX_EFAULT;
    }
    struct description *set = file_get_open((int)args[0]);
    if (set == NULL) {
        return -LINUX_EBADF;
    }
    int64_t result = set->ops != &epoll_ops || (int)args[0] == (int)args[2]
                         ? -LINUX_EINVAL
                         : epoll_change(set, (uint32_t)args[1], (int)args[2], &event);
    description_release(set);
    return result;
}

static int64_t wait_at(struct linux_thread *self, const uint64_t args[6], int64_t deadline) {
    int32_t room = (int32_t)args[2];
    if (room <= 0 || (uint32_t)room > INT32_MAX / sizeof(struct epoll_event)) {
        return -LINUX_EINVAL;
    }
    struct description *set = file_get_open((int)args[0]);
    if (set == NULL) {
        return -LINUX_EBADF;
    }
    int64_t result = set->ops != &epoll_ops
                         ? -LINUX_EINVAL
                         : epoll_wait_for(self, set, args[1], (uint32_t)room, deadline);
    description_release(set);
    return result;
}

static int64_t deadline_of(int32_t timeout_ms) {
    return timeout_ms < 0    ? INSTANT_NEVER
           : timeout_ms == 0 ? 0
                             : deadline_after(MILLISECONDS(timeout_ms));
}

int64_t linux_epoll_wait(struct linux_thread *self, const uint64_t args[6]) {
    return wait_at(self, args, deadline_of((int32_t)args[3]));
}

static int64_t wait_masked(struct linux_thread *self, const uint64_t args[6], int64_t deadline) {
    uint64_t mask;
    if (args[4] != 0) {
        if (args[5] != 8) {
            return -LINUX_EINVAL;
        }
        if (!load_user64(args[4], &mask)) {
            return -LINUX_EFAULT;
        }
        signal_set_mask_for_call(self, mask);
    }
    int64_t result = wait_at(self, args, deadline);
    signal_call_ends(self, result);
    return result;
}

int64_t linux_epoll_pwait(struct linux_thread *self, const uint64_t args[6]) {
    return wait_masked(self, args, deadline_of((int32_t)args[3]));
}

int64_t linux_epoll_pwait2(struct linux_thread *self, const uint64_t args[6]) {
    int64_t ns = 0;
    int64_t result = args[3] == 0 ? 0 : time_in(args[3], &ns);
    int64_t deadline = args[3] == 0 ? INSTANT_NEVER : ns == 0 ? 0 : deadline_after(ns);
    return result < 0 ? result : wait_masked(self, args, deadline);
}
