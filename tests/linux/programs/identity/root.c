// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// chroot: another root for this process and its children; and it is root's alone.

#include "child.h"
#include "scratch.h"

#include <sys/syscall.h>

int main(void) {
    scratch_enter("scratch-root");
    mkdir("new", 0755);
    make_file("new/inside", "inside");
    make_file("outside", "outside");
    report("to nothing", chroot("missing"));
    report("to a file", chroot("outside"));
    int before = open(".", O_RDONLY);
    pid_t pid = fork();
    if (pid == 0) {
        report("chroot", chroot("new"));
        show_file("/inside");
        show_file("/new/inside");
        show_file("outside");
        report("go", chdir("/"));
        show_file("../../inside");
        char path[100];
        report("here", getcwd(path, sizeof(path)) ? 0 : -1);
        say("%s\n", path);
        report("a folder from before", openat(before, "outside", O_RDONLY) >= 0 ? 0 : -1);
        pid_t child = fork();
        if (child == 0) {
            show_file("/inside");
            raw(__NR_setuid, 100);
            report("not for everybody", chroot("/"));
            _exit(0);
        }
        await("its child", child);
        _exit(0);
    }
    await("child", pid);
    show_file("outside");
    close(before);
    unlink("new/inside");
    unlink("outside");
    rmdir("new");
    scratch_leave();
    return 0;
}
