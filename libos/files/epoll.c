// SPDX-License-Identifier: MIT

#include <files/epoll.h>

#include <core/access.h>
#include <core/heap.h>
#include <core/process.h>
#include <files/events.h>
#include <core/status.h>
#include <files/poll.h>
#include <sys/calls.h>

#define EPOLLONESHOT 0x40000000u
#define EVENTS 0x3fffu // that poll knows

struct member {
    int fd;
    bool muted;                     // ONESHOT has fired
    const struct description *file; // to see that the descriptor still means the same
    struct epoll_event event;
};

struct epoll {
    struct mutex lock;
    uint32_t count;
    struct member members[LIBOS_FDS_MAX];
};

static uint32_t epoll_poll(struct description *file, uint32_t events, struct wait_item *item);

const struct file_ops epoll_ops = {.stat = anonymous_stat, .poll = epoll_poll};

int64_t epoll_make(uint32_t flags) {
    struct epoll *epoll = heap_alloc(sizeof(*epoll));
    struct description *file = description_make(FD_LOCAL, HANDLE_NONE, O_RDWR, &epoll_ops);
    if (file == NULL || epoll == NULL) {
        heap_free(epoll, sizeof(*epoll));
        if (file != NULL) {
            description_release(file);
        }
        return -LINUX_ENOMEM;
    }
    file->data = epoll;
    file->data_bytes = sizeof(*epoll);
    return file_install(file, flags, 0);
}

// What a descriptor means now. Only to be compared.
static const struct description *meaning(int fd) {
    struct description *file = file_get(fd);
    if (file != NULL) {
        description_release(file);
    }
    return file;
}

// Takes members out whose descriptors were closed. lock held.
static void purge(struct epoll *epoll) {
    for (uint32_t i = 0; i < epoll->count;) {
        if (meaning(epoll->members[i].fd) != epoll->members[i].file) {
            epoll->members[i] = epoll->members[--epoll->count];
        } else {
            i++;
        }
    }
}

static struct member *find(struct epoll *epoll, int fd) {
    for (uint32_t i = 0; i < epoll->count; i++) {
        if (epoll->members[i].fd == fd) {
            return &epoll->members[i];
        }
    }
    return NULL;
}

static int64_t change(struct epoll *epoll, uint32_t command, int fd, const struct description *file,
                      const struct epoll_event *event) {
    struct member *member = find(epoll, fd);
    switch (command) {
    case EPOLL_ADD:
        if (member != NULL) {
            return -LINUX_EEXIST;
        }
        if (epoll->count == LIBOS_FDS_MAX) {
            return -LINUX_ENOSPC;
        }
        epoll->members[epoll->count++] = (struct member){.fd = fd, .file = file, .event = *event};
        return 0;
    case EPOLL_MODIFY:
        if (member == NULL) {
            return -LINUX_ENOENT;
        }
        member->event = *event;
        member->muted = false;
        return 0;
    case EPOLL_DELETE:
        if (member == NULL) {
            return -LINUX_ENOENT;
        }
        *member = epoll->members[--epoll->count];
        return 0;
    default:
        return -LINUX_EINVAL;
    }
}

int64_t epoll_change(struct description *set, uint32_t command, int fd,
                     const struct epoll_event *event) {
    struct epoll *epoll = set->data;
    struct description *file = file_get_open(fd);
    if (file == NULL) {
        return -LINUX_EBADF;
    }
    int64_t result = -LINUX_EPERM;
    if (file->ops->poll != NULL) {
        mutex_lock(&epoll->lock);
        purge(epoll);
        result = change(epoll, command, fd, file, event);
        mutex_unlock(&epoll->lock);
    }
    description_release(file);
    return result;
}

// What to wait for now. lock held.
static uint32_t list(struct epoll *epoll, struct poll_entry *entries) {
    purge(epoll);
    for (uint32_t i = 0; i < epoll->count; i++) {
        const struct member *member = &epoll->members[i];
        entries[i] = (struct poll_entry){
            .fd = member->muted ? -1 : member->fd,
            .events = (uint16_t)(member->event.events & EVENTS),
        };
    }
    return epoll->count;
}

static int64_t store(struct epoll *epoll, const struct poll_entry *entries, uint32_t count,
                     uint64_t to, uint32_t room) {
    int64_t stored = 0;
    mutex_lock(&epoll->lock);
    for (uint32_t i = 0; i < count && stored < room; i++) {
        struct member *member = entries[i].ready == 0 ? NULL : find(epoll, entries[i].fd);
        if (member == NULL || (entries[i].ready & POLLNVAL) != 0) {
            continue;
        }
        const struct epoll_event event = {.events = entries[i].ready, .data = member->event.data};
        if (!copy_out(to + (uint64_t)stored * sizeof(event), &event, sizeof(event))) {
            stored = stored > 0 ? stored : -LINUX_EFAULT;
            break;
        }
        stored++;
        member->muted = (member->event.events & EPOLLONESHOT) != 0;
    }
    mutex_unlock(&epoll->lock);
    return stored;
}

int64_t epoll_wait_for(struct linux_thread *self, struct description *set, uint64_t to,
                       uint32_t room, int64_t deadline) {
    struct epoll *epoll = set->data;
    size_t bytes = LIBOS_FDS_MAX * sizeof(struct poll_entry);
    struct poll_entry *entries = heap_alloc(bytes);
    if (entries == NULL) {
        return -LINUX_ENOMEM;
    }
    mutex_lock(&epoll->lock);
    uint32_t count = list(epoll, entries);
    mutex_unlock(&epoll->lock);
    int64_t result = poll_wait(self, entries, count, deadline);
    if (result > 0) {
        result = store(epoll, entries, count, to, room);
    }
    heap_free(entries, bytes);
    // A call that a signal ended is not made again, as on Linux.
    return result == -LINUX_ERESTARTNOHAND ? -LINUX_EINTR : result;
}

// A set within a set: whether something in it is ready now.
static uint32_t epoll_poll(struct description *file, uint32_t events, struct wait_item *item) {
    struct epoll *epoll = file->data;
    size_t bytes = LIBOS_FDS_MAX * sizeof(struct poll_entry);
    struct poll_entry *entries = heap_alloc(bytes);
    *item = (struct wait_item){0};
    if (entries == NULL) {
        return POLLERR;
    }
    mutex_lock(&epoll->lock);
    uint32_t count = list(epoll, entries);
    mutex_unlock(&epoll->lock);
    int64_t ready = poll_wait(thread_current(), entries, count, 0);
    heap_free(entries, bytes);
    return ready > 0 ? events & POLLIN : 0;
}
