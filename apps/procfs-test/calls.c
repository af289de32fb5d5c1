// SPDX-License-Identifier: MIT

#include "calls.h"

#include <ds/format.h>
#include <heal/supervisor.h>
#include <proto/fs_client.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/string.h>

int32_t zombie, live;

handle_t root(void) {
    return service_channel(PROCFSD);
}

int64_t open_at(handle_t base, const char *path, uint32_t flags, handle_t *file) {
    const struct fs_open_request request = {.flags = flags};
    struct fs_open_reply reply;
    char rest[PATH_BYTES];
    return fs_open(base, &request, path, strlen(path), &reply, rest, sizeof(rest), file,
                   INSTANT_NEVER);
}

handle_t open_good(const char *path, uint32_t flags) {
    handle_t file = HANDLE_NONE;
    CHECK_EQ(open_at(root(), path, flags, &file), FS_WALK_DONE);
    return file;
}

void close_good(handle_t handle) {
    CHECK_EQ(sys_handle_close(handle), OK);
}

int64_t try_open(const char *path, uint32_t flags) {
    handle_t file;
    int64_t result = open_at(root(), path, flags, &file);
    if (result >= 0) {
        close_good(file);
    }
    return result;
}

int64_t read_at(handle_t file, uint64_t offset, void *to, uint32_t bytes) {
    const struct fs_read_request request = {.offset = offset, .size = bytes};
    return fs_read(file, &request, to, bytes, INSTANT_NEVER);
}

int64_t read_all(const char *path, uint32_t piece, char text[TEXT_BYTES]) {
    handle_t file;
    int64_t used = 0, got = open_at(root(), path, FS_OPEN_READ, &file);
    if (got < 0) {
        return got;
    }
    do {
        got = read_at(file, FS_AT_CELL, text + used, piece);
        used += got > 0 ? got : 0;
    } while (got > 0 && used < TEXT_BYTES - piece);
    close_good(file);
    text[used] = '\0';
    return got < 0 ? got : used;
}

const char *path_of(char path[PATH_BYTES], const char *format, int32_t pid) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    text_format(path, PATH_BYTES, format, pid, pid);
#pragma GCC diagnostic pop
    return path;
}

static void check_text(const char *path, const char *text, const char *wanted, bool same) {
    CHECK(same);
    if (!same) {
        log_printf("     %s is '%s', not '%s'", path, text, wanted);
    }
}

void check_file(const char *path, uint32_t piece, const char *wanted) {
    char text[TEXT_BYTES] = "";
    CHECK_EQ(read_all(path, piece, text), (int64_t)strlen(wanted));
    check_text(path, text, wanted, strcmp(text, wanted) == 0);
}

void check_begin(const char *path, const char *wanted) {
    char text[TEXT_BYTES] = "";
    handle_t file = open_good(path, FS_OPEN_READ);
    CHECK(read_at(file, 0, text, TEXT_BYTES - 1) >= (int64_t)strlen(wanted));
    close_good(file);
    check_text(path, text, wanted, strncmp(text, wanted, strlen(wanted)) == 0);
}

static int64_t read_link(const char *path, char text[PATH_BYTES]) {
    struct fs_read_link_reply reply;
    int64_t result =
        fs_read_link(root(), path, strlen(path), &reply, text, PATH_BYTES - 1, INSTANT_NEVER);
    text[result == FS_WALK_DONE ? reply.bytes : 0] = '\0';
    return result;
}

void check_link(const char *path, const char *wanted) {
    char text[PATH_BYTES];
    CHECK_EQ(read_link(path, text), FS_WALK_DONE);
    check_text(path, text, wanted, strcmp(text, wanted) == 0);
}

void check_no_link(const char *path, int64_t wanted) {
    char text[PATH_BYTES];
    CHECK_EQ(read_link(path, text), wanted);
}

struct fs_stat_reply stat_at(const char *path, int64_t wanted) {
    const struct fs_stat_request request = {0};
    struct fs_stat_reply reply = {0};
    char rest[PATH_BYTES];
    CHECK_EQ(
        fs_stat(root(), &request, path, strlen(path), &reply, rest, sizeof(rest), INSTANT_NEVER),
        wanted);
    return reply;
}

void check_leaves(const char *path, int64_t result, const char *wanted) {
    const struct fs_stat_request request = {0};
    struct fs_stat_reply reply = {0};
    char rest[PATH_BYTES] = "";
    CHECK_EQ(fs_stat(root(), &request, path, strlen(path), &reply, rest, sizeof(rest) - 1,
                     INSTANT_NEVER),
             result);
    CHECK_EQ(reply.rest, strlen(wanted));
    check_text(path, rest, wanted, strcmp(rest, wanted) == 0);
}
