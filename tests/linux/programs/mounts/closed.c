// SPDX-License-Identifier: MIT
// libcs: musl
// run:
//
// A program that opens many files, whose closes may need no call: whatever depends on who has a
// file open finds it closed.

#include "child.h"
#include "scratch.h"

#include <pthread.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <time.h>

#define OPENS 40
#define LARGE (1 << 20)

static char block[65536];

static void open_often(const char *name) {
    for (int i = 0; i < OPENS; i++) {
        int fd = open(name, O_RDONLY);
        char byte;
        if (fd < 0 || read(fd, &byte, 1) < 0) {
            report("open", fd);
        }
        close(fd);
    }
}

// What comes by the same channel must be another description.
static void try_state(void) {
    make_file("a", "first file");
    make_file("b", "second");
    open_often("a");
    int fd = open("a", O_RDWR);
    report("lseek", lseek(fd, 6, SEEK_SET));
    close(fd);
    fd = open("b", O_RDONLY);
    char text[20] = "";
    report("offset of the next", lseek(fd, 0, SEEK_CUR));
    report("read", read(fd, text, 6));
    say("[%s]\n", text);
    report("write to what was opened for reading", write(fd, "x", 1));
    report("dup", dup2(fd, 50));
    close(fd);
    report("read of the copy", read(50, text, 1));
    report("lseek of the copy", lseek(50, 2, SEEK_SET));
    fd = open("a", O_RDONLY);
    report("read of another", read(fd, text, 5));
    say("[%.5s]\n", text);
    report("read of the copy", read(50, text, 4));
    say("[%.4s]\n", text);
    close(50);
    close(fd);
    report("not there", open("none", O_RDONLY));
    report("a directory to write", open(".", O_WRONLY));
    report("made anew", open("a", O_CREAT | O_EXCL | O_WRONLY, 0600));
    fd = open("new", O_CREAT | O_EXCL | O_RDWR, 0640);
    struct stat info = {0};
    fstat(fd, &info);
    say("mode %o, size %ld\n", (unsigned)info.st_mode, (long)info.st_size);
    close(fd);
    unlink("new");
}

static long used_blocks(void) {
    struct statfs info = {0};
    statfs(".", &info);
    return (long)(info.f_blocks - info.f_bfree);
}

// Waits for the room of a large file. Nothing that this process does meanwhile brings it back.
static void await_room(long before) {
    int tries = 0;
    while (used_blocks() - before >= 64 && tries < 400) {
        struct timespec time = {0, 5000000};
        nanosleep(&time, NULL);
        tries++;
    }
    say("room is back: %d\n", tries < 400);
}

static void fill(int fd) {
    for (int i = 0; i < LARGE / (int)sizeof(block); i++) {
        write_all(fd, block, sizeof(block));
    }
}

// The room of a file that is removed comes back when it is closed, before or after.
static void try_room(void) {
    open_often("a");
    long before = used_blocks();
    int fd = open("large", O_CREAT | O_RDWR, 0600);
    fill(fd);
    close(fd);
    report("unlink of a closed one", unlink("large"));
    await_room(before);
    fd = open("large", O_CREAT | O_RDWR, 0600);
    fill(fd);
    report("unlink of an open one", unlink("large"));
    say("room is taken: %d\n", used_blocks() - before >= 256);
    close(fd);
    await_room(before);
    make_file("other", "text");
    open_often("a");
    fd = open("large", O_CREAT | O_RDWR, 0600);
    fill(fd);
    close(fd);
    report("rename over a closed one", rename("other", "large"));
    await_room(before);
    unlink("large");
}

static void try_mounts(void) {
    report("mkdir", mkdir("place", 0755));
    report("mount", mount("none", "place", "tmpfs", 0, NULL));
    make_file("place/file", "in a file system of its own");
    int folder = open("place", O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < OPENS; i++) {
        close(openat(folder, "file", O_RDWR));
    }
    close(folder);
    report("read-only", mount("none", "place", "tmpfs", MS_REMOUNT | MS_RDONLY, NULL));
    report("and back", mount("none", "place", "tmpfs", MS_REMOUNT, NULL));
    folder = open("place", O_RDONLY | O_DIRECTORY);
    int fd = -1;
    for (int i = 0; i < OPENS; i++) {
        close(fd);
        fd = openat(folder, "file", O_RDWR);
    }
    report("read-only, but it is open",
           mount("none", "place", "tmpfs", MS_REMOUNT | MS_RDONLY, NULL));
    close(folder);
    report("umount, but it is open", umount("place"));
    close(fd);
    report("umount", umount("place"));
    report("rmdir", rmdir("place"));
}

