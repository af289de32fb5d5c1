// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Clocks go forward, whoever reads them: the libc (through the vDSO where it knows how) or the
// call.

#include "report.h"

#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

static long long nanoseconds(struct timespec time) {
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static long long by_libc(int clock) {
    struct timespec time = {0};
    clock_gettime(clock, &time);
    return nanoseconds(time);
}

static long long by_call(int clock) {
    struct timespec time = {0};
    raw(__NR_clock_gettime, clock, &time);
    return nanoseconds(time);
}

static void check_order(const char *name, int clock) {
    long long last = 0;
    int backwards = 0;
    for (int i = 0; i < 500; i++) {
        long long now = i % 2 ? by_libc(clock) : by_call(clock);
        backwards += now < last;
        last = now;
    }
    say("%s: %d steps back\n", name, backwards);
}

int main(void) {
    check_order("realtime", CLOCK_REALTIME);
    check_order("monotonic", CLOCK_MONOTONIC);
    check_order("since boot", 7);
    check_order("raw", 4);
    long long start = by_call(CLOCK_MONOTONIC);
    while (by_libc(CLOCK_MONOTONIC) < start + 2000000) {
    }
    check("two milliseconds pass", by_call(CLOCK_MONOTONIC) >= start + 2000000);
    check("the year is 2023 or later", by_call(CLOCK_REALTIME) / 1000000000 > 1672531200);
    struct timeval now;
    gettimeofday(&now, NULL);
    long long difference = by_call(CLOCK_REALTIME) / 1000 - (now.tv_sec * 1000000LL + now.tv_usec);
    check("gettimeofday agrees", difference >= 0 && difference < 5000000);
    check("time agrees", raw(__NR_time, 0) >= now.tv_sec);
    check("the process has used some CPU", by_call(2) > 0 && by_call(3) > 0);
    struct timespec resolution = {1, 1};
    report_raw("resolution", raw(__NR_clock_getres, CLOCK_MONOTONIC, &resolution));
    say("%ld s %ld ns\n", (long)resolution.tv_sec, (long)resolution.tv_nsec);
    report_raw("no such clock", raw(__NR_clock_gettime, 99, &resolution));
    report_raw("resolution of no such clock", raw(__NR_clock_getres, 99, &resolution));
    report_raw("resolution that nobody wants", raw(__NR_clock_getres, CLOCK_REALTIME, 0));
    return 0;
}
