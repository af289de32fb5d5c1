// SPDX-License-Identifier: MIT
//
// The kernel's log, for /dev/kmsg and syslog(2). Only root's processes get it, from procd.
#pragma once

#include <abi/limits.h>
#include <files/table.h>

#define KMSG_LINE_BYTES (LOG_LINE_MAX + 32) // what log_read wants room for

extern const struct file_ops kmsg_ops;

struct kmsg_line {
    uint64_t number; // its position
    uint64_t microseconds;
    uint32_t level;
    const char *text; // in `bytes`, without stamp and level
    char bytes[KMSG_LINE_BYTES];
};

// Gets the log from procd: READ. EPERM, ENXIO.
[[nodiscard]] int64_t kmsg_handle(handle_t *log);
// Takes the line at a position, or the oldest one after it, and moves the position on. 1, 0 at the
// end, or a status of log_read.
[[nodiscard]] int64_t kmsg_next(handle_t log, uint64_t *position, struct kmsg_line *line);
