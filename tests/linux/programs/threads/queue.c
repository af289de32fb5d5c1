// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run: 3 2 4000
//
// Producers and consumers at a small queue with condition variables: each item comes out once; and
// waiting that ends by the clock.

#include "report.h"

#include <pthread.h>
#include <time.h>

#define ROOM 8

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER, not_full = PTHREAD_COND_INITIALIZER;
static long items[ROOM], in, out, taken_sum, taken_count;
static int per_producer;
static bool closed;

static void *produce(void *argument) {
    long base = (long)argument * 1000000;
    for (int i = 0; i < per_producer; i++) {
        pthread_mutex_lock(&mutex);
        while (in - out == ROOM) {
            pthread_cond_wait(&not_full, &mutex);
        }
        items[in++ % ROOM] = base + i;
        pthread_cond_signal(&not_empty);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void *consume(void *argument) {
    for (;;) {
        pthread_mutex_lock(&mutex);
        while (in == out && !closed) {
            pthread_cond_wait(&not_empty, &mutex);
        }
        if (in == out) {
            pthread_mutex_unlock(&mutex);
            return argument;
        }
        taken_sum += items[out++ % ROOM];
        taken_count++;
        pthread_cond_signal(&not_full);
        pthread_mutex_unlock(&mutex);
    }
}

static void try_time(void) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 5000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&mutex);
    say("wait for 5 ms: %s\n", error_name(pthread_cond_timedwait(&not_empty, &mutex, &until)));
    say("wait for a time gone by: %s\n",
        error_name(pthread_cond_timedwait(&not_empty, &mutex, &until)));
    pthread_mutex_unlock(&mutex);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    check("not too early", now.tv_sec > until.tv_sec ||
                               (now.tv_sec == until.tv_sec && now.tv_nsec >= until.tv_nsec));
}

int main(int argc, char **argv) {
    (void)argc;
    int producers = atoi(argv[1]), consumers = atoi(argv[2]);
    per_producer = atoi(argv[3]);
    pthread_t threads[32];
    for (int i = 0; i < producers + consumers; i++) {
        pthread_create(&threads[i], NULL, i < producers ? produce : consume, (void *)(long)i);
    }
    for (int i = 0; i < producers; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_mutex_lock(&mutex);
    closed = true;
    pthread_cond_broadcast(&not_empty);
    pthread_mutex_unlock(&mutex);
    for (int i = producers; i < producers + consumers; i++) {
        pthread_join(threads[i], NULL);
    }
    say("%ld items, sum %ld\n", taken_count, taken_sum);
    try_time();
    return 0;
}