// A lock of the description ends with its close, and of no other one.
static void try_locks(void) {
    open_often("a");
    int fd = open("a", O_RDONLY);
    report("flock", flock(fd, LOCK_EX));
    close(fd);
    fd = open("b", O_RDONLY);
    int other = open("a", O_RDONLY);
    report("flock of another", flock(other, LOCK_EX | LOCK_NB));
    close(other);
    close(fd);
    int wrong = 0;
    for (int i = 0; i < OPENS; i++) {
        int fds[3];
        for (int k = 0; k < 3; k++) {
            fds[k] = open("a", O_RDWR);
        }
        wrong += flock(fds[i % 3], LOCK_EX | LOCK_NB) != 0;
        for (int k = 0; k < 3; k++) {
            close(fds[k]);
        }
    }
    say("locks that could not be had: %d\n", wrong);
}

// After a fork the description is both's, whoever closes it.
static void try_fork(void) {
    open_often("a");
    int fd = open("a", O_RDONLY);
    struct gate closed;
    if (pipe(closed.ends)) {
        report("pipe", -1);
    }
    pid_t pid = fork();
    if (pid == 0) {
        char text[20] = "", byte;
        read(closed.ends[0], &byte, 1);
        report("read in the child", read(fd, text, 5));
        say("[%s]\n", text);
        open_often("b");
        close(fd);
        _exit(3);
    }
    close(fd);
    open_often("b");
    fd = open("b", O_RDONLY);
    write_all(closed.ends[1], "x", 1);
    await("child", pid);
    report("the parent's own", lseek(fd, 0, SEEK_CUR));
    close(fd);
    close(closed.ends[0]);
    close(closed.ends[1]);
}

// An exec closes what is marked, and keeps the rest.
static void try_exec(const char *program) {
    pid_t pid = fork();
    if (pid == 0) {
        open_often("a");
        int marked[3], plain = dup2(open("b", O_RDONLY), 60);
        for (int i = 0; i < 3; i++) {
            marked[i] = dup2(open("a", O_RDONLY | O_CLOEXEC), 61 + i);
            fcntl(marked[i], F_SETFD, FD_CLOEXEC);
        }
        lseek(plain, 3, SEEK_SET);
        for (int fd = 3; fd < 20; fd++) {
            close(fd);
        }
        execl(program, program, "again", NULL);
        _exit(5);
    }
    await("exec", pid);
}

static int after_exec(void) {
    char text[4] = "";
    report("plain", read(60, text, 3));
    say("[%s]\n", text);
    report("marked", fcntl(61, F_GETFD));
    report("another", fcntl(63, F_GETFD));
    open_often("a");
    return 4;
}

static void *open_in_thread(void *argument) {
    const char *name = argument;
    for (int i = 0; i < 10 * OPENS; i++) {
        char text[7] = "";
        int fd = open(name, O_RDONLY);
        if (fd < 0 || read(fd, text, 5) != 5 ||
            memcmp(text, name[0] == 'a' ? "first" : "secon", 5)) {
            return "wrong";
        }
        close(fd);
    }
    return "right";
}

static void try_threads(void) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, open_in_thread, i % 2 == 0 ? "a" : "b");
    }
    for (int i = 0; i < 4; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        say("thread %d: %s\n", i, (char *)result);
    }
}

// A folder that was open and is removed; what is left is the place of a path.
static void try_folders(void) {
    report("mkdir", mkdir("folder", 0755));
    make_file("folder/file", "inside");
    for (int i = 0; i < OPENS; i++) {
        int folder = open("folder", O_RDONLY | O_DIRECTORY);
        close(openat(folder, "file", O_RDONLY));
        close(folder);
    }
    report("unlink", unlink("folder/file"));
    int folder = open("folder", O_RDONLY | O_DIRECTORY);
    report("rmdir", rmdir("folder"));
    report("open in what is gone", openat(folder, "file", O_CREAT | O_RDWR, 0600));
    int itself = openat(folder, ".", O_RDONLY | O_DIRECTORY);
    struct stat info = {0};
    fstat(itself, &info);
    say("links %ld\n", (long)info.st_nlink);
    close(itself);
    close(folder);
}

int main(int argc, char *argv[]) {
    if (argc > 1) {
        return after_exec();
    }
    scratch_enter("closed.dir");
    try_state();
    try_room();
    try_mounts();
    try_locks();
    try_fork();
    try_exec(argv[0]);
    try_threads();
    try_folders();
    unlink("a");
    unlink("b");
    scratch_leave();
    return 0;
}
