// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// The links of /proc to what a process has open: what they say, and what following them gives.

#include "scratch.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

static char link_name[100];

static const char *of(int pid, int fd) {
    if (pid == 0) {
        snprintf(link_name, sizeof(link_name), "/proc/self/fd/%d", fd);
    } else {
        snprintf(link_name, sizeof(link_name), "/proc/%d/fd/%d", pid, fd);
    }
    return link_name;
}

static char target[600];

static const char *target_of(const char *path) {
    ssize_t size = readlink(path, target, sizeof(target) - 1);
    target[size < 0 ? 0 : size] = 0;
    if (size < 0) {
        report("readlink", size);
    }
    return target;
}

static bool ends_with(const char *text, const char *end) {
    size_t size = strlen(text), tail = strlen(end);
    return size >= tail && strcmp(text + size - tail, end) == 0;
}

static void show_open(const char *path, int flags) {
    char text[20] = "";
    int fd = open(path, flags);
    report("open", fd < 0 ? fd : 0);
    if (fd >= 0 && (flags & O_ACCMODE) != O_WRONLY) {
        report("read", read(fd, text, sizeof(text) - 1));
        say("[%s]\n", text);
    }
    close(fd);
}

static void try_files(void) {
    make_file("file", "content");
    static const int access[] = {O_RDONLY, O_WRONLY, O_RDWR};
    for (size_t i = 0; i < 3; i++) {
        struct stat info;
        int fd = open("file", access[i]);
        lstat(of(0, fd), &info);
        say("mode %o\n", (unsigned)info.st_mode);
        check("it says the path", ends_with(target_of(of(0, fd)), "/file"));
        stat(of(0, fd), &info);
        say("behind it %o, %ld bytes\n", (unsigned)info.st_mode, (long)info.st_size);
        show_open(of(0, fd), O_RDONLY);
        report("without following", open(of(0, fd), O_RDONLY | O_NOFOLLOW));
        report("as a new file", open(of(0, fd), O_WRONLY | O_CREAT | O_EXCL, 0600));
        report("as a directory", open(of(0, fd), O_RDONLY | O_DIRECTORY));
        close(fd);
    }
    int fd = open("file", O_RDONLY);
    rename("file", "moved");
    check("it says the new name", ends_with(target_of(of(0, fd)), "/moved"));
    unlink("moved");
    check("it says that it has none", ends_with(target_of(of(0, fd)), " (deleted)"));
    show_open(of(0, fd), O_RDONLY);
    int again = open(of(0, fd), O_WRONLY | O_TRUNC);
    report("write", write(again, "new", 3));
    show_open(of(0, fd), O_RDONLY);
    close(again);
    close(fd);
    report("no such descriptor", open(of(0, fd), O_RDONLY));
    report("nor a link", readlink(of(0, fd), target, sizeof(target)));
}

static void try_folders(void) {
    mkdir("folder", 0755);
    make_file("folder/inner", "inside");
    int folder = open("folder", O_PATH);
    char path[200];
    snprintf(path, sizeof(path), "%s/inner", of(0, folder));
    show_open(path, O_RDONLY);
    int place = open("folder/inner", O_PATH);
    report("chmod behind a path", chmod(of(0, place), 0640));
    struct stat info;
    fstat(place, &info);
    say("mode %o\n", (unsigned)info.st_mode);
    (void)!chdir("folder");
    show_open("/proc/self/cwd/inner", O_RDONLY);
    (void)!chdir("..");
    report("up from a link", open("/proc/self/cwd/../no-such", O_RDONLY));
    unlink("folder/inner");
    close(place);
    close(folder);
    rmdir("folder");
}

