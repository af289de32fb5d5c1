// SPDX-License-Identifier: MIT

#include "acts.h"

#include <abi/mounts.h>
#include <ds/format.h>
#include <heal/support.h>
#include <proto/fs_client.h>
#include <sys/calls.h>
#include <sys/start.h>
#include <sys/string.h>

#include "calls.h"

#define PIECE 13 // bytes of a read, and some more with each round
#define USER 1000u
#define NO_MEMORY_THERE ((void *)0x1000)

// ---- what stands in files

static void texts(uint32_t round) {
    static const char *const files[][2] = {
        {"sys/kernel/ostype", "Linux\n"},
        {"sys/kernel/osrelease", "6.1.0-prunella\n"},
        {"sys/kernel/domainname", "(none)\n"},
        {"sys/kernel/pid_max", "4194304\n"},
        {"sys/kernel/./../kernel//cap_last_cap", "40\n"},
        {"sys/vm/overcommit_memory", "0\n"},
        {"/sys/fs/pipe-max-size", "65536\n"},
        {"filesystems", "nodev\ttmpfs\nnodev\tproc\n"},
        {"swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"},
        {"modules", ""},
        {"mounts", ""}, // no vfsd has given a table
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        check_file(files[i][0], PIECE + round, files[i][1]);
    }
    check_begin("version", "Linux version 6.1.0-prunella ");
    check_begin("loadavg", "0.00 0.00 0.00 1/");
    check_begin("meminfo", "MemTotal: ");
    check_begin("stat", "cpu  ");
    check_begin("cpuinfo", "processor\t: 0\n");
}

static void of_a_zombie(uint32_t round) {
    char path[PATH_BYTES], wanted[TEXT_BYTES], text[TEXT_BYTES];
    check_file(path_of(path, "%d/comm", zombie), PIECE, "agent\n");
    check_file(path_of(path, "./sys/../%d/cmdline", zombie), PIECE, "");
    check_file(path_of(path, "%d/environ", zombie), PIECE, "");
    check_file(path_of(path, "%d/maps", zombie), PIECE, "");
    check_file(path_of(path, "%d/limits", zombie), PIECE, "");
    check_file(path_of(path, "%d/statm", zombie), PIECE, "0 0 0 0 0 0 0\n");
    check_begin(path_of(path, "%d/status", zombie), "Name:\tagent\nState:\tZ (zombie)\nTgid:\t");
    check_no_link(path_of(path, "%d/exe", zombie), ERR_NOT_FOUND);
    (void)stat_at(path_of(path, "%d/fd/0", zombie), ERR_NOT_FOUND);
    path_of(path, "%d/stat", zombie);
    int bytes =
        text_format(wanted, sizeof(wanted), "%d (agent) Z 0 %d %d 0 -1 ", zombie, zombie, zombie);
    CHECK(read_all(path, 3 * PIECE + round, text) > bytes);
    CHECK(strncmp(text, wanted, (size_t)bytes) == 0);
    // 52 fields, as Linux has them.
    uint32_t fields = 1;
    for (const char *at = text; *at != '\0'; at++) {
        fields += *at == ' ';
    }
    CHECK_EQ(fields, 52);
}

