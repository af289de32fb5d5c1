// SPDX-License-Identifier: MIT
//
// What the boot archive has put into the tree, and how fast tmpfsd comes back when there is much in
// it.

#include "main.h"

#include <proto/fs_client.h>
#include <sys/calls.h>
#include <sys/string.h>

#define FILES 1000
#define SAMPLES 100
#define COST_ROUNDS 1000

static char window[8192];

static int64_t open_at(handle_t base, const char *path, uint32_t flags, struct fs_open_reply *reply,
                       handle_t *handle) {
    struct fs_open_request request = {.flags = flags, .mode = 0644};
    handle_t handles[1] = {HANDLE_NONE};
    int64_t result = fs_open(base, &request, path, strlen(path), reply, window, sizeof(window),
                             handles, INSTANT_NEVER);
    *handle = handles[0];
    return result;
}

static int64_t stat_at(const char *path, uint32_t flags, struct fs_attributes *attributes) {
    struct fs_stat_request request = {.flags = flags};
    struct fs_stat_reply reply = {0};
    int64_t result = fs_stat(files_root(), &request, path, strlen(path), &reply, window,
                             sizeof(window), INSTANT_NEVER);
    *attributes = reply.attributes;
    return result;
}

TEST(fs_tree_of_the_boot_archive) {
    static const struct {
        const char *path;
        uint32_t mode;
        uint64_t rdev;
    } wanted[] = {
        {"/bin/ls", FS_TYPE_LINK << 12 | 0777, 0},
        {"usr/bin/busybox", FS_TYPE_REGULAR << 12 | 0755, 0},
        {"dev/null", FS_TYPE_CHARACTER << 12 | 0666, 1 << 8 | 3},
        {"dev/tty", FS_TYPE_CHARACTER << 12 | 0666, 5 << 8},
        {"tmp/", FS_TYPE_DIRECTORY << 12 | 01777, 0},
        {"etc/passwd", FS_TYPE_REGULAR << 12 | 0644, 0},
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        struct fs_attributes attributes = {0};
        CHECK_EQ(stat_at(wanted[i].path, FS_FIND_NO_FOLLOW, &attributes), OK);
        CHECK_EQ(attributes.mode, wanted[i].mode);
        CHECK_EQ(attributes.rdev, wanted[i].rdev);
    }
    // A program, through a link.
    struct fs_open_reply opened;
    handle_t program;
    struct fs_read_request read = {.size = 64};
    struct fs_memory_request ask = {.access = MAP_READ | MAP_EXECUTE};
    struct fs_memory_reply memory;
    handle_t pages[1] = {HANDLE_NONE};
    REQUIRE_EQ(open_at(files_root(), "bin/sh", FS_OPEN_READ | FS_OPEN_EXECUTE, &opened, &program),
               OK);
    CHECK_EQ(fs_read(program, &read, window, sizeof(window), INSTANT_NEVER), 64);
    CHECK_EQ(memcmp(window, "\177ELF", 4), 0);
    CHECK(opened.attributes.size > 1000000);
    CHECK_EQ(fs_memory(program, &ask, &memory, pages, INSTANT_NEVER), OK);
    CHECK_EQ(memory.size, opened.attributes.size);
    CHECK_EQ(sys_vmo_read(pages[0], 0, window, 4), 4);
    CHECK_EQ(memcmp(window, "\177ELF", 4), 0);
    (void)!sys_handle_close(pages[0]);
    (void)!sys_handle_close(program);
}

static void number_name(char *name, uint32_t number) {
    name[0] = 'f';
    for (uint32_t i = 4; i > 0; i--) {
        name[i] = (char)('0' + number % 10);
        number /= 10;
    }
    name[5] = '\0';
}

static void make_directory(const char *name) {
    struct fs_make_request make = {
        .type = FS_TYPE_DIRECTORY, .mode = 0755, .path_bytes = (uint32_t)strlen(name)};
    struct fs_make_reply made;
    CHECK_EQ(fs_make(files_root(), &make, name, strlen(name), &made, window, sizeof(window),
                     INSTANT_NEVER),
             OK);
}

