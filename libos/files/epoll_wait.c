// SPDX-License-Identifier: MIT
//
// Waiting for a set of epoll.

#include <core/access.h>
#include <core/heap.h>
#include <core/process.h>
#include <core/signal.h>
#include <core/status.h>
#include <sys/calls.h>
#include <sys/string.h>

#include "epoll_set.h"

#define ALWAYS (POLLERR | POLLHUP | POLLNVAL)
#define BATCH                                                                                      \
    16 // members that are looked at by one call: as many as the kernel has room for at once
#define BELL_KEY UINT64_MAX

// ---- the queue of members that may be ready; lock held

static void push(struct epoll *epoll, uint32_t index) {
    struct member *member = &epoll->members[index];
    if (member->queued) {
        return;
    }
    member->queued = true;
    if (epoll->queued++ == 0) {
        epoll->head = index;
    } else {
        epoll->members[epoll->tail].next = index;
    }
    epoll->tail = index;
}

static uint32_t pop(struct epoll *epoll) {
    uint32_t index = epoll->head;
    epoll->head = epoll->members[index].next;
    epoll->members[index].queued = false;
    epoll->queued--;
    return index;
}

// Puts the member in the queue that the packet in the thread's block names.
static void take_packet(struct linux_thread *self, struct epoll *epoll) {
    uint64_t key = self->block->packet.key;
    uint32_t index = (uint32_t)key;
    if (index < epoll->bound && epoll->members[index].file != NULL &&
        epoll->members[index].generation == key >> 32) {
        push(epoll, index);
    }
}

// Takes all packets that are there; no more than there are members, whatever others do meanwhile.
static void take_packets(struct linux_thread *self, struct epoll *epoll) {
    for (uint32_t i = 0; i <= epoll->count; i++) {
        if (sys_port_reply_wait(epoll->port, 0, 0, 0) != OK) {
            return;
        }
        take_packet(self, epoll);
    }
}

// ---- looking

struct batch {
    struct wait_item items[BATCH];
    uint32_t members[BATCH];
    uint32_t ready[BATCH]; // events
    uint32_t count;
};

// Asks the kernel for the signals of one item.
static void observe_one(struct wait_item *item) {
    int64_t signals = sys_object_wait(item->handle, item->signals, 0, 0);
    item->observed = signals > 0 ? (uint32_t)signals : 0;
}

// The same of all items.
static void observe(struct batch *batch) {
    if (batch->count > 1) {
        // When nothing shows, the items are as they were.
        (void)!sys_object_wait_many(batch->items, batch->count, 0, 0);
    } else if (batch->count == 1) {
        observe_one(&batch->items[0]);
    }
}

static uint32_t events_of(const struct member *member) {
    return (member->event.events & EPOLL_EVENTS) | ALWAYS;
}

// The events that an observed item of a member means.
static uint32_t ready_events(const struct member *member, const struct wait_item *item) {
    bool shows = (item->observed & item->signals) != 0;
    return shows ? member->file->ops->poll_ready(member->file, events_of(member), item) : 0;
}

// A member was reported. Whether it stays in the queue.
static bool stays_queued(struct member *member) {
    member->muted = (member->event.events & EPOLLONESHOT) != 0;
    return !member->muted && (member->event.events & EPOLLET) == 0;
}

// Takes members out of the queue, at most `most` and `*left`, and sees what is ready.
static void look(struct epoll *epoll, struct batch *batch, uint32_t most, uint32_t *left) {
    batch->count = 0;
    while (*left > 0 && batch->count < most && batch->count < BATCH) {
        uint32_t index = pop(epoll);
        struct member *member = &epoll->members[index];
        --*left;
        if (member->file == NULL || member->muted) {
            continue;
        }
        struct wait_item items[POLL_ITEMS];
        (void)member->file->ops->poll(member->file, events_of(member), items);
        batch->items[batch->count] = items[0];
        batch->members[batch->count++] = index;
    }
    observe(batch);
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct member *member = &epoll->members[batch->members[i]];
        batch->ready[i] = ready_events(member, &batch->items[i]);
    }
}

