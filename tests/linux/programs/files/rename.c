// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// rename: over what, into what, and what stays open.

#include "scratch.h"

#include <sys/syscall.h>

enum { NO_REPLACE = 1, EXCHANGE = 2 };

static void move(const char *old, const char *new) {
    int result = rename(old, new);
    say("%s -> %s: %s\n", old, new, result ? error_name(errno) : "done");
}

static bool exists(const char *name) {
    struct stat info;
    return lstat(name, &info) == 0;
}

static void try_files(void) {
    make_file("a", "A");
    make_file("b", "B");
    int fd = open("b", O_RDONLY);
    move("a", "b");
    show_file("b");
    check("a is gone", !exists("a"));
    char byte;
    report("what was open is still there", read(fd, &byte, 1));
    say("%c\n", byte);
    struct stat info;
    fstat(fd, &info);
    say("links %lu\n", (unsigned long)info.st_nlink);
    close(fd);
    move("b", "b");
    move("missing", "b");
    move("b", "missing/b");
    move("b", "b/c");
    link("b", "c");
    move("b", "c");
    check("two names of one file both stay", exists("b") && exists("c"));
    unlink("c");
    symlink("b", "link");
    move("link", "moved-link");
    check("a link itself is moved", exists("moved-link") && exists("b"));
    unlink("moved-link");
    unlink("b");
}

static void try_folders(void) {
    mkdir("folder", 0755);
    mkdir("folder/inner", 0755);
    mkdir("empty", 0755);
    mkdir("full", 0755);
    make_file("full/file", "f");
    make_file("file", "x");
    move("folder", "folder/inner/below");
    move("folder", "full");
    move("folder", "file");
    move("file", "folder");
    move("folder", "empty");
    check("over an empty one", exists("empty/inner") && !exists("folder"));
    move("empty/inner", "full/inner");
    struct stat info;
    stat("full", &info);
    say("links of full: %lu\n", (unsigned long)info.st_nlink);
    move("full/inner", "./inner/");
    move("inner/.", "other");
    move(".", "other");
    move("full/..", "other");
    rmdir("inner");
    rmdir("empty");
    unlink("full/file");
    rmdir("full");
    unlink("file");
}

static void try_flags(void) {
    make_file("a", "A");
    make_file("b", "B");
    report_raw("do not replace", raw(__NR_renameat2, AT_FDCWD, "a", AT_FDCWD, "b", NO_REPLACE));
    report_raw("exchange", raw(__NR_renameat2, AT_FDCWD, "a", AT_FDCWD, "b", EXCHANGE));
    show_file("a");
    show_file("b");
    report_raw("exchange with nothing",
               raw(__NR_renameat2, AT_FDCWD, "a", AT_FDCWD, "c", EXCHANGE));
    report_raw("to a free name", raw(__NR_renameat2, AT_FDCWD, "a", AT_FDCWD, "c", NO_REPLACE));
    report_raw("both", raw(__NR_renameat2, AT_FDCWD, "b", AT_FDCWD, "c", NO_REPLACE | EXCHANGE));
    report_raw("unknown", raw(__NR_renameat2, AT_FDCWD, "b", AT_FDCWD, "c", 64));
    unlink("b");
    unlink("c");
}

int main(void) {
    scratch_enter("scratch-rename");
    try_files();
    try_folders();
    try_flags();
    scratch_leave();
    return 0;
}
