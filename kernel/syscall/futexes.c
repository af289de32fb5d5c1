// SPDX-License-Identifier: MIT
//
// Native calls of the group "futexes".
#include <abi/flags.h>
#include <kernel/syscall_handlers.h>
#include <sched/futex.h>
#include <syscall/syscall.h>

// Whether an address can be a futex.
static bool is_word(vaddr_t addr) {
    return IS_ALIGNED(addr, sizeof(uint32_t));
}

int64_t sys_futex_wait(vaddr_t addr, uint32_t expected, uint32_t mask, instant_t deadline,
                       uint32_t flags) {
    if (!is_word(addr) || mask == 0) {
        return ERR_INVALID_ARGUMENT;
    }
    return futex_wait(addr, expected, mask, deadline, flags);
}

int64_t sys_futex_wake(vaddr_t addr, uint32_t count, uint32_t mask, uint32_t flags) {
    if (!is_word(addr) || mask == 0 || (flags & ~FUTEX_SHARED) != 0) {
        return ERR_INVALID_ARGUMENT;
    }
    return futex_wake(addr, count, mask, (flags & FUTEX_SHARED) != 0);
}

int64_t sys_futex_requeue(vaddr_t addr, uint32_t wake, vaddr_t target, uint32_t move,
                          uint32_t expected, uint32_t flags) {
    if (!is_word(addr) || !is_word(target) || (flags & ~FUTEX_SHARED) != 0) {
        return ERR_INVALID_ARGUMENT;
    }
    return futex_requeue(addr, wake, target, move, expected, (flags & FUTEX_SHARED) != 0);
}
