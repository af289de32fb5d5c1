// SPDX-License-Identifier: MIT
//
// Spin locks with ranks. Interrupts are off in the kernel, so a lock only ever waits for another
// CPU. A CPU that spins polls its mailbox (cpu_mailbox_poll), so a CPU that waits for a lock can't
// deadlock with one that waits for its acknowledgement of a TLB shoot-down.
//
// Ranks are the documented order, outer to inner. A CPU acquires in rising rank; two locks of the
// same rank in rising address (spin_lock_pair). Debug builds keep a bit set of held ranks a CPU and
// check.
#pragma once

#include <base.h>

enum lock_rank {
    RANK_JOB = 1,     // job tree; parent before child
    RANK_TABLE,       // a process's handle table
    RANK_PROCESS,     // a process's threads and state
    RANK_ASPACE,      // an aspace's mappings
    RANK_VMO,         // a vmo's pages and list of mappings
    RANK_PAGE_TABLE,  // an aspace's page tables
    RANK_TREE,        // an object's derivation tree
    RANK_SOURCE,      // event, timer, interrupt, stream, process signals: waiters, bindings, bits
    RANK_PORT,        // a port's queues, bindings, and the states of calls at it
    RANK_FUTEX,       // a futex bucket
    RANK_THREAD,      // a thread's state and what it waits on
    RANK_RUN_QUEUE,   // a CPU's run queue
    RANK_TIMER_QUEUE, // a CPU's timer queue
    RANK_ID,          // id tables
    RANK_SLAB,        // a slab cache
    RANK_PAGES,       // the page allocator
    RANK_DEVICE,      // an interrupt controller's registers
    RANK_LOG,         // the log and the serial port
    RANK_COUNT,
};

struct spinlock {
    uint32_t word; // 0 free, 1 held
#ifdef DEBUG
    uint8_t rank;
    uint32_t holder; // cpu index + 1
#endif
};

#ifdef DEBUG
#define SPINLOCK_INIT(r)                                                                           \
    { .rank = (r) }
#else
#define SPINLOCK_INIT(r)                                                                           \
    { 0 }
#endif

// Prepares a lock of the given rank.
void spin_init(struct spinlock *lock, enum lock_rank rank);

// The contended path of spin_lock; polls the mailbox.
void spin_lock_slow(struct spinlock *lock);
#ifdef DEBUG
void spin_debug_acquire(struct spinlock *lock, bool same_rank_ok);
void spin_debug_acquired(struct spinlock *lock);
void spin_debug_release(struct spinlock *lock);
// True when this CPU holds the lock.
bool spin_held(const struct spinlock *lock);
// True when this CPU holds no lock at all.
bool spin_none_held(void);
#else
#define spin_debug_acquire(lock, same) ((void)(lock))
#define spin_debug_acquired(lock) ((void)(lock))
#define spin_debug_release(lock) ((void)(lock))
#define spin_held(lock) ((void)(lock), true)
#define spin_none_held() true
#endif

static inline void spin_lock_raw(struct spinlock *lock) {
    if (unlikely(__atomic_exchange_n(&lock->word, 1, __ATOMIC_ACQUIRE) != 0)) {
        spin_lock_slow(lock);
    }
    spin_debug_acquired(lock);
}

// Acquires the lock. Interrupts are off. Never call it with a lock of the same or an inner rank
// held.
static inline void spin_lock(struct spinlock *lock) {
    spin_debug_acquire(lock, false);
    spin_lock_raw(lock);
}

// Acquires a second lock of the same rank. The caller keeps the documented order (job: parent
// before child; all others: rising address).
static inline void spin_lock_nested(struct spinlock *lock) {
    spin_debug_acquire(lock, true);
    spin_lock_raw(lock);
}

// Acquires two locks of one rank in address order; they may be the same lock.
void spin_lock_pair(struct spinlock *a, struct spinlock *b);
void spin_unlock_pair(struct spinlock *a, struct spinlock *b);

// Releases the lock.
static inline void spin_unlock(struct spinlock *lock) {
    spin_debug_release(lock);
    __atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
}

// Tries to acquire without waiting, against the order if need be. Returns whether it is held now.
static inline bool spin_trylock(struct spinlock *lock) {
    if (__atomic_exchange_n(&lock->word, 1, __ATOMIC_ACQUIRE) != 0) {
        return false;
    }
    spin_debug_acquired(lock);
    return true;
}
