// SPDX-License-Identifier: MIT
// libcs: musl musl-pie glibc klibc
// run:
//
// The end of the data segment: grows, shrinks, is zero when new, and stays where it is when asked
// for the impossible. Only raw calls, since a libc's malloc moves it too.

#include "report.h"

#include <sys/syscall.h>

static long start;

static void move(const char *what, long target) {
    say("%s: %ld\n", what, raw(__NR_brk, target) - start);
}

static bool all_zero(const char *at, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (at[i]) {
            return false;
        }
    }
    return true;
}

int main(void) {
    start = raw(__NR_brk, 0);
    // From here on the start is at a page boundary, so that the distances are the same everywhere.
    start = raw(__NR_brk, (start + 4095) & -4096L);
    check("the start can be aligned", start % 4096 == 0);
    move("ask", 0);
    move("grow by 3 pages", start + 3 * 4096);
    char *at = (char *)start;
    check("new memory is zero", all_zero(at, 3 * 4096));
    memset(at, 'x', 3 * 4096);
    move("grow by an odd number", start + 3 * 4096 + 123);
    check("the rest of that page is there too", all_zero(at + 3 * 4096, 4096));
    move("shrink to a page", start + 4096);
    check("what is left is kept", at[0] == 'x' && at[4095] == 'x');
    report_raw("what is gone can't be read", raw(__NR_write, 1, at + 4096, 1));
    move("grow again", start + 2 * 4096);
    check("memory that comes back is zero", all_zero(at + 4096, 4096));
    move("ask for a low address", 4096);
    move("ask for all of the memory", 0x7ff000000000);
    move("ask for a kernel address", (long)0xffff800000000000);
    check("after all this it works", at[0] == 'x');
    move("grow by 16 MiB", start + (16 << 20));
    at[(16 << 20) - 1] = 'y';
    check("to the last byte", at[(16 << 20) - 1] == 'y');
    return 0;
}
