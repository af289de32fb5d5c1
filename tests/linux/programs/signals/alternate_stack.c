// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// The alternate stack: used by handlers that ask for it, the only way to survive an overflow of the
// stack.

#include "child.h"

#include <setjmp.h>

static char room[32768];
static sigjmp_buf place;
static int overflows;

static bool inside(const void *at) {
    return (const char *)at >= room && (const char *)at < room + sizeof(room);
}

static void on_signal(int signal) {
    char here;
    stack_t now;
    sigaltstack(NULL, &now);
    say("%d: on the other stack: %d, flags %d\n", signal, inside(&here), now.ss_flags);
    if (now.ss_flags == SS_ONSTACK) {
        report("  change it while in use", sigaltstack(&now, NULL));
    }
}

static void on_overflow(int signal) {
    char here;
    say("%d: overflow %d, on the other stack: %d\n", signal, ++overflows, inside(&here));
    siglongjmp(place, 1);
}

// Named by a pointer, so that the compiler does not see that there is no end.
static int (*volatile again)(int depth);

static int overflow(int depth) {
    volatile char frame[4096];
    frame[0] = (char)depth;
    return again(depth + 1) + frame[0];
}

static void install(int signal, void (*handler)(int), int flags) {
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = handler;
    action.sa_flags = flags;
    sigaction(signal, &action, NULL);
}

int main(void) {
    stack_t stack = {.ss_sp = room, .ss_size = sizeof(room)}, old;
    report("none at first", sigaltstack(NULL, &old));
    say("flags %d\n", old.ss_flags);
    report("set", sigaltstack(&stack, NULL));
    sigaltstack(NULL, &old);
    check("as set", old.ss_sp == room && old.ss_size == sizeof(room) && old.ss_flags == 0);
    install(SIGUSR1, on_signal, SA_ONSTACK);
    install(SIGUSR2, on_signal, 0);
    raise(SIGUSR1);
    raise(SIGUSR2);
    install(SIGSEGV, on_overflow, SA_ONSTACK);
    again = overflow;
    for (int i = 0; i < 2; i++) {
        if (!sigsetjmp(place, 1)) {
            overflow(0);
        }
    }
    stack.ss_size = 100;
    report("too small", sigaltstack(&stack, NULL));
    stack.ss_flags = 77;
    report("unknown flags", sigaltstack(&stack, NULL));
    stack.ss_flags = SS_DISABLE;
    report("none any more", sigaltstack(&stack, NULL));
    raise(SIGUSR1);
    return 0;
}
