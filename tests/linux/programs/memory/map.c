// SPDX-License-Identifier: MIT
// libcs: musl musl-pie glibc klibc
// run:
//
// Anonymous mappings: new memory is zero, holes can be made, fixed places are honoured, and each
// way to ask for nonsense has its error.

#include "report.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#define PAGE 4096L
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

static const int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
static const int both = PROT_READ | PROT_WRITE;

static long map(long address, long size, int protection, int flags, int fd, long offset) {
    return raw(__NR_mmap, address, size, protection, flags, fd, offset);
}

// Whether the kernel can read there: getting at memory without a fault.
static bool readable(long address) {
    return raw(__NR_write, 1, address, 0) == 0 && raw(__NR_rt_sigprocmask, 0, address, 0, 8) == 0;
}

static void try_new_memory(void) {
    char *at = (char *)map(0, 10 * PAGE, both, anonymous, -1, 0);
    check("aligned", (long)at % PAGE == 0);
    bool zero = true;
    for (int i = 0; i < 10 * PAGE; i++) {
        zero = zero && at[i] == 0;
    }
    check("zero", zero);
    memset(at, 1, 10 * PAGE);
    report_raw("make a hole", raw(__NR_munmap, at + 3 * PAGE, 2 * PAGE));
    check("the page before the hole", readable((long)at + 2 * PAGE));
    check("the hole is gone", !readable((long)at + 3 * PAGE) && !readable((long)at + 4 * PAGE));
    check("the page after the hole", readable((long)at + 5 * PAGE) && at[5 * PAGE] == 1);
    check("fill the hole at its place", map((long)at + 3 * PAGE, PAGE, both, anonymous | MAP_FIXED,
                                            -1, 0) == (long)at + 3 * PAGE);
    check("zero again", at[3 * PAGE] == 0);
    check("over what is there",
          map((long)at, PAGE, both, anonymous | MAP_FIXED, -1, 0) == (long)at && at[0] == 0);
    report_raw("not over what is there",
               map((long)at, PAGE, both, anonymous | MAP_FIXED_NOREPLACE, -1, 0));
    check("a hint that is free",
          map((long)at + 4 * PAGE, PAGE, both, anonymous, -1, 0) == (long)at + 4 * PAGE);
    check("a hint that is taken", map((long)at, PAGE, both, anonymous, -1, 0) != (long)at);
    report_raw("unmap all", raw(__NR_munmap, at, 10 * PAGE));
    report_raw("unmap what is not mapped", raw(__NR_munmap, at, 10 * PAGE));
    long shared = map(0, PAGE, both, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    report_done("shared", shared);
    *(char *)shared = 1;
    report_raw("an odd length counts as whole pages", raw(__NR_munmap, shared, 1));
    check("gone", !readable(shared));
}

static void try_nonsense(void) {
    report_raw("no length", map(0, 0, both, anonymous, -1, 0));
    report_raw("neither shared nor private", map(0, PAGE, both, MAP_ANONYMOUS, -1, 0));
    report_raw("odd fixed address", map(123, PAGE, both, anonymous | MAP_FIXED, -1, 0));
    report_raw("odd offset", map(0, PAGE, both, anonymous, -1, 5));
    report_raw("no such file", map(0, PAGE, both, MAP_PRIVATE, 77, 0));
    report_raw("more than there can be", map(0, 0x7fffffffffff, both, anonymous, -1, 0));
    report_raw("a length that wraps", map(0, -1, both, anonymous, -1, 0));
    report_raw("fixed, above the user's half",
               map((long)0xffff800000000000, PAGE, both, anonymous | MAP_FIXED, -1, 0));
    report_raw("unmap an odd address", raw(__NR_munmap, 123, PAGE));
    report_raw("unmap nothing", raw(__NR_munmap, 16 * PAGE, 0));
    report_raw("unmap in the kernel's half", raw(__NR_munmap, 0xffff800000000000, PAGE));
}

static void try_advice(void) {
    char *at = (char *)map(0, 2 * PAGE, both, anonymous, -1, 0);
    memset(at, 1, 2 * PAGE);
    report_raw("do not need the first page", raw(__NR_madvise, at, PAGE, MADV_DONTNEED));
    say("first %d, second %d\n", at[0], at[PAGE]);
    report_raw("will need", raw(__NR_madvise, at, PAGE, MADV_WILLNEED));
    report_raw("advice that there is not", raw(__NR_madvise, at, PAGE, 7777));
    report_raw("advice at an odd address", raw(__NR_madvise, at + 1, PAGE, MADV_DONTNEED));
    raw(__NR_munmap, at, 2 * PAGE);
    report_raw("advice on nothing", raw(__NR_madvise, at, PAGE, MADV_DONTNEED));
}

int main(void) {
    try_new_memory();
    try_nonsense();
    try_advice();
    return 0;
}
