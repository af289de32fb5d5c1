// SPDX-License-Identifier: MIT
// libcs: musl musl-pie glibc glibc-pie
// run: 20
//
// Threads start, have their own stacks and thread-local words, and hand over a result.

#include "report.h"

#include <pthread.h>
#include <sys/syscall.h>

#define MAX 64

static __thread int own = 5;
static __thread char large[5000];
static int shared[MAX];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long numbers[MAX];

static void *work(void *argument) {
    long index = (long)argument;
    own += (int)index;
    memset(large, (int)index, sizeof(large));
    pthread_mutex_lock(&mutex);
    numbers[index] = raw(__NR_gettid);
    pthread_mutex_unlock(&mutex);
    shared[index] = own + large[4999];
    return (void *)(index * index);
}

static void *leave(void *argument) {
    pthread_exit(argument);
}

int main(int argc, char **argv) {
    int count = argc > 1 ? atoi(argv[1]) : 4;
    pthread_t threads[MAX];
    for (long i = 0; i < count; i++) {
        int error = pthread_create(&threads[i], NULL, work, (void *)i);
        if (error) {
            say("create: %s\n", error_name(error));
        }
    }
    long sum = 0, of_shared = 0;
    bool distinct = true;
    for (int i = 0; i < count; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        sum += (long)result;
        of_shared += shared[i];
        for (int j = 0; j < i; j++) {
            distinct = distinct && numbers[i] != numbers[j];
        }
        distinct = distinct && numbers[i] != getpid();
    }
    say("results %ld, thread-local %ld, the first thread's own %d\n", sum, of_shared, own);
    check("each has its own number", distinct);
    pthread_t thread;
    void *result = NULL;
    pthread_create(&thread, NULL, leave, (void *)77);
    pthread_join(thread, &result);
    say("left with %ld\n", (long)result);
    for (int i = 0; i < 200; i++) {
        pthread_create(&thread, NULL, leave, (void *)1);
        pthread_join(thread, NULL);
    }
    say("two hundred, one after the other\n");
    return 0;
}
