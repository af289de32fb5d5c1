// SPDX-License-Identifier: MIT
//
// A folder for the files of a test, made in the current one and gone at the end.
#pragma once

#include "report.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

static const char *scratch_name;

static inline void scratch_enter(const char *name) {
    scratch_name = name;
    umask(022);
    if (mkdir(name, 0755) || chdir(name)) {
        report("scratch folder", -1);
        _exit(97);
    }
}

// Everything in it must have been removed.
static inline void scratch_leave(void) {
    if (chdir("..") || rmdir(scratch_name)) {
        report("leaving the scratch folder", -1);
        _exit(97);
    }
}

// A file with this text.
static inline void make_file(const char *name, const char *text) {
    int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    if (fd < 0) {
        report(name, fd);
        return;
    }
    write_all(fd, text, strlen(text));
    close(fd);
}

// Prints what is in a file, at most 200 bytes.
static inline void show_file(const char *name) {
    char text[201];
    int fd = open(name, O_RDONLY);
    if (fd < 0) {
        report(name, fd);
        return;
    }
    ssize_t count = read(fd, text, 200);
    say("%s: [%.*s]\n", name, count < 0 ? 0 : (int)count, text);
    close(fd);
}