// A process that shows itself (tests/proc/agent): what stands in its own memory.
static void of_a_process(uint32_t round) {
    static const char *const files[][2] = {
        {"%d/comm", "shown-one\n"},
        {"%d/task/../task/%d/comm", "shown-one\n"},
        {"%d/task/%d/status", "Name:\tshown-one\nUmask:\t0027\nState:\tS (sleeping)\n"},
        {"%d/cmdline", "one"},
        {"%d/environ", "A=bcdef"},
        {"%d/auxv", ""},
        {"%d/limits", "Limit                     Soft Limit           Hard Limit "},
        {"%d/status", "Name:\tshown-one\nUmask:\t0027\nState:\tS"},
        {"%d/fdinfo/7", "pos:\t0\nflags:\t02000001\nmnt_id:\t1\nino:\t4242\n"},
        {"%d/fdinfo/8", "pos:\t0\nflags:\t02\nmnt_id:\t1\nino:\t4243\n"},
        {"%d/fdinfo/15", "pos:\t99\n"},
        {"%d/maps", "00400000-00401000 r--p 00002000 08:01 55 "},
        {"%d/mounts", ""},
    };
    char path[PATH_BYTES], text[TEXT_BYTES];
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        check_begin(path_of(path, files[i][0], live), files[i][1]);
    }
    CHECK(read_all(path_of(path, "%d/maps", live), 8 * PIECE + round, text) > 0);
    const char *second = strchr(text, '\n');
    CHECK(second != NULL && second - text == 73 + 11);
    CHECK(second != NULL && strncmp(second - 12, " /lib/a file", 12) == 0);
    CHECK(second != NULL && strncmp(second, "\n00401000-00402000 r--p 00000000 00:00 0 ", 41) == 0);
}

// ---- links

static void links(uint32_t round) {
    static const struct {
        const char *path, *text;
    } good[] = {
        {"%d/fd/7", "pipe:[4242]"},
        {"%d/fd/8", "socket:[4243]"},
        {"%d/fd/9", "anon_inode:[eventfd]"},
        {"%d/fd/10", "anon_inode:[timerfd]"},
        {"%d/fd/11", "anon_inode:[pidfd]"},
        {"%d/fd/12", "/dev/kmsg"},
        {"%d/fd/13", "/dev/console"},
        {"%d/fd/14", "anon_inode:[eventpoll]"},
        {"%d/fd/15", "/dev/pts/3"},
        {"%d/fd/16", "/dev/char/7:9"},
        {"%d/exe", "/bin/shown"},
        {"%d/cwd", "/"},
        {"/%d/root", "/"},
    };
    const uint32_t count = sizeof(good) / sizeof(good[0]);
    char path[PATH_BYTES];
    for (uint32_t i = 0; i < count; i++) {
        uint32_t k = (i + round) % count;
        check_link(path_of(path, good[k].path, live), good[k].text);
    }
    check_no_link(path_of(path, "%d/fd/17", live), ERR_NOT_FOUND); // of no server
    check_no_link(path_of(path, "%d/fd/18", live), ERR_NOT_FOUND); // said to be where nothing is
    check_no_link(path_of(path, "%d/fd/1000", live), ERR_NOT_FOUND);
    check_no_link(path_of(path, "%d/fd/07", live), ERR_NOT_FOUND);
    check_no_link(path_of(path, "%d/comm", live), ERR_INVALID_ARGUMENT);
    check_no_link("self", ERR_NOT_FOUND); // this is no Linux process
    check_no_link("thread-self", ERR_NOT_FOUND);
    // Only who owns a descriptor can go through it, but for files.
    (void)stat_at(path_of(path, "%d/fd/7", live), ERR_FORBIDDEN);
    check_leaves(path_of(path, "%d/cwd/a/b", live), FS_WALK_MAGIC, "@0000000000000000/a/b");
    check_leaves(path_of(path, "%d/root/", live), FS_WALK_MAGIC, "@0000000000000000/");
}

// ---- directories

// A directory in pieces that hold few entries: so many names, and the last one.
static void check_list(const char *path, uint32_t size, uint32_t names, const char *wanted) {
    const struct fs_list_request request = {.cursor = FS_AT_CELL};
    struct fs_list_reply reply;
    char entries[256], last[24] = "";
    uint32_t count = 0;
    handle_t directory = open_good(path, FS_OPEN_READ | FS_OPEN_DIRECTORY);
    int64_t got;
    while ((got = fs_list(directory, &request, &reply, entries, size, INSTANT_NEVER)) > 0) {
        for (int64_t at = 0; at < got; count++) {
            uint16_t bytes;
            memcpy(&bytes, entries + at + 16, sizeof(bytes));
            (void)text_copy(last, sizeof(last), entries + at + 19);
            at += bytes;
        }
    }
    close_good(directory);
    CHECK_EQ(got, 0);
    CHECK_EQ(count, names);
    CHECK(strcmp(last, wanted) == 0);
}

