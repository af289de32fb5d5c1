// SPDX-License-Identifier: MIT
//
// Futexes. Waiters stand in one of a fixed number of buckets, chosen by a hash of their key:
// (aspace, address), or for shared ones (vmo, offset). Keys hold ids, which are never used twice,
// so a waiter keeps nothing alive.
//
// The problem: a wait must look at the word and queue in one step against a waker that changes the
// word and then looks at the queue; but user memory can't be touched with the bucket's lock held.
// So a waiter queues first, then looks, then parks under the lock again, unless it was taken out
// meanwhile:
//
//   - A waker whose turn at the lock comes after the waiter has queued finds it. It takes it out,
//   and the
//     waiter, which has not parked yet (futex_parked), finds that and returns as woken.
//   - A waker whose turn came before had changed the word before that; the waiter's look comes
//     after its own turn, so it sees the change (or a later one) and leaves.
//
// Its own first look, before it queues, is only there to fault the page in and to leave early.
// futex_requeue has the same problem the other way round: it must move exactly those who were
// queued when the word was seen to have its value. It notes the bucket's count of arrivals, looks,
// takes the locks, and looks again from the start if somebody arrived meanwhile.
//
// A queued thread's bucket is thread->futex_bucket, changed under that bucket's lock (both locks,
// for a move) and null once it was taken out. Whoever takes a parked thread out wakes it, and
// nobody else does.
#include <abi/flags.h>
#include <arch/cpu.h>
#include <mm/aspace.h>
#include <mm/user.h>
#include <object/process.h>
#include <sched/futex.h>
#include <sched/thread.h>

#define BUCKETS 256
// Threads woken between two looks for interrupts.
#define WAKE_BATCH 32
// Looks of one futex_requeue before its call restarts.
#define REQUEUE_LOOKS 16

struct futex_bucket {
    struct spinlock lock; // RANK_FUTEX, guards the rest, and futex_* of the threads in it
    struct list waiters;  // struct thread.wait_node, oldest first
    uint64_t arrivals;    // atomic: threads ever queued here
} __attribute__((aligned(CACHE_LINE)));

struct futex_key {
    uint64_t words[2];
};

static struct futex_bucket buckets[BUCKETS];

void futex_init(void) {
    for (size_t i = 0; i < BUCKETS; i++) {
        spin_init(&buckets[i].lock, RANK_FUTEX);
        list_init(&buckets[i].waiters);
    }
}

static status_t find_key(struct aspace *aspace, vaddr_t addr, uint32_t flags,
                         struct futex_key *key) {
    if ((flags & FUTEX_SHARED) != 0) {
        return aspace_futex_key(aspace, addr, key->words);
    }
    key->words[0] = aspace_object(aspace)->id;
    key->words[1] = addr;
    return OK;
}

static struct futex_bucket *find_bucket(const struct futex_key *key) {
    // Fibonacci hashing; words are 4-byte aligned, and neighbours should part.
    uint64_t hash = (key->words[0] ^ key->words[1] >> 2) * 0x9e3779b97f4a7c15ULL;
    return &buckets[hash >> 56];
}
static_assert(BUCKETS == 1 << 8, "the hash has eight bits");

static bool has_key(const struct thread *thread, const struct futex_key *key) {
    return thread->futex_key[0] == key->words[0] && thread->futex_key[1] == key->words[1];
}

// ---- the queue of a bucket; its lock is held

static void put_in(struct thread *thread, struct futex_bucket *bucket,
                   const struct futex_key *key) {
    assert(!list_node_linked(&thread->wait_node));
    assert(spin_held(&bucket->lock));
    thread->futex_key[0] = key->words[0];
    thread->futex_key[1] = key->words[1];
    list_push_back(&bucket->waiters, &thread->wait_node);
    __atomic_fetch_add(&bucket->arrivals, 1, __ATOMIC_RELEASE);
    __atomic_store_n(&thread->futex_bucket, bucket, __ATOMIC_RELEASE);
}

// Takes a thread out and wakes it with a result, if it has parked.
static void take_out(struct thread *thread, int64_t result) {
    assert(thread->futex_bucket != NULL && spin_held(&thread->futex_bucket->lock));
    assert(list_node_linked(&thread->wait_node));
    bool parked = thread->futex_parked;
    list_remove(&thread->wait_node);
    thread->futex_parked = false;
    __atomic_store_n(&thread->futex_bucket, NULL, __ATOMIC_RELEASE);
    if (parked) {
        thread_unpark(thread, result);
    }
}

