// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
//
// alarm and setitimer: what is left, what replaces what, ticks in a row.

#include "child.h"

#include <sys/syscall.h>
#include <sys/time.h>

static volatile int ticks;

static void on_tick(int signal) {
    (void)signal;
    ticks++;
}

int main(void) {
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_tick;
    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGVTALRM, &action, NULL);
    say("nothing was set: %u\n", alarm(100));
    say("a hundred seconds were left: %u\n", alarm(50));
    struct itimerval value, old;
    report("the same clock", getitimer(ITIMER_REAL, &value));
    check("nearly fifty", value.it_value.tv_sec >= 48 && value.it_value.tv_sec <= 50);
    say("off: %u\n", alarm(0) > 0);
    getitimer(ITIMER_REAL, &value);
    say("%ld %ld\n", (long)value.it_value.tv_sec, (long)value.it_value.tv_usec);
    value = (struct itimerval){{0, 3000}, {0, 3000}};
    report("each 3 ms", setitimer(ITIMER_REAL, &value, NULL));
    while (ticks < 5) {
        raw(__NR_pause);
    }
    say("five ticks\n");
    value = (struct itimerval){{0, 0}, {0, 0}};
    report("stop", setitimer(ITIMER_REAL, &value, &old));
    say("interval was %ld us\n", (long)old.it_interval.tv_usec);
    value = (struct itimerval){{0, 0}, {0, 1000000}};
    report("a whole second of microseconds", setitimer(ITIMER_REAL, &value, NULL));
    report("no such clock", setitimer(9, &value, NULL));
    value = (struct itimerval){{0, 0}, {0, 5000}};
    ticks = 0;
    report("by the CPU time of the process", setitimer(ITIMER_VIRTUAL, &value, NULL));
    while (ticks == 0) {
    }
    say("a tick\n");
    pid_t pid = fork();
    if (pid == 0) {
        say("a child has no alarm: %u\n", alarm(0));
        alarm(100);
        _exit(0);
    }
    await("child", pid);
    say("nor the parent its child's: %u\n", alarm(0));
    return 0;
}
