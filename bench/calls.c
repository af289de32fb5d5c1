// SPDX-License-Identifier: MIT
//
// Calls that do almost nothing: what the way into the kernel and back costs.

#include "bench.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int device;

void get_parent(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        syscall(SYS_getppid);
    }
}

static void clock_by_libc(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        struct timespec time;
        MUST(clock_gettime, CLOCK_MONOTONIC, &time);
    }
}

static void clock_by_call(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        struct timespec time;
        MUST(syscall, SYS_clock_gettime, CLOCK_MONOTONIC, &time);
    }
}

static void open_zero(void) {
    device = (int)MUST(open, "/dev/zero", O_RDONLY);
}

static void open_null(void) {
    device = (int)MUST(open, "/dev/null", O_WRONLY);
}

static void close_device(void) {
    close(device);
}

static void read_byte(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        char byte;
        MUST(read, device, &byte, 1);
    }
}

static void write_byte(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        MUST(write, device, "x", 1);
    }
}

const struct row call_rows[] = {
    {.name = "getppid", .count = 2000, .run = get_parent},
    {.name = "clock_libc", .count = 4000, .run = clock_by_libc},
    {.name = "clock_syscall", .count = 2000, .run = clock_by_call},
    {.name = "read_zero_1",
     .count = 2000,
     .prepare = open_zero,
     .run = read_byte,
     .finish = close_device},
    {.name = "write_null_1",
     .count = 2000,
     .prepare = open_null,
     .run = write_byte,
     .finish = close_device},
    {0},
};
