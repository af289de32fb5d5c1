// SPDX-License-Identifier: MIT
//
// The three-state futex mutex: word 2 says that somebody may sleep, so that unlock knows when to
// wake.

#include <sys/mutex.h>

#include <stdbool.h>
#include <sys/calls.h>

void mutex_lock(struct mutex *mutex) {
    uint32_t expected = 0;
    if (__atomic_compare_exchange_n(&mutex->word, &expected, 1, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED)) {
        return;
    }
    while (__atomic_exchange_n(&mutex->word, 2, __ATOMIC_ACQUIRE) != 0) {
        // Any outcome leads to another look at the word.
        (void)!sys_futex_wait((vaddr_t)&mutex->word, 2, 1, INSTANT_NEVER, 0);
    }
}

void mutex_unlock(struct mutex *mutex) {
    if (__atomic_exchange_n(&mutex->word, 0, __ATOMIC_RELEASE) == 2) {
        (void)!sys_futex_wake((vaddr_t)&mutex->word, 1, 1, 0);
    }
}
