// SPDX-License-Identifier: MIT
//
// The kernel's own spin locks with their checks, a point before each acquire and a look before each
// release.
#include "machine.h"

#define arch_pause() ((void)0) // the poll of the mailbox beside it has yielded

#ifdef DEBUG
void lock_check_acquire(struct spinlock *lock, bool same_rank_ok);
void lock_check_acquired(struct spinlock *lock);
void lock_check_release(struct spinlock *lock);
#define spin_debug_acquire lock_check_acquire
#define spin_debug_acquired lock_check_acquired
#define spin_debug_release lock_check_release
#include "../../sched/spinlock.c"
#undef spin_debug_acquire
#undef spin_debug_acquired
#undef spin_debug_release

void spin_debug_acquire(struct spinlock *lock, bool same_rank_ok) {
    machine_point();
    lock_check_acquire(lock, same_rank_ok);
}

void spin_debug_acquired(struct spinlock *lock) {
    lock_check_acquired(lock);
}

void spin_debug_release(struct spinlock *lock) {
    machine_release(lock);
    lock_check_release(lock);
}
#else
#include "../../sched/spinlock.c"
#endif