// Locks the bucket in which a thread is queued. Returns null, nothing locked, when it is in none.
static struct futex_bucket *lock_bucket_of(struct thread *thread) {
    struct futex_bucket *bucket;
    while ((bucket = __atomic_load_n(&thread->futex_bucket, __ATOMIC_ACQUIRE)) != NULL) {
        spin_lock(&bucket->lock);
        if (__atomic_load_n(&thread->futex_bucket, __ATOMIC_RELAXED) == bucket) {
            return bucket;
        }
        spin_unlock(&bucket->lock); // it was moved, or taken out
    }
    return NULL;
}

static uint32_t wake_locked(struct futex_bucket *bucket, const struct futex_key *key,
                            uint32_t count, uint32_t mask) {
    uint32_t woken = 0;
    assert(spin_held(&bucket->lock));
    list_for_each_safe(node, &bucket->waiters) {
        if (woken == count) {
            break;
        }
        struct thread *thread = list_entry(node, struct thread, wait_node);
        if (has_key(thread, key) && (thread->futex_mask & mask) != 0) {
            take_out(thread, OK);
            woken++;
        }
    }
    return woken;
}

// Moves waiters to another key, in another bucket or in the same one. Both locks are held.
static uint32_t move_locked(struct futex_bucket *bucket, const struct futex_key *key,
                            struct futex_bucket *target, const struct futex_key *target_key,
                            uint32_t count) {
    assert(spin_held(&bucket->lock) && spin_held(&target->lock));
    uint32_t moved = 0;
    list_for_each_safe(node, &bucket->waiters) {
        if (moved == count) {
            break;
        }
        struct thread *thread = list_entry(node, struct thread, wait_node);
        if (has_key(thread, key)) {
            list_remove(node);
            put_in(thread, target, target_key);
            moved++;
        }
    }
    return moved;
}

// ---- the calls

int64_t futex_wait(vaddr_t addr, uint32_t expected, uint32_t mask, instant_t deadline,
                   uint32_t flags) {
    assert(mask != 0 && IS_ALIGNED(addr, sizeof(uint32_t)));
    struct thread *self = thread_self();
    struct futex_key key;
    uint32_t value;
    status_t status = user_load32(addr, &value);
    if (status == OK) {
        status = find_key(self->process->aspace, addr, flags, &key);
    }
    if (status != OK) {
        return status;
    }
    if (value != expected) {
        return ERR_WOULD_BLOCK;
    }
    if (deadline_passed(deadline)) {
        return ERR_TIMED_OUT;
    }
    struct futex_bucket *bucket = find_bucket(&key);
    assert(self->futex_bucket == NULL && !self->futex_parked);
    self->futex_mask = mask;
    spin_lock(&bucket->lock);
    put_in(self, bucket, &key);
    spin_unlock(&bucket->lock);

    status = user_load32(addr, &value);

    bucket = lock_bucket_of(self);
    if (bucket == NULL) {
        return OK; // woken already
    }
    if (status == OK && value != expected) {
        status = ERR_WOULD_BLOCK;
    }
    if (status == OK) {
        status = thread_park(self, WAIT_FUTEX, NULL, deadline, (flags & FUTEX_INTERRUPTIBLE) != 0);
    }
    if (status == OK) {
        self->futex_parked = true;
        status = STATUS_PARKED;
    } else {
        take_out(self, OK);
    }
    spin_unlock(&bucket->lock);
    return status;
}

static uint32_t wake_key(const struct futex_key *key, uint32_t count, uint32_t mask) {
    assert(spin_none_held());
    struct futex_bucket *bucket = find_bucket(key);
    uint32_t woken = 0;
    for (;;) {
        uint32_t batch = MIN(count - woken, WAKE_BATCH);
        spin_lock(&bucket->lock);
        uint32_t some = wake_locked(bucket, key, batch, mask);
        spin_unlock(&bucket->lock);
        woken += some;
        if (some < batch || woken == count) {
            return woken;
        }
        arch_interrupt_window();
    }
}

int64_t futex_wake(vaddr_t addr, uint32_t count, uint32_t mask, uint32_t flags) {
    assert(mask != 0 && IS_ALIGNED(addr, sizeof(uint32_t)));
    struct futex_key key;
    status_t status = find_key(thread_self()->process->aspace, addr, flags, &key);
    return status == OK ? (int64_t)wake_key(&key, count, mask) : status;
}

