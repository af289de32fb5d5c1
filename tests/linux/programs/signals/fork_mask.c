// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run: 40
//
// A child begins with its maker's mask: a signal that is sent to it at once waits until the child
// admits it. Without a C library in between, which would set the mask itself.

#include "child.h"

#include <sys/syscall.h>

static volatile int received;

static void on_signal(int signal) {
    (void)signal;
    received++;
}

static int check_child(struct gate *gate, const sigset_t *open_mask) {
    sigset_t mask, pending;
    gate_wait(gate); // the signal has been sent
    sigprocmask(SIG_BLOCK, NULL, &mask);
    sigpending(&pending);
    bool early = received != 0;
    sigsuspend(open_mask);
    return (sigismember(&mask, SIGUSR1) ? 0 : 1) | (sigismember(&mask, SIGTERM) ? 2 : 0) |
           (sigismember(&pending, SIGUSR1) ? 0 : 4) | (early ? 8 : 0) | (received != 1 ? 16 : 0);
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 1, wrong = 0;
    struct sigaction action;
    sigset_t set, open_mask;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    sigaction(SIGUSR1, &action, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &open_mask);
    for (int i = 0; i < rounds; i++) {
        struct gate gate;
        gate_make(&gate);
        pid_t pid = (pid_t)raw(SYS_fork);
        if (pid == 0) {
            _exit(check_child(&gate, &open_mask));
        }
        kill(pid, SIGUSR1);
        gate_open(&gate);
        int status = 0;
        waitpid(pid, &status, 0);
        if (status != 0) {
            report_end("a child", status);
            wrong++;
        }
        close(gate.ends[0]);
        close(gate.ends[1]);
    }
    say("%d of %d children were wrong\n", wrong, rounds);
    return wrong != 0;
}
