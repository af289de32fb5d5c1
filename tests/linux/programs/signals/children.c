// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// SIGCHLD: when it comes, what it says, and children that nobody wants to wait for.

#include "child.h"

#include <sys/syscall.h>

static volatile int seen;
static struct gate gate;

static void on_child(int signal, siginfo_t *info, void *context) {
    (void)context;
    seen++;
    say("%d: code %d, status %d\n", signal, info->si_code, info->si_status);
}

static void install(int flags) {
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_sigaction = on_child;
    action.sa_flags = SA_SIGINFO | SA_RESTART | flags;
    sigaction(SIGCHLD, &action, NULL);
}

static pid_t start(int status) {
    pid_t pid = fork();
    if (pid == 0) {
        if (status < 0) {
            kill(getpid(), -status);
            // After a stop: until the parent has seen it go on.
            gate_wait(&gate);
            _exit(4);
        }
        _exit(status);
    }
    return pid;
}

static void wait_for_signals(int count, const sigset_t *mask) {
    while (seen < count) {
        sigsuspend(mask);
    }
}

int main(void) {
    sigset_t set, open_mask;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, &open_mask);
    sigdelset(&open_mask, SIGCHLD);
    gate_make(&gate);
    install(0);
    pid_t pid = start(12);
    wait_for_signals(1, &open_mask);
    await("ended", pid);
    pid = start(-SIGTERM);
    wait_for_signals(2, &open_mask);
    await("killed", pid);
    pid = start(-SIGSTOP);
    wait_for_signals(3, &open_mask);
    kill(pid, SIGCONT);
    wait_for_signals(4, &open_mask);
    gate_open(&gate);
    wait_for_signals(5, &open_mask);
    await("ended after a stop", pid);
    int status;
    sigset_t pending;
    say("not when it stops\n");
    install(SA_NOCLDSTOP);
    pid = start(-SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
    report_end("told by wait alone", status);
    sigpending(&pending);
    say("pending %d\n", sigismember(&pending, SIGCHLD));
    kill(pid, SIGKILL);
    wait_for_signals(6, &open_mask);
    await("killed", pid);
    sigprocmask(SIG_SETMASK, &open_mask, NULL);
    say("nobody waits\n");
    signal(SIGCHLD, SIG_IGN);
    start(3);
    report("wait", wait(&status));
    install(SA_NOCLDWAIT);
    return 0;
}
