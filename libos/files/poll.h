// SPDX-License-Identifier: MIT
//
// Waiting for several descriptors at once: poll, select, epoll.
#pragma once

#include <files/table.h>

struct poll_entry { // struct pollfd of Linux
    int32_t fd;     // below 0: left out
    uint16_t events;
    uint16_t ready;
};

// The edges of an entry that were reported (struct wait_item), of each of its items; all 0: levels
// count. WAIT_EDGE in all: none was reported yet.
struct poll_edges {
    uint32_t known[POLL_ITEMS];
    uint32_t objects; // how often items but the first were other objects: those begin anew
};

// Waits until an entry is ready, and says which. `edges` (or null): for each entry those reported,
// brought up to date when the entry is ready. Returns how many are ready; 0 after the deadline, 0
// to look only; -ERESTARTNOHAND for a signal.
[[nodiscard]] int64_t poll_wait(struct linux_thread *self, struct poll_entry *entries,
                                struct poll_edges *edges, uint32_t count, int64_t deadline);