static void lists(uint32_t round) {
    char path[PATH_BYTES], pid[PATH_BYTES];
    uint32_t more = round % 8 * 8;
    check_list("", 96 + more, 17, path_of(pid, "%d", zombie > live ? zombie : live));
    check_list("sys", 64 + more, 5, "fs");
    check_list("sys/kernel/random", 64 + more, 4, "boot_id");
    check_list(path_of(path, "%d", live), 128 + more, 19, "task");
    check_list(path_of(path, "%d/fd", live), 64 + more, 14, "18");
    check_list(path_of(path, "%d/fdinfo", live), 256, 14, "18");
    check_list(path_of(path, "%d/task", live), 64, 3, path_of(pid, "%d", live));
    check_list(path_of(path, "%d/fd", zombie), 64, 2, "..");
}

static int64_t list_from(handle_t directory, uint64_t cursor, void *to, size_t bytes) {
    const struct fs_list_request request = {.cursor = cursor};
    struct fs_list_reply reply;
    return fs_list(directory, &request, &reply, to, bytes, INSTANT_NEVER);
}

static void lists_refused(uint32_t round) {
    char entries[64];
    handle_t directory = open_good("sys", FS_OPEN_READ), place = open_good("sys", FS_OPEN_PATH);
    handle_t file = open_good("version", FS_OPEN_READ);
    CHECK_EQ(list_from(directory, 0, entries, sizeof(entries)), 48);
    CHECK_EQ(list_from(directory, 1000000 + round, entries, sizeof(entries)), 0);
    CHECK_EQ(list_from(directory, FS_AT_CELL, entries, 20), ERR_BUFFER_TOO_SMALL);
    CHECK_EQ(list_from(directory, 0, NO_MEMORY_THERE, 64), ERR_FAULT);
    CHECK_EQ(list_from(directory, FS_AT_CELL, NO_MEMORY_THERE, 64), ERR_FAULT);
    CHECK_EQ(list_from(directory, FS_AT_CELL, entries, 24), 24); // nothing was told by then
    CHECK_EQ(list_from(place, 0, entries, sizeof(entries)), ERR_FORBIDDEN);
    CHECK_EQ(list_from(file, 0, entries, sizeof(entries)), ERR_NOT_DIRECTORY);
    CHECK_EQ(list_from(root(), FS_AT_CELL, entries, sizeof(entries)), ERR_NOT_SUPPORTED);
    CHECK_EQ(list_from(root(), 0, entries, sizeof(entries)), 48);
    close_good(file);
    close_good(place);
    close_good(directory);
}

// ---- walks and places

static void check_place(handle_t file, const char *wanted, uint32_t mount) {
    struct fs_place_reply reply;
    char text[PATH_BYTES] = "";
    CHECK_EQ(fs_place(file, &reply, text, sizeof(text), INSTANT_NEVER), 0);
    CHECK_EQ(reply.bytes, strlen(wanted));
    CHECK_EQ(reply.mount, mount);
    CHECK(memcmp(text, wanted, strlen(wanted)) == 0);
}

