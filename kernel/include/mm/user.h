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

// How bytes move between kernel memory and a buffer: the kernel's, or the calling thread's.
enum copy_way { COPY_IN, COPY_OUT, COPY_IN_USER, COPY_OUT_USER };

// `in`: from the buffer into `memory`. Only user copies fail.
[[nodiscard]] static inline status_t copy_buffer(enum copy_way way, void *memory, uintptr_t buffer,
                                                 size_t bytes) {
    switch (way) {
    case COPY_IN:
        memcpy(memory, (const void *)buffer, bytes);
        return OK;
    case COPY_OUT:
        memcpy((void *)buffer, memory, bytes);
        return OK;
    case COPY_IN_USER:
        return copy_in(memory, buffer, bytes);
    default:
        return copy_out(buffer, memory, bytes);
    }
}
