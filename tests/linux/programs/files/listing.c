// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run: 300
//
// Listing a folder: each name once, kinds, places to go back to, and changes while it is read.

#include "scratch.h"

#include <dirent.h>
#include <sys/syscall.h>

static int compare(const void *a, const void *b) {
    return strcmp(a, b);
}

// Prints the sorted names with their kinds; returns how many there are.
static int list(const char *name, bool shown) {
    static char names[1000][100];
    int count = 0;
    DIR *dir = opendir(name);
    if (!dir) {
        report(name, -1);
        return 0;
    }
    struct dirent *entry;
    while ((entry = readdir(dir)) && count < 1000) {
        struct stat info;
        fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW);
        snprintf(names[count++], sizeof(names[0]), "%.50s %d%s", entry->d_name, entry->d_type,
                 info.st_ino == entry->d_ino ? "" : " another inode");
    }
    closedir(dir);
    qsort(names, (size_t)count, sizeof(names[0]), compare);
    for (int i = 0; shown && i < count; i++) {
        say("  %s\n", names[i]);
    }
    return count;
}

static void make_many(int count, bool make) {
    char name[40];
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "many/a-file-with-number-%d", i);
        if (make) {
            make_file(name, "");
        } else {
            unlink(name);
        }
    }
}

static void try_places(void) {
    DIR *dir = opendir("many");
    for (int i = 0; i < 100; i++) {
        readdir(dir);
    }
    long place = telldir(dir);
    char next[64];
    snprintf(next, sizeof(next), "%.50s", readdir(dir)->d_name);
    int rest = 1;
    while (readdir(dir)) {
        rest++;
    }
    seekdir(dir, place);
    check("back at the place", strcmp(readdir(dir)->d_name, next) == 0);
    rewinddir(dir);
    int all = 0;
    while (readdir(dir)) {
        all++;
    }
    say("%d after the place, %d from the start\n", rest, all);
    closedir(dir);
}

static void try_removing_while_reading(int count) {
    DIR *dir = opendir("many");
    struct dirent *entry;
    int removed = 0;
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] != '.') {
            removed += unlinkat(dirfd(dir), entry->d_name, 0) == 0;
        }
    }
    closedir(dir);
    say("removed %d of %d, left %d\n", removed, count, list("many", true));
}

int main(int argc, char **argv) {
    int count = argc > 1 ? atoi(argv[1]) : 20;
    scratch_enter("scratch-listing");
    say("%d entries of an empty folder\n", list(".", true));
    make_file("file", "");
    mkdir("folder", 0755);
    mkdir("many", 0755);
    symlink("file", "link");
    mkfifo("fifo", 0644);
    say("%d entries\n", list(".", true));
    make_many(count, true);
    say("%d entries of many\n", list("many", false));
    try_places();
    char little[30];
    int fd = open("many", O_RDONLY);
    report_raw("too little room", raw(__NR_getdents64, fd, little, 10));
    close(fd);
    fd = open("file", O_RDONLY);
    report_raw("not a folder", raw(__NR_getdents64, fd, little, 30));
    close(fd);
    fd = open("folder", O_RDONLY);
    rmdir("folder");
    report_raw("a folder that was removed", raw(__NR_getdents64, fd, little, 30));
    close(fd);
    try_removing_while_reading(count);
    rmdir("many");
    unlink("file");
    unlink("link");
    unlink("fifo");
    scratch_leave();
    return 0;
}
