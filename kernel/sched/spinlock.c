// SPDX-License-Identifier: MIT
//
// The slow half of spin locks, and the checks of debug builds: a CPU acquires locks in rising rank,
// and never one that it holds.
#include <sched/spinlock.h>

#include <sched/cpu.h>

void spin_init(struct spinlock *lock, enum lock_rank rank) {
    *lock = (struct spinlock)SPINLOCK_INIT(rank);
    (void)rank;
}

// Reads until the lock looks free before it tries again, so that the cache line stays shared, and
// serves the mailbox meanwhile: the holder may be waiting for this CPU's acknowledgement.
void spin_lock_slow(struct spinlock *lock) {
    do {
        while (__atomic_load_n(&lock->word, __ATOMIC_RELAXED) != 0) {
            cpu_mailbox_poll();
            arch_pause();
        }
    } while (__atomic_exchange_n(&lock->word, 1, __ATOMIC_ACQUIRE) != 0);
}

void spin_lock_pair(struct spinlock *a, struct spinlock *b) {
    struct spinlock *lower = (uintptr_t)a < (uintptr_t)b ? a : b;
    struct spinlock *upper = lower == a ? b : a;
    spin_lock(lower);
    if (upper != lower) {
        spin_lock_nested(upper);
    }
}

void spin_unlock_pair(struct spinlock *a, struct spinlock *b) {
    if (a != b) {
        spin_unlock(b);
    }
    spin_unlock(a);
}

#ifdef DEBUG

static uint32_t holder_mark(void) {
    return cpu_this()->index + 1;
}

bool spin_held(const struct spinlock *lock) {
    return __atomic_load_n(&lock->word, __ATOMIC_RELAXED) != 0 &&
           __atomic_load_n(&lock->holder, __ATOMIC_RELAXED) == holder_mark();
}

bool spin_none_held(void) {
    return cpu_this()->ranks_held == 0;
}

void spin_debug_acquire(struct spinlock *lock, bool same_rank_ok) {
    const struct cpu *cpu = cpu_this();
    if (lock->rank == 0 || lock->rank >= RANK_COUNT) {
        panic("lock %p was never initialised", (void *)lock);
    }
    if (spin_held(lock)) {
        panic("lock %p of rank %u is held by this CPU already", (void *)lock, lock->rank);
    }
    // Bits of the ranks that may not be held: all inner ones, and this one.
    uint32_t forbidden = ~((1u << (lock->rank + same_rank_ok)) - 1);
    if ((cpu->ranks_held & forbidden) != 0) {
        panic("lock %p of rank %u wanted while ranks %x are held", (void *)lock, lock->rank,
              cpu->ranks_held);
    }
}

void spin_debug_acquired(struct spinlock *lock) {
    struct cpu *cpu = cpu_this();
    __atomic_store_n(&lock->holder, holder_mark(), __ATOMIC_RELAXED);
    cpu->rank_counts[lock->rank]++;
    cpu->ranks_held |= 1u << lock->rank;
}

void spin_debug_release(struct spinlock *lock) {
    struct cpu *cpu = cpu_this();
    if (!spin_held(lock)) {
        panic("lock %p of rank %u released but not held by this CPU", (void *)lock, lock->rank);
    }
    __atomic_store_n(&lock->holder, 0, __ATOMIC_RELAXED);
    assert(cpu->rank_counts[lock->rank] > 0);
    if (--cpu->rank_counts[lock->rank] == 0) {
        cpu->ranks_held &= ~(1u << lock->rank);
    }
}

#endif