void futex_wake_address(struct aspace *aspace, vaddr_t addr, uint32_t count) {
    struct futex_key key;
    (void)find_key(aspace, addr, 0, &key);
    uint32_t woken = wake_key(&key, count, UINT32_MAX);
    if (woken < count && find_key(aspace, addr, FUTEX_SHARED, &key) == OK) {
        (void)wake_key(&key, count - woken, UINT32_MAX);
    }
}

int64_t futex_requeue(vaddr_t addr, uint32_t wake, vaddr_t target, uint32_t move, uint32_t expected,
                      uint32_t flags) {
    assert(IS_ALIGNED(addr | target, sizeof(uint32_t)));
    struct aspace *aspace = thread_self()->process->aspace;
    struct futex_key key;
    struct futex_key target_key;
    status_t status = find_key(aspace, addr, flags, &key);
    if (status == OK) {
        status = find_key(aspace, target, flags, &target_key);
    }
    if (status != OK) {
        return status;
    }
    if (memcmp(&key, &target_key, sizeof(key)) == 0) {
        return ERR_INVALID_ARGUMENT;
    }
    struct futex_bucket *from = find_bucket(&key);
    struct futex_bucket *to = find_bucket(&target_key);
    for (int i = 0; i < REQUEUE_LOOKS; i++) {
        uint64_t arrivals = __atomic_load_n(&from->arrivals, __ATOMIC_ACQUIRE);
        uint32_t value;
        status = user_load32(addr, &value);
        if (status != OK || value != expected) {
            return status != OK ? status : ERR_WOULD_BLOCK;
        }
        spin_lock_pair(&from->lock, &to->lock);
        bool same = from->arrivals == arrivals;
        int64_t count = 0;
        if (same) {
            count = wake_locked(from, &key, wake, UINT32_MAX);
            count += move_locked(from, &key, to, &target_key, move);
        }
        spin_unlock_pair(&from->lock, &to->lock);
        if (same) {
            return count;
        }
    }
    return STATUS_RESTART;
}

void futex_abort(struct thread *thread, uint64_t seq, status_t status) {
    struct futex_bucket *bucket = lock_bucket_of(thread);
    if (bucket == NULL) {
        return;
    }
    // While it is parked here its wait number stands still: a new wait begins with this lock held.
    if (thread->futex_parked && (seq == 0 || thread->wait_seq == seq)) {
        take_out(thread, status);
    }
    spin_unlock(&bucket->lock);
}

// ---- robust lists, laid out as Linux has them

#define ROBUST_ENTRIES_MAX 2048
#define ROBUST_TID 0x3fffffffu
#define ROBUST_OWNER_DIED 0x40000000u
#define ROBUST_WAITERS 0x80000000u
#define ROBUST_PI ((vaddr_t)1) // in a link: not our concern

struct robust_head {
    vaddr_t next;
    uint64_t offset; // of the word, from an entry
    vaddr_t pending; // an entry that is being taken or given back
};

// Nobody else changes the owner of a word that names a dead one, but waiters may be setting their
// bit: so it is set in any case, and one of them woken.
static void robust_release(struct thread *self, vaddr_t entry, uint64_t offset) {
    vaddr_t addr = (entry & ~ROBUST_PI) + offset;
    uint32_t word;
    if (user_load32(addr, &word) == OK && (word & ROBUST_TID) == self->robust_tid &&
        user_store32(addr, ROBUST_OWNER_DIED | ROBUST_WAITERS) == OK) {
        futex_wake_address(self->aspace, addr, 1);
    }
}

void futex_release_robust(struct thread *self) {
    struct robust_head head;
    if (self->robust_head == 0 || copy_in(&head, self->robust_head, sizeof(head)) != OK) {
        return;
    }
    vaddr_t entry = head.next;
    bool more = true;
    for (int i = 0; more && i < ROBUST_ENTRIES_MAX; i++) {
        vaddr_t at = entry & ~ROBUST_PI;
        if (at == self->robust_head) {
            break;
        }
        more = copy_in(&entry, at, sizeof(entry)) == OK; // first: who gets the word may reuse it
        if (more && at != head.pending) {
            robust_release(self, at, head.offset);
        }
        arch_interrupt_window();
    }
    if (head.pending != 0) {
        robust_release(self, head.pending, head.offset);
    }
}
