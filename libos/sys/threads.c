// SPDX-License-Identifier: MIT
//
// Threads: their end, and what they leave for it; futexes.

#include <core/access.h>
#include <core/clock.h>
#include <core/process.h>
#include <core/signal.h>
#include <core/status.h>
#include <core/threads.h>
#include <linux/handlers.h>
#include <sys/calls.h>

int64_t linux_exit(struct linux_thread *self, const uint64_t args[6]) {
    thread_end(self, LINUX_STATUS_EXIT(args[0]));
}

int64_t linux_exit_group(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    files_flush();
    process_end(LINUX_STATUS_EXIT(args[0]));
}

int64_t linux_set_tid_address(struct linux_thread *self, const uint64_t args[6]) {
    self->clear_tid = args[0];
    return self->tid;
}

#define ROBUST_HEAD_BYTES 24

int64_t linux_set_robust_list(struct linux_thread *self, const uint64_t args[6]) {
    if (args[1] != ROBUST_HEAD_BYTES) {
        return -LINUX_EINVAL;
    }
    self->robust_head = args[0];
    self->robust_bytes = args[1];
    (void)!sys_robust_list(args[0], (uint32_t)self->tid); // for when the thread is killed
    return 0;
}

int64_t linux_get_robust_list(struct linux_thread *self, const uint64_t args[6]) {
    int32_t tid = (int32_t)args[0];
    if (tid != 0 && tid != self->tid) {
        return -LINUX_ESRCH;
    }
    return store_user64(args[1], self->robust_head) && store_user64(args[2], ROBUST_HEAD_BYTES)
               ? 0
               : -LINUX_EFAULT;
}

enum futex_operation {
    FUTEX_WAIT = 0,
    FUTEX_WAKE = 1,
    FUTEX_REQUEUE = 3,
    FUTEX_CMP_REQUEUE = 4,
    FUTEX_WAKE_OP = 5,
    FUTEX_WAIT_BITSET = 9,
    FUTEX_WAKE_BITSET = 10,
    FUTEX_PRIVATE = 128,
    FUTEX_CLOCK_REALTIME = 256,
};

// The deadline of a wait: relative for FUTEX_WAIT, else absolute on the clock of the operation.
static int64_t futex_deadline(uint32_t operation, uint64_t addr, int64_t *deadline) {
    int64_t ns;
    *deadline = INSTANT_NEVER;
    int64_t result = addr == 0 ? 0 : time_in(addr, &ns);
    if (result < 0 || addr == 0) {
        return result;
    }
    if ((operation & ~(uint32_t)(FUTEX_PRIVATE | FUTEX_CLOCK_REALTIME)) == FUTEX_WAIT) {
        *deadline = deadline_after(ns);
    } else if ((operation & FUTEX_CLOCK_REALTIME) != 0) {
        *deadline = ns == INT64_MAX ? INSTANT_NEVER : ns - clock_realtime_offset();
    } else {
        *deadline = ns;
    }
    return 0;
}

static int64_t futex_wait(struct linux_thread *self, const uint64_t args[6], uint32_t mask,
                          uint32_t flags) {
    int64_t deadline;
    int64_t result = futex_deadline((uint32_t)args[1], args[3], &deadline);
    while (result == 0) {
        status_t status =
            sys_futex_wait(args[0], (uint32_t)args[2], mask, deadline, flags | FUTEX_INTERRUPTIBLE);
        if (status != ERR_INTERRUPTED) {
            return linux_result(status);
        }
        if (signal_interrupts(self)) {
            // A relative wait that is made again would begin anew; C libraries cope with EINTR.
            return deadline == INSTANT_NEVER ? -LINUX_ERESTARTSYS : -LINUX_EINTR;
        }
    }
    return result;
}

enum wake_op { OP_SET, OP_ADD, OP_OR, OP_ANDN, OP_XOR, OP_SHIFT = 8 };
enum wake_compare { COMPARE_EQ, COMPARE_NE, COMPARE_LT, COMPARE_LE, COMPARE_GT, COMPARE_GE };

static bool compares(uint32_t compare, int32_t old, int32_t argument) {
    switch (compare) {
    case COMPARE_EQ:
        return old == argument;
    case COMPARE_NE:
        return old != argument;
    case COMPARE_LT:
        return old < argument;
    case COMPARE_LE:
        return old <= argument;
    case COMPARE_GT:
        return old > argument;
    default:
        return old >= argument;
    }
}

