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
#define EPOLLET 0x80000000u
#define EVENTS 0x3fffu // that poll knows

struct member {
    int fd;
    int now;    // the descriptor by which the file is reached: a copy of it may outlive `fd`
    bool muted; // ONESHOT has fired
    struct poll_edges edges;        // EPOLLET: those reported; else 0
    const struct description *file; // to see that the descriptor still means the same
    struct epoll_event event;
};

struct epoll {
    struct mutex lock;
    uint32_t turn; // the member to be reported first: with little room, each has its turn
    uint32_t count;
    struct member members[LIBOS_FDS_MAX];
};

// What to wait for, and by which edges.
struct look {
    struct poll_entry entries[LIBOS_FDS_MAX];
    struct poll_edges edges[LIBOS_FDS_MAX];
};

static uint32_t epoll_poll(struct description *file, uint32_t events, struct wait_item *items);

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

// Finds a descriptor that still means the member's file. Returns whether there is one.
static bool reach(struct member *member) {
    if (meaning(member->now) == member->file) {
        return true;
    }
    for (member->now = 0; member->now < LIBOS_FDS_MAX; member->now++) {
        if (meaning(member->now) == member->file) {
            return true;
        }
    }
    return false;
}

// Takes members out that no descriptor means any more. lock held.
static void purge(struct epoll *epoll) {
    for (uint32_t i = 0; i < epoll->count;) {
        if (!reach(&epoll->members[i])) {
            epoll->members[i] = epoll->members[--epoll->count];
        } else {
            i++;
        }
    }
}

static struct member *find(struct epoll *epoll, int fd, const struct description *file) {
    for (uint32_t i = 0; i < epoll->count; i++) {
        if (epoll->members[i].fd == fd && epoll->members[i].file == file) {
            return &epoll->members[i];
        }
    }
    return NULL;
}

// Before any is reported: what is there already counts as one.
static struct poll_edges first_edges(const struct epoll_event *event) {
    uint32_t none = (event->events & EPOLLET) != 0 ? WAIT_EDGE : 0;
    return (struct poll_edges){.known = {none, none, none}};
}

static int64_t change(struct epoll *epoll, uint32_t command, int fd, const struct description *file,
                      const struct epoll_event *event) {
    struct member *member = find(epoll, fd, file);
    switch (command) {
    case EPOLL_ADD:
        if (member != NULL) {
            return -LINUX_EEXIST;
        }
        if (epoll->count == LIBOS_FDS_MAX) {
            return -LINUX_ENOSPC;
        }
        epoll->members[epoll->count++] = (struct member){
            .fd = fd, .now = fd, .file = file, .edges = first_edges(event), .event = *event};
        return 0;
    case EPOLL_MODIFY:
        if (member == NULL) {
            return -LINUX_ENOENT;
        }
        member->event = *event;
        member->edges = first_edges(event);
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
static uint32_t list(struct epoll *epoll, struct look *look) {
    purge(epoll);
    for (uint32_t i = 0; i < epoll->count; i++) {
        const struct member *member = &epoll->members[i];
        look->edges[i] = member->edges;
        look->entries[i] = (struct poll_entry){
            .fd = member->muted ? -1 : member->now,
            .events = (uint16_t)(member->event.events & EVENTS),
        };
    }
    return epoll->count;
}

// Stores what is ready, and notes that it was reported.
static int64_t store(struct epoll *epoll, const struct look *look, uint32_t count, uint64_t to,
                     uint32_t room) {
    int64_t stored = 0;
    mutex_lock(&epoll->lock);
    uint32_t turn = epoll->turn;
    epoll->turn = 0;
    for (uint32_t n = 0; n < count; n++) {
        uint32_t i = (turn + n) % count;
        const struct poll_entry *entry = &look->entries[i];
        struct member *member = &epoll->members[i];
        // Another thread may have changed the set meanwhile: then it is looked at again.
        if (entry->ready == 0 || (entry->ready & POLLNVAL) != 0 || i >= epoll->count ||
            member->now != entry->fd) {
            continue;
        }
        if (stored == room) {
            epoll->turn = i;
            break;
        }
        const struct epoll_event event = {.events = entry->ready, .data = member->event.data};
        if (!copy_out(to + (uint64_t)stored * sizeof(event), &event, sizeof(event))) {
            stored = stored > 0 ? stored : -LINUX_EFAULT;
            break;
        }
        stored++;
        if (member->edges.known[0] != 0) {
            member->edges = look->edges[i];
        }
        member->muted = (member->event.events & EPOLLONESHOT) != 0;
    }
    mutex_unlock(&epoll->lock);
    return stored;
}

int64_t epoll_wait_for(struct linux_thread *self, struct description *set, uint64_t to,
                       uint32_t room, int64_t deadline) {
    struct epoll *epoll = set->data;
    struct look *look = heap_alloc(sizeof(*look));
    if (look == NULL) {
        return -LINUX_ENOMEM;
    }
    bool again;
    int64_t result;
    do {
        mutex_lock(&epoll->lock);
        uint32_t count = list(epoll, look);
        mutex_unlock(&epoll->lock);
        result = poll_wait(self, look->entries, look->edges, count, deadline);
        again = result > 0 && (result = store(epoll, look, count, to, room)) == 0;
    } while (again && deadline != 0);
    heap_free(look, sizeof(*look));
    // A call that a signal ended is not made again, as on Linux.
    return result == -LINUX_ERESTARTNOHAND ? -LINUX_EINTR : result;
}

// A set within a set: whether something in it is ready now.
static uint32_t epoll_poll(struct description *file, uint32_t events, struct wait_item *items) {
    struct epoll *epoll = file->data;
    struct look *look = heap_alloc(sizeof(*look));
    (void)items;
    if (look == NULL) {
        return POLLERR;
    }
    mutex_lock(&epoll->lock);
    uint32_t count = list(epoll, look);
    mutex_unlock(&epoll->lock);
    int64_t ready = poll_wait(thread_current(), look->entries, look->edges, count, 0);
    heap_free(look, sizeof(*look));
    return ready > 0 ? events & POLLIN : 0;
}
