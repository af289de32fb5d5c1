// SPDX-License-Identifier: MIT
//
// Looking into a vault from outside, for supervisors, tools and tests. The server may be running:
// what is counted is a glance.
#pragma once

#include <abi/types.h>
#include <stddef.h>

struct vault_summary {
    uint32_t service;    // four letters
    uint32_t version;    // of its tables
    uint64_t generation; // instances so far
    uint64_t messages;   // calls that they took
    uint32_t direct;     // reply records of calls that came straight from their thread
    uint32_t forwarded;  // reply records of calls that forwarders made
    uint32_t intents;    // nested calls that are noted
    uint32_t suspects;   // requests that made an instance crash
};

// Reads the summary of a vault that is mapped at `memory`.
//   ERR_CORRUPT  it is no vault, or its header fails its check
[[nodiscard]] status_t vault_summarize(const void *memory, size_t bytes,
                                       struct vault_summary *summary);
// The same by its vmo (READ and MAP). Errors of object_get and aspace_map, and ERR_CORRUPT.
[[nodiscard]] status_t vault_inspect(handle_t vmo, struct vault_summary *summary);
