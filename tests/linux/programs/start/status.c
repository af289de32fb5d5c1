// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run: 0
// run: 1
// status: 1
// run: 255
// status: 255
// run: 256
// status: 0
// run: -1
// status: 255
// run: 99 raw
// status: 99
// run: 98 thread
// status: 98
//
// Only the low eight bits of a status reach the parent, whichever call ends the process.

#include "report.h"

#include <sys/syscall.h>

int main(int argc, char **argv) {
    int status = atoi(argv[1]);
    if (argc > 2 && strcmp(argv[2], "raw") == 0) {
        raw(__NR_exit_group, status);
    }
    if (argc > 2 && strcmp(argv[2], "thread") == 0) {
        raw(__NR_exit, status);
    }
    return status;
}
