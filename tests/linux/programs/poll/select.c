// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// select and pselect: sets of descriptors, in and out.

#include "child.h"

#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>

static void show(const char *what, int result, fd_set *readable, fd_set *writable, int count) {
    if (result < 0) {
        report(what, result);
        return;
    }
    say("%s: %d:", what, result);
    for (int i = 0; i < count; i++) {
        if (readable && FD_ISSET(i, readable)) {
            say(" r%d", i);
        }
        if (writable && FD_ISSET(i, writable)) {
            say(" w%d", i);
        }
    }
    say("\n");
}

int main(void) {
    int ends[2], more[2];
    (void)!pipe(ends);
    (void)!pipe(more);
    fd_set readable, writable;
    struct timeval none = {0, 0};
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    FD_SET(ends[0], &readable);
    FD_SET(more[0], &readable);
    FD_SET(ends[1], &writable);
    show("empty", select(10, &readable, &writable, NULL, &none), &readable, &writable, 10);
    (void)!write(more[1], "x", 1);
    FD_SET(ends[0], &readable);
    FD_SET(more[0], &readable);
    show("a byte in the second", select(10, &readable, NULL, NULL, &none), &readable, NULL, 10);
    FD_SET(ends[0], &readable);
    show("not looked at so far", select(more[0], &readable, NULL, NULL, &none), &readable, NULL,
         10);
    FD_ZERO(&readable);
    FD_SET(ends[0], &readable);
    struct timeval time = {0, 8000};
    show("wait for 8 ms", select(10, &readable, NULL, NULL, &time), &readable, NULL, 10);
    say("left %ld\n", (long)time.tv_usec);
    FD_ZERO(&readable);
    FD_SET(55, &readable);
    report("no descriptor", select(60, &readable, NULL, NULL, &none));
    report("a negative count", select(-1, NULL, NULL, NULL, &none));
    report("a count above all", select(1000000, NULL, NULL, NULL, &none));
    time = (struct timeval){-1, 0};
    report("a negative time", select(0, NULL, NULL, NULL, &time));
    time = (struct timeval){0, 1500};
    report("sleep", select(0, NULL, NULL, NULL, &time));
    struct timespec short_time = {0, 2000000};
    FD_ZERO(&readable);
    FD_SET(ends[0], &readable);
    report("pselect", pselect(10, &readable, NULL, NULL, &short_time, NULL));
    close(ends[1]);
    FD_SET(ends[0], &readable);
    show("an end is readable", select(10, &readable, NULL, NULL, NULL), &readable, NULL, 10);
    report_raw("bad address", raw(__NR_select, 10, 16, 0, 0, 0));
    return 0;
}
