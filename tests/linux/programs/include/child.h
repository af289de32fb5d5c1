// SPDX-License-Identifier: MIT
//
// Children for the tests: how they end, and how two processes wait for one another without time.
#pragma once

#include "report.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>

// Prints how a child has ended.
static inline void report_end(const char *what, int status) {
    if (WIFEXITED(status)) {
        say("%s: exit %d\n", what, WEXITSTATUS(status));
    } else if (WIFSIGNALED(status)) {
        say("%s: signal %d\n", what, WTERMSIG(status));
    } else if (WIFSTOPPED(status)) {
        say("%s: stopped by %d\n", what, WSTOPSIG(status));
    } else {
        say("%s: status %x\n", what, (unsigned)status);
    }
}

// Waits for this child and prints how it has ended.
static inline void await(const char *what, pid_t pid) {
    int status = 0;
    pid_t found = waitpid(pid, &status, 0);
    if (found != pid) {
        report(what, found);
    } else {
        report_end(what, status);
    }
}

// A gate: one process waits until another opens it.
struct gate {
    int ends[2];
};

static inline void gate_make(struct gate *gate) {
    if (pipe(gate->ends)) {
        _exit(98);
    }
}

static inline void gate_open(struct gate *gate) {
    write_all(gate->ends[1], "!", 1);
}

static inline void gate_wait(struct gate *gate) {
    char byte;
    while (read(gate->ends[0], &byte, 1) < 0 && errno == EINTR) {
    }
}
