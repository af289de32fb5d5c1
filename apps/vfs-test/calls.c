// SPDX-License-Identifier: MIT

#include "calls.h"

#include <ds/format.h>
#include <heal/supervisor.h>
#include <proto/fs_client.h>
#include <proto/vfs_client.h>
#include <stdarg.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/string.h>

int32_t shown_pid;

handle_t root(void) {
    return service_channel(TMPFSD);
}

// ---- files

int64_t open_at(handle_t base, const char *path, uint32_t flags, handle_t *file) {
    const struct fs_open_request request = {.flags = flags, .mode = 0644};
    struct fs_open_reply reply;
    char rest[PATH_BYTES];
    return fs_open(base, &request, path, strlen(path), &reply, rest, sizeof(rest), file,
                   INSTANT_NEVER);
}

handle_t open_good(handle_t base, const char *path, uint32_t flags) {
    handle_t file = HANDLE_NONE;
    CHECK_EQ(open_at(base, path, flags, &file), FS_WALK_DONE);
    return file;
}

void close_good(handle_t handle) {
    CHECK_EQ(sys_handle_close(handle), OK);
}

int64_t make_at(handle_t base, uint32_t type, const char *path) {
    const struct fs_make_request request = {
        .type = type,
        .mode = 0755,
        .path_bytes = (uint32_t)strlen(path),
    };
    struct fs_make_reply reply;
    char rest[PATH_BYTES];
    return fs_make(base, &request, path, strlen(path), &reply, rest, sizeof(rest), INSTANT_NEVER);
}

int64_t make_folder(handle_t base, const char *path) {
    return make_at(base, FS_TYPE_DIRECTORY, path);
}

int64_t remove_at(handle_t base, const char *path, bool directory) {
    const struct fs_remove_request request = {.directory = directory};
    struct fs_remove_reply reply;
    char rest[PATH_BYTES];
    return fs_remove(base, &request, path, strlen(path), &reply, rest, sizeof(rest), INSTANT_NEVER);
}

struct fs_stat_reply stat_at(handle_t base, const char *path, int64_t wanted) {
    const struct fs_stat_request request = {0};
    struct fs_stat_reply reply = {0};
    char rest[PATH_BYTES];
    CHECK_EQ(fs_stat(base, &request, path, strlen(path), &reply, rest, sizeof(rest), INSTANT_NEVER),
             wanted);
    return reply;
}

uint32_t walk_to(handle_t base, const char *path) {
    return stat_at(base, path, FS_WALK_MOUNT).mount;
}

// All that a file of /proc holds: it is shorter than the buffer.
static void read_proc_file(handle_t proc, const char *path, char text[TEXT_BYTES]) {
    const struct fs_read_request request = {.offset = 0, .size = TEXT_BYTES - 1};
    handle_t file = open_good(proc, path, FS_OPEN_READ);
    int64_t got = fs_read(file, &request, text, TEXT_BYTES - 1, INSTANT_NEVER);
    close_good(file);
    CHECK(got >= 0);
    text[got > 0 ? got : 0] = '\0';
}

void check_proc_file(handle_t proc, const char *path, const char *wanted) {
    char text[TEXT_BYTES];
    read_proc_file(proc, path, text);
    bool same = strcmp(text, wanted) == 0;
    CHECK(same);
    if (!same) {
        log_printf("     %s is '%s', not '%s'", path, text, wanted);
    }
}

// ---- mounts

