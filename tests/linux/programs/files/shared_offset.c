// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
//
// One open file behind several descriptors and processes: place and flags are shared; opened twice,
// they are not.

#include "child.h"
#include "scratch.h"

static int place(int fd) {
    return (int)lseek(fd, 0, SEEK_CUR);
}

int main(void) {
    scratch_enter("scratch-shared");
    make_file("file", "0123456789abcdefghij");
    int fd = open("file", O_RDWR), copy = dup(fd), other = open("file", O_RDWR);
    char text[4] = "";
    (void)!read(fd, text, 3);
    say("read [%s]: %d %d %d\n", text, place(fd), place(copy), place(other));
    (void)!read(copy, text, 3);
    say("read [%s]: %d %d %d\n", text, place(fd), place(copy), place(other));
    fcntl(fd, F_SETFL, O_APPEND);
    say("flags: %o %o %o\n", (unsigned)fcntl(fd, F_GETFL) & O_APPEND,
        (unsigned)fcntl(copy, F_GETFL) & O_APPEND, (unsigned)fcntl(other, F_GETFL) & O_APPEND);
    fcntl(fd, F_SETFL, 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)!read(fd, text, 2);
        lseek(other, 15, SEEK_SET);
        _exit(place(fd));
    }
    await("child", pid);
    say("parent: %d %d %d\n", place(fd), place(copy), place(other));
    lseek(fd, 0, SEEK_SET);
    // Each of the processes writes one record after the other: none overwrites another's.
    for (int i = 0; i < 4; i++) {
        if (fork() == 0) {
            for (int n = 0; n < 100; n++) {
                char record[8];
                memset(record, 'a' + i, sizeof(record));
                (void)!write(fd, record, sizeof(record));
            }
            _exit(0);
        }
    }
    while (wait(NULL) > 0) {
    }
    say("all: %d\n", place(fd));
    lseek(fd, 0, SEEK_SET);
    int counts[4] = {0}, mixed = 0;
    char record[8];
    while (read(fd, record, sizeof(record)) == sizeof(record)) {
        counts[record[0] & 3]++;
        for (int i = 1; i < 8; i++) {
            mixed += record[i] != record[0];
        }
    }
    say("%d %d %d %d, mixed %d\n", counts[0], counts[1], counts[2], counts[3], mixed);
    unlink("file");
    scratch_leave();
    return 0;
}