static uint32_t operate(uint32_t operation, uint32_t old, uint32_t argument) {
    switch (operation) {
    case OP_SET:
        return argument;
    case OP_ADD:
        return old + argument;
    case OP_OR:
        return old | argument;
    case OP_ANDN:
        return old & ~argument;
    default:
        return old ^ argument;
    }
}

static int64_t futex_wake_op(const uint64_t args[6], uint32_t flags) {
    uint32_t encoded = (uint32_t)args[5], operation = encoded >> 28 & 7;
    int32_t argument = (int32_t)(encoded << 8) >> 20, compare = (int32_t)(encoded << 20) >> 20;
    uint32_t old, seen;
    if (operation > OP_XOR || (encoded >> 24 & 15) > COMPARE_GE) {
        return -LINUX_ENOSYS;
    }
    if ((encoded >> 31) != 0) {
        argument = 1 << (argument & 31);
    }
    if (args[4] % 4 != 0 || !load_user32(args[4], &old)) {
        return args[4] % 4 != 0 ? -LINUX_EINVAL : -LINUX_EFAULT;
    }
    do {
        seen = old;
        if (access_cas32((uint32_t *)args[4], &seen, operate(operation, old, (uint32_t)argument)) !=
            OK) {
            return -LINUX_EFAULT;
        }
    } while (seen != old && (old = seen, true));
    int64_t woken = sys_futex_wake(args[0], (uint32_t)args[2], UINT32_MAX, flags);
    if (woken >= 0 && compares(encoded >> 24 & 15, (int32_t)old, compare)) {
        int64_t more = sys_futex_wake(args[4], (uint32_t)args[3], UINT32_MAX, flags);
        woken = more < 0 ? more : woken + more;
    }
    return linux_result(woken);
}

static int64_t futex_requeue(const uint64_t args[6], uint32_t flags, bool compare) {
    uint32_t value = (uint32_t)args[5];
    if (!user_range(args[4], 4) || (int32_t)args[2] < 0 || (int32_t)args[3] < 0) {
        return -LINUX_EINVAL;
    }
    for (;;) {
        if (!compare && !load_user32(args[0], &value)) {
            return -LINUX_EFAULT;
        }
        int64_t moved =
            sys_futex_requeue(args[0], (uint32_t)args[2], args[4], (uint32_t)args[3], value, flags);
        if (compare || moved != ERR_WOULD_BLOCK) {
            return linux_result(moved);
        }
    }
}

int64_t linux_futex(struct linux_thread *self, const uint64_t args[6]) {
    uint32_t operation = (uint32_t)args[1];
    uint32_t flags = (operation & FUTEX_PRIVATE) != 0 ? 0 : FUTEX_SHARED;
    if (!user_range(args[0], 4) || args[0] % 4 != 0) {
        return args[0] % 4 != 0 ? -LINUX_EINVAL : -LINUX_EFAULT;
    }
    switch (operation & ~(uint32_t)(FUTEX_PRIVATE | FUTEX_CLOCK_REALTIME)) {
    case FUTEX_WAIT:
        return futex_wait(self, args, UINT32_MAX, flags);
    case FUTEX_WAIT_BITSET:
        return (uint32_t)args[5] == 0 ? -LINUX_EINVAL
                                      : futex_wait(self, args, (uint32_t)args[5], flags);
    case FUTEX_WAKE:
        return linux_result(sys_futex_wake(args[0], (uint32_t)args[2], UINT32_MAX, flags));
    case FUTEX_WAKE_BITSET:
        return (uint32_t)args[5] == 0 ? -LINUX_EINVAL
                                      : linux_result(sys_futex_wake(args[0], (uint32_t)args[2],
                                                                    (uint32_t)args[5], flags));
    case FUTEX_REQUEUE:
        return futex_requeue(args, flags, false);
    case FUTEX_CMP_REQUEUE:
        return futex_requeue(args, flags, true);
    case FUTEX_WAKE_OP:
        return futex_wake_op(args, flags);
    default:
        return -LINUX_ENOSYS;
    }
}
