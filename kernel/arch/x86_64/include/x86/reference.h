// SPDX-License-Identifier: MIT
//
// A clock of a known rate that counts up and wraps at `mask`.
#pragma once

#include <base.h>

struct reference {
    const char *name;
    uint32_t (*read)(void);
    uint64_t hz;
    uint32_t mask;
    uint32_t number; // among those that reference_find goes through
};

// Finds the first one from `number` on, best first, and starts it. Returns false when there is
// none.
bool reference_find(uint32_t number, struct reference *out);
