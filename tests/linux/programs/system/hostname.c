// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// The name of the machine, by its calls and by /proc.

#include "scratch.h"

#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#define FILE_NAME "/proc/sys/kernel/hostname"

static void show(void) {
    struct utsname name;
    char text[100] = "";
    uname(&name);
    int fd = open(FILE_NAME, O_RDONLY);
    (void)!read(fd, text, sizeof(text) - 1);
    close(fd);
    say("%s, %s", name.nodename, text);
}

int main(void) {
    char long_name[66];
    memset(long_name, 'x', sizeof(long_name));
    report("sethostname", sethostname("first", 5));
    show();
    report("too long", sethostname(long_name, 65));
    report_raw("less than nothing", raw(__NR_sethostname, "x", -1));
    report_raw("of no memory", raw(__NR_sethostname, 16, 4));
    show();
    int fd = open(FILE_NAME, O_WRONLY | O_TRUNC);
    report("write", write(fd, "second\nrest", 11));
    close(fd);
    show();
    fd = open(FILE_NAME, O_RDWR);
    report("write", write(fd, "third", 5));
    lseek(fd, 0, SEEK_SET);
    char text[20] = "";
    report("read", read(fd, text, sizeof(text) - 1));
    say("%s", text);
    close(fd);
    fflush(stdout);
    if (fork() == 0) {
        (void)!setuid(1000);
        report("sethostname of a user", sethostname("x", 1));
        report("open for writing", open(FILE_NAME, O_WRONLY));
        show();
        exit(0);
    }
    wait(NULL);
    return 0;
}
