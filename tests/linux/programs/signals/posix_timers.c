// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Timers of POSIX: several at once, by signal, with a value, and what is left of their time.

#include "child.h"

#include <sys/syscall.h>
#include <time.h>

static volatile int ticks, values;

static void on_tick(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    ticks++;
    values |= info->si_value.sival_int;
}

static long make(int signal, int value, int *id) {
    struct sigevent event;
    memset(&event, 0, sizeof(event));
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = signal;
    event.sigev_value.sival_int = value;
    return raw(__NR_timer_create, CLOCK_MONOTONIC, &event, id);
}

static long set(int id, long ns, long interval_ns) {
    struct itimerspec value = {{0, interval_ns}, {0, ns}};
    return raw(__NR_timer_settime, id, 0, &value, 0);
}

int main(void) {
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_sigaction = on_tick;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGUSR1, &action, NULL);
    sigset_t mask, none;
    sigemptyset(&none);
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    int first = -1, second = -1;
    report_raw("make one", make(SIGUSR1, 1, &first));
    report_raw("and another", make(SIGUSR1, 2, &second));
    check("they are two", first != second);
    report_raw("each 3 ms", set(first, 3000000, 3000000));
    report_raw("once", set(second, 1000000, 0));
    while (ticks < 4 || values != 3) {
        sigsuspend(&none);
    }
    say("both came: %d\n", values);
    struct itimerspec left;
    memset(&left, 0xff, sizeof(left));
    report_raw("what is left of the second", raw(__NR_timer_gettime, second, &left));
    say("%ld %ld\n", (long)left.it_value.tv_sec, left.it_value.tv_nsec);
    report_raw("interval of the first", raw(__NR_timer_gettime, first, &left));
    say("%ld\n", left.it_interval.tv_nsec);
    report_raw("stop", set(first, 0, 0));
    report_raw("overruns can be asked for",
               raw(__NR_timer_getoverrun, first) >= 0 ? 0 : raw(__NR_timer_getoverrun, first));
    report_raw("no such time", set(first, 1000000000, 0));
    report_raw("remove", raw(__NR_timer_delete, first));
    report_raw("again", raw(__NR_timer_delete, first));
    report_raw("set what is gone", set(first, 1, 0));
    report_raw("no such clock", raw(__NR_timer_create, 99, 0, &first));
    report_raw("no such signal", make(99, 0, &first));
    pid_t pid = fork();
    if (pid == 0) {
        report_raw("a child has none of them", set(second, 1, 0));
        _exit(0);
    }
    await("child", pid);
    return 0;
}