static void walks(uint32_t round) {
    char path[PATH_BYTES], wanted[PATH_BYTES];
    (void)round;
    // Out of the file system, with what is left of the path.
    check_leaves("sys/../../etc/x", FS_WALK_UP, "etc/x");
    check_leaves("..", FS_WALK_UP, "");
    (void)stat_at("no-such", ERR_NOT_FOUND);
    (void)stat_at("self", ERR_NOT_FOUND);
    (void)stat_at("version/x", ERR_NOT_DIRECTORY);
    (void)stat_at("version/", ERR_NOT_DIRECTORY);
    (void)stat_at("999999999", ERR_NOT_FOUND);
    (void)stat_at("00", ERR_NOT_FOUND);
    CHECK_EQ(stat_at("sys/kernel/", FS_WALK_DONE).attributes.mode, FS_TYPE_DIRECTORY << 12 | 0555);
    CHECK_EQ(stat_at("version", FS_WALK_DONE).attributes.links, 1);
    struct fs_attributes found =
        stat_at(path_of(path, "%d/environ", live), FS_WALK_DONE).attributes;
    CHECK_EQ(found.mode, FS_TYPE_REGULAR << 12 | 0400);
    CHECK(found.inode != stat_at(path_of(path, "%d/comm", live), FS_WALK_DONE).attributes.inode);
    handle_t file = open_good("sys/kernel", FS_OPEN_PATH), inner;
    check_place(file, "/proc/sys/kernel", 0);
    CHECK_EQ(open_at(file, "../../version", FS_OPEN_READ, &inner), FS_WALK_DONE);
    check_place(inner, "/proc/version", 0);
    close_good(inner);
    close_good(file);
    file = open_good(path_of(path, "%d/task/%d/comm", live), FS_OPEN_READ);
    check_place(file, path_of(wanted, "/proc/%d/task/%d/comm", live), 0);
    close_good(file);
    // A walk that leaves has a handle all the same.
    CHECK_EQ(open_at(root(), "sys/../..", FS_OPEN_READ, &file), FS_WALK_UP);
    check_place(file, "/proc", 0);
    close_good(file);
}

// ---- reading

// Who reads on gets what stood there at the beginning; who begins again gets what is there now.
static void snapshot(uint32_t round) {
    char first[TEXT_BYTES], again[TEXT_BYTES];
    (void)round;
    handle_t file = open_good("uptime", FS_OPEN_READ);
    int64_t got = read_at(file, 0, first, 64);
    sleep_for(MILLISECONDS(11));
    CHECK(got > 8);
    CHECK_EQ(read_at(file, 1, again, 64), got - 1);
    CHECK(got > 1 && memcmp(first + 1, again, (size_t)got - 1) == 0);
    CHECK(read_at(file, 0, again, 64) > 8);
    CHECK(memcmp(first, again, 8) != 0);
    close_good(file);
    // Random, but the same all the time; and another one each time.
    static const char *const uuids[] = {"sys/kernel/random/boot_id", "sys/kernel/random/uuid"};
    for (uint32_t i = 0; i < 2; i++) {
        CHECK_EQ(read_all(uuids[i], PIECE, first), 37);
        CHECK_EQ(read_all(uuids[i], 40, again), 37);
        CHECK_EQ(memcmp(first, again, 37) != 0, i == 1);
    }
}

static int64_t seek(handle_t file, uint32_t whence, int64_t offset, uint64_t expected) {
    const struct fs_seek_request request = {
        .offset = offset, .expected = expected, .whence = whence};
    struct fs_seek_reply reply = {0};
    int64_t result = fs_seek(file, &request, &reply, INSTANT_NEVER);
    return result < 0 ? result : (int64_t)reply.offset;
}

