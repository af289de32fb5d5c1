// SPDX-License-Identifier: MIT
//
// User memory on the host is the test's own memory; the first 64 KiB are never mapped.
#include "host.h"

#include <mm/aspace.h>
#include <mm/user.h>

#define WEAK __attribute__((weak))

WEAK status_t copy_in(void *dst, vaddr_t src, size_t bytes) {
    if (src < USER_MIN) {
        return ERR_FAULT;
    }
    memcpy(dst, (const void *)src, bytes);
    return OK;
}

WEAK status_t copy_out(vaddr_t dst, const void *src, size_t bytes) {
    if (dst < USER_MIN) {
        return ERR_FAULT;
    }
    memcpy((void *)dst, src, bytes);
    return OK;
}

WEAK status_t user_load32(vaddr_t addr, uint32_t *out) {
    if (addr < USER_MIN) {
        return ERR_FAULT;
    }
    *out = __atomic_load_n((uint32_t *)addr, __ATOMIC_ACQUIRE);
    return OK;
}

WEAK status_t user_store32(vaddr_t addr, uint32_t value) {
    if (addr < USER_MIN) {
        return ERR_FAULT;
    }
    __atomic_store_n((uint32_t *)addr, value, __ATOMIC_RELEASE);
    return OK;
}
