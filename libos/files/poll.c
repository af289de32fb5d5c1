// SPDX-License-Identifier: MIT

#include <files/poll.h>

#include <core/heap.h>
#include <core/process.h>
#include <core/signal.h>
#include <core/status.h>
#include <sys/calls.h>

// What is always reported.
#define ALWAYS (POLLERR | POLLHUP | POLLNVAL)

// An entry that has to be waited for.
struct waiting {
    struct description *file;
    uint32_t entry;
    struct wait_item items[POLL_ITEMS];
};

// A look at all entries: what is ready at once, and for the others what to wait for.
struct round {
    struct wait_item *items; // those of all that wait, one after the other
    struct waiting *waiting;
    struct poll_edges *edges; // by entry; null: levels count
    uint32_t items_count, waiting_count;
    uint32_t ready;
};

static void look_ends(struct description *file, const struct wait_item *items) {
    if (file->ops->poll_end != NULL) {
        file->ops->poll_end(file, items);
    }
    description_release(file);
}

// Gives the items of an entry the edges that were reported.
static void prepare_edges(struct wait_item *items, struct poll_edges *edges) {
    uint32_t objects = items->edge;
    for (uint32_t i = 0; i < POLL_ITEMS; i++) {
        bool other = i > 0 && edges->known[i] != 0 && edges->objects != objects;
        edges->known[i] = other ? WAIT_EDGE : edges->known[i];
        items[i].edge = edges->known[i];
    }
    edges->objects = objects;
}

// Looks at one entry, and lists what to wait for if it is not ready.
static void prepare_entry(struct round *round, struct poll_entry *entries, uint32_t at) {
    struct poll_entry *entry = &entries[at];
    struct waiting *waiting = &round->waiting[round->waiting_count];
    struct description *file = file_get_open(entry->fd);
    if (file == NULL) {
        entry->ready = POLLNVAL;
        return;
    }
    if (file->ops->poll == NULL) {
        entry->ready = entry->events & (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM);
        description_release(file);
        return;
    }
    *waiting = (struct waiting){.file = file, .entry = at};
    entry->ready = (uint16_t)file->ops->poll(file, entry->events | ALWAYS, waiting->items);
    // What has no handle can only be looked at: a set of epoll within another.
    if (entry->ready != 0 || waiting->items[0].handle == HANDLE_NONE) {
        look_ends(file, waiting->items);
        return;
    }
    struct poll_edges levels = {0};
    prepare_edges(waiting->items, round->edges != NULL ? &round->edges[at] : &levels);
    for (uint32_t i = 0; i < POLL_ITEMS; i++) {
        if (waiting->items[i].handle != HANDLE_NONE) {
            round->items[round->items_count++] = waiting->items[i];
        }
    }
    round->waiting_count++;
}

static void prepare(struct round *round, struct poll_entry *entries, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        entries[i].ready = 0;
        if (entries[i].fd >= 0) {
            prepare_entry(round, entries, i);
        }
        round->ready += entries[i].ready != 0;
    }
}

// Translates what the items show.
static void collect(struct round *round, struct poll_entry *entries) {
    const struct wait_item *item = round->items;
    for (uint32_t i = 0; i < round->waiting_count; i++) {
        struct waiting *waiting = &round->waiting[i];
        struct poll_entry *entry = &entries[waiting->entry];
        uint32_t observed = 0;
        for (uint32_t at = 0; at < POLL_ITEMS; at++) {
            if (waiting->items[at].handle != HANDLE_NONE) {
                waiting->items[at] = *item++;
                observed |= waiting->items[at].observed;
            }
        }
        if (observed == 0) {
            continue;
        }
        entry->ready = (uint16_t)waiting->file->ops->poll_ready(
            waiting->file, entry->events | ALWAYS, waiting->items);
        round->ready += entry->ready != 0;
        for (uint32_t at = 0; round->edges != NULL && at < POLL_ITEMS; at++) {
            if (waiting->items[at].handle != HANDLE_NONE) {
                round->edges[waiting->entry].known[at] = waiting->items[at].edge;
            }
        }
    }
}

