// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Reading, writing and seeking in a file: places, holes, the end, and what is refused.

#include "scratch.h"

#include <sys/uio.h>

static int fd;

static void show(void) {
    char text[100];
    ssize_t count = pread(fd, text, sizeof(text), 0);
    say("  [");
    for (ssize_t i = 0; i < count; i++) {
        say(text[i] ? "%c" : ".", text[i]);
    }
    say("] at %ld\n", (long)lseek(fd, 0, SEEK_CUR));
}

static void try_places(void) {
    report("write", write(fd, "0123456789", 10));
    show();
    report("seek to 3", lseek(fd, 3, SEEK_SET));
    report("write there", write(fd, "abc", 3));
    show();
    report("back by 2", lseek(fd, -2, SEEK_CUR));
    report("before the start", lseek(fd, -100, SEEK_CUR));
    report("a negative place", lseek(fd, -1, SEEK_SET));
    report("no such origin", lseek(fd, 0, 99));
    report("2 before the end", lseek(fd, -2, SEEK_END));
    report("write over the end", write(fd, "XYZ", 3));
    show();
    report("past the end", lseek(fd, 20, SEEK_SET));
    char byte;
    report("nothing is there", read(fd, &byte, 1));
    report("write leaves a hole", write(fd, "!", 1));
    show();
    report("pwrite", pwrite(fd, "##", 2, 1));
    report("pwrite past the end", pwrite(fd, "$", 1, 25));
    show();
    report("pread at a negative place", pread(fd, &byte, 1, -1));
    report("pread past the end", pread(fd, &byte, 1, 1000));
    report("write of nothing past the end", pwrite(fd, "", 0, 1000));
    show();
}

static void try_sizes(void) {
    report("cut to 5", ftruncate(fd, 5));
    show();
    report("extend to 12", ftruncate(fd, 12));
    show();
    report("to a negative size", ftruncate(fd, -1));
    report("by name", truncate("file", 8));
    show();
    report("of a folder", truncate(".", 0));
    report("of nothing", truncate("missing", 0));
    struct stat info;
    fstat(fd, &info);
    say("size %ld\n", (long)info.st_size);
}

static void try_vectors(void) {
    lseek(fd, 0, SEEK_SET);
    struct iovec parts[3] = {{"one-", 4}, {"two-", 4}, {"three", 5}};
    report("writev", writev(fd, parts, 3));
    report("pwritev", pwritev(fd, parts, 1, 4));
    show();
    // The compiler must not see that these are wrong.
    volatile int many = 1025, negative = -1;
    char a[3], b[100];
    struct iovec into[2] = {{a, 3}, {b, 100}};
    lseek(fd, 0, SEEK_SET);
    ssize_t count = readv(fd, into, 2);
    say("readv: %zd, [%.3s] [%.*s]\n", count, a, (int)count - 3, b);
    report("preadv", preadv(fd, into, 2, 10));
    report("no parts", writev(fd, parts, 0));
    report("too many parts", writev(fd, parts, many));
    report("negative parts", writev(fd, parts, negative));
}

static void try_append(void) {
    int first = open("file", O_WRONLY | O_APPEND), second = open("file", O_WRONLY | O_APPEND);
    report("cut", ftruncate(first, 0));
    report("append", write(first, "11", 2));
    report("append by another", write(second, "22", 2));
    report("and again", write(first, "33", 2));
    report("the place moves to the end", lseek(first, 0, SEEK_CUR));
    report("seeking does not matter", lseek(first, 0, SEEK_SET));
    report("append", write(first, "44", 2));
    show();
    report("nor does pwrite's place", pwrite(first, "55", 2, 0));
    show();
    close(first);
    close(second);
}

int main(void) {
    scratch_enter("scratch-content");
    fd = open("file", O_RDWR | O_CREAT, 0644);
    try_places();
    try_sizes();
    try_vectors();
    try_append();
    close(fd);
    unlink("file");
    scratch_leave();
    return 0;
}
