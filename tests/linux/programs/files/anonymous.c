// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// memfd_create: files that live in memory, with seals.

#include "child.h"
#include "scratch.h"

#include <sys/mman.h>
#include <sys/syscall.h>

enum {
    ADD_SEALS = 1033,
    GET_SEALS = 1034,
    SEAL_SEAL = 1,
    SEAL_SHRINK = 2,
    SEAL_GROW = 4,
    SEAL_WRITE = 8
};

int main(void) {
    int fd = (int)raw(__NR_memfd_create, "name", 2);
    check("made", fd >= 0);
    report("write", write(fd, "hello", 5));
    struct stat info;
    fstat(fd, &info);
    say("mode %o, %ld bytes, %lu links\n", (unsigned)info.st_mode, (long)info.st_size,
        (unsigned long)info.st_nlink);
    char *view = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    pid_t pid = fork();
    if (pid == 0) {
        memcpy(view, "child", 5);
        _exit(0);
    }
    await("child", pid);
    char text[6] = "";
    report("read", pread(fd, text, 5, 0));
    say("%s\n", text);
    report("seals", fcntl(fd, GET_SEALS));
    report("may not shrink", fcntl(fd, ADD_SEALS, SEAL_SHRINK));
    report("shrink", ftruncate(fd, 1));
    report("grow", ftruncate(fd, 100));
    report("may not be written, while mapped to write", fcntl(fd, ADD_SEALS, SEAL_WRITE));
    munmap(view, 4096);
    report("not mapped", fcntl(fd, ADD_SEALS, SEAL_WRITE | SEAL_SEAL));
    report("write", write(fd, "x", 1));
    report("more seals", fcntl(fd, ADD_SEALS, SEAL_GROW));
    report_raw("unknown flags", raw(__NR_memfd_create, "name", 0x1000));
    report_raw("bad name", raw(__NR_memfd_create, 16, 0));
    int plain = (int)raw(__NR_memfd_create, "", 0);
    report("no seals without asking", fcntl(plain, ADD_SEALS, SEAL_GROW));
    return 0;
}
