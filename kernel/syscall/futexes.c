// SPDX-License-Identifier: MIT
//
// Native calls of the group "futexes".
#include <abi/flags.h>
#include <kernel/syscall_handlers.h>
#include <sched/futex.h>
#include <sched/thread.h>

int64_t sys_futex_wake(vaddr_t addr, uint32_t count, uint32_t mask, uint32_t flags) {
    return futex_wake(addr, count, mask, (flags & FUTEX_SHARED) != 0);
}

int64_t sys_futex_requeue(vaddr_t addr, uint32_t wake, vaddr_t target, uint32_t move,
                          uint32_t expected, uint32_t flags) {
    return futex_requeue(addr, wake, target, move, expected, (flags & FUTEX_SHARED) != 0);
}

int64_t sys_robust_list(vaddr_t head, uint32_t tid) {
    thread_self()->robust_head = head;
    thread_self()->robust_tid = tid;
    return OK;
}
