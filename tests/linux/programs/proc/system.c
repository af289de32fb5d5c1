// SPDX-License-Identifier: MIT
// libcs: musl
// run:
//
// What /proc tells of the whole system, as far as ps, top, free and libcs read it.

#include "scratch.h"

#include <dirent.h>

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

static void has(const char *what) {
    say("  %s: %s\n", what, strstr(text, what) ? "yes" : "NO");
}

static void try_processes(void) {
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    bool me = false, one = false;
    while (dir && (entry = readdir(dir))) {
        me = me || atoi(entry->d_name) == getpid();
        one = one || strcmp(entry->d_name, "1") == 0;
    }
    check("I am listed", me);
    check("so is the first", one);
    load("/proc/1/stat");
    say("stat of the first begins with %.3s\n", text);
    report("of nobody", open("/proc/4000000/stat", O_RDONLY));
}

int main(void) {
    load("/proc/meminfo");
    say("meminfo\n");
    has("MemTotal:");
    has("MemFree:");
    has("MemAvailable:");
    has("Buffers:");
    has("Cached:");
    has("SwapTotal:");
    load("/proc/stat");
    say("stat\n");
    has("cpu ");
    has("cpu0 ");
    has("btime ");
    has("processes ");
    load("/proc/uptime");
    double up = 0, idle = 0;
    say("uptime: %d numbers\n", sscanf(text, "%lf %lf", &up, &idle));
    check("some time has passed", up > 0);
    load("/proc/loadavg");
    double loads[3];
    int running, all, last;
    say("loadavg: %d numbers\n", sscanf(text, "%lf %lf %lf %d/%d %d", &loads[0], &loads[1],
                                        &loads[2], &running, &all, &last));
    load("/proc/version");
    check("version begins with Linux", strncmp(text, "Linux version ", 14) == 0);
    load("/proc/cpuinfo");
    has("processor\t: 0");
    has("flags\t");
    load("/proc/filesystems");
    has("tmpfs");
    load("/proc/mounts");
    has(" /proc proc ");
    load("/proc/sys/kernel/ostype");
    say("ostype: %s", text);
    load("/proc/sys/kernel/pid_max");
    check("pid_max", atoi(text) >= 32768);
    try_processes();

    return 0;
}
