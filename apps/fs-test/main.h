// SPDX-License-Identifier: MIT
//
// What the files of fs-test share.
#pragma once

#include <abi/info.h>
#include <fstest/script.h>
#include <sys/thread.h>
#include <test/test.h>

#include "supervisor.h"

// The number that an argument `key=N` gives.
uint32_t option(const char *key, uint32_t otherwise);
instant_t now(void);
void sleep_for(duration_t duration);

// The counters of the kernel once they stand still.
struct system_info counters_settled(void);
// Waits until they are what they were. Pages may differ by a few. If that does not happen, says
// what differs and returns false.
bool counters_return(const struct system_info *before);
