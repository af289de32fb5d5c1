// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
//
// Each form of waiting, and each way to end.

#include "child.h"

static pid_t start(int status) {
    pid_t pid = fork();
    if (pid == 0) {
        _exit(status);
    }
    return pid;
}

static pid_t start_waiting(struct gate *gate) {
    pid_t pid = fork();
    if (pid == 0) {
        gate_wait(gate);
        _exit(0);
    }
    return pid;
}

static void try_signals(void) {
    struct gate gate;
    gate_make(&gate);
    static const int signals[] = {SIGTERM, SIGKILL, SIGUSR1, SIGHUP};
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        pid_t pid = start_waiting(&gate);
        report("kill", kill(pid, signals[i]));
        await("ended", pid);
    }
}

static void try_options(void) {
    struct gate gate;
    gate_make(&gate);
    int status = 77;
    report("nobody to wait for", waitpid(-1, &status, 0));
    pid_t pid = start_waiting(&gate);
    report("not yet", waitpid(pid, &status, WNOHANG));
    report("not yet, any", waitpid(-1, &status, WNOHANG));
    report("not my child", waitpid(1, &status, 0));
    report("no such group", waitpid(-4000000, &status, 0));
    report("unknown options", waitpid(pid, &status, 0x4000));
    gate_open(&gate);
    check("any child", waitpid(-1, &status, 0) == pid);
    report_end("it", status);
    pid = start(5);
    check("of my group", waitpid(0, &status, 0) == pid);
    report_end("it", status);
    pid = start(6);
    check("without a place for the status", waitpid(pid, NULL, 0) == pid);
    report("only once", waitpid(pid, &status, 0));
}

static void try_stopping(void) {
    struct gate gate, last;
    gate_make(&gate);
    gate_make(&last);
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        gate_wait(&gate);
        gate_wait(&last);
        _exit(0);
    }
    kill(pid, SIGSTOP);
    check("stopped", waitpid(pid, &status, WUNTRACED) == pid);
    report_end("  it", status);
    report("told only once", waitpid(pid, &status, WUNTRACED | WNOHANG));
    gate_open(&gate);
    report("a stopped process does not go on", waitpid(pid, &status, WNOHANG));
    kill(pid, SIGCONT);
#ifdef WCONTINUED
    check("continued", waitpid(pid, &status, WCONTINUED) == pid);
    say("  status %x\n", (unsigned)status);
#endif
    gate_open(&last);
    await("ends", pid);
    pid = start_waiting(&gate);
    kill(pid, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
    kill(pid, SIGKILL);
    await("killed while stopped", pid);
}

int main(void) {
    try_signals();
    try_options();
    try_stopping();
    return 0;
}
