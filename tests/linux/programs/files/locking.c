// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Advisory locks: of processes by fcntl, of open files by flock.

#include "child.h"
#include "scratch.h"

#include <sys/file.h>

static int lock(int fd, int command, int type, long start, long length) {
    struct flock wanted = {
        .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    return fcntl(fd, command, &wanted);
}

// Who would be in the way, as another process sees it.
static void show(const char *what, int type, long start, long length) {
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        int fd = open("file", O_RDWR);
        struct flock found = {
            .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
        fcntl(fd, F_GETLK, &found);
        if (found.l_type == F_UNLCK) {
            say("%s: free\n", what);
        } else {
            say("%s: %s from %ld, %ld long, of my parent: %d\n", what,
                found.l_type == F_WRLCK ? "write" : "read", (long)found.l_start, (long)found.l_len,
                found.l_pid == parent);
        }
        _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
}

static void try_process_locks(int fd) {
    report("lock a stretch", lock(fd, F_SETLK, F_WRLCK, 10, 20));
    show("inside", F_RDLCK, 15, 1);
    show("beside", F_WRLCK, 30, 5);
    report("the middle to read", lock(fd, F_SETLK, F_RDLCK, 15, 5));
    show("the middle, to read", F_RDLCK, 15, 5);
    show("the middle, to write", F_WRLCK, 15, 5);
    report("open the first part", lock(fd, F_SETLK, F_UNLCK, 0, 15));
    show("the first part", F_WRLCK, 0, 15);
    report("to the end of the file", lock(fd, F_SETLK, F_WRLCK, 100, 0));
    show("far away", F_WRLCK, 1000000, 1);
    pid_t pid = fork();
    if (pid == 0) {
        report("a child has no lock of its parent", lock(fd, F_SETLK, F_WRLCK, 100, 1));
        _exit(0);
    }
    await("child", pid);
    int second = open("file", O_RDONLY);
    report("to write, opened to read", lock(second, F_SETLK, F_WRLCK, 200, 1));
    close(second);
    show("all are gone with any close", F_WRLCK, 0, 0);
    report("no such kind", lock(fd, F_SETLK, 77, 0, 1));
}

static void try_waiting(int fd) {
    struct gate ready;
    gate_make(&ready);
    lock(fd, F_SETLK, F_WRLCK, 0, 10);
    pid_t pid = fork();
    if (pid == 0) {
        gate_open(&ready);
        int result = lock(fd, F_SETLKW, F_WRLCK, 5, 10);
        say("the child got it: %d\n", result);
        _exit(0);
    }
    gate_wait(&ready);
    say("the parent lets go\n");
    lock(fd, F_SETLK, F_UNLCK, 0, 0);
    await("child", pid);
    report("free after its end", lock(fd, F_SETLK, F_WRLCK, 5, 10));
    lock(fd, F_SETLK, F_UNLCK, 0, 0);
}

static void try_flock(int fd) {
    int other = open("file", O_RDWR), copy = dup(fd);
    report("exclusive", flock(fd, LOCK_EX));
    report("another open file", flock(other, LOCK_SH | LOCK_NB));
    report("a copy is the same", flock(copy, LOCK_EX | LOCK_NB));
    report("shared from now on", flock(fd, LOCK_SH));
    report("another shares", flock(other, LOCK_SH | LOCK_NB));
    report("but not alone", flock(other, LOCK_EX | LOCK_NB));
    close(fd);
    report("a copy keeps it", flock(other, LOCK_EX | LOCK_NB));
    report("open by the copy", flock(copy, LOCK_UN));
    report("now alone", flock(other, LOCK_EX | LOCK_NB));
    report("no such operation", flock(other, 0));
    close(other);
    close(copy);
}

int main(void) {
    scratch_enter("scratch-locking");
    make_file("file", "text");
    int fd = open("file", O_RDWR);
    try_process_locks(fd);
    try_waiting(fd);
    try_flock(fd);
    unlink("file");
    scratch_leave();
    return 0;
}
