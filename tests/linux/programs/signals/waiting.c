// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Waiting for signals without handlers, and with another mask; queued ones come in order.

#include "child.h"

#include <sys/syscall.h>
#include <time.h>

static void on_signal(int signal) {
    say("handler of %d\n", signal);
}

static void queue(int signal, int value) {
    union sigval data = {.sival_int = value};
    report("queue", sigqueue(getpid(), signal, data));
}

static void take(const sigset_t *set) {
    siginfo_t info;
    struct timespec none = {0, 0};
    int signal = sigtimedwait(set, &info, &none);
    if (signal < 0) {
        report("nothing is pending", signal);
    } else {
        say("took %d, code %d, value %d\n", signal, info.si_code, info.si_value.sival_int);
    }
}

int main(void) {
    sigset_t set, empty, old;
    sigemptyset(&empty);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, 40);
    sigaddset(&set, 41);
    sigprocmask(SIG_BLOCK, &set, &old);
    signal(SIGUSR1, on_signal);
    signal(SIGUSR2, on_signal);
    queue(41, 1);
    queue(40, 2);
    queue(40, 3);
    queue(SIGUSR1, 4);
    queue(SIGUSR1, 5);
    for (int i = 0; i < 6; i++) {
        take(&set);
    }
    struct timespec time = {0, 5000000};
    siginfo_t info;
    report("wait for 5 ms", sigtimedwait(&set, &info, &time));
    time.tv_nsec = 1000000000;
    report("a whole second of nanoseconds", sigtimedwait(&set, &info, &time));
    kill(getpid(), SIGUSR1);
    report("suspend with an empty mask", sigsuspend(&empty));
    sigprocmask(SIG_BLOCK, NULL, &old);
    say("the mask is back: %d\n", sigismember(&old, SIGUSR1));
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        kill(parent, SIGUSR2);
        _exit(0);
    }
    report("wait for the child's", sigwaitinfo(&set, &info));
    check("it tells the sender", info.si_pid == pid && info.si_code == SI_USER);
    await("child", pid);
    pid = fork();
    if (pid == 0) {
        sigset_t pending;
        sigpending(&pending);
        say("the child begins with none pending: %d\n", sigismember(&pending, SIGUSR1));
        _exit(0);
    }
    await("child", pid);
    int wanted;
    kill(getpid(), SIGUSR1);
    say("sigwait: %d", sigwait(&set, &wanted));
    say(" %d\n", wanted);
    return 0;
}
