// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// A robust mutex whose owner dies, thread or process: the next one is told, and can make it whole.

#include "child.h"

#include <pthread.h>
#include <sys/mman.h>

static pthread_mutex_t *mutex;

static void make(int shared) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&attributes, shared);
    pthread_mutex_init(mutex, &attributes);
}

static void *lock_and_end(void *argument) {
    pthread_mutex_lock(mutex);
    return argument;
}

static void take(const char *what) {
    int error = pthread_mutex_lock(mutex);
    say("%s: %s\n", what,
        error ? (error == EOWNERDEAD ? "the owner died" : error_name(error)) : "0");
    if (error == EOWNERDEAD) {
        say("  made whole: %d\n", pthread_mutex_consistent(mutex));
    }
    if (error == 0 || error == EOWNERDEAD) {
        say("  unlock: %d\n", pthread_mutex_unlock(mutex));
    }
}

int main(void) {
    mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    make(PTHREAD_PROCESS_PRIVATE);
    pthread_t thread;
    pthread_create(&thread, NULL, lock_and_end, NULL);
    pthread_join(thread, NULL);
    take("after a thread");
    take("again");
    make(PTHREAD_PROCESS_SHARED);
    pid_t pid = fork();
    if (pid == 0) {
        pthread_mutex_lock(mutex);
        kill(getpid(), SIGKILL);
    }
    await("a process", pid);
    take("after a process");
    take("again");
    return 0;
}
