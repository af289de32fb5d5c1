// SPDX-License-Identifier: MIT
//
// Walking through the lines that the kernel's log holds at a moment. Output of a tool may go to
// that very log, so a walk ends with the lines that were there when it began.
#pragma once

#include <abi/info.h>
#include <abi/types.h>

struct logview_line {
    const char *whole; // zero-terminated, without the newline
    const char *text;  // after its time stamp
    instant_t time;    // 0 when there is none
};

// Calls `take` for each line, oldest first. Errors of log_read.
[[nodiscard]] status_t logview_walk(handle_t log,
                                    void (*take)(void *context, const struct logview_line *line),
                                    void *context);
