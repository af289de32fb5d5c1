// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run: argument
//
// What /proc tells a process of itself.

#include "scratch.h"

static char text[65536];

static size_t load(const char *path) {
    int fd = open(path, O_RDONLY);
    if (fd < 0) {
        report(path, fd);
        text[0] = 0;
        return 0;
    }
    size_t size = 0;
    ssize_t count;
    while ((count = read(fd, text + size, sizeof(text) - 1 - size)) > 0) {
        size += (size_t)count;
    }
    text[size] = 0;
    close(fd);
    return size;
}

static void show_target(const char *path) {
    char target[400];
    ssize_t size = readlink(path, target, sizeof(target) - 1);
    if (size < 0) {
        report(path, size);
        return;
    }
    target[size] = 0;
    // Numbers of pipes and of this process differ from run to run.
    if (strncmp(target, "pipe:[", 6) == 0) {
        strcpy(target, "pipe");
    }
    say("%s -> %s\n", path, atoi(target) == getpid() ? "(my number)" : target);
}

static void check_line(const char *start) {
    size_t size = strlen(start);
    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (strncmp(line, start, size) == 0) {
            say("has %s\n", start);
            return;
        }
    }
    say("LACKS %s\n", start);
}

static void try_status(void) {
    load("/proc/self/status");
    static const char *const lines[] = {"Name:\tself\n",
                                        "Umask:\t0022\n",
                                        "State:\tR",
                                        "Tgid:",
                                        "Pid:",
                                        "PPid:",
                                        "TracerPid:\t0\n",
                                        "Uid:\t0\t0\t0\t0\n",
                                        "Gid:\t0\t0\t0\t0\n",
                                        "FDSize:",
                                        "VmSize:",
                                        "VmRSS:",
                                        "Threads:\t1\n",
                                        "SigBlk:\t0000000000000000\n"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        check_line(lines[i]);
    }
    load("/proc/self/stat");
    int pid = 0, parent = 0, group = 0, session = 0;
    char name[30] = "", state = 0;
    int found =
        sscanf(text, "%d (%29[^)]) %c %d %d %d", &pid, name, &state, &parent, &group, &session);
    say("stat: %d fields, (%s) %c\n", found, name, state);
    check("numbers", pid == getpid() && parent == getppid() && group == getpgrp());
    int fields = 1;
    for (char *at = text; *at; at++) {
        fields += *at == ' ';
    }
    say("%d fields\n", fields);
}

static void try_maps(void) {
    size_t size = load("/proc/self/maps");
    check("maps end with a line", size > 0 && text[size - 1] == '\n');
    unsigned long start = 0, end = 0;
    char rights[5] = "", name[200] = "";
    int found = sscanf(text, "%lx-%lx %4s %*x %*x:%*x %*u %199s", &start, &end, rights, name);
    say("%d of the first line, rights %s\n", found, rights);
    check("it names the program", strstr(name, "/self") != NULL);
    check("a stack", strstr(text, "[stack]") != NULL);
    check("the vDSO", strstr(text, "[vdso]") != NULL);
    unsigned long mine = (unsigned long)&try_maps;
    bool contains = false;
    for (char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (sscanf(line, "%lx-%lx %4s", &start, &end, rights) == 3 && mine >= start && mine < end) {
            contains = strcmp(rights, "r-xp") == 0;
        }
    }
    check("my code, to run", contains);
}

int main(int argc, char **argv) {
    (void)argc;
    umask(022);
    size_t size = load("/proc/self/cmdline");
    say("cmdline: %zu bytes, the last argument %s\n", size - strlen(argv[0]),
        text + strlen(argv[0]) + 1);
    size = load("/proc/self/comm");
    say("comm: %s", text);
    load("/proc/self/environ");
    check("environ has PATH", strncmp(text, "PATH=", 5) == 0 || strstr(text, "PATH=") != NULL);
    (void)!chdir("/proc");
    show_target("/proc/self");
    show_target("/proc/self/cwd");
    show_target("/proc/self/root");
    show_target("/proc/self/fd/0");
    char target[300] = "";
    (void)!readlink("/proc/self/exe", target, sizeof(target) - 1);
    check("exe", strcmp(target, argv[0]) == 0);
    int fd = open("/etc/passwd", O_RDONLY);
    snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
    show_target(target);
    int again = open(target, O_RDONLY);
    check("opened by its descriptor", again >= 0);
    report("no such descriptor", open("/proc/self/fd/99", O_RDONLY));
    try_status();
    try_maps();
    return 0;
}
