// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// fork in a process with threads: the child has only the one that forked, and can start its own.

#include "child.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>

static volatile int counter, stop;

static void *count(void *argument) {
    while (!stop) {
        counter++;
    }
    return argument;
}

static void *answer(void *argument) {
    return (void *)((long)argument + 1);
}

static void in_child(void) {
    int before = counter;
    struct timespec time = {0, 20000000};
    nanosleep(&time, NULL);
    check("nobody counts here", counter == before);
    check("the thread that forked is the first", raw(__NR_gettid) == getpid());
    pthread_t thread;
    void *result = NULL;
    pthread_create(&thread, NULL, answer, (void *)41);
    pthread_join(thread, &result);
    _exit((int)(long)result);
}

static void *fork_from_here(void *argument) {
    pid_t pid = fork();
    if (pid == 0) {
        in_child();
    }
    await("child of another thread", pid);
    return argument;
}

int main(void) {
    pthread_t counting, forking;
    pthread_create(&counting, NULL, count, NULL);
    while (counter == 0) {
    }
    pid_t pid = fork();
    if (pid == 0) {
        in_child();
    }
    await("child", pid);
    pthread_create(&forking, NULL, fork_from_here, NULL);
    pthread_join(forking, NULL);
    stop = 1;
    pthread_join(counting, NULL);
    say("the parent's thread went on\n");
    return 0;
}
