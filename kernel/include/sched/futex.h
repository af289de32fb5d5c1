// SPDX-License-Identifier: MIT
//
// Futexes: waiting on a 32-bit word of user memory. Completing waits: the waker writes the result.
#pragma once

#include <base.h>

struct aspace;
struct thread;

// Prepares the buckets. Once, at boot.
void futex_init(void);

// See the native calls futex_wait, futex_wake and futex_requeue; addresses are in the calling
// thread's aspace and aligned, masks are not 0. No lock held. Beside the errors there: FAULT,
// STATUS_PAGE_WAIT, STATUS_RESTART.
int64_t futex_wait(vaddr_t addr, uint32_t expected, uint32_t mask, instant_t deadline,
                   uint32_t flags);
int64_t futex_wake(vaddr_t addr, uint32_t count, uint32_t mask, uint32_t flags);
int64_t futex_requeue(vaddr_t addr, uint32_t wake, vaddr_t target, uint32_t move, uint32_t expected,
                      uint32_t flags);

// Wakes up to `count` waiters of an address in any aspace, whether they wait SHARED or not. For
// thread_exit. No lock held.
void futex_wake_address(struct aspace *aspace, vaddr_t addr, uint32_t count);

// Lets go of the robust futexes that the calling thread, which dies, still holds. Reads a hostile
// list, up to 2,048 entries. No lock held.
void futex_release_robust(struct thread *self);

// Ends the futex wait number `seq` (0: any) of a thread with `status`, if it still is in that wait.
// For thread_abort_wait. No lock held.
void futex_abort(struct thread *thread, uint64_t seq, status_t status);