static void seeks(uint32_t round) {
    char text[64];
    handle_t file = open_good("filesystems", FS_OPEN_READ);
    uint64_t more = round % 4;
    CHECK_EQ(read_at(file, FS_AT_CELL, text, 5), 5);
    CHECK_EQ(seek(file, FS_SEEK_CURRENT, 0, 0), 5);
    CHECK_EQ(seek(file, FS_SEEK_CURRENT, 1, 0), 6);
    CHECK_EQ(read_at(file, FS_AT_CELL, text, 5), 5);
    CHECK(memcmp(text, "tmpfs", 5) == 0);
    CHECK_EQ(seek(file, FS_SEEK_END, -4 - (int64_t)more, 0), (int64_t)(19 - more));
    CHECK_EQ(read_at(file, FS_AT_CELL, text, 64), (int64_t)(4 + more));
    CHECK_EQ(read_at(file, FS_AT_CELL, text, 64), 0);
    CHECK_EQ(seek(file, FS_SEEK_SWAP, 7, 22), ERR_WOULD_BLOCK);
    CHECK_EQ(seek(file, FS_SEEK_SWAP, 7, 23), 7);
    CHECK_EQ(seek(file, FS_SEEK_CURRENT, -8, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(seek(file, FS_SEEK_SET, -1, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(seek(file, FS_SEEK_END, INT64_MAX, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(seek(file, 9, 0, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(seek(file, FS_SEEK_CURRENT, 0, 0), 7);
    CHECK_EQ(seek(file, FS_SEEK_SET, 0, 0), 0);
    CHECK_EQ(read_at(file, FS_AT_CELL, text, 64), 23);
    CHECK_EQ(seek(root(), FS_SEEK_CURRENT, 0, 0), ERR_NOT_SUPPORTED);
    close_good(file);
}

static void reads_refused(uint32_t round) {
    char path[PATH_BYTES], text[64];
    handle_t file = open_good("version", FS_OPEN_READ), place = open_good("version", FS_OPEN_PATH);
    handle_t directory = open_good("sys", FS_OPEN_READ);
    handle_t link = open_good(path_of(path, "%d/exe", live), FS_OPEN_PATH | FS_OPEN_NO_FOLLOW);
    CHECK_EQ(read_at(file, 0, NO_MEMORY_THERE, 64), ERR_FAULT);
    CHECK_EQ(read_at(file, FS_AT_CELL, NO_MEMORY_THERE, 64), ERR_FAULT);
    CHECK_EQ(read_at(file, FS_AT_CELL, text, 5), 5);
    CHECK(memcmp(text, "Linux", 5) == 0);
    CHECK_EQ(read_at(file, 100000 + round, text, 5), 0);
    CHECK_EQ(read_at(place, 0, text, 5), ERR_FORBIDDEN);
    CHECK_EQ(read_at(directory, 0, text, 5), ERR_IS_DIRECTORY);
    CHECK_EQ(read_at(link, 0, text, 5), ERR_FORBIDDEN);
    CHECK_EQ(read_at(root(), 0, text, 5), ERR_IS_DIRECTORY);
    CHECK_EQ(fs_sync(file, INSTANT_NEVER), 0);
    close_good(link);
    close_good(directory);
    close_good(place);
    close_good(file);
}

// ---- writing

#define HOSTNAME "sys/kernel/hostname"

static int64_t write_at(handle_t file, const void *text, uint32_t bytes, uint64_t *offset) {
    const struct fs_write_request request = {.offset = FS_AT_CELL, .size = bytes};
    struct fs_write_reply reply = {0};
    int64_t result = fs_write(file, &request, text, bytes, &reply, INSTANT_NEVER);
    *offset = reply.offset;
    return result;
}

// A value is written through both servers.
static void store(uint32_t round) {
    static uint32_t names;
    uint64_t offset;
    char name[200];
    int bytes = text_format(name, sizeof(name), "name-%02u-%07u\n", round, names++);
    CHECK_EQ(bytes, 16);
    handle_t file = open_good(HOSTNAME, FS_OPEN_WRITE | FS_OPEN_TRUNCATE);
    CHECK_EQ(write_at(file, name, 16, &offset), 16);
    CHECK_EQ(offset, 16);
    CHECK_EQ(write_at(file, "second", 6, &offset), 6);
    CHECK_EQ(offset, 22);
    close_good(file);
    check_file(HOSTNAME, PIECE, "second\n");
    file = open_good(HOSTNAME, FS_OPEN_READ | FS_OPEN_WRITE);
    CHECK_EQ(write_at(file, name, 16, &offset), 16);
    CHECK_EQ(read_at(file, 0, name + 16, 64), 16);
    CHECK(memcmp(name, name + 16, 16) == 0);
    // What does not go.
    memset(name, 'n', sizeof(name));
    CHECK_EQ(write_at(file, NO_MEMORY_THERE, 9, &offset), ERR_FAULT);
    close_good(file);
    file = open_good(HOSTNAME, FS_OPEN_READ);
    CHECK_EQ(write_at(file, "x", 1, &offset), ERR_FORBIDDEN);
    CHECK_EQ(write_at(root(), "x", 1, &offset), ERR_FORBIDDEN);
    close_good(file);
    CHECK_EQ(try_open("version", FS_OPEN_READ | FS_OPEN_WRITE), ERR_FORBIDDEN);
    CHECK_EQ(try_open("version", FS_OPEN_READ | FS_OPEN_TRUNCATE), ERR_FORBIDDEN);
}

static int64_t set(const char *path, uint32_t what, uint64_t size) {
    const struct fs_set_request request = {.what = what, .size = size};
    struct fs_set_reply reply;
    char rest[PATH_BYTES];
    return fs_set(root(), &request, path, strlen(path), &reply, rest, sizeof(rest), INSTANT_NEVER);
}

static int64_t make(const char *path) {
    const struct fs_make_request request = {.type = FS_TYPE_DIRECTORY,
                                            .path_bytes = (uint32_t)strlen(path)};
    struct fs_make_reply reply;
    char rest[PATH_BYTES];
    return fs_make(root(), &request, path, strlen(path), &reply, rest, sizeof(rest), INSTANT_NEVER);
}

static int64_t remove_it(const char *path) {
    const struct fs_remove_request request = {0};
    struct fs_remove_reply reply;
    char rest[PATH_BYTES];
    return fs_remove(root(), &request, path, strlen(path), &reply, rest, sizeof(rest),
                     INSTANT_NEVER);
}

static int64_t rename_it(const char *both, uint32_t old_bytes) {
    const struct fs_rename_request request = {.path_bytes = old_bytes};
    struct fs_rename_reply reply;
    char rest[PATH_BYTES];
    return fs_rename(root(), &request, both, strlen(both), &reply, rest, sizeof(rest),
                     INSTANT_NEVER);
}

static int64_t link_it(const char *both, uint32_t old_bytes) {
    const struct fs_link_request request = {.path_bytes = old_bytes};
    struct fs_link_reply reply;
    char rest[PATH_BYTES];
    return fs_link(root(), &request, both, strlen(both), &reply, rest, sizeof(rest), INSTANT_NEVER);
}

static void changes_refused(uint32_t round) {
    handle_t handles[2];
    struct fs_memory_reply memory;
    const struct fs_memory_request ask = {.access = MAP_READ};
    const struct fs_lock_request lock = {.end = round, .type = FS_LOCK_READ};
    CHECK_EQ(set(HOSTNAME, FS_SET_SIZE, 0), FS_WALK_DONE);
    CHECK_EQ(set(HOSTNAME, FS_SET_SIZE, 1), ERR_NOT_PERMITTED);
    CHECK_EQ(set(HOSTNAME, FS_SET_MODE, 0), ERR_NOT_PERMITTED);
    CHECK_EQ(set("version", FS_SET_SIZE, 0), ERR_NOT_PERMITTED);
    CHECK_EQ(set("no-such", FS_SET_SIZE, 0), ERR_NOT_FOUND);
    CHECK_EQ(set("../x", FS_SET_SIZE, 0), FS_WALK_UP);
    CHECK_EQ(make("sys/new"), ERR_NOT_FOUND);
    CHECK_EQ(make("sys/kernel"), ERR_ALREADY_EXISTS);
    CHECK_EQ(make("version/x"), ERR_NOT_DIRECTORY);
    CHECK_EQ(make("../x"), FS_WALK_UP);
    CHECK_EQ(remove_it("version"), ERR_NOT_PERMITTED);
    CHECK_EQ(remove_it("no-such"), ERR_NOT_FOUND);
    CHECK_EQ(rename_it("versionversio2", 7), ERR_CROSS_DEVICE);
    CHECK_EQ(rename_it("no-suchversion", 7), ERR_NOT_FOUND);
    CHECK_EQ(rename_it("version", 8), ERR_INVALID_ARGUMENT);
    CHECK_EQ(link_it("versionversio2", 7), ERR_CROSS_DEVICE);
    CHECK_EQ(link_it("..x", 2), FS_WALK_UP);
    CHECK_EQ(try_open("version", FS_OPEN_CREATE | FS_OPEN_EXCLUSIVE), ERR_ALREADY_EXISTS);
    CHECK_EQ(try_open("version", FS_OPEN_EXECUTE), ERR_FORBIDDEN);
    CHECK_EQ(try_open("version", FS_OPEN_READ | FS_OPEN_DIRECTORY), ERR_NOT_DIRECTORY);
    CHECK_EQ(try_open("sys", FS_OPEN_WRITE), ERR_IS_DIRECTORY);
    CHECK_EQ(try_open("sys", FS_OPEN_READ | FS_OPEN_TEMPORARY), ERR_FORBIDDEN);
    CHECK_EQ(try_open("self", FS_OPEN_READ | FS_OPEN_NO_FOLLOW), ERR_TOO_MANY_LINKS);
    CHECK_EQ(fs_memory(root(), &ask, &memory, handles, INSTANT_NEVER), ERR_NOT_SUPPORTED);
    CHECK_EQ(fs_view(root(), handles, INSTANT_NEVER), ERR_NOT_SUPPORTED);
    CHECK_EQ(fs_lock(root(), &lock, INSTANT_NEVER), ERR_NOT_SUPPORTED);
}

// ---- mounts, as vfsd orders them

static int64_t attach(handle_t base, uint32_t mount, uint32_t fresh, handle_t *view) {
    const struct fs_attach_request request = {.mount = mount, .fresh = fresh};
    return fs_attach(base, &request, view, INSTANT_NEVER);
}

static int64_t detach(handle_t through, uint32_t mount, uint32_t lazy) {
    const struct fs_detach_request request = {.mount = mount, .lazy = lazy};
    return fs_detach(through, &request, INSTANT_NEVER);
}

static int64_t remount(uint32_t mount) {
    const struct fs_remount_request request = {.mount = mount};
    return fs_remount(root(), &request, INSTANT_NEVER);
}

static void mounts(uint32_t round) {
    uint32_t number = 7 + round;
    handle_t view, other, file, folder = open_good("sys", FS_OPEN_PATH);
    struct fs_space_reply space;
    CHECK_EQ(attach(root(), 0, 0, &view), ERR_INVALID_ARGUMENT);
    CHECK_EQ(attach(root(), number, 1, &view), ERR_NOT_SUPPORTED);
    CHECK_EQ(attach(folder, number, 0, &view), ERR_NOT_SUPPORTED);
    close_good(folder);
    CHECK_EQ(detach(root(), number, 0), ERR_NOT_FOUND);
    CHECK_EQ(remount(number), ERR_NOT_FOUND);
    CHECK_EQ(attach(root(), number, 0, &view), 0);
    CHECK_EQ(open_at(view, "version", FS_OPEN_READ, &file), FS_WALK_DONE);
    check_place(view, "/", number);
    check_place(file, "/version", number);
    CHECK_EQ(fs_space(view, &space, INSTANT_NEVER), 0);
    CHECK_EQ(space.mount, number);
    CHECK_EQ(space.is_root, 1);
    CHECK_EQ(fs_space(file, &space, INSTANT_NEVER), 0);
    CHECK_EQ(space.is_root, 0);
    CHECK_EQ(open_at(view, "..", FS_OPEN_PATH, &other), FS_WALK_UP);
    check_place(other, "/", number);
    close_good(other);
    CHECK_EQ(remount(number), 0);
    CHECK_EQ(detach(view, number, 0), ERR_BUSY);
    CHECK_EQ(detach(view, number, 1), 0);
    CHECK_EQ(detach(file, number, 0), 0); // that of the call does not count
    close_good(file);
    close_good(view);
}

// A table as vfsd would give it.
static handle_t table_with(const char *lines, const char *info) {
    static struct mount_table table;
    struct mount_text *text = &table.texts[1];
    table.sequence = 1;
    text->mounts_bytes = (uint32_t)strlen(lines);
    text->info_bytes = (uint32_t)strlen(info);
    memcpy(text->text, lines, text->mounts_bytes);
    memcpy(text->text + text->mounts_bytes, info, text->info_bytes);
    int64_t vmo = sys_vmo_create(start_handle("job"), sizeof(table), 0);
    CHECK(vmo > 0);
    CHECK_EQ(sys_vmo_write((handle_t)vmo, 0, &table, 4096), 4096);
    CHECK_EQ(sys_vmo_write((handle_t)vmo, offsetof(struct mount_table, texts[1]), text, 4096),
             4096);
    return (handle_t)vmo;
}

static void tables(uint32_t round) {
    static const char *const lines[] = {"a / tmpfs rw 0 0\n", "b /b proc ro 0 0\nc /c proc rw\n",
                                        ""};
    char path[PATH_BYTES];
    for (uint32_t i = 0; i < 3; i++) {
        const char *now_lines = i == 2 ? "" : lines[(i + round) % 2];
        const char *info = i == 2 ? "" : "1 0 0:1 / / rw - tmpfs a rw\n";
        handle_t table = table_with(now_lines, info);
        CHECK_EQ(fs_table(root(), &table, INSTANT_NEVER), 0);
        close_good(table);
        check_file("mounts", 3 * PIECE, now_lines);
        check_file(path_of(path, "%d/mountinfo", live), 3 * PIECE, info);
    }
}

// ---- others

static void user_tries(void *argument) {
    char path[PATH_BYTES];
    handle_t handle, table = table_with("x", "y");
    (void)argument;
    check_begin(path_of(path, "%d/comm", live), "shown-one\n");
    check_begin(path_of(path, "%d/status", live), "Name:\tshown-one\n");
    check_begin(HOSTNAME, "");
    CHECK_EQ(try_open(path_of(path, "%d/environ", live), FS_OPEN_READ), ERR_FORBIDDEN);
    CHECK_EQ(try_open(path_of(path, "%d/maps", live), FS_OPEN_READ), ERR_FORBIDDEN);
    CHECK_EQ(try_open(path_of(path, "%d/fd", live), FS_OPEN_READ), ERR_FORBIDDEN);
    (void)stat_at(path_of(path, "%d/fd/7", live), ERR_FORBIDDEN);
    check_no_link(path_of(path, "%d/exe", live), ERR_FORBIDDEN);
    (void)stat_at(path_of(path, "%d/cwd/x", live), ERR_FORBIDDEN);
    CHECK_EQ(try_open(HOSTNAME, FS_OPEN_WRITE), ERR_FORBIDDEN);
    CHECK_EQ(set(HOSTNAME, FS_SET_SIZE, 0), ERR_NOT_PERMITTED);
    CHECK_EQ(attach(root(), 3, 0, &handle), ERR_NOT_PERMITTED);
    CHECK_EQ(detach(root(), 3, 1), ERR_NOT_PERMITTED);
    CHECK_EQ(remount(3), ERR_NOT_PERMITTED);
    CHECK_EQ(fs_table(root(), &table, INSTANT_NEVER), ERR_NOT_PERMITTED);
    close_good(table);
}

static void users(uint32_t round) {
    as_user(USER + round, 1, user_tries);
}

const struct act acts[] = {
    {"texts", texts},
    {"of a zombie", of_a_zombie},
    {"of a process", of_a_process},
    {"links", links},
    {"lists", lists},
    {"lists refused", lists_refused},
    {"walks", walks},
    {"snapshot", snapshot},
    {"seeks", seeks},
    {"reads refused", reads_refused},
    {"store", store},
    {"changes refused", changes_refused},
    {"mounts", mounts},
    {"tables", tables},
    {"users", users},
};
const uint32_t act_count = sizeof(acts) / sizeof(acts[0]);
