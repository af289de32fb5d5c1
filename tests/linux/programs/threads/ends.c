// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run: return
// status: 3
// run: exit
// status: 4
// run: exit-group
// status: 5
// run: crash
// status: 139
// run: first-leaves
// status: 6
// run: kill
// status: 137
// run: all-leave
// run: detached
// status: 8
//
// How a process with several threads ends, and with what status.

#include "report.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

// Waits for ever: the lock is never released.
static void *stay(void *argument) {
    pthread_mutex_lock(&mutex);
    return argument;
}

static void *end_all(void *how) {
    if (strcmp(how, "exit") == 0) {
        exit(4);
    } else if (strcmp(how, "exit-group") == 0) {
        raw(__NR_exit_group, 5);
    } else if (strcmp(how, "crash") == 0) {
        *(volatile char *)8 = 1;
    } else if (strcmp(how, "first-leaves") == 0) {
        struct timespec time = {0, 20000000};
        nanosleep(&time, NULL);
        exit(6);
    } else if (strcmp(how, "kill") == 0) {
        kill(getpid(), SIGKILL);
    }
    return NULL;
}

int main(int argc, char **argv) {
    const char *how = argc > 1 ? argv[1] : "";
    pthread_t thread;
    pthread_mutex_lock(&mutex);
    say("%s\n", how);
    if (strcmp(how, "all-leave") == 0) {
        pthread_create(&thread, NULL, end_all, (void *)how);
        pthread_exit(NULL);
    }
    for (int i = 0; i < 3; i++) {
        pthread_create(&thread, NULL, stay, NULL);
    }
    if (strcmp(how, "return") == 0) {
        return 3;
    }
    pthread_create(&thread, NULL, end_all, (void *)how);
    if (strcmp(how, "first-leaves") == 0) {
        pthread_exit(NULL);
    }
    if (strcmp(how, "detached") == 0) {
        pthread_detach(thread);
        return 8;
    }
    pthread_join(thread, NULL);
    stay(NULL);
    return 1;
}
