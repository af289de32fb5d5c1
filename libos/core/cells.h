// SPDX-License-Identifier: MIT
//
// The two words of an open file description that all its holders share.
#pragma once

#include <abi/status.h>

static inline status_t cells_read(handle_t handle, uint64_t cell[2]) {
    (void)handle;
    cell[0] = cell[1] = 0;
    return ERR_NOT_SUPPORTED;
}
static inline status_t cells_swap(handle_t handle, uint32_t which, uint64_t old, uint64_t new) {
    (void)handle;
    (void)which;
    (void)old;
    (void)new;
    return ERR_NOT_SUPPORTED;
}
