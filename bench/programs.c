// SPDX-License-Identifier: MIT
//
// Whole programs: Debian's busybox at work on a small tree of files.

#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TREE "/tmp/bench-tree"
#define LINES_PATH "/tmp/bench-lines"
#define FOLDERS 10
#define FILES 10
#define FILE_LINES 100
#define LINES 20000
#define BUSYBOX "/bin/busybox"

// Runs a script by busybox's shell; its outputs go nowhere.
static void run_script(const char *script) {
    pid_t child = (pid_t)MUST(fork);
    if (child == 0) {
        int nothing = open("/dev/null", O_RDWR);
        dup2(nothing, 1);
        execl(BUSYBOX, "sh", "-c", script, NULL);
        _exit(127);
    }
    int status = 0;
    MUST(waitpid, child, &status, 0);
    if (status != 0) {
        errno = ECHILD;
        fail(script);
    }
}

static void write_lines(const char *path, unsigned lines, unsigned seed) {
    FILE *file = fopen(path, "w");
    if (!file) {
        fail("fopen");
    }
    for (unsigned i = 0; i < lines; i++) {
        seed = seed * 1664525 + 1013904223;
        fprintf(file, "%08x a line of text with a %s in it\n", seed,
                seed % 16 == 0 ? "needle" : "straw");
    }
    fclose(file);
}

static void make_tree(void) {
    char path[100];
    MUST(mkdir, TREE, 0755);
    for (unsigned folder = 0; folder < FOLDERS; folder++) {
        snprintf(path, sizeof(path), TREE "/folder-%u", folder);
        MUST(mkdir, path, 0755);
        for (unsigned file = 0; file < FILES; file++) {
            snprintf(path, sizeof(path), TREE "/folder-%u/file-%u", folder, file);
            write_lines(path, FILE_LINES, folder * FILES + file);
        }
    }
}

static void remove_tree(void) {
    run_script(BUSYBOX " rm -rf " TREE);
}

static void make_lines(void) {
    write_lines(LINES_PATH, LINES, 1);
}

static void remove_lines(void) {
    MUST(unlink, LINES_PATH);
}

static void fork_much(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        run_script("i=0; while [ $i -lt 300 ]; do " BUSYBOX " true; i=$((i+1)); done");
    }
}

static void pack(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        run_script(BUSYBOX " tar -c -f /tmp/bench.tar -C /tmp bench-tree && " BUSYBOX
                           " rm /tmp/bench.tar");
    }
}

static void search(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        run_script(BUSYBOX " find " TREE " -type f | " BUSYBOX " xargs " BUSYBOX " grep -c needle");
    }
}

static void sort(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        run_script(BUSYBOX " sort " LINES_PATH);
    }
}

#define ROW(title, start, function, end)                                                           \
    { .name = title, .count = 1, .batches = 2, .prepare = start, .run = function, .finish = end }

const struct row program_rows[] = {
    ROW("prog_sh_300_forks", NULL, fork_much, NULL),
    ROW("prog_tar_tree", make_tree, pack, remove_tree),
    ROW("prog_find_grep", make_tree, search, remove_tree),
    ROW("prog_sort_20k", make_lines, sort, remove_lines),
    {0},
};
