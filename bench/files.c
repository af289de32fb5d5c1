// SPDX-License-Identifier: MIT
//
// Files in memory: tmpfs on both.

#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILE_BYTES (1u << 20)
#define BLOCK_BYTES 4096u
#define LARGE_BYTES 65536u
#define ENTRIES 100
#define FILE_PATH "/tmp/bench-file"
#define FOLDER_PATH "/tmp/bench-folder"

static int fd;
static char buffer[LARGE_BYTES];

static void open_file(void) {
    fd = (int)MUST(open, FILE_PATH, O_RDWR | O_CREAT | O_TRUNC, 0644);
    for (size_t at = 0; at < FILE_BYTES; at += LARGE_BYTES) {
        MUST(write, fd, buffer, LARGE_BYTES);
    }
}

static void close_file(void) {
    close(fd);
    MUST(unlink, FILE_PATH);
}

static void read_blocks(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        MUST(pread, fd, buffer, BLOCK_BYTES, (off_t)(i * BLOCK_BYTES % FILE_BYTES));
    }
}

static void read_large(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        MUST(pread, fd, buffer, LARGE_BYTES, (off_t)(i * LARGE_BYTES % FILE_BYTES));
    }
}

static void write_blocks(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        MUST(pwrite, fd, buffer, BLOCK_BYTES, (off_t)(i * BLOCK_BYTES % FILE_BYTES));
    }
}

static void seek_and_read(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        MUST(lseek, fd, (off_t)(i * BLOCK_BYTES % FILE_BYTES), SEEK_SET);
        MUST(read, fd, buffer, 512);
    }
}

static void stat_open_file(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        struct stat found;
        MUST(fstat, fd, &found);
    }
}

static void make_path(void) {
    MUST(mkdir, FOLDER_PATH, 0755);
    fd = (int)MUST(open, FOLDER_PATH "/file", O_WRONLY | O_CREAT, 0644);
    MUST(close, fd);
}

static void remove_path(void) {
    MUST(unlink, FOLDER_PATH "/file");
    MUST(rmdir, FOLDER_PATH);
}

static void stat_path(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        struct stat found;
        MUST(stat, FOLDER_PATH "/file", &found);
    }
}

static void open_and_close(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        MUST(close, (int)MUST(open, FOLDER_PATH "/file", O_RDONLY));
    }
}

static void create_and_unlink(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        int new = (int)MUST(open, FILE_PATH, O_WRONLY | O_CREAT | O_EXCL, 0644);
        MUST(write, new, buffer, 1024);
        MUST(close, new);
        MUST(unlink, FILE_PATH);
    }
}

static void name_entry(char *path, size_t bytes, unsigned number) {
    snprintf(path, bytes, FOLDER_PATH "/entry-%03u", number);
}

static void fill_folder(void) {
    MUST(mkdir, FOLDER_PATH, 0755);
    for (unsigned i = 0; i < ENTRIES; i++) {
        char path[64];
        name_entry(path, sizeof(path), i);
        MUST(close, (int)MUST(open, path, O_WRONLY | O_CREAT, 0644));
    }
    fd = (int)MUST(open, FOLDER_PATH, O_RDONLY | O_DIRECTORY);
}

static void empty_folder(void) {
    close(fd);
    for (unsigned i = 0; i < ENTRIES; i++) {
        char path[64];
        name_entry(path, sizeof(path), i);
        MUST(unlink, path);
    }
    MUST(rmdir, FOLDER_PATH);
}

static void list_folder(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        MUST(lseek, fd, 0, SEEK_SET);
        while (MUST(syscall, SYS_getdents64, fd, buffer, LARGE_BYTES / 2) > 0) {
        }
    }
}

#define ON_FILE(title, times, function)                                                            \
    { .name = title, .count = times, .prepare = open_file, .run = function, .finish = close_file }
#define ON_PATH(title, times, function)                                                            \
    { .name = title, .count = times, .prepare = make_path, .run = function, .finish = remove_path }

const struct row file_rows[] = {
    ON_FILE("pread_4k", 1024, read_blocks),
    ON_FILE("pread_64k", 128, read_large),
    ON_FILE("pwrite_4k", 1024, write_blocks),
    ON_FILE("lseek_read_512", 1024, seek_and_read),
    ON_FILE("fstat", 1000, stat_open_file),
    ON_PATH("stat_3comp", 1000, stat_path),
    ON_PATH("open_close", 500, open_and_close),
    {.name = "create_write1k_unlink", .count = 100, .run = create_and_unlink},
    {.name = "getdents_100",
     .count = 50,
     .prepare = fill_folder,
     .run = list_folder,
     .finish = empty_folder},
    {0},
};
