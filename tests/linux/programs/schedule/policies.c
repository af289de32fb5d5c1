// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Priorities, policies and CPUs: what can be asked and set, and what is refused.

#include "child.h"

#include <sys/resource.h>
#include <sys/syscall.h>

int main(void) {
    int parameter = -1;
    report_raw("policy", raw(__NR_sched_getscheduler, 0));
    report_raw("of nobody", raw(__NR_sched_getscheduler, 4000000));
    report_raw("parameter", raw(__NR_sched_getparam, 0, &parameter));
    say("%d\n", parameter);
    report_raw("no place for it", raw(__NR_sched_getparam, 0, 0));
    report_raw("highest of FIFO", raw(__NR_sched_get_priority_max, 1));
    report_raw("lowest of FIFO", raw(__NR_sched_get_priority_min, 1));
    report_raw("highest of the usual", raw(__NR_sched_get_priority_max, 0));
    report_raw("of no policy", raw(__NR_sched_get_priority_max, 99));
    errno = 0;
    say("priority %d\n", getpriority(PRIO_PROCESS, 0));
    report("lower it", setpriority(PRIO_PROCESS, 0, 5));
    say("priority %d\n", getpriority(PRIO_PROCESS, 0));
    // The call itself answers 20 - priority.
    report_raw("the call", raw(__NR_getpriority, PRIO_PROCESS, 0));
    report("beyond the end", setpriority(PRIO_PROCESS, 0, 100));
    say("priority %d\n", getpriority(PRIO_PROCESS, 0));
    report("of no process", setpriority(PRIO_PROCESS, 4000000, 1));
    report("of no kind", setpriority(99, 0, 1));
    pid_t pid = fork();
    if (pid == 0) {
        say("a child has it: %d\n", getpriority(PRIO_PROCESS, 0));
        _exit(0);
    }
    await("child", pid);
    unsigned long set[16] = {0};
    long size = raw(__NR_sched_getaffinity, 0, sizeof(set), set);
    check("CPUs", size >= 8 && set[0] != 0);
    unsigned long first[16] = {1};
    report_raw("only the first", raw(__NR_sched_setaffinity, 0, sizeof(first), first));
    memset(set, 0, sizeof(set));
    raw(__NR_sched_getaffinity, 0, sizeof(set), set);
    say("CPUs %lx\n", set[0]);
    unsigned cpu = 99;
    raw(__NR_getcpu, &cpu, 0, 0);
    say("on %u\n", cpu);
    memset(set, 0, sizeof(set));
    report_raw("none", raw(__NR_sched_setaffinity, 0, sizeof(set), set));
    report_raw("of nobody", raw(__NR_sched_setaffinity, 4000000, sizeof(first), first));
    report_raw("bad address", raw(__NR_sched_setaffinity, 0, 8, 16));
    return 0;
}
