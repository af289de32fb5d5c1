// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run: 200
//
// Two processes that send signals to each other in turn: none is lost, none comes twice.

#include "child.h"

static volatile int received;

static void on_signal(int signal) {
    (void)signal;
    received++;
}

static void play(pid_t other, int rounds, bool first, const sigset_t *mask) {
    for (int i = 0; i < rounds; i++) {
        if (first) {
            kill(other, SIGUSR1);
        }
        while (received <= i) {
            sigsuspend(mask);
        }
        if (!first) {
            kill(other, SIGUSR1);
        }
    }
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 10;
    sigset_t set, open_mask;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &open_mask);
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    sigaction(SIGUSR1, &action, NULL);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        play(parent, rounds, false, &open_mask);
        _exit(received == rounds ? 0 : 1);
    }
    play(pid, rounds, true, &open_mask);
    await("child", pid);
    say("%d rounds\n", received);
    return 0;
}
