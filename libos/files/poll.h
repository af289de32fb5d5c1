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

// Waits until an entry is ready, and says which. `edges` (or null): for each entry the `edge` of
// its wait_item, which is brought up to date when the entry is ready. Returns how many are ready; 0
// after the deadline, 0 to look only; -ERESTARTNOHAND for a signal.
[[nodiscard]] int64_t poll_wait(struct linux_thread *self, struct poll_entry *entries,
                                uint32_t *edges, uint32_t count, int64_t deadline);
