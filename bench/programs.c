// SPDX-License-Identifier: MIT
//
// Whole programs of Debian: busybox at work on a small tree of files, sqlite3 with a new database,
// tcc compiling itself.

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
#define DATABASE "/tmp/bench.db"
#define TCC_HEADERS "/usr/lib/x86_64-linux-gnu/tcc/include"
#define LIBC_HEADERS "/usr/include/x86_64-linux-musl"
#define TCC_SOURCE "/src/tcc"

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
        fail("the script");
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

// One transaction of many rows, an index, many transactions of a row, queries.
static void query(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        run_script("/usr/bin/sqlite3 " DATABASE " \""
                   "create table t(a integer primary key, b text);"
                   "with recursive c(x) as (select 1 union all select x+1 from c where x < 2000) "
                   "insert into t select x, hex(x * 7919) from c;"
                   "create index i on t(b);\" &&"
                   "{ i=0; while [ $i -lt 30 ]; do echo \"insert into t values(null, $i);\"; "
                   "i=$((i+1)); done; } | /usr/bin/sqlite3 " DATABASE " && "
                   "/usr/bin/sqlite3 " DATABASE " \"select count(*), sum(a) from t where b like "
                   "'%7%'; select a from t where b = hex(7919);\" && " BUSYBOX " rm " DATABASE);
    }
}

static void compile(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        run_script("cd " TCC_SOURCE " && : >config.h && /usr/bin/tcc -c -nostdinc -I" TCC_HEADERS
                   " -I" LIBC_HEADERS " -DTCC_TARGET_X86_64 -DONE_SOURCE=1 "
                   "-DTCC_VERSION='\"bench\"' -o /tmp/bench.o tcc.c && " BUSYBOX
                   " rm /tmp/bench.o");
    }
}

#define ROW(title, start, function, end)                                                           \
    { .name = title, .count = 1, .batches = 2, .prepare = start, .run = function, .finish = end }

const struct row program_rows[] = {
    ROW("prog_sh_300_forks", NULL, fork_much, NULL),
    ROW("prog_tar_tree", make_tree, pack, remove_tree),
    ROW("prog_find_grep", make_tree, search, remove_tree),
    ROW("prog_sort_20k", make_lines, sort, remove_lines),
    ROW("prog_sqlite", NULL, query, NULL),
    ROW("prog_tcc_itself", NULL, compile, NULL),
    {0},
};
