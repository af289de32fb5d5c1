// SPDX-License-Identifier: MIT
//
// The bare accesses to user memory, for mm/user.c, which checks the addresses first. A fault is
// resolved by entry_user_copy_fault, or ends the access with the status that it returns.
#pragma once

#include <base.h>

// One of the two is a user address.
[[nodiscard]] status_t user_copy(void *dst, const void *src, size_t bytes);
[[nodiscard]] status_t user_load(const uint32_t *src, uint32_t *out);
[[nodiscard]] status_t user_store(uint32_t *dst, uint32_t value);
