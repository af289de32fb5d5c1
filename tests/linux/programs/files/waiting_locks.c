// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Locks that are waited for: circles, signals, ends of processes, exec; and those of open files.

#include "child.h"
#include "scratch.h"

#include <signal.h>
#include <sys/file.h>

#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#define F_OFD_SETLKW 38
#endif

static int lock(int fd, int command, int type, long start, long length) {
    struct flock wanted = {
        .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    return fcntl(fd, command, &wanted);
}

static void no_action(int number) {
    (void)number;
}

// Two processes that want what the other has: one of them is told.
static void try_circle(int fd) {
    struct gate has;
    gate_make(&has);
    report("mine", lock(fd, F_SETLK, F_WRLCK, 0, 1));
    pid_t pid = fork();
    if (pid == 0) {
        int result = lock(fd, F_SETLKW, F_WRLCK, 1, 1);
        gate_open(&has);
        // Whoever comes second closes the circle: let it be the parent, or this one.
        int waited = lock(fd, F_SETLKW, F_WRLCK, 0, 1);
        _exit(result == 0 && waited == 0 ? 0 : errno == EDEADLK ? 1 : 2);
    }
    gate_wait(&has);
    int mine = lock(fd, F_SETLKW, F_WRLCK, 1, 1);
    int told = mine < 0 && errno == EDEADLK;
    lock(fd, F_SETLK, F_UNLCK, 0, 0);
    int status;
    waitpid(pid, &status, 0);
    int child = WIFEXITED(status) ? WEXITSTATUS(status) : 3;
    say("one of the two was told: %d\n", told + (child == 1) == 1 && child < 2);
    lock(fd, F_SETLK, F_UNLCK, 0, 0);
}

static void try_signal(int fd) {
    struct gate has, done;
    gate_make(&has);
    gate_make(&done);
    pid_t pid = fork();
    if (pid == 0) {
        lock(fd, F_SETLK, F_WRLCK, 0, 10);
        gate_open(&has);
        gate_wait(&done);
        _exit(0);
    }
    gate_wait(&has);
    struct sigaction action = {.sa_handler = no_action};
    sigaction(SIGALRM, &action, NULL);
    alarm(1);
    report("a signal ends the waiting", lock(fd, F_SETLKW, F_RDLCK, 5, 1));
    report("and nothing was taken", lock(fd, F_SETLK, F_RDLCK, 10, 5));
    gate_open(&done);
    report("until the end of the other", lock(fd, F_SETLKW, F_WRLCK, 0, 10));
    waitpid(pid, NULL, 0);
    lock(fd, F_SETLK, F_UNLCK, 0, 0);
}

static void try_killed(int fd) {
    struct gate has;
    gate_make(&has);
    pid_t pid = fork();
    if (pid == 0) {
        lock(fd, F_SETLK, F_WRLCK, 0, 0);
        flock(open("file", O_RDONLY), LOCK_EX);
        gate_open(&has);
        pause();
        _exit(0);
    }
    gate_wait(&has);
    report("taken", lock(fd, F_SETLK, F_WRLCK, 3, 1));
    report("taken whole", flock(fd, LOCK_SH | LOCK_NB));
    kill(pid, SIGKILL);
    report("free when it is killed", lock(fd, F_SETLKW, F_WRLCK, 3, 1));
    report("free as a whole", flock(fd, LOCK_SH));
    waitpid(pid, NULL, 0);
    lock(fd, F_SETLK, F_UNLCK, 0, 0);
    flock(fd, LOCK_UN);
}

static void try_open_files(int fd) {
    int other = open("file", O_RDWR), copy = dup(fd);
    struct flock found = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    report("of an open file", lock(fd, F_OFD_SETLK, F_WRLCK, 0, 10));
    report("a copy is the same", lock(copy, F_OFD_SETLK, F_WRLCK, 5, 10));
    report("another is not", lock(other, F_OFD_SETLK, F_RDLCK, 14, 1));
    report("nor is the process", lock(fd, F_SETLK, F_RDLCK, 14, 1));
    report("beside it", lock(other, F_OFD_SETLK, F_WRLCK, 15, 0));
    report("who", fcntl(other, F_OFD_GETLK, &found));
    say("%d %ld %ld %d\n", found.l_type, (long)found.l_start, (long)found.l_len, found.l_pid);
    pid_t pid = fork();
    if (pid == 0) {
        report("a child shares it", lock(fd, F_OFD_SETLK, F_UNLCK, 0, 5));
        _exit(0);
    }
    await("child", pid);
    report("so it is free", lock(other, F_OFD_SETLK, F_WRLCK, 0, 5));
    close(copy);
    report("a close does not matter", lock(other, F_OFD_SETLK, F_WRLCK, 7, 1));
    found.l_pid = 5;
    report("with a pid", fcntl(other, F_OFD_SETLK, &found));
    close(other);
    report("all of the other are gone", lock(fd, F_OFD_SETLK, F_WRLCK, 0, 0));
    report("let go", lock(fd, F_OFD_SETLK, F_UNLCK, 0, 0));
}

static void try_odd(int fd) {
    struct flock backwards = {.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = 0, .l_len = -2};
    report("backwards from the end", fcntl(fd, F_SETLK, &backwards));
    report("before the beginning", lock(fd, F_SETLK, F_WRLCK, 1, -2));
    report("negative", lock(fd, F_SETLK, F_WRLCK, -1, 1));
    report("a null pointer", fcntl(fd, F_SETLK, NULL));
    report("of a pipe", lock(1, F_SETLK, F_UNLCK, 0, -1) < 0);
    struct flock there = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    report("asking for none", fcntl(fd, F_GETLK, &there));
    lock(fd, F_SETLK, F_UNLCK, 0, 0);
}

int main(void) {
    scratch_enter("scratch-waiting");
    make_file("file", "text");
    int fd = open("file", O_RDWR);
    try_circle(fd);
    try_signal(fd);
    try_killed(fd);
    try_open_files(fd);
    try_odd(fd);
    close(fd);
    unlink("file");
    scratch_leave();
    return 0;
}
