// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// A file that is written over and over within its size, which may need no call of its server:
// contents, times, rights and limits are those of any other write.

#include "child.h"
#include "scratch.h"

#include <sys/mman.h>
#include <time.h>

#define PAGE 4096
#define FILE_BYTES (16 * PAGE)
#define ROUNDS 40

static char block[FILE_BYTES];
static char *volatile nowhere;

static bool before(struct timespec a, struct timespec b) {
    return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

static void pause_a_little(void) {
    struct timespec time = {0, 20000000};
    nanosleep(&time, NULL);
}

static int make_large(const char *name) {
    int fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0644);
    memset(block, '.', sizeof(block));
    write_all(fd, block, sizeof(block));
    return fd;
}

// Writes a page so often that the file is known for it.
static void write_often(int fd, char with) {
    char page[PAGE];
    memset(page, with, sizeof(page));
    for (int i = 0; i < ROUNDS; i++) {
        if (pwrite(fd, page, sizeof(page), i % 16 * PAGE) != PAGE) {
            report("pwrite", -1);
        }
    }
}

static struct stat get(int fd) {
    struct stat info = {0};
    fstat(fd, &info);
    return info;
}

static void try_contents(void) {
    int fd = make_large("file"), other = open("file", O_RDONLY);
    write_often(fd, 'a');
    pread(other, block, 8, 5 * PAGE);
    say("another descriptor reads %.8s\n", block);
    char *map = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    report("pwrite", pwrite(fd, "bytes", 5, PAGE - 2));
    say("a mapping shows %.7s\n", map + PAGE - 3);
    map[PAGE] = 'B';
    pread(fd, block, 7, PAGE - 3);
    say("what a mapping stored reads %.7s\n", block);
    report("lseek", lseek(fd, 3 * PAGE, SEEK_SET));
    report("write", write(fd, "at the offset", 13));
    report("the offset", lseek(fd, 0, SEEK_CUR));
    report("over the end", pwrite(fd, block, 100, FILE_BYTES - 50));
    say("size %ld\n", (long)get(fd).st_size);
    report("far behind it", pwrite(fd, "end", 3, 2 * FILE_BYTES));
    say("size %ld\n", (long)get(fd).st_size);
    report("in the hole", pwrite(fd, "hole", 4, FILE_BYTES + 3 * PAGE));
    pread(other, block, 6, FILE_BYTES + 3 * PAGE - 1);
    check("zeros around it", block[0] == 0 && block[5] == 0 && memcmp(block + 1, "hole", 4) == 0);
    report("nothing", pwrite(fd, block, 0, 0));
    report("from nowhere", pwrite(fd, nowhere, PAGE, 0));
    report("from a bad place", pwrite(fd, nowhere + 16, 16, 0));
    munmap(map, FILE_BYTES);
    close(other);
    close(fd);
}

static void try_cuts(void) {
    int fd = make_large("cut");
    write_often(fd, 'c');
    report("cut", ftruncate(fd, PAGE + 10));
    report("behind the new end", pwrite(fd, "x", 1, 3 * PAGE));
    pread(fd, block, 3 * PAGE, 0);
    say("the last byte is %c, the next ones %d %d\n", block[PAGE + 9], block[PAGE + 10],
        block[2 * PAGE]);
    report("longer", ftruncate(fd, FILE_BYTES));
    write_often(fd, 'd');
    say("size %ld\n", (long)get(fd).st_size);
    close(fd);
    unlink("cut");
}

static void try_times(void) {
    int fd = make_large("times");
    write_often(fd, 't');
    struct stat first = get(fd), second, third;
    pause_a_little();
    report("pwrite", pwrite(fd, "x", 1, 0));
    second = get(fd);
    check("modified later", before(first.st_mtim, second.st_mtim));
    check("changed later", before(first.st_ctim, second.st_ctim));
    stat("times", &third);
    check("the path tells the same",
          memcmp(&second.st_mtim, &third.st_mtim, sizeof(third.st_mtim)) == 0);
    pause_a_little();
    chmod("times", 0600);
    third = get(fd);
    check("chmod changes no time of writing",
          memcmp(&second.st_mtim, &third.st_mtim, sizeof(third.st_mtim)) == 0);
    check("but that of the change", before(second.st_ctim, third.st_ctim));
    const struct timespec old[2] = {{1000, 5}, {2000, 6}};
    report("futimens", futimens(fd, old));
    third = get(fd);
    say("set to %ld %ld\n", (long)third.st_mtim.tv_sec, third.st_mtim.tv_nsec);
    rename("times", "renamed");
    third = get(fd);
    say("still %ld %ld\n", (long)third.st_mtim.tv_sec, third.st_mtim.tv_nsec);
    report("pwrite", pwrite(fd, "y", 1, 0));
    third = get(fd);
    check("modified once more", before(second.st_mtim, third.st_mtim));
    pause_a_little();
    link("renamed", "linked");
    close(fd);
    stat("renamed", &second);
    check("and known after the close",
          memcmp(&second.st_mtim, &third.st_mtim, sizeof(third.st_mtim)) == 0);
    unlink("renamed");
    unlink("linked");
}

static void try_rights(void) {
    int fd = make_large("rights");
    fchmod(fd, 0666);
    chown("rights", 1000, 1000);
    close(fd);
    pid_t pid = fork();
    if (pid == 0) {
        if (setgid(1000) || setuid(1000)) {
            report("setuid", -1);
        }
        int own = open("rights", O_RDWR);
        write_often(own, 'r');
        report("fchmod", fchmod(own, 06755));
        say("mode %o\n", (unsigned)get(own).st_mode);
        report("pwrite", pwrite(own, "x", 1, 0));
        say("mode %o\n", (unsigned)get(own).st_mode);
        write_often(own, 's');
        int reader = open("rights", O_RDONLY), writer = open("rights", O_WRONLY);
        report("without the right", pwrite(reader, "x", 1, 0));
        for (int i = 0; i < ROUNDS; i++) {
            (void)!pwrite(writer, "w", 1, 0);
        }
        report("reading without the right", pread(writer, block, 1, 0));
        pread(own, block, 2, 0);
        say("what was written: %.2s\n", block);
        _exit(0);
    }
    await("child", pid);
    unlink("rights");
}

static void try_sharing(void) {
    int fd = make_large("file");
    write_often(fd, 'p');
    lseek(fd, 0, SEEK_SET);
    pid_t pid = fork();
    if (pid == 0) {
        write_often(fd, 'q');
        (void)!write(fd, "child", 5);
        _exit(0);
    }
    await("child", pid);
    report("the shared offset", lseek(fd, 0, SEEK_CUR));
    report("pwrite", pwrite(fd, "P", 1, 1));
    pread(fd, block, 8, 0);
    say("both wrote %.8s\n", block);
    int append = open("file", O_RDWR | O_APPEND);
    for (int i = 0; i < ROUNDS; i++) {
        (void)!write(append, "a", 1);
        (void)!pwrite(append, "b", 1, 0);
    }
    say("appended: %ld\n", (long)get(append).st_size - FILE_BYTES);
    close(append);
    unlink("file");
    write_often(fd, 'u');
    pread(fd, block, 4, PAGE);
    say("without a name: %.4s, %lu links\n", block, (unsigned long)get(fd).st_nlink);
    close(fd);
}

int main(void) {
    scratch_enter("rewrite");
    try_contents();
    try_cuts();
    try_times();
    try_rights();
    try_sharing();
    unlink("file");
    scratch_leave();
    return 0;
}
