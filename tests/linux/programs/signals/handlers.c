// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
//
// Handlers: called at once for signals to oneself, one within the other as the masks allow.

#include "child.h"

static int depth, calls;

static void on_signal(int signal) {
    depth++;
    say("%*shandler of %d, depth %d\n", depth * 2, "", signal, depth);
    if (signal == SIGUSR1 && calls < 3) {
        calls++;
        raise(SIGUSR2);
        raise(SIGUSR1);
        say("%*sback in %d\n", depth * 2, "", signal);
    }
    depth--;
}

static void raise_first(void) {
    calls = 0;
    raise(SIGUSR1);
}

static void install(int signal, int flags, int masked) {
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    action.sa_flags = flags;
    if (masked) {
        sigaddset(&action.sa_mask, masked);
    }
    report("install", sigaction(signal, &action, NULL));
}

static void show_disposition(int signal) {
    struct sigaction action;
    sigaction(signal, NULL, &action);
    say("%d: %s\n", signal,
        action.sa_handler == SIG_DFL   ? "default"
        : action.sa_handler == SIG_IGN ? "ignored"
                                       : "handler");
}

static void try_mask_change(void) {
    sigset_t set, pending;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    report("block", sigprocmask(SIG_BLOCK, &set, NULL));
    raise(SIGUSR2);
    raise(SIGUSR2);
    sigpending(&pending);
    say("pending: %d, another: %d\n", sigismember(&pending, SIGUSR2),
        sigismember(&pending, SIGUSR1));
    report("unblock", sigprocmask(SIG_UNBLOCK, &set, NULL));
    say("it came once\n");
    report("no such change", sigprocmask(77, &set, NULL));
}

static void try_ignoring(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGUSR2);
    signal(SIGUSR2, SIG_IGN);
    install(SIGUSR2, 0, 0);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    say("what was pending when it was ignored is gone\n");
}

int main(void) {
    say("plain: the signal itself is blocked in its handler\n");
    install(SIGUSR1, 0, 0);
    install(SIGUSR2, 0, 0);
    raise_first();
    say("the other is blocked too\n");
    install(SIGUSR1, 0, SIGUSR2);
    raise_first();
    say("not even itself\n");
    install(SIGUSR1, SA_NODEFER, 0);
    raise_first();
    say("once\n");
    install(SIGUSR2, SA_RESETHAND, 0);
    show_disposition(SIGUSR2);
    raise(SIGUSR2);
    show_disposition(SIGUSR2);
    install(SIGUSR2, 0, 0);
    try_mask_change();
    try_ignoring();
    signal(SIGHUP, SIG_IGN);
    show_disposition(SIGHUP);
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    report("handler for SIGKILL", sigaction(SIGKILL, &action, NULL));
    report("for SIGSTOP", sigaction(SIGSTOP, &action, NULL));
    report("for no signal", sigaction(65, &action, NULL));
    report("for signal 0", sigaction(0, &action, NULL));
    report("look at SIGKILL", sigaction(SIGKILL, NULL, &action));
    return 0;
}