// Stores a batch from the `stored`-th event on, and notes what was reported. EFAULT.
static int64_t store_batch(struct epoll *epoll, const struct batch *batch, uint64_t to,
                           int64_t stored) {
    int64_t result = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        struct member *member = &epoll->members[batch->members[i]];
        const struct epoll_event event = {.events = batch->ready[i], .data = member->event.data};
        if (event.events == 0) {
            continue;
        }
        if (result >= 0 &&
            !copy_out(to + (uint64_t)(stored + result) * sizeof(event), &event, sizeof(event))) {
            result = stored + result > 0 ? result : -LINUX_EFAULT;
            to = 0; // and so for all after it
        }
        bool lost = to == 0;
        result += !lost && result >= 0;
        if (lost || stays_queued(member)) {
            push(epoll, batch->members[i]);
        }
    }
    return result;
}

// What of a member is ready now.
static uint32_t look_at(const struct member *member) {
    struct wait_item items[POLL_ITEMS];
    (void)member->file->ops->poll(member->file, events_of(member), items);
    observe_one(&items[0]);
    return ready_events(member, &items[0]);
}

// The same as report, of the only member in the queue, which is most often all there is.
static int64_t report_only(struct epoll *epoll, uint64_t to) {
    struct member *member = &epoll->members[epoll->head];
    bool counts = member->file != NULL && !member->muted;
    const struct epoll_event event = {.events = counts ? look_at(member) : 0,
                                      .data = member->event.data};
    if (event.events == 0) {
        (void)pop(epoll);
        return 0;
    }
    if (!copy_out(to, &event, sizeof(event))) {
        return -LINUX_EFAULT;
    }
    if (!stays_queued(member)) {
        (void)pop(epoll);
    }
    return 1;
}

// Reports what in the queue is ready. A level stays in the queue, behind the others.
static int64_t report(struct epoll *epoll, uint64_t to, uint32_t room) {
    int64_t stored = 0, result = 0;
    if (epoll->queued == 1) {
        return report_only(epoll, to);
    }
    uint32_t left = epoll->queued;
    while (left > 0 && stored < room && result >= 0) {
        struct batch batch;
        look(epoll, &batch, room - (uint32_t)stored, &left);
        result = store_batch(epoll, &batch, to, stored);
        stored += result > 0 ? result : 0;
    }
    return stored > 0 ? stored : result;
}

// Wakes one thread that waits for packets, since there is more to be reported. lock held.
static void ring(struct epoll *epoll) {
    if (epoll->bell == HANDLE_NONE) {
        int64_t bell = sys_event_create();
        if (bell < 0) {
            return;
        }
        epoll->bell = (handle_t)bell;
        (void)!sys_object_bind(epoll->bell, epoll->port, BELL_KEY, 1);
    }
    (void)!sys_event_signal(epoll->bell, 0, 1);
}

// A call of epoll_wait on a set that is not slow. ERR_BAD_STATE: it has become slow.
static int64_t wait_for_packets(struct linux_thread *self, struct epoll *epoll, uint64_t to,
                                uint32_t room, int64_t deadline) {
    for (;;) {
        mutex_lock(&epoll->lock);
        epoll_prepare(epoll);
        if (epoll->slow) {
            mutex_unlock(&epoll->lock);
            return ERR_BAD_STATE;
        }
        take_packets(self, epoll);
        int64_t result = report(epoll, to, room);
        if (epoll->queued > 0 && epoll->waiters > 0) {
            ring(epoll);
        }
        handle_t port = epoll->port;
        epoll->waiters += result == 0 && deadline != 0;
        mutex_unlock(&epoll->lock);
        if (result != 0 || deadline == 0) {
            return result;
        }
        status_t status = sys_port_reply_wait(port, 0, deadline, WAIT_INTERRUPTIBLE);
        mutex_lock(&epoll->lock);
        epoll->waiters--;
        if (status == OK) {
            take_packet(self, epoll);
        }
        mutex_unlock(&epoll->lock);
        if (status == ERR_TIMED_OUT) {
            return 0;
        }
        if (status == ERR_INTERRUPTED && signal_interrupts(self)) {
            return -LINUX_EINTR; // the call is not made again, as on Linux
        }
    }
}

// ---- slow sets

// What to wait for, and by which edges.
struct slow_look {
    struct poll_entry *entries;
    struct poll_edges *edges;
    uint32_t *members;
    uint32_t count;
    void *memory;
    size_t bytes;
};

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

