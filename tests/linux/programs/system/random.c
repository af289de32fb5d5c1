// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
//
// getrandom: as many bytes as asked for, not twice the same, and what it refuses.

#include "report.h"

#include <sys/syscall.h>

int main(void) {
    static unsigned char first[4096], second[4096];
    report_raw("4096 bytes", raw(__NR_getrandom, first, 4096, 0));
    report_raw("again", raw(__NR_getrandom, second, 4096, 0));
    check("they differ", memcmp(first, second, 4096) != 0);
    int counts[256] = {0}, most = 0, values = 0;
    for (int i = 0; i < 4096; i++) {
        int count = ++counts[first[i]];
        most = count > most ? count : most;
        values += count == 1;
    }
    check("they look like chance", values > 250 && most < 64);
    report_raw("nothing", raw(__NR_getrandom, first, 0, 0));
    report_raw("without waiting", raw(__NR_getrandom, first, 16, 1));
    report_raw("unknown flags", raw(__NR_getrandom, first, 16, 0x100));
    return 0;
}
