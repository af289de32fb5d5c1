// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// mremap: growing in place and by moving, shrinking, moving to a given place.

#include "report.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#define PAGE 4096L
#define MOVE 1
#define FIXED 2

static char *map(long size) {
    return (char *)raw(__NR_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                       0);
}

static long remap(char *old, long size, long new_size, int flags, char *target) {
    return raw(__NR_mremap, old, size, new_size, flags, target);
}

static bool readable(const char *at) {
    return raw(__NR_rt_sigprocmask, 0, at, 0, 8) == 0;
}

// A page of room on each side, so that the neighbours are known.
static char *map_between(long size) {
    char *whole = map(size + 2 * PAGE);
    raw(__NR_munmap, whole, PAGE);
    raw(__NR_munmap, whole + PAGE + size, PAGE);
    return whole + PAGE;
}

static void try_growth(void) {
    char *at = map_between(2 * PAGE);
    memset(at, 'a', 2 * PAGE);
    check("grow into the free page", remap(at, 2 * PAGE, 3 * PAGE, 0, NULL) == (long)at);
    say("old %c, new %d\n", at[2 * PAGE - 1], at[2 * PAGE]);
    report_raw("shrink", remap(at, 3 * PAGE, PAGE, 0, NULL) - (long)at);
    check("the rest is gone", !readable(at + PAGE));
    char *blocked = map_between(3 * PAGE);
    blocked[0] = 'b';
    report_raw("grow against a neighbour", remap(blocked, PAGE, 2 * PAGE, 0, NULL));
    char *moved = (char *)remap(blocked, PAGE, 100 * PAGE, MOVE, NULL);
    check("grow by moving", moved != blocked && moved[0] == 'b' && moved[100 * PAGE - 1] == 0);
    check("the old place is free", !readable(blocked));
    check("its neighbours stay", readable(blocked + PAGE));
    report_raw("unmap", raw(__NR_munmap, moved, 100 * PAGE));
}

static void try_moving(void) {
    char *from = map(2 * PAGE), *to = map(4 * PAGE);
    strcpy(from, "cargo");
    strcpy(to, "buried");
    check("move to a place",
          remap(from, 2 * PAGE, 2 * PAGE, MOVE | FIXED, to + PAGE) == (long)to + PAGE);
    say("there: %s, before: %s\n", to + PAGE, to);
    check("the source is gone", !readable(from));
    report_raw("onto itself", remap(to, 2 * PAGE, 2 * PAGE, MOVE | FIXED, to + PAGE));
    report_raw("fixed without move", remap(to, PAGE, PAGE, FIXED, from));
    report_raw("fixed at an odd place", remap(to, PAGE, PAGE, MOVE | FIXED, from + 1));
}

static void try_nonsense(void) {
    char *at = map(2 * PAGE);
    report_raw("odd address", remap(at + 1, PAGE, PAGE, 0, NULL));
    report_raw("to nothing", remap(at, PAGE, 0, 0, NULL));
    report_raw("unknown flags", remap(at, PAGE, PAGE, 64, NULL));
    raw(__NR_munmap, at, PAGE);
    report_raw("of what is not mapped", remap(at, PAGE, 2 * PAGE, MOVE, NULL));
    report_raw("more than there can be", remap(at + PAGE, PAGE, 0x7ffffffff000, MOVE, NULL));
}

int main(void) {
    try_growth();
    try_moving();
    try_nonsense();
    return 0;
}
