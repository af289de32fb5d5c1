// SPDX-License-Identifier: MIT
//
// What is in a set of epoll. How it is waited for: epoll_wait.c.

#include <files/epoll.h>

#include <core/access.h>
#include <core/heap.h>
#include <core/process.h>
#include <files/events.h>
#include <sys/calls.h>
#include <sys/string.h>

#include "epoll_set.h"

#define FIRST_ROOM 16

const struct file_ops epoll_ops = {
    .stat = anonymous_stat, .poll = epoll_poll, .close = epoll_close};

int64_t epoll_make(uint32_t flags) {
    struct epolls *all = &process_current()->epolls;
    struct epoll *epoll = heap_alloc(sizeof(*epoll));
    struct description *file = description_make(FD_LOCAL, HANDLE_NONE, O_RDWR, &epoll_ops);
    if (file == NULL || epoll == NULL) {
        heap_free(epoll, sizeof(*epoll));
        if (file != NULL) {
            file->data_bytes = 0;
            description_release(file);
        }
        return -LINUX_ENOMEM;
    }
    mutex_lock(&all->lock);
    epoll->next = all->first;
    all->first = epoll;
    mutex_unlock(&all->lock);
    file->data = epoll;
    file->data_bytes = sizeof(*epoll);
    return file_install(file, flags, 0);
}

// ---- bindings

static uint64_t key_of(const struct epoll *epoll, const struct member *member) {
    return (uint64_t)member->generation << 32 | (uint64_t)(member - epoll->members);
}

static void unbind(const struct epoll *epoll, struct member *member) {
    if (member->bound) {
        (void)!sys_object_bind(member->file->handle, HANDLE_NONE, key_of(epoll, member), 0);
        member->bound = false;
    }
}

// Binds a member's signals to the port. What is set already comes as a packet at once.
static status_t bind(struct epoll *epoll, struct member *member) {
    struct description *file = member->file;
    struct wait_item items[POLL_ITEMS] = {0};
    (void)file->ops->poll(file, (member->event.events & EPOLL_EVENTS) | POLLERR | POLLHUP, items);
    // A number of its own, so that packets of an earlier binding are known.
    member->generation = ++epoll->generations;
    status_t status = sys_object_bind(file->handle, epoll->port, key_of(epoll, member),
                                      items[0].signals | file->ops->poll_also);
    member->bound = status == OK;
    return status;
}

// From now on all members are looked at one by one.
static void stop_binding(struct epoll *epoll) {
    for (uint32_t i = 0; i < epoll->bound; i++) {
        if (epoll->members[i].file != NULL) {
            unbind(epoll, &epoll->members[i]);
        }
    }
    if (epoll->port != HANDLE_NONE) {
        // Who waits for packets learns of it, and goes the other way.
        (void)!sys_handle_close(epoll->port);
        epoll->port = HANDLE_NONE;
    }
    epoll->slow = true;
}

void epoll_prepare(struct epoll *epoll) {
    if (epoll->slow || epoll->port != HANDLE_NONE) {
        return;
    }
    int64_t port = sys_port_create();
    if (port < 0) {
        epoll->slow = true;
        return;
    }
    epoll->port = (handle_t)port;
    for (uint32_t i = 0; i < epoll->bound && !epoll->slow; i++) {
        struct member *member = &epoll->members[i];
        if (member->file != NULL && bind(epoll, member) != OK) {
            stop_binding(epoll);
        }
    }
}

// ---- members

static struct member *find(struct epoll *epoll, int fd, const struct description *file) {
    for (uint32_t i = 0; i < epoll->bound; i++) {
        if (epoll->members[i].fd == fd && epoll->members[i].file == file) {
            return &epoll->members[i];
        }
    }
    return NULL;
}

// Doubles the room for members; lock held.
static bool grow(struct epoll *epoll) {
    uint32_t room = epoll->room == 0 ? FIRST_ROOM : 2 * epoll->room;
    struct member *members = heap_alloc(room * sizeof(*members));
    if (members == NULL) {
        return false;
    }
    memcpy(members, epoll->members, epoll->bound * sizeof(*members));
    heap_free(epoll->members, epoll->room * sizeof(*members));
    epoll->members = members;
    epoll->room = room;
    return true;
}

static struct member *free_place(struct epoll *epoll) {
    for (uint32_t i = 0; epoll->count < epoll->bound; i++) {
        if (epoll->members[i].file == NULL) {
            return &epoll->members[i];
        }
    }
    if (epoll->bound == epoll->room && !grow(epoll)) {
        return NULL;
    }
    return &epoll->members[epoll->bound++];
}

static void remove_member(struct epoll *epoll, struct member *member) {
    unbind(epoll, member);
    __atomic_sub_fetch(&member->file->watched, 1, __ATOMIC_RELAXED);
    // In the queue it is passed over, and its place not used again until then.
    member->file = NULL;
    epoll->count--;
}

