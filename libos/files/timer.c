// SPDX-License-Identifier: MIT
//
// timerfd: a kernel timer. What it was set to is kept beside it, for timerfd_gettime.

#include <core/access.h>
#include <core/clock.h>
#include <core/process.h>
#include <core/signal.h>
#include <core/status.h>
#include <files/events.h>
#include <sys/calls.h>

struct timer_data {
    int64_t deadline, interval; // monotonic; 0: not armed
    bool real;
};

static int64_t timer_read(struct linux_thread *self, struct description *file,
                          const struct io *io) {
    if (io->bytes < 8) {
        return -LINUX_EINVAL;
    }
    for (;;) {
        int64_t count = sys_timer_ack(file->handle);
        if (count != 0) {
            return count < 0                                 ? linux_result(count)
                   : store_user64(io->addr, (uint64_t)count) ? 8
                                                             : -LINUX_EFAULT;
        }
        if ((file->flags & O_NONBLOCK) != 0) {
            return -LINUX_EAGAIN;
        }
        int64_t got =
            sys_object_wait(file->handle, SIGNAL_TIMER_EXPIRED, INSTANT_NEVER, WAIT_INTERRUPTIBLE);
        if (got == ERR_INTERRUPTED && signal_interrupts(self)) {
            return -LINUX_ERESTARTSYS;
        }
        if (got < 0 && got != ERR_INTERRUPTED) {
            return linux_result(got);
        }
    }
}

static uint32_t timer_poll(struct description *file, uint32_t events, struct wait_item *item) {
    *item = (struct wait_item){
        .handle = file->handle,
        .signals = (events & POLLIN) != 0 ? SIGNAL_TIMER_EXPIRED : 0,
    };
    return 0;
}

static uint32_t timer_poll_ready(struct description *file, uint32_t events,
                                 const struct wait_item *items) {
    uint32_t observed = items->observed;
    (void)file;
    return (observed & SIGNAL_TIMER_EXPIRED) != 0 ? events & POLLIN : 0;
}

const struct file_ops timer_ops = {
    .read = timer_read,
    .stat = anonymous_stat,
    .poll = timer_poll,
    .poll_steady = true,
    .poll_ready = timer_poll_ready,
};

int64_t timer_make(bool real, uint32_t flags) {
    int64_t handle = sys_timer_create();
    if (handle < 0) {
        return linux_result(handle);
    }
    struct timer_data *data = heap_alloc(sizeof(*data));
    struct description *file =
        description_make(FD_TIMER, (handle_t)handle, O_RDWR | (flags & O_NONBLOCK), &timer_ops);
    if (file == NULL || data == NULL) {
        heap_free(data, sizeof(*data));
        if (file != NULL) {
            description_release(file);
        }
        return -LINUX_ENOMEM;
    }
    data->real = real;
    file->data = data;
    file->data_bytes = sizeof(*data);
    return file_install(file, flags, 0);
}

void timer_left(struct description *file, struct timer_setting *now) {
    const struct timer_data *data = file->data;
    *now = (struct timer_setting){0};
    if (data == NULL || data->deadline == 0) {
        return;
    }
    int64_t left = data->deadline - clock_now();
    now->interval = data->interval;
    if (left <= 0 && data->interval > 0) {
        left = data->interval - (-left % data->interval);
    }
    now->value = left > 0 ? left : 0;
}

int64_t timer_arm(struct description *file, const struct timer_setting *new, bool absolute,
                  struct timer_setting *old) {
    struct timer_data *data = file->data;
    if (file->kind != FD_TIMER || data == NULL) {
        return -LINUX_EINVAL;
    }
    timer_left(file, old);
    int64_t deadline = new->value == 0 ? INSTANT_NEVER
                       : !absolute     ? deadline_after(new->value)
                       : data->real    ? new->value - clock_realtime_offset()
                                       : new->value;
    int64_t interval =
        new->interval > 0 && new->interval < MICROSECONDS(100) ? MICROSECONDS(100) : new->interval;
    status_t status = sys_timer_set(file->handle, deadline > 0 ? deadline : 1, interval, 0);
    data->deadline = deadline == INSTANT_NEVER ? 0 : deadline;
    data->interval = interval;
    return linux_result(status);
}
