// SPDX-License-Identifier: MIT
//
// Time, from the clock page.
#pragma once

#include <abi/libos.h>
#include <stdbool.h>

// Nanoseconds since boot; of Unix time.
int64_t clock_now(void);
int64_t clock_realtime_now(void);
// Unix time at monotonic time 0.
int64_t clock_realtime_offset(void);

struct time_spec {
    int64_t seconds, nanoseconds;
};
#define SECOND 1000000000L

// Reads a time of the program. -EFAULT, -EINVAL; `ns` is cut off at the end of time.
[[nodiscard]] int64_t time_in(uint64_t addr, int64_t *ns);
[[nodiscard]] bool time_out(uint64_t addr, int64_t ns);
// An absolute deadline so much after now, INSTANT_NEVER at the end of time.
int64_t deadline_after(int64_t ns);
