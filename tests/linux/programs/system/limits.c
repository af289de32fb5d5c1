// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Limits that programs look at, and the rules for changing them.

#include "report.h"

#include <sys/resource.h>
#include <sys/syscall.h>

static void show(const char *name, int resource) {
    struct rlimit limit = {1, 1};
    report(name, getrlimit(resource, &limit));
    if (limit.rlim_cur == RLIM_INFINITY) {
        say("  no limit\n");
    } else {
        say("  %llu\n", (unsigned long long)limit.rlim_cur);
    }
}

int main(void) {
    show("stack", RLIMIT_STACK);
    show("files", RLIMIT_NOFILE);
    show("core", RLIMIT_CORE);
    show("data", RLIMIT_DATA);
    show("file size", RLIMIT_FSIZE);
    show("CPU", RLIMIT_CPU);
    show("addresses", RLIMIT_AS);
    struct rlimit limit = {100, 200};
    report("lower the number of files", setrlimit(RLIMIT_NOFILE, &limit));
    show("files", RLIMIT_NOFILE);
    limit.rlim_cur = 300;
    report("soft above hard", setrlimit(RLIMIT_NOFILE, &limit));
    report_raw("no such limit", raw(__NR_getrlimit, 99, &limit));
    report_raw("of no such process", raw(__NR_prlimit64, 4000000, RLIMIT_NOFILE, 0, &limit));
    struct rusage usage;
    report("usage", getrusage(RUSAGE_SELF, &usage));
    check("some memory was used", usage.ru_maxrss > 0);
    report_raw("usage of nobody", raw(__NR_getrusage, 77, &usage));
    return 0;
}
