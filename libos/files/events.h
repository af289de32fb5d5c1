// SPDX-License-Identifier: MIT
//
// Descriptors of things that are no files: eventfd, timerfd.
#pragma once

#include <files/table.h>

// Makes a descriptor; `flags` O_CLOEXEC and O_NONBLOCK.
[[nodiscard]] int64_t event_make(uint64_t initial, uint32_t flags, bool semaphore);
// `real`: times are Unix times.
[[nodiscard]] int64_t timer_make(bool real, uint32_t flags);
// Arms; times in nanoseconds, 0 disarms. The old setting comes back.
struct timer_setting {
    int64_t value, interval;
};
[[nodiscard]] int64_t timer_arm(struct description *file, const struct timer_setting *new,
                                bool absolute, struct timer_setting *old);
void timer_left(struct description *file, struct timer_setting *now);

// What stat says of such descriptors.
int64_t anonymous_stat(struct description *file, struct fs_attributes *attributes);
