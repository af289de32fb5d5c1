// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
// stdin: "first line\nsecond line\n"
//
// Addresses that no program has, given to calls that read and write memory: EFAULT, and the process
// lives. A read into nowhere takes nothing from the pipe.

#include "report.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#define PAGE 4096L

static const struct {
    const char *name;
    long address;
} places[] = {
    {"null", 0},
    {"low", 4095},
    {"not canonical", 0x0000800000000000},
    {"the kernel's", (long)0xffff800000000000},
    {"the last", -1},
};

static void try_all(const char *what, long number, long a, int place, long b, long c) {
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        long args[4] = {a, b, c, 0};
        for (int at = 3; at > place; at--) {
            args[at] = args[at - 1];
        }
        args[place] = places[i].address;
        char text[80];
        snprintf(text, sizeof(text), "%s, %s address", what, places[i].name);
        report_raw(text, raw(number, args[0], args[1], args[2], args[3]));
    }
}

int main(void) {
    try_all("write", __NR_write, 1, 1, 10, 0);
    try_all("read", __NR_read, 0, 1, 5, 0);
    try_all("writev", __NR_writev, 1, 1, 1, 0);
    try_all("clock_gettime", __NR_clock_gettime, 0, 1, 0, 0);
    try_all("uname", __NR_uname, 0, 0, 0, 0);
    try_all("getrandom", __NR_getrandom, 16, 0, 0, 0);
    try_all("sysinfo", __NR_sysinfo, 0, 0, 0, 0);
    report_raw("write of nothing from nowhere", raw(__NR_write, 1, 16, 0));
    report_raw("write to no file from nowhere", raw(__NR_write, 99, 16, 5));
    report_raw("nanosleep", raw(__NR_nanosleep, 16, 0));
    char *two = (char *)raw(__NR_mmap, 0, 2 * PAGE, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    raw(__NR_munmap, two + PAGE, PAGE);
    report_raw("a result that crosses into nothing", raw(__NR_uname, two + PAGE - 100));
    report_raw("a result that just fits", raw(__NR_clock_gettime, 0, two + PAGE - 16));
    char line[12] = "";
    report_raw("and the input is still there", raw(__NR_read, 0, line, 10));
    say("%s\n", line);
    return 0;
}