// After a change of what a member waits for.
static void rebind(struct epoll *epoll, struct member *member) {
    if (!epoll->slow && !member->file->ops->poll_steady) {
        stop_binding(epoll);
    }
    if (epoll->slow || epoll->port == HANDLE_NONE) {
        return;
    }
    unbind(epoll, member);
    if (bind(epoll, member) != OK) {
        stop_binding(epoll);
    }
}

static int64_t add(struct epoll *epoll, int fd, struct description *file,
                   const struct epoll_event *event) {
    if (epoll->count == LIBOS_FDS_MAX) {
        return -LINUX_ENOSPC;
    }
    epoll_prepare(epoll);
    struct member *member = free_place(epoll);
    if (member == NULL) {
        return -LINUX_ENOMEM;
    }
    bool queued = member->queued;
    uint32_t next = member->next;
    *member = (struct member){.file = file,
                              .event = *event,
                              .fd = fd,
                              .now = fd,
                              .queued = queued,
                              .next = next,
                              .edges = epoll_first_edges(event)};
    epoll->count++;
    __atomic_add_fetch(&file->watched, 1, __ATOMIC_RELAXED);
    rebind(epoll, member);
    return 0;
}

static int64_t change(struct epoll *epoll, uint32_t command, int fd, struct description *file,
                      const struct epoll_event *event) {
    struct member *member = find(epoll, fd, file);
    switch (command) {
    case EPOLL_ADD:
        return member != NULL ? -LINUX_EEXIST : add(epoll, fd, file, event);
    case EPOLL_MODIFY:
        if (member == NULL) {
            return -LINUX_ENOENT;
        }
        member->event = *event;
        member->edges = epoll_first_edges(event);
        member->muted = false;
        rebind(epoll, member);
        return 0;
    case EPOLL_DELETE:
        if (member == NULL) {
            return -LINUX_ENOENT;
        }
        remove_member(epoll, member);
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
        result = change(epoll, command, fd, file, event);
        mutex_unlock(&epoll->lock);
    }
    description_release(file);
    return result;
}

// ---- ends

static void empty(struct epoll *epoll, const struct description *file) {
    mutex_lock(&epoll->lock);
    for (uint32_t i = 0; i < epoll->bound; i++) {
        struct member *member = &epoll->members[i];
        if (member->file != NULL && (file == NULL || member->file == file)) {
            remove_member(epoll, member);
        }
    }
    mutex_unlock(&epoll->lock);
}

void epoll_forget(const struct description *file) {
    struct epolls *all = &process_current()->epolls;
    mutex_lock(&all->lock);
    for (struct epoll *epoll = all->first; epoll != NULL; epoll = epoll->next) {
        empty(epoll, file);
    }
    mutex_unlock(&all->lock);
}

void epoll_close(struct description *set) {
    struct epolls *all = &process_current()->epolls;
    struct epoll *epoll = set->data;
    if (epoll == NULL) {
        return;
    }
    mutex_lock(&all->lock);
    struct epoll **at = &all->first;
    while (*at != epoll) {
        at = &(*at)->next;
    }
    *at = epoll->next;
    empty(epoll, NULL);
    mutex_unlock(&all->lock);
    if (epoll->port != HANDLE_NONE) {
        (void)!sys_handle_close(epoll->port);
    }
    if (epoll->bell != HANDLE_NONE) {
        (void)!sys_handle_close(epoll->bell);
    }
    heap_free(epoll->members, epoll->room * sizeof(*epoll->members));
}

// ---- fork

void epolls_lock(void) {
    struct epolls *all = &process_current()->epolls;
    mutex_lock(&all->lock);
    for (struct epoll *epoll = all->first; epoll != NULL; epoll = epoll->next) {
        mutex_lock(&epoll->lock);
    }
}

void epolls_unlock(void) {
    struct epolls *all = &process_current()->epolls;
    for (struct epoll *epoll = all->first; epoll != NULL; epoll = epoll->next) {
        mutex_unlock(&epoll->lock);
    }
    mutex_unlock(&all->lock);
}

void epolls_begin_child(void) {
    for (struct epoll *epoll = process_current()->epolls.first; epoll != NULL;
         epoll = epoll->next) {
        // Packets of this port are the parent's. Members are bound anew at the next call.
        if (epoll->port != HANDLE_NONE) {
            (void)!sys_handle_close(epoll->port);
        }
        if (epoll->bell != HANDLE_NONE) {
            (void)!sys_handle_close(epoll->bell);
        }
        epoll->port = epoll->bell = HANDLE_NONE;
        epoll->waiters = 0;
        for (uint32_t i = 0; i < epoll->bound; i++) {
            epoll->members[i].bound = false;
        }
    }
}
