// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
//
// Opening: what exists, what is made, with which mode, for what.

#include "scratch.h"

#include <sys/syscall.h>

static int attempt(const char *what, const char *name, int flags, int mode) {
    int fd = open(name, flags, mode);
    if (fd < 0) {
        say("%s: %s\n", what, error_name(errno));
    } else {
        say("%s: opened, flags %o\n", what, (unsigned)fcntl(fd, F_GETFL) & ~0100000u);
        close(fd);
    }
    return fd;
}

static void show_mode(const char *name) {
    struct stat info;
    if (stat(name, &info)) {
        report(name, -1);
    } else {
        say("%s: mode %o, %ld bytes\n", name, (unsigned)info.st_mode, (long)info.st_size);
    }
}

static void try_modes(void) {
    umask(027);
    attempt("make with 0666 under umask 027", "masked", O_CREAT | O_WRONLY, 0666);
    show_mode("masked");
    umask(0);
    attempt("make with set-id bits", "special", O_CREAT | O_WRONLY, 06755);
    show_mode("special");
    attempt("make without any right", "none", O_CREAT | O_RDWR, 0);
    show_mode("none");
    umask(022);
    unlink("masked");
    unlink("special");
    unlink("none");
}

static void try_access(void) {
    char byte;
    int fd = open("file", O_RDONLY);
    report("write to what is open to read", write(fd, "x", 1));
    report("truncate it", ftruncate(fd, 0));
    close(fd);
    fd = open("file", O_WRONLY);
    report("read what is open to write", read(fd, &byte, 1));
    close(fd);
    fd = open("folder", O_RDONLY);
    report("read a folder", read(fd, &byte, 1));
    report("write to it", write(fd, "x", 1));
    close(fd);
}

int main(void) {
    scratch_enter("scratch-open");
    mkdir("folder", 0755);
    attempt("what is not there", "file", O_RDONLY, 0);
    attempt("make it", "file", O_CREAT | O_WRONLY, 0644);
    make_file("file", "some text");
    attempt("make what is there", "file", O_CREAT | O_WRONLY, 0600);
    show_mode("file");
    attempt("make it alone", "file", O_CREAT | O_EXCL | O_WRONLY, 0600);
    attempt("to append without waiting", "file", O_RDWR | O_APPEND | O_NONBLOCK, 0);
    attempt("cut it", "file", O_RDWR | O_TRUNC, 0);
    show_mode("file");
    attempt("a folder to read", "folder", O_RDONLY, 0);
    attempt("a folder to write", "folder", O_WRONLY, 0);
    attempt("make a folder by open", "folder", O_CREAT | O_RDONLY, 0644);
    attempt("a folder as such", "folder", O_RDONLY | O_DIRECTORY, 0);
    attempt("a file as a folder", "file", O_RDONLY | O_DIRECTORY, 0);
    attempt("below a file", "file/below", O_RDONLY, 0);
    attempt("below what is not there", "missing/below", O_CREAT | O_WRONLY, 0644);
    attempt("a file with a slash", "file/", O_RDONLY, 0);
    attempt("make with a slash", "new/", O_CREAT | O_WRONLY, 0644);
    attempt("an empty name", "", O_RDONLY, 0);
    attempt("a dot", ".", O_RDONLY, 0);
    attempt("up and down", "folder/../folder/./../file", O_RDONLY, 0);
    symlink("file", "link");
    symlink("nowhere", "dangling");
    attempt("through a link", "link", O_RDONLY, 0);
    attempt("not through a link", "link", O_RDONLY | O_NOFOLLOW, 0);
    attempt("through a link to nothing", "dangling", O_RDONLY, 0);
    attempt("alone through a link to nothing", "dangling", O_CREAT | O_EXCL | O_WRONLY, 0644);
    attempt("make through it", "dangling", O_CREAT | O_WRONLY, 0644);
    show_mode("nowhere");
    try_modes();
    try_access();
    report_raw("a name that can't be read", raw(__NR_open, 16, O_RDONLY, 0));
    char name[300];
    memset(name, 'n', sizeof(name) - 1);
    name[299] = 0;
    attempt("a long name", name, O_RDONLY, 0);
    name[255] = 0;
    attempt("a name of 255", name, O_CREAT | O_WRONLY, 0644);
    unlink(name);
    static const char *const names[] = {"file", "link", "dangling", "nowhere"};
    for (size_t i = 0; i < 4; i++) {
        unlink(names[i]);
    }
    rmdir("folder");
    scratch_leave();
    return 0;
}
