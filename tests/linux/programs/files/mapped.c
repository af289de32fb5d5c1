// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Files in memory: private and shared, seen by read and by other processes, to the end and past it.

#include "child.h"
#include "scratch.h"

#include <sys/mman.h>

#define PAGE 4096

static void try_views(int fd) {
    char *private_view = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    char *shared = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    say("%.5s %.5s\n", private_view, shared);
    memcpy(shared, "HELLO", 5);
    say("private sees the file until it writes: %.5s\n", private_view);
    private_view[1] = 'u';
    memcpy(shared, "world", 5);
    say("then no more: %.5s\n", private_view);
    show_file("file");
    report("a write", pwrite(fd, "W", 1, 0));
    say("is seen: %.5s\n", shared);
    check("beyond the end of the file, to the end of the page: zero", shared[2 * PAGE - 1] == 0);
    pid_t pid = fork();
    if (pid == 0) {
        shared[2] = 'X';
        private_view[2] = 'X';
        _exit(0);
    }
    await("child", pid);
    say("shared %.5s, private %.5s\n", shared, private_view);
    report("msync", msync(shared, PAGE, MS_SYNC));
    report("msync at an odd address", msync(shared + 1, PAGE, MS_SYNC));
    pid = fork();
    if (pid == 0) {
        (void)*(volatile char *)(shared + 2 * PAGE);
        _exit(0);
    }
    await("past the last page", pid);
    report("a longer file", ftruncate(fd, 3 * PAGE));
    say("is there: %d\n", shared[2 * PAGE]);
    report("a shorter one", ftruncate(fd, 10));
    pid = fork();
    if (pid == 0) {
        (void)*(volatile char *)(shared + PAGE);
        _exit(0);
    }
    await("what is cut off", pid);
    check("the rest of the page is zero", shared[10] == 0 && shared[PAGE - 1] == 0);
    munmap(private_view, 3 * PAGE);
    munmap(shared, 3 * PAGE);
}

static void try_rights(void) {
    int reading = open("file", O_RDONLY), writing = open("file", O_WRONLY);
    void *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, reading, 0);
    report("shared to write, opened to read", at == MAP_FAILED ? -1 : 0);
    at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, reading, 0);
    report("private", at == MAP_FAILED ? -1 : 0);
    at = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, writing, 0);
    report("opened to write", at == MAP_FAILED ? -1 : 0);
    at = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reading, 0);
    report("protect to write", mprotect(at, PAGE, PROT_READ | PROT_WRITE));
    int folder = open(".", O_RDONLY);
    at = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, folder, 0);
    report("a folder", at == MAP_FAILED ? -1 : 0);
    close(reading);
    close(writing);
    close(folder);
}

int main(void) {
    scratch_enter("scratch-mapped");
    int fd = open("file", O_CREAT | O_RDWR, 0644);
    write_all(fd, "hello, file", 11);
    report("size", ftruncate(fd, PAGE + 100));
    try_views(fd);
    try_rights();
    char *view = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    unlink("file");
    say("kept by the mapping: %.5s\n", view);
    scratch_leave();
    return 0;
}
