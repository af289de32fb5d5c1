// SPDX-License-Identifier: MIT
//
// What the parts of fuzz-call share.
#pragma once

#include <abi/types.h>

// A page that the worker writes and the parent watches.
struct progress {
    uint64_t calls;     // made so far; atomic
    uint64_t successes; // of these without an error
    uint64_t number;    // of the call that is under way or was the last
    uint64_t args[6];
};

// Makes random calls, `limit` of them or until one of them ends it. Runs in the worker.
void fuzz_run(uint64_t seed, uint64_t limit, struct progress *progress);
