// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// The lines of /proc/self/maps about mappings that the program makes, and what fdinfo tells.

#include "scratch.h"

#include <sys/mman.h>

#define PAGE 4096UL

static char text[65536];

static void load(const char *path) {
    int fd = open(path, O_RDONLY);
    size_t size = 0;
    ssize_t count;
    while ((count = read(fd, text + size, sizeof(text) - 1 - size)) > 0) {
        size += (size_t)count;
    }
    text[size] = 0;
    close(fd);
}

// The lines that lie in a range, with addresses from its beginning on.
static void show(const char *what, const char *start, unsigned long bytes) {
    load("/proc/self/maps");
    say("%s\n", what);
    for (char *line = text; line && *line;) {
        unsigned long low, high, offset, inode;
        char rights[5], name[300] = "";
        unsigned major, minor;
        struct stat info = {0};
        if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu%299[^\n]", &low, &high, rights, &offset, &major,
                   &minor, &inode, name) < 7) {
            say("a line that is none\n");
            return;
        }
        if (low < (unsigned long)start + bytes && high > (unsigned long)start) {
            const char *path = name + strspn(name, " "), *last = strrchr(name, '/');
            bool same = inode == 0 || (stat(path, &info) == 0 && info.st_ino == inode);
            say("  %ld %ld %s %lx %s %s\n", (long)(low - (unsigned long)start) / (long)PAGE,
                (long)(high - (unsigned long)start) / (long)PAGE, rights, offset,
                inode == 0 ? "no inode"
                : same     ? "its inode"
                           : "ANOTHER INODE",
                last ? last : path);
        }
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
}

static void try_anonymous(void) {
    // Holes around it, so that nothing joins it.
    char *at = mmap(NULL, 10 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(at, PAGE);
    munmap(at + 9 * PAGE, PAGE);
    show("nothing allowed", at, 10 * PAGE);
    mprotect(at + 2 * PAGE, 3 * PAGE, PROT_READ | PROT_WRITE);
    show("some allowed", at, 10 * PAGE);
    mprotect(at + 5 * PAGE, PAGE, PROT_READ | PROT_WRITE);
    show("joined", at, 10 * PAGE);
    munmap(at + 3 * PAGE, PAGE);
    show("with a hole", at, 10 * PAGE);
    munmap(at, 10 * PAGE);
}

static void try_files(void) {
    char page[PAGE];
    memset(page, 'x', sizeof(page));
    int fd = open("mapped", O_RDWR | O_CREAT | O_TRUNC, 0644);
    for (int i = 0; i < 4; i++) {
        (void)!write(fd, page, sizeof(page));
    }
    char *at = mmap(NULL, 8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(at, 8 * PAGE);
    mmap(at + PAGE, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, PAGE);
    mmap(at + 4 * PAGE, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
    show("a file", at, 8 * PAGE);
    mprotect(at + 5 * PAGE, PAGE, PROT_READ);
    show("a page of it guarded", at, 8 * PAGE);
    munmap(at, 8 * PAGE);
    lseek(fd, 100, SEEK_SET);
    (void)!read(fd, page, 11);
    char name[50];
    snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
    load(name);
    say("%.*s", (int)(strstr(text, "mnt_id") - text), text);
    close(fd);
    unlink("mapped");
}

int main(void) {
    scratch_enter("scratch-mapped");
    try_anonymous();
    try_files();
    scratch_leave();
    return 0;
}
