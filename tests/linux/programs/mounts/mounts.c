// SPDX-License-Identifier: MIT
// libcs: musl
// run:
//
// Mounting and its end: file systems of their own, binds, flags, what is in use, walks across.

#include "scratch.h"

#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/wait.h>

static char base[500]; // where the scratch folder is

// Where the current folder is, below the scratch folder's parent.
static void show_current(const char *what) {
    char path[500];
    if (getcwd(path, sizeof(path)) == NULL) {
        report(what, -1);
        return;
    }
    size_t size = strlen(base);
    say("%s: %s\n", what, strncmp(path, base, size) == 0 ? path + size : path);
}

// The line of /proc/mounts about a place in the scratch folder: its type and the flags.
static void show_line(const char *name) {
    static char text[20000];
    char wanted[600];
    int fd = open("/proc/mounts", O_RDONLY);
    ssize_t used = 0, count;
    while (fd >= 0 && (count = read(fd, text + used, sizeof(text) - 1 - (size_t)used)) > 0) {
        used += count;
    }
    close(fd);
    text[used] = '\0';
    snprintf(wanted, sizeof(wanted), " %s/mounts.dir/%s ", base, name);
    char *at = strstr(text, wanted);
    if (at == NULL) {
        say("%s is not in the table\n", name);
        return;
    }
    char *flags = at + strlen(wanted), *end = strstr(flags, "relatime");
    say("%s: %.*s\n", name, end != NULL ? (int)(end - flags + 8) : 10, flags);
}

static void show_kind(const char *name) {
    struct statfs info;
    if (statfs(name, &info) < 0) {
        report(name, -1);
        return;
    }
    say("%s: type %lx, flags %lx\n", name, (unsigned long)info.f_type,
        (unsigned long)info.f_flags & 0xf);
}

static void try_fresh(void) {
    report("mount", mount("one", "a", "tmpfs", 0, "mode=750"));
    show_line("a");
    show_kind("a");
    struct stat info, above;
    report("stat", stat("a", &info));
    report("stat above", stat(".", &above));
    say("mode %o, another device %d\n", (unsigned)info.st_mode, info.st_dev != above.st_dev);
    make_file("a/file", "inside");
    show_file("a/file");
    report("folder", mkdir("a/deep", 0755));
    report("go in", chdir("a/deep"));
    show_current("deep");
    report("up", chdir(".."));
    show_current("root of it");
    report("out", chdir(".."));
    show_current("out");
    report("through and back", chdir("a/deep/../../a/../a/deep"));
    show_current("through");
    report("two at once", chdir("../.."));
    show_current("out again");
    report("absolute link", symlink("/proc/self", "a/link"));
    report("access", access("a/link/stat", R_OK));
    report("link up", symlink("../outside", "a/up"));
    make_file("outside", "outside");
    show_file("a/up");
    report("rename out", rename("a/file", "file"));
    report("rename in", rename("outside", "a/outside"));
    report("link out", link("a/file", "file"));
    report("rename within", rename("a/file", "a/deep/file"));
    report("rename by a way around", rename("a/deep/file", "a/../a/file"));
    report("remove the folder", rmdir("a"));
    report("rename it", rename("a", "c"));
    report("rename over it", rename("b", "a"));
    report("mount on it", mount("two", "a", "tmpfs", 0, NULL));
    report("file of the first", access("a/file", F_OK));
    report("end", umount("a"));
    report("file of the first", access("a/file", F_OK));
    report("end", umount("a"));
    report("end of nothing", umount("a"));
    show_line("a");
    report("file is gone", access("a/file", F_OK));
    report("again", mount("one", "a", "tmpfs", 0, NULL));
    report("it is empty", access("a/deep", F_OK));
    report("end", umount("a"));
}

static void try_errors(void) {
    report("type", mount("x", "a", "no-such-fs", 0, NULL));
    report("place", mount("x", "missing", "tmpfs", 0, NULL));
    report("file", mount("x", "outside", "tmpfs", 0, NULL));
    report("option", mount("x", "a", "tmpfs", 0, "colour=blue"));
    report("remount of a folder", mount("x", "a", "tmpfs", MS_REMOUNT, NULL));
    report("end of a folder", umount("a"));
    report("end of what is missing", umount("missing"));
    report("flags", umount2("a", 0x100));
    report("bad pointer", raw(165 /* mount */, "x", 8, "tmpfs", 0, 0));
}

static void try_in_use(void) {
    report("mount", mount("one", "a", "tmpfs", 0, NULL));
    make_file("a/file", "still here");
    int fd = open("a/file", O_RDONLY);
    report("an open file", umount("a"));
    close(fd);
    report("go in", chdir("a"));
    report("a current folder", umount("../a"));
    report("go out", chdir(".."));
    report("inner", mkdir("a/inner", 0755));
    report("mount", mount("two", "a/inner", "tmpfs", 0, NULL));
    report("one in it", umount("a"));
    report("end of the inner", umount("a/inner"));
    fd = open("a/file", O_RDONLY);
    report("lazily", umount2("a", MNT_DETACH));
    report("it is not seen", access("a/file", F_OK));
    char text[11] = "";
    report("but read", (int)read(fd, text, 10));
    say("[%s]\n", text);
    close(fd);
    report("mount", mount("one", "a", "tmpfs", 0, NULL));
    report("mount", (mkdir("a/inner", 0755), mount("two", "a/inner", "tmpfs", 0, NULL)));
    report("both lazily", umount2("a", MNT_DETACH));
    show_line("a");
    show_line("a/inner");
}