static void try_others(void) {
    int ends[2], pair[2];
    struct stat info, link;
    char text[40];
    (void)!pipe(ends);
    fstat(ends[0], &info);
    snprintf(text, sizeof(text), "pipe:[%lu]", (unsigned long)info.st_ino);
    check("a pipe's number", strcmp(target_of(of(0, ends[0])), text) == 0);
    check("at both ends", strcmp(target_of(of(0, ends[1])), text) == 0);
    stat(of(0, ends[0]), &link);
    check("it is a pipe", S_ISFIFO(link.st_mode) && link.st_ino == info.st_ino);
    int reader = open(of(0, ends[0]), O_RDONLY), writer = open(of(0, ends[1]), O_WRONLY);
    report("write", write(writer, "through", 7));
    report("read", read(reader, text, sizeof(text)));
    report("a folder of it", open("/proc/self/fd/0/x", O_RDONLY) >= 0 ? 0 : -1);
    (void)!socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    check("a socket", strncmp(target_of(of(0, pair[0])), "socket:[", 8) == 0);
    report("open", open(of(0, pair[0]), O_RDWR));
    int event = eventfd(0, 0);
    say("%s\n", target_of(of(0, event)));
    report("open", open(of(0, event), O_RDWR));
    int null = open("/dev/null", O_RDWR);
    say("%s\n", target_of(of(0, null)));
    show_open(of(0, null), O_RDONLY);
}

// Another process: what it has open, where it stands, and what is left when it has ended.
static void try_child(void) {
    char path[100], text[200] = "";
    int ready[2], end[2];
    (void)!pipe(ready);
    (void)!pipe(end);
    make_file("shown", "of the child");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int fd = open("shown", O_RDONLY);
        dup2(fd, 50);
        (void)!chdir("/etc");
        (void)!write(ready[1], "x", 1);
        (void)!read(end[0], text, 1);
        _exit(0);
    }
    (void)!read(ready[0], text, 1);
    check("its file", ends_with(target_of(of(child, 50)), "/shown"));
    show_open(of(child, 50), O_RDONLY);
    report("what it has not", open(of(child, 51), O_RDONLY));
    snprintf(path, sizeof(path), "/proc/%d/cwd", child);
    say("%s\n", target_of(path));
    snprintf(path, sizeof(path), "/proc/%d/cwd/passwd", child);
    report("a file there", access(path, R_OK));
    snprintf(path, sizeof(path), "/proc/%d/status", child);
    int status = open(path, O_RDONLY);
    report("its status", read(status, text, 5));
    say("%.5s\n", text);
    (void)!write(end[1], "x", 1);
    siginfo_t info;
    waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
    snprintf(path, sizeof(path), "/proc/%d/exe", child);
    report("program of a zombie", readlink(path, text, sizeof(text)));
    snprintf(path, sizeof(path), "/proc/%d/cmdline", child);
    show_open(path, O_RDONLY);
    waitpid(child, NULL, 0);
    report("when it is gone", open(path, O_RDONLY));
    lseek(status, 0, SEEK_SET);
    report("read on", read(status, text, 5));
    unlink("shown");
}

// A file without a name gets one.
static void try_naming(void) {
    int fd = open(".", O_TMPFILE | O_RDWR, 0600);
    (void)!write(fd, "named late", 10);
    report("linkat", linkat(AT_FDCWD, of(0, fd), AT_FDCWD, "late", AT_SYMLINK_FOLLOW));
    show_open("late", O_RDONLY);
    close(fd);
    mkdir("folder", 0755);
    rename("late", "folder/late");
    int folder = open("folder", O_RDONLY);
    char path[200];
    snprintf(path, sizeof(path), "%s/late", of(0, folder));
    report("rename out of a link", rename(path, "later"));
    report("what has none", rename("/proc/self/fd/99/x", "later"));
    report("of proc", link("/proc/version", "later2"));
    unlink("later");
    close(folder);
    rmdir("folder");
}

static void show_comm(const char *path) {
    char text[40] = "";
    int fd = open(path, O_RDONLY);
    (void)!read(fd, text, sizeof(text) - 1);
    say("%s: %s", path, text);
    close(fd);
}

int main(void) {
    scratch_enter("scratch-links");
    try_files();
    try_folders();
    try_others();
    try_child();
    try_naming();
    prctl(PR_SET_NAME, "another name");
    show_comm("/proc/self/comm");
    show_comm("/proc/thread-self/comm");
    scratch_leave();
    return 0;
}
