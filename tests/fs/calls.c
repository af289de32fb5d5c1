// SPDX-License-Identifier: MIT
//
// What Linux calls on files cost, in cycles of the time stamp counter: with --icount these are
// instructions, and the same on each run. A line a call: its name and the least of some rounds.
//
// A call to tmpfsd costs thousands, so what needs one more than it should is not overlooked.

#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 20
#define FOLDER "/measured/of/files"
#define FILE_BYTES (1 << 20)

static char bytes[65536];
static struct stat info;
static int seen, shared, zero, null, folder;

static unsigned long now(void) {
    unsigned low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (unsigned long)high << 32 | low;
}

static void do_fstat(void) {
    fstat(seen, &info);
}
static void do_pread(void) {
    (void)!pread(seen, bytes, 4096, 8192);
}
static void do_seek_and_read(void) {
    lseek(seen, 0, SEEK_SET);
    (void)!read(seen, bytes, 512);
}
static void do_read_at_end(void) {
    lseek(seen, 0, SEEK_END);
    (void)!read(seen, bytes, 512);
}
static void do_read_zero(void) {
    (void)!read(zero, bytes, 1);
}
static void do_write_null(void) {
    (void)!write(null, bytes, 1);
}
static void do_stat(void) {
    stat(FOLDER "/file", &info);
}
static void do_open(void) {
    close(open(FOLDER "/file", O_RDONLY));
}
static void do_pwrite(void) {
    (void)!pwrite(seen, bytes, 4096, 4096);
}
static void do_read_shared(void) {
    (void)!pread(shared, bytes, 512, 0);
}
static void do_read_moving_shared(void) {
    (void)!read(shared, bytes, 1);
}
static void do_list(void) {
    lseek(folder, 0, SEEK_SET);
    while (syscall(SYS_getdents64, folder, bytes, sizeof(bytes)) > 0) {
    }
}
static void do_map(void) {
    munmap(mmap(NULL, 4096, PROT_READ, MAP_SHARED, seen, 0), 4096);
}
static void do_rename(void) {
    rename(FOLDER "/file", FOLDER "/other");
    rename(FOLDER "/other", FOLDER "/file");
}
static void do_create(void) {
    int fd = open(FOLDER "/new", O_RDWR | O_CREAT, 0644);
    (void)!write(fd, bytes, 1024);
    close(fd);
    unlink(FOLDER "/new");
}

static void measure(const char *name, void (*call)(void)) {
    unsigned long least = ~0UL;
    for (int i = 0; i < ROUNDS; i++) {
        unsigned long start = now();
        call();
        unsigned long took = now() - start;
        least = took < least ? took : least;
    }
    printf("%s %lu\n", name, least);
}

static int make_file(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    for (int i = 0; i < FILE_BYTES / (int)sizeof(bytes); i++) {
        (void)!write(fd, bytes, sizeof(bytes));
    }
    return fd;
}

int main(void) {
    mkdir("/measured", 0755);
    mkdir("/measured/of", 0755);
    mkdir(FOLDER, 0755);
    shared = make_file(FOLDER "/shared");
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    seen = make_file(FOLDER "/file");
    zero = open("/dev/zero", O_RDONLY);
    null = open("/dev/null", O_WRONLY);
    folder = open("/dev", O_RDONLY | O_DIRECTORY);
    measure("fstat", do_fstat);
    measure("pread-4096", do_pread);
    measure("lseek-read-512", do_seek_and_read);
    measure("lseek-read-end", do_read_at_end);
    measure("pread-shared", do_read_shared);
    measure("read-zero", do_read_zero);
    measure("write-null", do_write_null);
    measure("stat", do_stat);
    measure("pwrite-4096", do_pwrite);
    measure("read-moving-shared", do_read_moving_shared);
    measure("mmap-munmap", do_map);
    measure("open-close", do_open);
    measure("two-renames", do_rename);
    measure("list-dev", do_list);
    measure("create-write-unlink", do_create);
    return 0;
}
