// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// waitid: what it tells, leaving the child to be waited for once more, and its errors.

#include "child.h"

static void show(const char *what, int result, const siginfo_t *info, pid_t pid) {
    report(what, result);
    if (result == 0) {
        say("  signo %d, code %d, status %d, the child: %s\n", info->si_signo, info->si_code,
            info->si_status, info->si_pid == pid ? "yes" : "no");
    }
}

static pid_t start(int status) {
    pid_t pid = fork();
    if (pid == 0) {
        if (status < 0) {
            raise(-status);
        }
        _exit(status);
    }
    return pid;
}

int main(void) {
    siginfo_t info = {0};
    pid_t pid = start(9);
    show("look", waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), &info, pid);
    show("look again", waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), &info, pid);
    show("take", waitid(P_PID, (id_t)pid, &info, WEXITED), &info, pid);
    show("gone", waitid(P_PID, (id_t)pid, &info, WEXITED), &info, pid);
    pid = start(-SIGUSR2);
    show("killed", waitid(P_PID, (id_t)pid, &info, WEXITED), &info, pid);
    struct gate gate;
    gate_make(&gate);
    pid = fork();
    if (pid == 0) {
        gate_wait(&gate);
        _exit(0);
    }
    memset(&info, 0xff, sizeof(info));
    show("not yet", waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG), &info, 0);
    kill(pid, SIGSTOP);
    show("stopped", waitid(P_PID, (id_t)pid, &info, WSTOPPED), &info, pid);
    kill(pid, SIGCONT);
    show("continued", waitid(P_PID, (id_t)pid, &info, WCONTINUED), &info, pid);
    show("no kind of event", waitid(P_PID, (id_t)pid, &info, 0), &info, pid);
    show("no kind of child", waitid((idtype_t)99, (id_t)pid, &info, WEXITED), &info, pid);
    gate_open(&gate);
    show("ended", waitid(P_PGID, 0, &info, WEXITED), &info, pid);
    return 0;
}
