// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// The futex call itself: who is woken, how many, by which bits, and moved to another word.

#include "report.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>

enum {
    WAIT = 0,
    WAKE = 1,
    REQUEUE = 3,
    CMP_REQUEUE = 4,
    WAKE_OP = 5,
    WAIT_BITSET = 9,
    WAKE_BITSET = 10,
    PRIVATE = 128,
    REALTIME = 256
};

static int word, other, ready, done;

static long futex(int *at, int operation, int value, void *timeout, int *second, unsigned bits) {
    return raw(__NR_futex, at, operation, value, timeout, second, bits);
}

static void *wait_once(void *bits) {
    __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
    long result = futex(&word, WAIT_BITSET | PRIVATE, 0, NULL, NULL, (unsigned)(long)bits);
    __atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST);
    return (void *)result;
}

static void pause_for(long ns) {
    struct timespec time = {0, ns};
    raw(__NR_nanosleep, &time, 0);
}

// Until all have been counted and had the time to sleep at the word.
static void await_sleepers(int count) {
    while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) < count) {
        pause_for(1000000);
    }
    pause_for(50000000);
}

static void await_done(int count) {
    while (__atomic_load_n(&done, __ATOMIC_SEQ_CST) < count) {
        pause_for(1000000);
    }
    say("%d are awake\n", __atomic_load_n(&done, __ATOMIC_SEQ_CST));
}

static void try_wakes(void) {
    pthread_t threads[6];
    static const long bits[] = {1, 2, 2, 4, -1, -1};
    for (int i = 0; i < 6; i++) {
        pthread_create(&threads[i], NULL, wait_once, (void *)bits[i]);
    }
    await_sleepers(6);
    report_raw("wake who waits for bit 2", futex(&word, WAKE_BITSET | PRIVATE, 10, NULL, NULL, 8));
    await_done(2);
    report_raw("wake one of bit 1", futex(&word, WAKE_BITSET | PRIVATE, 1, NULL, NULL, 2));
    await_done(3);
    report_raw("no bits", futex(&word, WAKE_BITSET | PRIVATE, 1, NULL, NULL, 0));
    report_raw("the word has another value",
               futex(&word, CMP_REQUEUE | PRIVATE, 1, (void *)1, &other, 99));
    report_raw("wake one, move one", futex(&word, CMP_REQUEUE | PRIVATE, 1, (void *)1, &other, 0));
    await_done(4);
    report_raw("wake the moved", futex(&other, WAKE | PRIVATE, 10, NULL, NULL, 0));
    await_done(5);
    report_raw("wake the rest", futex(&word, WAKE | PRIVATE, 10, NULL, NULL, 0));
    await_done(6);
    long sum = 0;
    for (int i = 0; i < 6; i++) {
        void *result;
        pthread_join(threads[i], &result);
        sum += (long)result;
    }
    say("all results together: %ld\n", sum);
}

static void try_times(void) {
    struct timespec time = {0, 3000000};
    report_raw("wait for 3 ms", futex(&word, WAIT | PRIVATE, 0, &time, NULL, 0));
    report_raw("wait until 1970", futex(&word, WAIT_BITSET | PRIVATE, 0, &time, NULL, -1u));
    report_raw("by the other clock",
               futex(&word, WAIT_BITSET | REALTIME | PRIVATE, 0, &time, NULL, -1u));
    time.tv_nsec = 1000000000;
    report_raw("no time", futex(&word, WAIT | PRIVATE, 0, &time, NULL, 0));
    time.tv_nsec = -1;
    report_raw("negative", futex(&word, WAIT | PRIVATE, 0, &time, NULL, 0));
    report_raw("another value", futex(&word, WAIT | PRIVATE, 1, NULL, NULL, 0));
    report_raw("bad address", futex((int *)16, WAIT | PRIVATE, 0, NULL, NULL, 0));
    report_raw("bad time", futex(&word, WAIT | PRIVATE, 0, (void *)16, NULL, 0));
}

static void try_operation(void) {
    // other = other + 5, and wake its sleepers if it was 0: operation 1 (add), comparison 0
    // (equal).
    word = 0, other = 0;
    report_raw("wake by operation",
               futex(&word, WAKE_OP | PRIVATE, 1, (void *)1, &other, 1u << 28 | 5u << 12));
    say("other is %d\n", other);
}

int main(void) {
    try_wakes();
    try_times();
    try_operation();
    return 0;
}
