// SPDX-License-Identifier: MIT
//
// Signals to oneself.

#include "bench.h"

#include <signal.h>

static volatile sig_atomic_t seen;

static void see(int signal) {
    (void)signal;
    seen++;
}

static void install(unsigned count) {
    struct sigaction action = {.sa_handler = see, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (unsigned i = 0; i < count; i++) {
        MUST(sigaction, SIGUSR1, &action, NULL);
    }
}

static void install_once(void) {
    install(1);
}

static void send(unsigned count) {
    seen = 0;
    for (unsigned i = 0; i < count; i++) {
        if (raise(SIGUSR1) != 0 || seen != (sig_atomic_t)(i + 1)) {
            fail("raise");
        }
    }
}

static void restore(void) {
    signal(SIGUSR1, SIG_DFL);
}

const struct row signal_rows[] = {
    {.name = "sig_install", .count = 1000, .run = install, .finish = restore},
    {.name = "sig_raise", .count = 300, .prepare = install_once, .run = send, .finish = restore},
    {0},
};
