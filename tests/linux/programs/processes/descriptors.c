// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Descriptors: the lowest free number, copies, flags, limits.

#include "child.h"

#include <sys/resource.h>
#include <sys/syscall.h>

int main(void) {
    int ends[2];
    report("pipe", pipe(ends));
    say("%d %d\n", ends[0], ends[1]);
    report("dup", dup(ends[0]));
    close(3);
    report("the lowest free number", dup(ends[1]));
    report("dup2", dup2(ends[1], 20));
    report("dup2 onto itself", dup2(20, 20));
    report("dup2 onto what is open", dup2(20, 5));
    report("dup of what is closed", dup(19));
    report("dup2 of what is closed", dup2(19, 20));
    report("dup2 to a negative number", dup2(20, -1));
    report("from 100 on", fcntl(20, F_DUPFD, 100));
    report("from 100 on again", fcntl(20, F_DUPFD, 100));
    report_raw("dup3 onto itself", raw(__NR_dup3, 20, 20, 0));
    report_raw("dup3", raw(__NR_dup3, 20, 30, O_CLOEXEC));
    report("flag of 30", fcntl(30, F_GETFD));
    report("flag of a copy", fcntl(dup(30), F_GETFD));
    report("set it", fcntl(20, F_SETFD, FD_CLOEXEC));
    report("it is set", fcntl(20, F_GETFD));
    report("of the first copy it is not", fcntl(ends[1], F_GETFD));
    say("status of a write end: %o\n", (unsigned)fcntl(ends[1], F_GETFL));
    report("not to wait", fcntl(ends[1], F_SETFL, O_NONBLOCK));
    say("status of its copy: %o\n", (unsigned)fcntl(20, F_GETFL));
    report("close", close(20));
    report("close again", close(20));
    report("close -1", close(-1));
    report("unknown command", fcntl(30, 9999));
    struct rlimit limit = {110, 110};
    setrlimit(RLIMIT_NOFILE, &limit);
    report("beyond the limit", dup2(30, 110));
    int last = -1, next;
    while ((next = dup(30)) >= 0) {
        last = next;
    }
    report("no number is free", next);
    say("the last was %d\n", last);
    report("a pipe needs two", pipe(ends));
    close(50);
    report("a pipe still does not fit", pipe(ends));
    report_raw("close many", raw(__NR_close_range, 40, 200, 0));
    report("closed", fcntl(60, F_GETFD));
    report("not closed", fcntl(39, F_GETFD));
    return 0;
}
