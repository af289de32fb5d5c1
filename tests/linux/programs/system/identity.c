// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
//
// Who the process is, as far as it is the same on each run.

#include "report.h"

#include <sys/syscall.h>

int main(void) {
    long pid = raw(__NR_getpid);
    check("the process has a number", pid > 0);
    check("libc and call agree", getpid() == pid);
    check("its first thread has the same", raw(__NR_gettid) == pid);
    check("it stays", raw(__NR_getpid) == pid);
    check("the parent is another", raw(__NR_getppid) != pid);
    say("user %ld %ld, group %ld %ld\n", raw(__NR_getuid), raw(__NR_geteuid), raw(__NR_getgid),
        raw(__NR_getegid));
    unsigned real = 7, effective = 7, saved = 7;
    report_raw("getresuid", raw(__NR_getresuid, &real, &effective, &saved));
    say("%u %u %u\n", real, effective, saved);
    report_raw("getresgid", raw(__NR_getresgid, &real, &effective, &saved));
    say("%u %u %u\n", real, effective, saved);
    report_raw("further groups", raw(__NR_getgroups, 0, 0));
    report_raw("to become who one is", raw(__NR_setuid, 0));
    check("there is a group", raw(__NR_getpgrp) > 0);
    check("and a session", raw(__NR_getsid, 0) >= 0);
    check("getpgid of oneself", raw(__NR_getpgid, 0) == raw(__NR_getpgrp));
    report_raw("getpgid of nobody", raw(__NR_getpgid, 4000000));
    report_raw("getpgid of a negative number", raw(__NR_getpgid, -5));
    return 0;
}
