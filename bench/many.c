// SPDX-License-Identifier: MIT
//
// Many of a kind: what each takes of memory, and what an operation costs while they are there: the
// row KIND:COUNT.

#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY_MAX 65000
#define LEAST 10
#define BALLAST_BYTES (64u << 20)
#define PAGE_BYTES 4096u
#define FOLDER "/tmp/bench-many"
#define PATH FOLDER "/file"

struct kind {
    const char *name;
    // Adds number `at`; takes away all of so many.
    void (*add)(unsigned at);
    void (*drop)(unsigned count);
    // The operation that is measured meanwhile.
    struct row operation;
};

static int gate[2], ready[2];
static pthread_t threads[MANY_MAX];
static pthread_mutex_t barrier = PTHREAD_MUTEX_INITIALIZER;
static int files[MANY_MAX];
static void *mappings[MANY_MAX];

// ---- processes that wait for the end of a pipe

static void add_process(unsigned at) {
    char byte = 'x';
    if (at == 0) {
        MUST(pipe, gate);
        MUST(pipe, ready);
    }
    pid_t child = (pid_t)MUST(fork);
    if (child == 0) {
        close(gate[1]);
        _exit(write(ready[1], &byte, 1) == 1 && read(gate[0], &byte, 1) == 0 ? 0 : 1);
    }
    MUST(read, ready[0], &byte, 1);
}

static void drop_processes(unsigned count) {
    close(gate[1]);
    for (unsigned i = 0; i < count; i++) {
        wait(NULL);
    }
    close(gate[0]);
    close(ready[0]);
    close(ready[1]);
}

// ---- threads that wait for a lock

static void *wait_for_lock(void *unused) {
    pthread_mutex_lock(&barrier);
    pthread_mutex_unlock(&barrier);
    return unused;
}

static void add_thread(unsigned at) {
    if (at == 0) {
        pthread_mutex_lock(&barrier);
    }
    errno = pthread_create(&threads[at], NULL, wait_for_lock, NULL);
    if (errno != 0) {
        fail("pthread_create");
    }
}

static void drop_threads(unsigned count) {
    pthread_mutex_unlock(&barrier);
    for (unsigned i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
}

// ---- open files

static void make_file(void) {
    struct rlimit limit = {2 * MANY_MAX, 2 * MANY_MAX};
    (void)setrlimit(RLIMIT_NOFILE, &limit); // where it is refused, the system's own limit holds
    MUST(mkdir, FOLDER, 0755);
    MUST(close, (int)MUST(open, PATH, O_WRONLY | O_CREAT, 0644));
}

static void add_file(unsigned at) {
    if (at == 0) {
        make_file();
    }
    files[at] = (int)MUST(open, PATH, O_RDONLY);
}

static void drop_files(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        close(files[i]);
    }
    MUST(unlink, PATH);
    MUST(rmdir, FOLDER);
}

static void open_and_close(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        MUST(close, (int)MUST(open, PATH, O_RDONLY));
    }
}

// ---- mappings of a page, which differ from their neighbours and are not touched

static void add_mapping(unsigned at) {
    mappings[at] = (void *)MUST(mmap, NULL, PAGE_BYTES, at % 2 ? PROT_READ : PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void drop_mappings(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        munmap(mappings[i], PAGE_BYTES);
    }
}

// ---- entries of a folder

static void name_entry(char *path, size_t bytes, unsigned at) {
    snprintf(path, bytes, FOLDER "/entry-%05u", at);
}

static void add_entry(unsigned at) {
    char path[64];
    if (at == 0) {
        make_file();
    }
    name_entry(path, sizeof(path), at);
    MUST(close, (int)MUST(open, path, O_WRONLY | O_CREAT, 0644));
}

static void drop_entries(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        char path[64];
        name_entry(path, sizeof(path), i);
        MUST(unlink, path);
    }
    MUST(unlink, PATH);
    MUST(rmdir, FOLDER);
}

static void create_and_unlink(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        MUST(close, (int)MUST(open, FOLDER "/new", O_WRONLY | O_CREAT | O_EXCL, 0644));
        MUST(unlink, FOLDER "/new");
    }
}

static const struct kind kinds[] = {
    {"processes", add_process, drop_processes, {.count = 10, .batches = 3, .run = fork_and_wait}},
    {"threads", add_thread, drop_threads, {.count = 20, .batches = 3, .run = create_and_join}},
    {"files", add_file, drop_files, {.count = 100, .batches = 3, .run = open_and_close}},
    {"mappings", add_mapping, drop_mappings, {.count = 100, .batches = 3, .run = map_and_touch}},
    {"entries", add_entry, drop_entries, {.count = 50, .batches = 3, .run = create_and_unlink}},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

void print_kinds(void) {
    for (size_t i = 0; i < KINDS; i++) {
        puts(kinds[i].name);
    }
}

// The kind of these first bytes of a word, if so many of it can be asked for.
static const struct kind *find_kind(const char *word, size_t bytes, unsigned count) {
    for (size_t i = 0; i < KINDS && count >= LEAST && count <= MANY_MAX; i++) {
        if (strlen(kinds[i].name) == bytes && memcmp(kinds[i].name, word, bytes) == 0) {
            return &kinds[i];
        }
    }
    fprintf(stderr, "linux-bench: %s: no such kind (--kinds names them), or not %u to %u of it\n",
            word, LEAST, MANY_MAX);
    return NULL;
}

// How many are there of the kind that there are many of.
static unsigned have;

static void grow(const struct kind *kind, unsigned wanted) {
    for (; have < wanted; have++) {
        kind->add(have);
    }
}

void make_many(const struct row *row) {
    grow(row->kind, row->many);
}

void drop_many(const struct row *row) {
    row->kind->drop(have);
    have = 0;
}

const struct row *row_among(const char *name) {
    size_t bytes = strcspn(name, ":");
    unsigned count = name[bytes] == ':' ? (unsigned)atoi(name + bytes + 1) : 0;
    const struct kind *kind = find_kind(name, bytes, count);
    struct row *row = kind ? malloc(sizeof(*row)) : NULL;
    if (row) {
        *row = kind->operation;
        row->name = name;
        row->kind = kind;
        row->many = count;
    }
    return row;
}

static long free_bytes(void) {
    struct sysinfo info;
    MUST(sysinfo, &info);
    return (long)(info.freeram * info.mem_unit);
}

static void weigh(const void *argument) {
    const struct row *row = argument;
    // The first ones bring what all of them share. What Linux keeps at hand for each CPU it does
    // not count as free: that is used up before. (Shared, so that a fork need not look at it.)
    grow(row->kind, LEAST);
    char *ballast = (char *)MUST(mmap, NULL, BALLAST_BYTES, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memset(ballast, 1, BALLAST_BYTES);
    long before = free_bytes();
    grow(row->kind, LEAST + row->many);
    printf("BYTES %s %ld\n", row->kind->name, (before - free_bytes()) / (long)row->many);
    drop_many(row);
}

int show_bytes(const char *name) {
    const struct row *row = row_among(name);
    return !row ? USAGE_STATUS : attempt(name, weigh, row) ? 0 : 1;
}
