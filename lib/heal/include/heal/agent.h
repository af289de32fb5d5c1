// SPDX-License-Identifier: MIT
//
// Processes that stand for Linux ones: the agent (tests/proc/agent), which procd starts when it was
// given `libos=lib/agent.img`.
#pragma once

#include <abi/types.h>

// Starts an agent with these words as its arguments, its files being the log. Its pid, or a status.
[[nodiscard]] int64_t agent_start(handle_t proc, const char *const *words, uint32_t count);
// Waits for its end. The status of wait(2), or of the call.
[[nodiscard]] int64_t agent_end(handle_t proc, int32_t pid);
// Starts one that ends at once, and leaves it as a zombie. Its pid, or a status.
[[nodiscard]] int64_t agent_zombie(handle_t proc);
