// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run: 4 3000
//
// Each kind of lock of pthreads under contention: counts are right when it excludes.

#include "report.h"

#include <pthread.h>
#include <semaphore.h>

static int rounds;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spin;
static pthread_barrier_t barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static sem_t semaphore;
static long by_mutex, by_lock, by_spin, by_semaphore, by_once, odd_reads, serial_threads;

static void initialise(void) {
    by_once++;
}

static void *work(void *argument) {
    pthread_once(&once, initialise);
    if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
        __atomic_add_fetch(&serial_threads, 1, __ATOMIC_RELAXED);
    }
    for (int i = 0; i < rounds; i++) {
        pthread_mutex_lock(&mutex);
        by_mutex++;
        pthread_mutex_unlock(&mutex);
        if (i % 4 == 0) {
            pthread_rwlock_wrlock(&lock);
            by_lock += 2;
        } else {
            pthread_rwlock_rdlock(&lock);
            odd_reads += by_lock % 2;
        }
        pthread_rwlock_unlock(&lock);
        sem_wait(&semaphore);
        by_semaphore++;
        sem_post(&semaphore);
        if (i % 16 == 0) {
            pthread_spin_lock(&spin);
            by_spin++;
            pthread_spin_unlock(&spin);
        }
    }
    return argument;
}

static void try_kinds(void) {
    pthread_mutexattr_t attributes;
    pthread_mutex_t other;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&other, &attributes);
    say("recursive: %d %d\n", pthread_mutex_lock(&other), pthread_mutex_lock(&other));
    say("unlock twice: %d %d, ", pthread_mutex_unlock(&other), pthread_mutex_unlock(&other));
    say("once more: %s\n", error_name(pthread_mutex_unlock(&other)));
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&other, &attributes);
    pthread_mutex_lock(&other);
    say("checked: lock again %s, ", error_name(pthread_mutex_lock(&other)));
    say("try %s\n", error_name(pthread_mutex_trylock(&other)));
    pthread_mutex_unlock(&other);
}

int main(int argc, char **argv) {
    int count = argc > 1 ? atoi(argv[1]) : 2;
    rounds = argc > 2 ? atoi(argv[2]) : 100;
    pthread_t threads[16];
    pthread_spin_init(&spin, 0);
    pthread_barrier_init(&barrier, NULL, (unsigned)count);
    sem_init(&semaphore, 0, 1);
    for (int i = 0; i < count; i++) {
        pthread_create(&threads[i], NULL, work, NULL);
    }
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    say("mutex %ld, lock %ld (%ld odd), semaphore %ld, spin %ld\n", by_mutex, by_lock, odd_reads,
        by_semaphore, by_spin);
    say("once %ld, serial threads %ld\n", by_once, serial_threads);
    try_kinds();
    return 0;
}
