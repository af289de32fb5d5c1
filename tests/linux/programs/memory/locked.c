// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Memory that stays: mlock and its family; and mincore, which tells what is there.

#include "report.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#define PAGE 4096L

int main(void) {
    char *at = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char there[4] = {9, 9, 9, 9};
    at[0] = 1;
    at[2 * PAGE] = 1;
    report_raw("what is there", raw(__NR_mincore, at, 4 * PAGE, there));
    say("%d %d %d %d\n", there[0] & 1, there[1] & 1, there[2] & 1, there[3] & 1);
    report_raw("odd address", raw(__NR_mincore, at + 1, PAGE, there));
    report_raw("bad place for it", raw(__NR_mincore, at, PAGE, 16));
    report_raw("lock", raw(__NR_mlock, at, 4 * PAGE));
    report_raw("now", raw(__NR_mincore, at, 4 * PAGE, there));
    say("%d %d %d %d\n", there[0] & 1, there[1] & 1, there[2] & 1, there[3] & 1);
    report_raw("unlock", raw(__NR_munlock, at, 4 * PAGE));
    report_raw("lock a byte", raw(__NR_mlock, at + 5, 1));
    report_raw("all, now and later", raw(__NR_mlockall, 3));
    report_raw("unknown flags", raw(__NR_mlockall, 77));
    report_raw("no flags", raw(__NR_mlockall, 0));
    report_raw("none", raw(__NR_munlockall));
    munmap(at, 4 * PAGE);
    report_raw("lock nothing", raw(__NR_mlock, at, PAGE));
    report_raw("unlock nothing", raw(__NR_munlock, at, PAGE));
    report_raw("nothing is there", raw(__NR_mincore, at, PAGE, there));
    return 0;
}
