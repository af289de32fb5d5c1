// SPDX-License-Identifier: MIT
//
// Counters of the whole system, and figures.
#pragma once

#include <abi/info.h>
#include <stdbool.h>
#include <test/test.h>

instant_t now(void);
void sleep_for(duration_t duration);

// Runs a function on a thread whose calls carry a user and a group, as those of Linux processes do.
void as_user(uint32_t uid, uint32_t gid, void (*function)(void *argument));

// The counters of the kernel once they stand still.
struct system_info counters_settled(void);
// Waits until they are what they were. Pages may differ by a few. If that does not happen, says
// what differs and returns false.
bool counters_return(const struct system_info *before);

// Prints p50, p99 and the maximum of some times as a figure. Sorts them.
void figure_times(const char *what, duration_t *times, uint32_t count);
