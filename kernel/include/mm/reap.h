// SPDX-License-Identifier: MIT
//
// The reap list: where dead things wait until nobody can still be looking at them. Each CPU has its
// own list; entries carry a snapshot of all CPUs' entry_seq and are worked off, a bounded step at a
// time, on the way out of the kernel and by the idle loop.
#pragma once

#include <base.h>
#include <ds/list.h>

// What waits: every object has one, and memory that is freed without being an object.
struct reap_item {
    struct list_node node;
    // Frees it, or does a bounded step towards it and returns false to be called again. No lock is
    // held.
    bool (*release)(struct reap_item *item);
};

// Has `release` called after a grace period: once every kernel entry that runs now, this one
// included, is over. Any lock may be held.
void reap_add(struct reap_item *item, bool (*release)(struct reap_item *item));

// Does a bounded amount of work whose grace period is over. Returns whether anything is left that
// could be worked on soon; the same is known at any time from cpu->reap_count, which counts all
// that waits. Called with no lock held, by the outermost code of an entry.
bool reap_work(void);
