// SPDX-License-Identifier: MIT

#include <files/poll.h>

#include <core/heap.h>
#include <core/process.h>
#include <core/signal.h>
#include <core/status.h>
#include <sys/calls.h>

// What is always reported.
#define ALWAYS (POLLERR | POLLHUP | POLLNVAL)

// A look at all entries: what is ready at once, and for the others what to wait for.
struct round {
    struct wait_item *items;      // one for each entry that has to be waited for
    struct description **waiting; // by item
    uint32_t *entry;              // by item: its entry
    uint32_t *edges;              // by entry; null: levels count
    uint32_t items_count;
    uint32_t ready;
};

static void prepare(struct round *round, struct poll_entry *entries, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        struct poll_entry *entry = &entries[i];
        entry->ready = 0;
        if (entry->fd < 0) {
            continue;
        }
        struct description *file = file_get_open(entry->fd);
        if (file == NULL) {
            entry->ready = POLLNVAL;
        } else if (file->ops->poll == NULL) {
            entry->ready = entry->events & (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM);
            description_release(file);
        } else {
            uint32_t at = round->items_count;
            entry->ready =
                (uint16_t)file->ops->poll(file, entry->events | ALWAYS, &round->items[at]);
            round->items[at].edge = round->edges != NULL ? round->edges[i] : 0;
            // What has no handle can only be looked at: a set of epoll within another.
            if (entry->ready == 0 && round->items[at].handle != HANDLE_NONE) {
                round->waiting[at] = file;
                round->entry[at] = i;
                round->items_count++;
            } else {
                description_release(file);
            }
        }
        round->ready += entry->ready != 0;
    }
}

// Translates what the items show.
static void collect(struct round *round, struct poll_entry *entries) {
    for (uint32_t i = 0; i < round->items_count; i++) {
        struct description *file = round->waiting[i];
        struct poll_entry *entry = &entries[round->entry[i]];
        if (round->items[i].observed != 0) {
            entry->ready = (uint16_t)file->ops->poll_ready(file, entry->events | ALWAYS,
                                                           round->items[i].observed);
            round->ready += entry->ready != 0;
            if (round->edges != NULL) {
                round->edges[round->entry[i]] = round->items[i].edge;
            }
        }
    }
}

static void finish(struct round *round) {
    for (uint32_t i = 0; i < round->items_count; i++) {
        description_release(round->waiting[i]);
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
        round->items_count = round->ready = 0;
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

int64_t poll_wait(struct linux_thread *self, struct poll_entry *entries, uint32_t *edges,
                  uint32_t count, int64_t deadline) {
    size_t each = sizeof(struct wait_item) + sizeof(struct description *) + sizeof(uint32_t);
    size_t bytes = (count + 1) * each;
    uint8_t *memory = heap_alloc(bytes);
    if (memory == NULL) {
        return -LINUX_ENOMEM;
    }
    struct round round = {
        .waiting = (struct description **)memory,
        .items = (struct wait_item *)(memory + (count + 1) * sizeof(struct description *)),
    };
    round.edges = edges;
    round.entry = (uint32_t *)(round.items + count + 1);
    int64_t result = run(self, &round, entries, count, deadline);
    heap_free(memory, bytes);
    return result;
}
