// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run: 500
//
// Locks and semaphores in memory that two processes share.

#include "child.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>

struct shared {
    pthread_mutex_t mutex;
    sem_t there, back;
    long count, ball;
};

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 10;
    struct shared *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&shared->mutex, &attributes);
    sem_init(&shared->there, 1, 0);
    sem_init(&shared->back, 1, 0);
    pid_t pid = fork();
    for (int i = 0; i < rounds; i++) {
        if (pid == 0) {
            sem_wait(&shared->there);
            shared->ball = shared->ball * 3 + 1;
            sem_post(&shared->back);
        } else {
            shared->ball += 2;
            sem_post(&shared->there);
            sem_wait(&shared->back);
        }
    }
    for (int i = 0; i < rounds; i++) {
        pthread_mutex_lock(&shared->mutex);
        shared->count++;
        pthread_mutex_unlock(&shared->mutex);
    }
    if (pid == 0) {
        _exit(0);
    }
    await("child", pid);
    say("count %ld, ball %lx\n", shared->count, (unsigned long)shared->ball);
    return 0;
}
