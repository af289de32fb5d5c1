// SPDX-License-Identifier: MIT
//
// Touching user memory of the calling thread. Never with a lock held. A fault inside is resolved at
// once when it can be (demand-zero, copy-on-write); otherwise the copy ends with FAULT, or with
// STATUS_PAGE_WAIT when only a pager can bring the page: the call then returns that status at once,
// having changed nothing, and restarts when the page has come.
#pragma once

#include <base.h>

[[nodiscard]] status_t copy_in(void *dst, vaddr_t src, size_t bytes);
[[nodiscard]] status_t copy_out(vaddr_t dst, const void *src, size_t bytes);
// Atomic 32-bit load and compare-and-swap of user memory, 4-byte aligned.
[[nodiscard]] status_t user_load32(vaddr_t addr, uint32_t *out);
[[nodiscard]] status_t user_store32(vaddr_t addr, uint32_t value);
