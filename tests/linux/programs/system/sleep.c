// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
//
// Sleeping lasts at least as long as asked for; nonsense is refused at once.

#include "report.h"

#include <sys/syscall.h>
#include <time.h>

static long long now(void) {
    struct timespec time;
    raw(__NR_clock_gettime, CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void sleep_for(const char *what, long seconds, long nanoseconds) {
    struct timespec wanted = {seconds, nanoseconds};
    long long start = now();
    report_raw(what, raw(__NR_nanosleep, &wanted, 0));
    long long took = now() - start;
    check("  long enough", took >= seconds * 1000000000LL + nanoseconds || seconds < 0);
}

int main(void) {
    sleep_for("3 ms", 0, 3000000);
    sleep_for("nothing", 0, 0);
    sleep_for("1 ns", 0, 1);
    struct timespec wanted = {0, 1000000000};
    report_raw("a whole second of nanoseconds", raw(__NR_nanosleep, &wanted, 0));
    wanted = (struct timespec){-1, 0};
    report_raw("a negative time", raw(__NR_nanosleep, &wanted, 0));
    wanted = (struct timespec){0, -1};
    report_raw("negative nanoseconds", raw(__NR_nanosleep, &wanted, 0));
    long long until = now() + 2000000;
    wanted = (struct timespec){until / 1000000000, until % 1000000000};
    report_raw("until a time", raw(__NR_clock_nanosleep, CLOCK_MONOTONIC, 1, &wanted, 0));
    check("  long enough", now() >= until);
    wanted = (struct timespec){0, 1};
    report_raw("until a time gone by", raw(__NR_clock_nanosleep, CLOCK_MONOTONIC, 1, &wanted, 0));
    report_raw("by no such clock", raw(__NR_clock_nanosleep, 99, 0, &wanted, 0));
    report_raw("yield", raw(__NR_sched_yield));
    return 0;
}