// Lists all members. ENOMEM. What it lists is to be freed.
static int64_t list(struct epoll *epoll, struct slow_look *look) {
    mutex_lock(&epoll->lock);
    size_t each = sizeof(*look->entries) + sizeof(*look->edges) + sizeof(*look->members);
    look->bytes = (epoll->bound + 1) * each;
    look->memory = heap_alloc_dirty(look->bytes);
    look->count = 0;
    if (look->memory == NULL) {
        mutex_unlock(&epoll->lock);
        return -LINUX_ENOMEM;
    }
    look->edges = look->memory;
    look->entries = (struct poll_entry *)(look->edges + epoll->bound + 1);
    look->members = (uint32_t *)(look->entries + epoll->bound + 1);
    for (uint32_t i = 0; i < epoll->bound; i++) {
        struct member *member = &epoll->members[i];
        // With no descriptor of its own left it is about to be forgotten.
        if (member->file == NULL || member->muted || !reach(member)) {
            continue;
        }
        look->members[look->count] = i;
        look->edges[look->count] = member->edges;
        look->entries[look->count++] = (struct poll_entry){
            .fd = member->now,
            .events = (uint16_t)(member->event.events & EPOLL_EVENTS),
        };
    }
    mutex_unlock(&epoll->lock);
    return 0;
}

// Stores what is ready, and notes that it was reported.
static int64_t store(struct epoll *epoll, const struct slow_look *look, uint64_t to,
                     uint32_t room) {
    int64_t stored = 0;
    mutex_lock(&epoll->lock);
    uint32_t turn = epoll->turn;
    epoll->turn = 0;
    for (uint32_t n = 0; n < look->count; n++) {
        uint32_t i = (turn + n) % look->count;
        const struct poll_entry *entry = &look->entries[i];
        struct member *member = &epoll->members[look->members[i]];
        // Another thread may have changed the set meanwhile: then it is looked at again.
        if (entry->ready == 0 || (entry->ready & POLLNVAL) != 0 || member->file == NULL ||
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

static int64_t wait_for_all(struct linux_thread *self, struct epoll *epoll, uint64_t to,
                            uint32_t room, int64_t deadline) {
    bool again;
    int64_t result;
    do {
        struct slow_look look;
        result = list(epoll, &look);
        if (result < 0) {
            return result;
        }
        result = poll_wait(self, look.entries, look.edges, look.count, deadline);
        again = result > 0 && (result = store(epoll, &look, to, room)) == 0;
        heap_free(look.memory, look.bytes);
    } while (again && deadline != 0);
    return result == -LINUX_ERESTARTNOHAND ? -LINUX_EINTR : result;
}

int64_t epoll_wait_for(struct linux_thread *self, struct description *set, uint64_t to,
                       uint32_t room, int64_t deadline) {
    struct epoll *epoll = set->data;
    int64_t result = wait_for_packets(self, epoll, to, room, deadline);
    return result == ERR_BAD_STATE ? wait_for_all(self, epoll, to, room, deadline) : result;
}

// ---- a set within a set: whether something in it is ready now

static bool has_ready(struct epoll *epoll) {
    bool found = false;
    take_packets(thread_current(), epoll);
    for (uint32_t left = epoll->queued; left > 0;) {
        struct batch batch;
        look(epoll, &batch, BATCH, &left);
        for (uint32_t i = 0; i < batch.count; i++) {
            if (batch.ready[i] != 0) {
                push(epoll, batch.members[i]);
                found = true;
            }
        }
    }
    return found;
}

uint32_t epoll_poll(struct description *set, uint32_t events, struct wait_item *items) {
    struct epoll *epoll = set->data;
    (void)items;
    mutex_lock(&epoll->lock);
    epoll_prepare(epoll);
    bool slow = epoll->slow;
    bool found = !slow && has_ready(epoll);
    mutex_unlock(&epoll->lock);
    struct slow_look look;
    if (slow) {
        if (list(epoll, &look) < 0) {
            return POLLERR;
        }
        found = poll_wait(thread_current(), look.entries, look.edges, look.count, 0) > 0;
        heap_free(look.memory, look.bytes);
    }
    return found ? events & POLLIN : 0;
}
