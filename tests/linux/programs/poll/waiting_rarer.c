// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Rarer calls of waiting: the first form of eventfd, epoll_pwait2 with its finer time.

#include "report.h"

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>

int main(void) {
    int fd = (int)raw(__NR_eventfd, 5), set = (int)raw(__NR_epoll_create1, 0);
    check("an eventfd", fd >= 0);
    uint64_t value = 0;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 7};
    report_raw("into the set", raw(__NR_epoll_ctl, set, EPOLL_CTL_ADD, fd, &event));
    struct timespec time = {0, 3000000};
    memset(&event, 0, sizeof(event));
    report_raw("wait", raw(__NR_epoll_pwait2, set, &event, 1, &time, 0, 0));
    say("%lu\n", (unsigned long)event.data.u64);
    report("take", read(fd, &value, sizeof(value)));
    say("%lu\n", (unsigned long)value);
    report_raw("wait for 3 ms", raw(__NR_epoll_pwait2, set, &event, 1, &time, 0, 0));
    time.tv_nsec = 1000000000;
    report_raw("no such time", raw(__NR_epoll_pwait2, set, &event, 1, &time, 0, 0));
    return 0;
}
