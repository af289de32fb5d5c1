// SPDX-License-Identifier: MIT
//
// epoll: a set of descriptors in the process's own memory. After a fork each side has a set of its
// own (docs/limits.md).
#pragma once

#include <files/table.h>

enum epoll_command { EPOLL_ADD = 1, EPOLL_DELETE = 2, EPOLL_MODIFY = 3 };

struct epoll_event {
    uint32_t events;
    uint64_t data;
} __attribute__((packed));
static_assert(sizeof(struct epoll_event) == 12, "struct epoll_event of Linux on x86_64");

struct epoll;

// The sets of a process. lock: before those of the sets, and before files.lock.
struct epolls {
    struct mutex lock;
    struct epoll *first;
};

extern const struct file_ops epoll_ops;

[[nodiscard]] int64_t epoll_make(uint32_t flags);
// EEXIST, ENOENT, EBADF, EPERM (what is always ready), ENOMEM.
[[nodiscard]] int64_t epoll_change(struct description *set, uint32_t command, int fd,
                                   const struct epoll_event *event);
// Waits; stores events at `to`. How many, or a negative error.
[[nodiscard]] int64_t epoll_wait_for(struct linux_thread *self, struct description *set,
                                     uint64_t to, uint32_t room, int64_t deadline);
// Takes a file out of all sets, since its last reference has gone.
void epoll_forget(const struct description *file);

// fork: all locks of all sets. In the child, which holds none: the sets are its own from now on.
void epolls_lock(void);
void epolls_unlock(void);
void epolls_begin_child(void);
