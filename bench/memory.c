// SPDX-License-Identifier: MIT
//
// Mappings and the faults of their pages.

#include "bench.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE_BYTES 4096u
#define FILE_PAGES 256u
#define FILE_PATH "/tmp/bench-mapped"

static int fd;
static char *memory;
static size_t memory_bytes;

static char *map(size_t bytes, int flags, int file) {
    return (char *)MUST(mmap, NULL, bytes, PROT_READ | PROT_WRITE, flags, file, 0);
}

static void map_anonymous(size_t pages) {
    memory_bytes = pages * PAGE_BYTES;
    memory = map(memory_bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    for (size_t at = 0; at < memory_bytes; at += PAGE_BYTES) {
        memory[at] = 1;
    }
}

static void unmap(void) {
    MUST(munmap, memory, memory_bytes);
}

void map_and_touch(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        volatile char *page = map(PAGE_BYTES, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        *page = 1;
        MUST(munmap, (void *)page, PAGE_BYTES);
    }
}

// One fresh mapping, with whatever pages the system chooses for it.
static void touch_fresh(unsigned count) {
    size_t bytes = (size_t)count * PAGE_BYTES;
    volatile char *fresh = map(bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    for (size_t at = 0; at < bytes; at += PAGE_BYTES) {
        fresh[at] = 1;
    }
    MUST(munmap, (void *)fresh, bytes);
}

// Faults of small pages alone.
static void touch_small(unsigned count) {
    size_t bytes = (size_t)count * PAGE_BYTES;
    clock_stop();
    volatile char *fresh = map(bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    MUST(madvise, (void *)fresh, bytes, MADV_NOHUGEPAGE);
    clock_go();
    for (size_t at = 0; at < bytes; at += PAGE_BYTES) {
        fresh[at] = 1;
    }
    clock_stop();
    MUST(munmap, (void *)fresh, bytes);
    clock_go();
}

static void make_file(void) {
    static const char page[PAGE_BYTES];
    fd = (int)MUST(open, FILE_PATH, O_RDWR | O_CREAT | O_TRUNC, 0644);
    for (unsigned i = 0; i < FILE_PAGES; i++) {
        MUST(write, fd, page, PAGE_BYTES);
    }
}

static void remove_file(void) {
    close(fd);
    MUST(unlink, FILE_PATH);
}

// `count` pages, a multiple of the file's.
static void map_file(unsigned count) {
    for (unsigned pages = 0; pages < count; pages += FILE_PAGES) {
        const volatile char *file = map(FILE_PAGES * PAGE_BYTES, MAP_SHARED, fd);
        for (size_t at = 0; at < FILE_PAGES * PAGE_BYTES; at += PAGE_BYTES) {
            (void)file[at];
        }
        MUST(munmap, (void *)file, FILE_PAGES * PAGE_BYTES);
    }
}

static void map_sixteen(void) {
    map_anonymous(16);
}

static void protect(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        MUST(mprotect, memory, memory_bytes, i % 2 ? PROT_READ | PROT_WRITE : PROT_READ);
        if (i % 2) {
            *(volatile char *)memory = 1;
        }
    }
}

static void map_many(void) {
    map_anonymous(FILE_PAGES);
}

// A child has the same pages for as long as this process writes to them.
static void write_shared_pages(unsigned count) {
    int gate[2];
    clock_stop();
    MUST(pipe, gate);
    pid_t child = (pid_t)MUST(fork);
    if (child == 0) {
        char byte;
        close(gate[1]);
        _exit(read(gate[0], &byte, 1) == 0 ? 0 : 1);
    }
    clock_go();
    for (unsigned i = 0; i < count; i++) {
        *(volatile char *)(memory + (size_t)i * PAGE_BYTES) = 2;
    }
    clock_stop();
    close(gate[0]);
    close(gate[1]);
    MUST(waitpid, child, NULL, 0);
    clock_go();
}

const struct row memory_rows[] = {
    {.name = "mmap_touch_munmap", .count = 200, .run = map_and_touch},
    {.name = "pf_anon_64m", .count = 16384, .loop = 256, .run = touch_fresh},
    {.name = "pf_anon_4k", .count = 1024, .loop = 256, .run = touch_small},
    {.name = "mmap_file_page",
     .count = 4 * FILE_PAGES,
     .loop = FILE_PAGES,
     .prepare = make_file,
     .run = map_file,
     .finish = remove_file},
    {.name = "mprotect_16p",
     .count = 400,
     .loop = 2,
     .prepare = map_sixteen,
     .run = protect,
     .finish = unmap},
    {.name = "cow_page",
     .count = FILE_PAGES,
     .loop = FILE_PAGES,
     .prepare = map_many,
     .run = write_shared_pages,
     .finish = unmap},
    {0},
};
