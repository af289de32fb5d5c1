// SPDX-License-Identifier: MIT
#pragma once

#include <abi/linux/calls.h>
#include <core/thread.h>

// Called by entry.S for numbers at or above the thread's call_limit.
int64_t dispatch_slow(struct linux_thread *self, const uint64_t args[LINUX_CALL_ARGS],
                      uint32_t number);
