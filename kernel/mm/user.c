// SPDX-License-Identifier: MIT
//
// Copies from and to the calling thread's memory: the checks that come before the accesses. The
// rest is a matter of the machine (arch/user.h) and of the fault path (entry_user_copy_fault).
#include <arch/user.h>
#include <mm/aspace.h>
#include <mm/user.h>

static bool is_user_range(vaddr_t addr, size_t bytes) {
    return addr <= USER_MAX && bytes <= USER_MAX - addr;
}

status_t copy_in(void *dst, vaddr_t src, size_t bytes) {
    assert(spin_none_held());
    return is_user_range(src, bytes) ? user_copy(dst, (const void *)src, bytes) : ERR_FAULT;
}

status_t copy_out(vaddr_t dst, const void *src, size_t bytes) {
    assert(spin_none_held());
    return is_user_range(dst, bytes) ? user_copy((void *)dst, src, bytes) : ERR_FAULT;
}

status_t user_load32(vaddr_t addr, uint32_t *out) {
    assert(spin_none_held());
    if (!IS_ALIGNED(addr, sizeof(uint32_t)) || !is_user_range(addr, sizeof(uint32_t))) {
        return ERR_FAULT;
    }
    return user_load((const uint32_t *)addr, out);
}

status_t user_store32(vaddr_t addr, uint32_t value) {
    assert(spin_none_held());
    if (!IS_ALIGNED(addr, sizeof(uint32_t)) || !is_user_range(addr, sizeof(uint32_t))) {
        return ERR_FAULT;
    }
    return user_store((uint32_t *)addr, value);
}
