// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Signals in a process with threads: to one of them, to any that lets it in, masks of their own.

#include "report.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

static pthread_t first, second;
static volatile int in_first, in_second, in_another, ended, seen;
static int ends[2];

static void on_signal(int signal) {
    (void)signal;
    if (pthread_equal(pthread_self(), first)) {
        in_first++;
    } else if (pthread_equal(pthread_self(), second)) {
        in_second++;
    } else {
        in_another++;
    }
}

static void *work(void *argument) {
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, &old);
    say("the mask was inherited: %d\n", sigismember(&old, SIGTERM));
    // Nothing comes through the pipe: only signals end the read.
    char byte;
    int reads = 0;
    while (reads < 2) {
        reads += read(ends[0], &byte, 1) < 0 && errno == EINTR;
    }
    check("they ended its calls", reads == 2 && in_second >= 2);
    ended = 1;
    // The other may still send: stay until it has seen the end.
    while (!seen) {
        raw(__NR_sched_yield);
    }
    return argument;
}

int main(void) {
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
    sigset_t set, mask;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)!pipe(ends);
    first = pthread_self();
    pthread_create(&second, NULL, work, NULL);
    // Signals until its thread ends: one that meets no call is only counted.
    struct timespec time = {0, 1000000};
    while (!ended) {
        pthread_kill(second, SIGUSR1);
        nanosleep(&time, NULL);
    }
    seen = 1;
    void *result;
    pthread_join(second, &result);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    kill(getpid(), SIGUSR2);
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    say("blocked here: %d, so not handled: %d\n", sigismember(&mask, SIGUSR2), in_first);
    sigpending(&mask);
    say("pending: %d\n", sigismember(&mask, SIGUSR2));
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    say("let in: %d\n", in_first);
    say("elsewhere: %d\n", in_another);
    say("signal 0: %d\n", pthread_kill(first, 0));
    return 0;
}
