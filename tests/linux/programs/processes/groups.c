// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
//
// Process groups and sessions: who may move whom, and signals to a whole group.

#include "child.h"

#include <sys/syscall.h>

static pid_t start(struct gate *gate) {
    pid_t pid = fork();
    if (pid == 0) {
        gate_wait(gate);
        _exit(0);
    }
    return pid;
}

static void try_session(void) {
    pid_t pid = fork();
    if (pid == 0) {
        check("a new session", setsid() == getpid());
        check("leader of its group", getpgrp() == getpid());
        check("and of its session", raw(__NR_getsid, 0) == getpid());
        report("once only", setsid());
        report("a leader stays", setpgid(0, 0));
        _exit(0);
    }
    await("session", pid);
}

static void try_groups(void) {
    struct gate gate;
    gate_make(&gate);
    pid_t first = start(&gate), second = start(&gate);
    check("a child begins in my group", raw(__NR_getpgid, first) == getpgrp());
    report("a group of its own", setpgid(first, 0));
    check("it leads", raw(__NR_getpgid, first) == first);
    report("join", setpgid(second, first));
    check("joined", raw(__NR_getpgid, second) == first);
    report("join what is not", setpgid(second, 4000000));
    report("move a stranger", setpgid(1, 0));
    report("move nobody", setpgid(4000000, 0));
    report("a negative group", setpgid(first, -1));
    report("signal to the group", kill(-first, SIGUSR1));
    await("first", first);
    await("second", second);
    report("the group is gone", kill(-first, 0));
}

static void try_kill(void) {
    report("signal 0 to oneself", kill(getpid(), 0));
    report("no such process", kill(4000000, SIGTERM));
    report("no such signal", kill(getpid(), 65));
    report("negative signal", kill(getpid(), -1));
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    report("a child that was waited for", kill(pid, 0));
    pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        // Signal 0 goes to the whole group of the caller.
        kill(0, SIGTERM);
        _exit(1);
    }
    await("kill of one's own group", pid);
}

int main(void) {
    try_session();
    try_groups();
    try_kill();
    return 0;
}
