// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
//
// Pipes with a name: opening waits for the other side.

#include "child.h"
#include "scratch.h"

int main(void) {
    scratch_enter("scratch-fifo");
    report("make", mknod("fifo", S_IFIFO | 0644, 0));
    report("again", mknod("fifo", S_IFIFO | 0644, 0));
    report("write alone, not waiting", open("fifo", O_WRONLY | O_NONBLOCK));
    int fd = open("fifo", O_RDONLY | O_NONBLOCK);
    check("read alone, not waiting", fd >= 0);
    char text[10] = "";
    report("nobody writes", read(fd, text, 10));
    int writer = open("fifo", O_WRONLY);
    report("nothing is there", read(fd, text, 10));
    report("write", write(writer, "one", 3));
    report("read", read(fd, text, 10));
    say("%s\n", text);
    close(writer);
    report("the writer has gone", read(fd, text, 10));
    close(fd);
    pid_t pid = fork();
    if (pid == 0) {
        int end = open("fifo", O_WRONLY);
        write_all(end, "from the child", 14);
        _exit(0);
    }
    fd = open("fifo", O_RDONLY);
    size_t total = 0;
    ssize_t count;
    while ((count = read(fd, text, 5)) > 0) {
        total += (size_t)count;
    }
    say("%zu bytes\n", total);
    await("child", pid);
    report("seek", lseek(fd, 0, SEEK_SET));
    close(fd);
    unlink("fifo");
    scratch_leave();
    return 0;
}
