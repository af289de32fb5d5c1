// SPDX-License-Identifier: MIT
//
// eventfd: a counter with a kernel event for who waits: its signals say whether it can be read (bit
// 0) and written (bit 1). The counter lies in a page of its own, which a fork shares. An exec loses
// the counter: it begins again at 0 (docs/limits.md).

#include <core/access.h>
#include <core/process.h>
#include <core/signal.h>
#include <core/status.h>
#include <files/events.h>
#include <sys/calls.h>

#define COUNTER_MAX (UINT64_MAX - 1)
enum { EVENT_READABLE = 1, EVENT_WRITABLE = 2 };
#define EVENT_SEMAPHORE 1 // in description.position

static bool map_counter(struct description *file);

static int64_t load(struct description *file, uint64_t *value) {
    if (file->data == NULL && !map_counter(file)) {
        return -LINUX_ENOMEM; // it came through an exec
    }
    *value = __atomic_load_n((uint64_t *)file->data, __ATOMIC_SEQ_CST);
    return 0;
}

static status_t swap(struct description *file, uint64_t old, uint64_t new) {
    return __atomic_compare_exchange_n((uint64_t *)file->data, &old, new, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST)
               ? OK
               : ERR_WOULD_BLOCK;
}

// Shows what the counter allows. A later change shows itself again.
static void show(struct description *file) {
    uint64_t value, again;
    do {
        if (load(file, &value) < 0) {
            return;
        }
        uint32_t set =
            (value > 0 ? EVENT_READABLE : 0) | (value < COUNTER_MAX ? EVENT_WRITABLE : 0);
        (void)!sys_event_signal(file->handle, EVENT_READABLE | EVENT_WRITABLE, set);
    } while (load(file, &again) == 0 && again != value);
}

// Waits for a signal of the event; 0 when there is one.
static int64_t wait_for(struct linux_thread *self, struct description *file, uint32_t signal) {
    if ((file->flags & O_NONBLOCK) != 0) {
        return -LINUX_EAGAIN;
    }
    int64_t got = sys_object_wait(file->handle, signal, INSTANT_NEVER, WAIT_INTERRUPTIBLE);
    if (got == ERR_INTERRUPTED) {
        return signal_interrupts(self) ? -LINUX_ERESTARTSYS : 0;
    }
    return got < 0 ? linux_result(got) : 0;
}

static int64_t event_read(struct linux_thread *self, struct description *file,
                          const struct io *io) {
    if (io->bytes < 8) {
        return -LINUX_EINVAL;
    }
    for (;;) {
        uint64_t value;
        int64_t result = load(file, &value);
        if (result == 0 && value == 0) {
            result = wait_for(self, file, EVENT_READABLE);
            if (result == 0) {
                continue;
            }
        }
        if (result < 0) {
            return result;
        }
        uint64_t take = (file->position & EVENT_SEMAPHORE) != 0 ? 1 : value;
        status_t status = swap(file, value, value - take);
        if (status == OK) {
            show(file);
            return store_user64(io->addr, take) ? 8 : -LINUX_EFAULT;
        }
        if (status != ERR_WOULD_BLOCK) {
            return linux_result(status);
        }
    }
}

static int64_t event_write(struct linux_thread *self, struct description *file,
                           const struct io *io) {
    uint64_t more;
    if (io->bytes < 8) {
        return -LINUX_EINVAL;
    }
    if (!load_user64(io->addr, &more)) {
        return -LINUX_EFAULT;
    }
    if (more == UINT64_MAX) {
        return -LINUX_EINVAL;
    }
    for (;;) {
        uint64_t value;
        int64_t result = load(file, &value);
        if (result == 0 && more > COUNTER_MAX - value) {
            result = wait_for(self, file, EVENT_WRITABLE);
            if (result == 0) {
                continue;
            }
        }
        if (result < 0) {
            return result;
        }
        status_t status = swap(file, value, value + more);
        if (status == OK) {
            show(file);
            return 8;
        }
        if (status != ERR_WOULD_BLOCK) {
            return linux_result(status);
        }
    }
}

static uint32_t event_poll(struct description *file, uint32_t events, struct wait_item *item) {
    *item = (struct wait_item){.handle = file->handle};
    item->signals = ((events & POLLIN) != 0 ? EVENT_READABLE : 0) |
                    ((events & POLLOUT) != 0 ? EVENT_WRITABLE : 0);
    return 0;
}

static uint32_t event_poll_ready(struct description *file, uint32_t events,
                                 const struct wait_item *items) {
    uint32_t observed = items->observed;
    (void)file;
    return events & (((observed & EVENT_READABLE) != 0 ? POLLIN : 0) |
                     ((observed & EVENT_WRITABLE) != 0 ? POLLOUT : 0));
}

// Maps a page for the counter. Places are never used twice: there are more than enough.
static bool map_counter(struct description *file) {
    uint64_t index = __atomic_fetch_add(&process_current()->scratch_pages, 1, __ATOMIC_RELAXED);
    uint64_t addr = LIBOS_SCRATCH + index * PAGE_SIZE;
    if (memory_map_zeros(addr, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_INHERIT_SHARE) != OK) {
        return false;
    }
    file->data = (void *)addr;
    return true;
}

static void event_close(struct description *file) {
    if (file->data != NULL) {
        (void)!sys_aspace_unmap(HANDLE_NONE, (uint64_t)file->data, PAGE_SIZE);
        file->data = NULL;
    }
}

int64_t anonymous_stat(struct description *file, struct fs_attributes *attributes) {
    (void)file;
    *attributes = (struct fs_attributes){
        .device = 0xe,
        .inode = 1,
        .links = 1,
        .mode = 0600,
        .block_bytes = PAGE_SIZE,
    };
    return 0;
}

const struct file_ops event_ops = {
    .read = event_read,
    .write = event_write,
    .stat = anonymous_stat,
    .poll = event_poll,
    .poll_steady = true,
    .poll_ready = event_poll_ready,
    .close = event_close,
};

int64_t event_make(uint64_t initial, uint32_t flags, bool semaphore) {
    int64_t handle = sys_event_create();
    if (handle < 0) {
        return linux_result(handle);
    }
    struct description *file =
        description_make(FD_EVENT, (handle_t)handle, O_RDWR | (flags & O_NONBLOCK), &event_ops);
    if (file == NULL) {
        return -LINUX_ENOMEM;
    }
    file->position = semaphore ? EVENT_SEMAPHORE : 0;
    if (!map_counter(file)) {
        description_release(file);
        return -LINUX_ENOMEM;
    }
    *(uint64_t *)file->data = initial;
    show(file);
    return file_install(file, flags, 0);
}
