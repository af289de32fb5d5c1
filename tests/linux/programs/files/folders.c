// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
//
// Folders: made, removed, counted as links, and the current one.

#include "scratch.h"

static void show_links(const char *name) {
    struct stat info;
    if (stat(name, &info)) {
        report(name, -1);
    } else {
        say("%s: %lu links, mode %o\n", name, (unsigned long)info.st_nlink, (unsigned)info.st_mode);
    }
}

static void try_making(void) {
    report("make", mkdir("one", 0777));
    show_links("one");
    report("again", mkdir("one", 0777));
    report("below", mkdir("one/two", 0700));
    show_links("one");
    show_links("one/two");
    report("below what is not there", mkdir("missing/two", 0777));
    report("with a slash", mkdir("one/three/", 0777));
    report("a dot", mkdir(".", 0777));
    report("a dot below", mkdir("one/.", 0777));
    report("an empty name", mkdir("", 0777));
    report("over a file", (make_file("file", ""), mkdir("file", 0777)));
    report("below a file", mkdir("file/one", 0777));
    report("with the sticky bit", mkdir("sticky", 01777));
    show_links("sticky");
    show_links("one");
}

static void try_removing(void) {
    report("not empty", rmdir("one"));
    report("a file", rmdir("file"));
    report("what is not there", rmdir("missing"));
    report("a dot", rmdir("one/."));
    report("two dots", rmdir("one/two/.."));
    report("unlink a folder", unlink("one"));
    report("remove", rmdir("one/two"));
    report("with a slash", rmdir("one/three/"));
    show_links("one");
    report("remove", rmdir("one"));
    report("again", rmdir("one"));
    rmdir("sticky");
    unlink("file");
}

static void show_current(const char *base) {
    char path[500];
    if (getcwd(path, sizeof(path)) == NULL) {
        say("getcwd: %s\n", error_name(errno));
        return;
    }
    size_t size = strlen(base);
    say("in %s\n", strncmp(path, base, size) == 0 ? path + size : path);
}

static void try_current(void) {
    char base[500];
    (void)!getcwd(base, sizeof(base));
    mkdir("a", 0755);
    mkdir("a/b", 0755);
    report("go", chdir("a/b"));
    show_current(base);
    report("up", chdir(".."));
    show_current(base);
    report("nowhere", chdir("missing"));
    make_file("file", "");
    report("to a file", chdir("file"));
    int fd = open("b", O_RDONLY);
    report("by descriptor", fchdir(fd));
    show_current(base);
    report("remove where one is", rmdir("../b"));
    show_current(base);
    report("make something there", mkdir("c", 0755));
    report("a file there", open("file", O_CREAT | O_WRONLY, 0644));
    report("its dot", chdir("."));
    report("up from there", chdir(".."));
    show_current(base);
    report("by its descriptor", fchdir(fd));
    report("by no descriptor", fchdir(99));
    close(fd);
    (void)!chdir(base);
    char little[2];
    check("getcwd with little room", getcwd(little, 2) == NULL && errno == ERANGE);
    unlink("a/file");
    rmdir("a");
}

int main(void) {
    scratch_enter("scratch-folders");
    try_making();
    try_removing();
    try_current();
    scratch_leave();
    return 0;
}
