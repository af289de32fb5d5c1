// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Record locks on a pipe, as make -j --output-sync takes them.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void try(const char *what, int fd, int command, short type) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
    int result = fcntl(fd, command, &lock);
    printf("%s: %d, errno %d, type %d\n", what, result, result < 0 ? errno : 0, lock.l_type);
}

int main(void) {
    int ends[2];
    if (pipe(ends) != 0) {
        return 1;
    }
    try("write lock on the writing end", ends[1], F_SETLK, F_WRLCK);
    try("wait for it again", ends[1], F_SETLKW, F_WRLCK);
    try("read lock on the writing end", ends[1], F_SETLK, F_RDLCK);
    try("read lock on the reading end", ends[0], F_SETLK, F_RDLCK);
    try("test", ends[1], F_GETLK, F_WRLCK);
    try("unlock", ends[1], F_SETLK, F_UNLCK);
    try("no type", ends[1], F_SETLK, 77);
    return 0;
}
