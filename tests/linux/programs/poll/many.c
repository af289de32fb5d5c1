// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run: 20 200
//
// A server of many pipes by poll: children write at their own pace, the parent serves who is ready.

#include "child.h"

#include <poll.h>

#define MAX 64

int main(int argc, char **argv) {
    int children = argc > 1 ? atoi(argv[1]) : 4, messages = argc > 2 ? atoi(argv[2]) : 10;
    struct pollfd fds[MAX];
    long counts[MAX] = {0}, sums[MAX] = {0};
    for (int i = 0; i < children; i++) {
        int ends[2];
        (void)!pipe(ends);
        if (fork() == 0) {
            for (int n = 0; n < messages; n++) {
                int message = i * 1000 + n;
                write_all(ends[1], &message, sizeof(message));
            }
            _exit(0);
        }
        close(ends[1]);
        fds[i] = (struct pollfd){ends[0], POLLIN, 0};
    }
    int open_fds = children;
    while (open_fds > 0) {
        poll(fds, (nfds_t)children, -1);
        for (int i = 0; i < children; i++) {
            int message;
            if (!fds[i].revents) {
                continue;
            }
            if (read(fds[i].fd, &message, sizeof(message)) == sizeof(message)) {
                counts[i]++;
                sums[i] += message;
            } else {
                close(fds[i].fd);
                fds[i].fd = -1;
                open_fds--;
            }
        }
    }
    while (wait(NULL) > 0) {
    }
    long wrong = 0;
    for (int i = 0; i < children; i++) {
        long expected = 1000L * i * messages + (long)messages * (messages - 1) / 2;
        wrong += counts[i] != messages || sums[i] != expected;
    }
    say("%d children, %ld wrong\n", children, wrong);
    return wrong != 0;
}