static void try_flags(void) {
    report("mount", mount("one", "a", "tmpfs", 0, NULL));
    make_file("a/file", "text");
    report("node", mknod("a/null", S_IFCHR | 0666, 0x103));
    int fd = open("a/file", O_RDWR);
    report("a writer", mount("one", "a", "tmpfs", MS_REMOUNT | MS_RDONLY, NULL));
    close(fd);
    report("read-only", mount("one", "a", "tmpfs", MS_REMOUNT | MS_RDONLY | MS_NODEV, NULL));
    show_line("a");
    show_kind("a");
    report("write", open("a/file", O_WRONLY));
    report("make", open("a/new", O_CREAT | O_RDONLY, 0644));
    report("make what is there", close(open("a/file", O_CREAT | O_RDONLY, 0644)));
    report("folder", mkdir("a/new", 0755));
    report("folder over a file", mkdir("a/file", 0755));
    report("remove", unlink("a/file"));
    report("remove what is not there", unlink("a/missing"));
    report("rename", rename("a/file", "a/other"));
    report("mode", chmod("a/file", 0600));
    report("truncate", truncate("a/file", 0));
    report("access to write", access("a/file", W_OK));
    report("access to read", access("a/file", R_OK));
    report("device", open("a/null", O_RDONLY));
    show_file("a/file");
    report("back", mount("one", "a", "tmpfs", MS_REMOUNT | MS_NOEXEC | MS_NOSUID, NULL));
    show_line("a");
    make_file("a/file", "#!/bin/sh\n");
    report("mode", chmod("a/file", 0755));
    report("access to run", access("a/file", X_OK));
    report("run", execl("a/file", "file", NULL));
    report("end", umount("a"));
}

static void try_bind(void) {
    report("folder", mkdir("b/sub", 0755));
    make_file("b/sub/file", "bound");
    report("bind", mount("b/sub", "a", NULL, MS_BIND, NULL));
    show_file("a/file");
    make_file("a/other", "by the bind");
    show_file("b/sub/other");
    struct stat one, two;
    report("stat", stat("a/file", &one) | stat("b/sub/file", &two));
    say("the same file %d\n", one.st_ino == two.st_ino && one.st_dev == two.st_dev);
    report("rename across", rename("a/file", "b/sub/new"));
    report("link across", link("a/file", "b/sub/new"));
    report("go in", chdir("a"));
    show_current("bound");
    report("up", chdir(".."));
    show_current("above");
    report("read-only", mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    report("by the bind", open("a/file", O_WRONLY));
    report("by its name", close(open("b/sub/file", O_WRONLY)));
    report("remove the source", rmdir("b/sub"));
    report("end", umount("a"));
    report("a file",
           (make_file("outside", "covered"), mount("b/sub/file", "outside", NULL, MS_BIND, NULL)));
    show_file("outside");
    report("a file over a folder", mount("b/sub/file", "a", NULL, MS_BIND, NULL));
    report("a folder over a file", mount("b", "b/sub/file", NULL, MS_BIND, NULL));
    report("what is not there", mount("missing", "a", NULL, MS_BIND, NULL));
    report("remove", unlink("outside"));
    report("end", umount("outside"));
    show_file("outside");
    unlink("b/sub/file");
    unlink("b/sub/other");
    rmdir("b/sub");
}

// A mount in a folder that is root for a process.
static void try_root(void) {
    report("folder", mkdir("b/m", 0755));
    report("mount", mount("one", "b/m", "tmpfs", 0, NULL));
    make_file("b/m/file", "in there");
    pid_t pid = fork();
    if (pid == 0) {
        report("root", chroot("b"));
        report("go in", chdir("/m"));
        show_current("in the root");
        report("up too far", chdir("../../.."));
        show_current("at the root");
        show_file("m/../m/file");
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    report("end", umount("b/m"));
    rmdir("b/m");
}

static void try_proc(void) {
    report("mount", mount("p", "a", "proc", 0, NULL));
    show_kind("a");
    report("read", access("a/self/stat", R_OK));
    report("go in", chdir("a/self/.."));
    show_current("in");
    report("up", chdir(".."));
    show_current("up");
    report("end", umount("a"));
}

static void try_user(void) {
    pid_t pid = fork();
    if (pid == 0) {
        report("another user", setuid(1000));
        report("mount", mount("x", "a", "tmpfs", 0, NULL));
        report("end", umount("a"));
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

int main(void) {
    if (getcwd(base, sizeof(base)) == NULL) {
        return 1;
    }
    base[strcmp(base, "/") == 0 ? 0 : strlen(base)] = '\0';
    scratch_enter("mounts.dir");
    mkdir("a", 0755);
    mkdir("b", 0755);
    try_fresh();
    try_errors();
    try_in_use();
    try_flags();
    try_bind();
    try_root();
    try_proc();
    try_user();
    unlink("outside");
    rmdir("a");
    rmdir("b");
    scratch_leave();
    return 0;
}