int64_t mount(const struct mounting *mounting) {
    const char *type = mounting->type != NULL ? mounting->type : "tmpfs";
    const char *shown = mounting->shown != NULL ? mounting->shown : "test";
    const char *options = mounting->options != NULL ? mounting->options : "";
    char window[2 * PATH_BYTES];
    handle_t source = mounting->source != HANDLE_NONE ? mounting->source : mounting->target;
    const handle_t handles[2] = {mounting->target, source};
    const struct vfs_mount_request request = {
        .what = mounting->what,
        .flags = mounting->flags,
        .type_bytes = (uint32_t)strlen(type),
        .source_bytes = (uint32_t)strlen(shown),
        .data_bytes = (uint32_t)strlen(options),
    };
    int bytes = text_format(window, sizeof(window), "%s%s%s", type, shown, options);
    return vfs_mount(service_channel(VFSD), &request, window, (size_t)bytes, handles,
                     INSTANT_NEVER);
}

int64_t mount_on(handle_t target, uint32_t flags) {
    return mount(&(struct mounting){.target = target, .flags = flags});
}

int64_t remount(handle_t target, uint32_t flags) {
    return mount(&(struct mounting){.target = target, .what = VFS_MOUNT_REMOUNT, .flags = flags});
}

int64_t bind(handle_t target, handle_t source) {
    return mount(&(struct mounting){.target = target, .source = source, .what = VFS_MOUNT_BIND});
}

int64_t unmount(handle_t target, uint32_t lazy) {
    const struct vfs_unmount_request request = {.lazy = lazy};
    return vfs_unmount(service_channel(VFSD), &request, &target, INSTANT_NEVER);
}

int64_t unmount_number(uint32_t number, uint32_t lazy) {
    handle_t view = root_of(number), target = open_good(view, "", FS_OPEN_PATH);
    int64_t result = unmount(target, lazy);
    close_good(target);
    close_good(view);
    return result;
}

static int64_t ask_root(uint32_t number, handle_t *handle) {
    const struct vfs_root_request request = {.mount = number};
    return vfs_root(service_channel(VFSD), &request, handle, INSTANT_NEVER);
}

static int64_t ask_up(uint32_t number, handle_t *handle) {
    const struct vfs_up_request request = {.mount = number};
    return vfs_up(service_channel(VFSD), &request, handle, INSTANT_NEVER);
}

handle_t root_of(uint32_t number) {
    handle_t handle = HANDLE_NONE;
    CHECK_EQ(ask_root(number, &handle), OK);
    return handle;
}

handle_t point_of(uint32_t number) {
    handle_t handle = HANDLE_NONE;
    CHECK_EQ(ask_up(number, &handle), OK);
    return handle;
}

void check_gone(uint32_t number) {
    handle_t handle;
    CHECK_EQ(ask_root(number, &handle), ERR_NOT_FOUND);
    CHECK_EQ(ask_up(number, &handle), ERR_NOT_FOUND);
}

void check_table(const char *format, ...) {
    char wanted[TEXT_BYTES] = "tmpfs / tmpfs rw,relatime 0 0\n";
    size_t bytes = strlen(wanted);
    va_list args;
    va_start(args, format);
    (void)text_format_v(wanted + bytes, sizeof(wanted) - bytes, format, args);
    va_end(args);
    check_proc_file(service_channel(PROCFSD), "mounts", wanted);
}

void check_info(uint32_t number, const char *wanted) {
    char text[TEXT_BYTES], begin[16], path[32];
    text_format(path, sizeof(path), "%d/mountinfo", shown_pid);
    read_proc_file(service_channel(PROCFSD), path, text);
    int bytes = text_format(begin, sizeof(begin), "%u ", number + 1);
    char *at = text;
    while (*at != '\0' && strncmp(at, begin, (size_t)bytes) != 0) {
        char *next = strchr(at, '\n');
        at = next != NULL ? next + 1 : at + strlen(at);
    }
    for (uint32_t field = 0; field < 3 && at != NULL; field++) {
        at = strchr(at, ' ');
        at = at != NULL ? at + 1 : NULL;
    }
    bool same = at != NULL && strncmp(at, wanted, strlen(wanted)) == 0;
    CHECK(same);
    if (!same) {
        log_printf("     mount %u is not '%s' in '%s'", number, wanted, text);
    }
}
