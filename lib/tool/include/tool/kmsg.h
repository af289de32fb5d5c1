// SPDX-License-Identifier: MIT
//
// Walking through the lines of the kernel's log, which /dev/kmsg has.
#pragma once

#include <abi/types.h>
#include <stdbool.h>

struct kmsg_line {
    uint32_t level; // 0 (emergency) to 7 (debug)
    uint64_t microseconds;
    const char *text; // without the newline
};

// Calls `take` for each line, oldest first. With `follow` it goes on with those that come, and does
// not end. Returns an enum tool_status; what went wrong was said on standard error.
[[nodiscard]] int kmsg_walk(const char *program, bool follow,
                            void (*take)(const void *context, const struct kmsg_line *line),
                            const void *context);
// Prints a line with its time.
void kmsg_print(const struct kmsg_line *line);