static void remove_at(handle_t base, const char *path, uint32_t directory) {
    struct fs_remove_request request = {.directory = directory};
    struct fs_remove_reply reply;
    CHECK_EQ(fs_remove(base, &request, path, strlen(path), &reply, window, sizeof(window),
                       INSTANT_NEVER),
             OK);
}

// Makes so many files of a few bytes.
static handle_t make_many(uint32_t count) {
    struct fs_open_reply opened;
    handle_t directory, file;
    char name[8];
    make_directory("many");
    CHECK_EQ(open_at(files_root(), "many", FS_OPEN_READ, &opened, &directory), OK);
    for (uint32_t i = 0; i < count && !test_failed(); i++) {
        number_name(name, i);
        struct fs_write_request write = {.size = sizeof(name)};
        struct fs_write_reply written;
        CHECK_EQ(open_at(directory, name, FS_OPEN_WRITE | FS_OPEN_CREATE, &opened, &file), OK);
        CHECK_EQ(fs_write(file, &write, name, sizeof(name), &written, INSTANT_NEVER), sizeof(name));
        (void)!sys_handle_close(file);
    }
    return directory;
}

static void remove_many(handle_t directory, uint32_t count) {
    char name[8];
    for (uint32_t i = 0; i < count && !test_failed(); i++) {
        number_name(name, i);
        remove_at(directory, name, 0);
    }
    (void)!sys_handle_close(directory);
    remove_at(files_root(), "many", 1);
}

static void sort(duration_t *times, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        duration_t value = times[i];
        uint32_t at = i;
        for (; at > 0 && times[at - 1] > value; at--) {
            times[at] = times[at - 1];
        }
        times[at] = value;
    }
}

TEST(fs_recovery_times_with_1000_files) {
    static duration_t times[SAMPLES];
    struct fs_attributes attributes;
    handle_t directory = make_many(FILES);
    for (uint32_t i = 0; i < SAMPLES && !test_failed(); i++) {
        sleep_for(MICROSECONDS(200 * (i % 5)));
        instant_t start = now();
        CHECK(service_kill(TMPFSD, 0));
        CHECK_EQ(stat_at("many/f0999", 0, &attributes), OK);
        times[i] = now() - start;
        CHECK_EQ(attributes.size, 8);
    }
    remove_many(directory, FILES);
    sort(times, SAMPLES);
    test_figure("from the kill to the answer, %u files: p50 %u us, p99 %u us, max %u us", FILES,
                (uint32_t)(times[SAMPLES / 2] / 1000), (uint32_t)(times[SAMPLES * 99 / 100] / 1000),
                (uint32_t)(times[SAMPLES - 1] / 1000));
}

// With --icount a nanosecond is an instruction.
TEST(fs_costs) {
    struct fs_attributes attributes;
    struct fs_open_reply opened;
    handle_t file;
    REQUIRE_EQ(open_at(files_root(), "cost", FS_OPEN_READ | FS_OPEN_WRITE | FS_OPEN_CREATE, &opened,
                       &file),
               OK);
    duration_t times[3];
    for (uint32_t kind = 0; kind < 3 && !test_failed(); kind++) {
        instant_t start = 0;
        for (uint32_t i = 0; i < COST_ROUNDS + COST_ROUNDS / 4; i++) {
            start = i == COST_ROUNDS / 4 ? now() : start; // the first ones warm up
            struct fs_read_request read = {.size = 4096};
            struct fs_write_request write = {.size = 4096};
            struct fs_write_reply written;
            int64_t result = kind == 0 ? stat_at("usr/bin/busybox", 0, &attributes)
                             : kind == 1
                                 ? fs_write(file, &write, window, 4096, &written, INSTANT_NEVER)
                                 : fs_read(file, &read, window, 4096, INSTANT_NEVER);
            CHECK(result >= 0);
        }
        times[kind] = (now() - start) / COST_ROUNDS;
    }
    (void)!sys_handle_close(file);
    remove_at(files_root(), "cost", 0);
    test_figure("stat of a path: %u ns, write of 4096 bytes: %u ns, read of 4096 bytes: %u ns",
                (uint32_t)times[0], (uint32_t)times[1], (uint32_t)times[2]);
}