static void finish(struct round *round) {
    for (uint32_t i = 0; i < round->waiting_count; i++) {
        look_ends(round->waiting[i].file, round->waiting[i].items);
    }
}

// Waits for the items. A positive count, 0 after the deadline, or a negative status.
static int64_t wait(struct round *round, int64_t deadline) {
    if (round->items_count == 0) {
        int64_t status = sys_thread_sleep(deadline, WAIT_INTERRUPTIBLE);
        return status;
    }
    int64_t got =
        sys_object_wait_many(round->items, round->items_count, deadline, WAIT_INTERRUPTIBLE);
    return got == ERR_TIMED_OUT ? 0 : got;
}

static int64_t run(struct linux_thread *self, struct round *round, struct poll_entry *entries,
                   uint32_t count, int64_t deadline) {
    for (;;) {
        round->items_count = round->waiting_count = round->ready = 0;
        prepare(round, entries, count);
        bool look = round->ready > 0 || deadline == 0;
        int64_t got = look && round->items_count == 0 ? 0 : wait(round, look ? 0 : deadline);
        if (got > 0) {
            collect(round, entries);
        }
        finish(round);
        if (round->ready > 0) {
            return round->ready;
        }
        if (got == ERR_INTERRUPTED && signal_interrupts(self)) {
            return -LINUX_ERESTARTNOHAND;
        }
        if (got < 0 && got != ERR_INTERRUPTED) {
            return linux_result(got);
        }
        if (got == 0) {
            return 0;
        }
    }
}

// Looks at all entries without waiting, when each is of one steady object: then no file has to be
// held, as nothing can be closed meanwhile. `items` has room for all. How many are ready, or -1: an
// entry needs more than that. files.lock held.
static int64_t glance(struct poll_entry *entries, struct wait_item *items, uint32_t count) {
    const struct files *files = &process_current()->files;
    const struct file_slot *slots = files->slots;
    uint32_t used = 0, bound = files->bound;
    int64_t ready = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t fd = (uint32_t)entries[i].fd;
        struct description *file = fd < bound ? slots[fd].file : NULL;
        if (file == NULL || !file->ops->poll_steady) {
            return -1;
        }
        (void)file->ops->poll(file, entries[i].events | ALWAYS, &items[used++]);
    }
    if (used != 0 && sys_object_wait_many(items, used, 0, 0) <= 0) {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        entries[i].ready = 0;
        if ((items[i].observed & items[i].signals) != 0) {
            struct description *file = slots[entries[i].fd].file;
            entries[i].ready =
                (uint16_t)file->ops->poll_ready(file, entries[i].events | ALWAYS, &items[i]);
            ready += entries[i].ready != 0;
        }
    }
    return ready;
}

int64_t poll_wait(struct linux_thread *self, struct poll_entry *entries, struct poll_edges *edges,
                  uint32_t count, int64_t deadline) {
    size_t each = sizeof(struct waiting) + POLL_ITEMS * sizeof(struct wait_item);
    size_t bytes = (count + 1) * each;
    uint8_t *memory = heap_alloc_dirty(bytes);
    if (memory == NULL) {
        return -LINUX_ENOMEM;
    }
    struct round round = {
        .waiting = (struct waiting *)memory,
        .items = (struct wait_item *)(memory + (count + 1) * sizeof(struct waiting)),
        .edges = edges,
    };
    int64_t result = 0;
    if (edges == NULL) {
        struct files *files = &process_current()->files;
        mutex_lock(&files->lock);
        result = glance(entries, round.items, count);
        mutex_unlock(&files->lock);
    }
    if (result < 0 || (result == 0 && (deadline != 0 || edges != NULL || count == 0))) {
        result = run(self, &round, entries, count, deadline);
    } else if (result == 0) {
        for (uint32_t i = 0; i < count; i++) {
            entries[i].ready = 0;
        }
    }
    heap_free(memory, bytes);
    return result;
}
