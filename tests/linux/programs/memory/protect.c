// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
//
// Protections, seen through calls that read and write memory for us: EFAULT tells without a signal.

#include "report.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#define PAGE 4096L

static char *base;

static long map(long size, int protection) {
    return raw(__NR_mmap, 0, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static bool readable(const char *at) {
    return raw(__NR_rt_sigprocmask, 0, at, 0, 8) == 0;
}

static bool writable(char *at) {
    return raw(__NR_getrandom, at, 1, 0) == 1;
}

// Which of `count` pages the kernel can read and write for us: r, w or -.
static void show(const char *what, int count) {
    say("%s:", what);
    for (int i = 0; i < count; i++) {
        char *at = base + i * PAGE;
        // Reading sets the signal mask from there: keep it empty.
        if (writable(at)) {
            memset(at, 0, 8);
        }
        say(" %c%c", readable(at) ? 'r' : '-', writable(at) ? 'w' : '-');
    }
    say("\n");
}

static void protect(const char *what, long first, long count, int protection) {
    report_raw(what, raw(__NR_mprotect, base + first * PAGE, count * PAGE, protection));
    show("  now", 5);
}

int main(void) {
    base = (char *)map(5 * PAGE, PROT_READ | PROT_WRITE);
    show("new", 5);
    protect("the middle only to read", 2, 1, PROT_READ);
    protect("two of them to nothing", 1, 2, PROT_NONE);
    protect("all to read", 0, 5, PROT_READ);
    protect("the ends to write", 0, 1, PROT_READ | PROT_WRITE);
    protect("", 4, 1, PROT_READ | PROT_WRITE);
    protect("to write implies to read", 1, 1, PROT_WRITE);
    // PROT_EXEC alone implies to read on some CPUs and not on others.
    protect("to run and to read", 2, 1, PROT_READ | PROT_EXEC);
    protect("no page", 0, 0, PROT_NONE);
    report_raw("odd address", raw(__NR_mprotect, base + 1, PAGE, PROT_READ));
    report_raw("unknown bits", raw(__NR_mprotect, base, PAGE, 0x80));
    report_raw("not the whole is mapped", raw(__NR_munmap, base + 3 * PAGE, PAGE));
    protect("over the gap", 2, 3, PROT_READ | PROT_WRITE);
    raw(__NR_munmap, base, 5 * PAGE);
    report_raw("nothing is mapped", raw(__NR_mprotect, base, PAGE, PROT_READ));
    base = (char *)map(5 * PAGE, PROT_NONE);
    show("mapped as nothing", 5);
    protect("then to write", 0, 5, PROT_READ | PROT_WRITE);
    return 0;
}
