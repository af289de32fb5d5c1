// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// exec in a process with threads, by the first of them or by another: the others are gone, and the
// process keeps its number.

#include "child.h"

#include <pthread.h>
#include <sys/syscall.h>

static char *self;

static void *stay(void *argument) {
    for (;;) {
        raw(__NR_pause);
    }
    return argument;
}

static void *replace(void *argument) {
    char number[20];
    snprintf(number, sizeof(number), "%d", getpid());
    execl(self, self, (char *)argument, number, NULL);
    report("exec", -1);
    _exit(1);
}

static void run(const char *who) {
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, stay, NULL);
        pthread_create(&thread, NULL, stay, NULL);
        if (strcmp(who, "first") == 0) {
            replace((void *)who);
        }
        pthread_create(&thread, NULL, replace, (void *)who);
        stay(NULL);
    }
    await(who, pid);
}

int main(int argc, char **argv) {
    self = argv[0];
    if (argc > 2) {
        say("by the %s: ", argv[1]);
        check("same number", atoi(argv[2]) == getpid());
        check("a first thread", raw(__NR_gettid) == getpid());
        return 9;
    }
    run("first");
    run("other");
    return 0;
}
