// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// The calls with a folder before the path: by descriptor, by the current folder, by neither.

#include "scratch.h"

#include <stdio.h>
#include <sys/syscall.h>

int main(void) {
    scratch_enter("scratch-relative");
    report("mkdirat", mkdirat(AT_FDCWD, "folder", 0755));
    int folder = open("folder", O_RDONLY | O_DIRECTORY);
    int fd = openat(folder, "file", O_CREAT | O_RDWR, 0644);
    check("openat", fd >= 0);
    write_all(fd, "inside", 6);
    show_file("folder/file");
    report("below a file", openat(fd, "x", O_RDONLY));
    report("below no descriptor", openat(99, "x", O_RDONLY));
    char path[600], base[500];
    (void)!getcwd(base, sizeof(base));
    snprintf(path, sizeof(path), "%s/folder/file", base);
    int absolute = openat(99, path, O_RDONLY);
    check("an absolute path needs none", absolute >= 0);
    close(absolute);
    report("mkdirat", mkdirat(folder, "inner", 0755));
    report("symlinkat", symlinkat("file", folder, "link"));
    char target[20] = "";
    report("readlinkat", readlinkat(folder, "link", target, 20));
    say("%s\n", target);
    report("linkat", linkat(folder, "file", AT_FDCWD, "second", 0));
    report("linkat of a link", linkat(folder, "link", folder, "third", 0));
    report("linkat through a link", linkat(folder, "link", folder, "fourth", AT_SYMLINK_FOLLOW));
    struct stat info;
    report("fstatat", fstatat(folder, "file", &info, 0));
    say("%lu links\n", (unsigned long)info.st_nlink);
    report("renameat", renameat(folder, "third", AT_FDCWD, "third"));
    report("faccessat", faccessat(folder, "file", R_OK, 0));
    report("faccessat2", raw(__NR_faccessat2, folder, "", F_OK, AT_EMPTY_PATH));
    report("fchmodat", fchmodat(folder, "file", 0600, 0));
    report("fchownat", fchownat(folder, "link", 5, 6, AT_SYMLINK_NOFOLLOW));
    report("mknodat", mknodat(folder, "fifo", S_IFIFO | 0644, 0));
    report("unlinkat a folder", unlinkat(folder, "inner", 0));
    report("as a folder", unlinkat(folder, "inner", AT_REMOVEDIR));
    report("a file as a folder", unlinkat(folder, "file", AT_REMOVEDIR));
    report("unknown flag", unlinkat(folder, "file", 1));
    unlinkat(folder, "file", 0);
    unlinkat(folder, "link", 0);
    unlinkat(folder, "fourth", 0);
    unlinkat(folder, "fifo", 0);
    unlink("second");
    unlink("third");
    report("remove what is open", rmdir("folder"));
    report("openat in what is gone", openat(folder, "x", O_CREAT | O_WRONLY, 0644));
    close(folder);
    int without_name = open(".", O_TMPFILE | O_RDWR, 0600);
    check("a file without a name", without_name >= 0);
    fstat(without_name, &info);
    say("%lu links\n", (unsigned long)info.st_nlink);
    int path_only = open(".", O_PATH);
    report("read by a path alone", read(path_only, target, 1));
    report("fstat by a path alone", fstat(path_only, &info));
    report("chmod by it", fchmod(path_only, 0700));
    report("relative to it", openat(path_only, "missing", O_RDONLY));
    close(fd);
    scratch_leave();
    return 0;
}
