// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
//
// Names and what they name: hard links, symbolic links, files without a name.

#include "scratch.h"

static void show_links(const char *name) {
    struct stat info;
    if (lstat(name, &info)) {
        report(name, -1);
    } else {
        // How large a folder is differs between file systems.
        long size = S_ISDIR(info.st_mode) ? -1 : (long)info.st_size;
        say("%s: %lu links, kind %o, %ld bytes\n", name, (unsigned long)info.st_nlink,
            (unsigned)info.st_mode >> 12, size);
    }
}

static void try_hard(void) {
    make_file("a", "text");
    report("link", link("a", "b"));
    show_links("a");
    report("again", link("a", "b"));
    report("of what is not there", link("missing", "c"));
    report("into what is not there", link("a", "missing/c"));
    mkdir("folder", 0755);
    report("of a folder", link("folder", "other"));
    int fd = open("b", O_WRONLY | O_APPEND);
    write_all(fd, " more", 5);
    show_file("a");
    report("unlink the first", unlink("a"));
    show_links("b");
    report("unlink the last", unlink("b"));
    show_links("b");
    write_all(fd, " and more", 9);
    report("it can be written still", lseek(fd, 0, SEEK_END));
    close(fd);
    report("unlink what is gone", unlink("b"));
    report("unlink a folder", unlink("folder"));
    report("unlink below a file", (make_file("a", ""), unlink("a/b")));
    unlink("a");
    rmdir("folder");
}

static void show_target(const char *name, size_t room) {
    char target[100];
    memset(target, '#', sizeof(target));
    ssize_t size = readlink(name, target, room);
    if (size < 0) {
        say("readlink %s: %s\n", name, error_name(errno));
    } else {
        say("readlink %s: %zd [%.*s]%c\n", name, size, (int)size, target, target[size]);
    }
}

static void try_symbolic(void) {
    report("make", symlink("some/where", "link"));
    show_links("link");
    show_target("link", 100);
    show_target("link", 4);
    show_target("link", 0);
    report("again", symlink("x", "link"));
    report("to nothing", symlink("", "empty"));
    make_file("file", "text");
    show_target("file", 100);
    show_target("missing", 100);
    report("through it", open("link", O_RDONLY));
    mkdir("folder", 0755);
    make_file("folder/file", "inside");
    symlink("folder", "to-folder");
    show_file("to-folder/file");
    symlink("../file", "folder/up");
    show_file("to-folder/up");
    symlink("loop", "loop");
    report("a loop", open("loop", O_RDONLY));
    report("make through a loop", open("loop", O_CREAT | O_WRONLY, 0644));
    report("remove a link to a folder as one", rmdir("to-folder"));
    report("with a slash", rmdir("to-folder/"));
    report("unlink it", unlink("to-folder"));
    show_links("folder");
    report("link to a link", link("link", "second"));
    show_links("link");
}

// Chains are followed up to forty links.
static void try_chain(void) {
    char from[20], to[20];
    make_file("chain-0", "the end");
    for (int i = 1; i <= 41; i++) {
        snprintf(from, sizeof(from), "chain-%d", i);
        snprintf(to, sizeof(to), "chain-%d", i - 1);
        symlink(to, from);
    }
    show_file("chain-40");
    show_file("chain-41");
    for (int i = 0; i <= 41; i++) {
        snprintf(from, sizeof(from), "chain-%d", i);
        unlink(from);
    }
}

int main(void) {
    scratch_enter("scratch-links");
    try_hard();
    try_symbolic();
    try_chain();
    static const char *const names[] = {"link",        "second",    "file",
                                        "folder/file", "folder/up", "loop"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        unlink(names[i]);
    }
    rmdir("folder");
    scratch_leave();
    return 0;
}
