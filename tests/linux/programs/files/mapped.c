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

// Each page of a file says its number. Mappings of parts of it, over others too, as a dynamic
// linker makes them: whole, then each segment where it belongs.
static void try_parts(void) {
    int fd = open("pages", O_CREAT | O_RDWR, 0644);
    for (int i = 0; i < 8; i++) {
        char page[PAGE] = {(char)('0' + i)};
        write_all(fd, page, i == 7 ? 100 : PAGE);
    }
    for (int shared = 0; shared < 2; shared++) {
        int type = shared ? MAP_SHARED : MAP_PRIVATE;
        say("%s:", shared ? "shared" : "private");
        for (int i = 0; i < 8; i++) {
            char *page = mmap(NULL, PAGE, PROT_READ, type, fd, (off_t)i * PAGE);
            say(" %c", *page);
            munmap(page, PAGE);
        }
        char *whole = mmap(NULL, 10 * PAGE, PROT_READ, type, fd, 0);
        mmap(whole + 2 * PAGE, 2 * PAGE, PROT_READ | PROT_EXEC, type | MAP_FIXED, fd, 1 * PAGE);
        char *data = mmap(whole + 6 * PAGE, 3 * PAGE, PROT_READ | PROT_WRITE, type | MAP_FIXED, fd,
                          5 * PAGE);
        say(", over each other: %c%c%c%c%c%c", whole[0], whole[2 * PAGE], whole[3 * PAGE],
            whole[4 * PAGE], data[0], data[2 * PAGE]);
        data[1] = 'x';
        memset(data + 2 * PAGE + 100, 0, PAGE - 100);
        char read_back[2];
        report(", read", pread(fd, read_back, 2, 5 * PAGE));
        say("the file has it: %d\n", read_back[1] == 'x');
        for (int at = 8; at < 10; at++) {
            pid_t pid = fork();
            if (pid == 0) {
                char *beyond = mmap(NULL, PAGE, PROT_READ, type, fd, (off_t)at * PAGE);
                (void)*(volatile char *)beyond;
                _exit(0);
            }
            await("behind the end", pid);
        }
        munmap(whole, 10 * PAGE);
    }
    check("too far",
          mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, INT64_MAX - PAGE + 1) == MAP_FAILED &&
              errno == EOVERFLOW);
    close(fd);
    unlink("pages");
}

int main(void) {
    scratch_enter("scratch-mapped");
    int fd = open("file", O_CREAT | O_RDWR, 0644);
    write_all(fd, "hello, file", 11);
    report("size", ftruncate(fd, PAGE + 100));
    try_views(fd);
    try_rights();
    try_parts();
    char *view = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    unlink("file");
    say("kept by the mapping: %.5s\n", view);
    scratch_leave();
    return 0;
}
