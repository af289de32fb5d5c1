// SPDX-License-Identifier: MIT

#include <files/path.h>

#include <core/access.h>
#include <core/process.h>
#include <core/status.h>
#include <proto/fs_client.h>
#include <sys/calls.h>
#include <sys/string.h>

// Where a walk begins. `file` is held as long as the handle is used.
struct base {
    handle_t handle;
    struct description *file;
};

static int64_t base_get(int directory, const char *path, size_t bytes, struct base *base) {
    struct linux_process *process = process_current();
    *base = (struct base){0};
    if (bytes > 0 && path[0] == '/') {
        base->handle = process->root;
    } else if (directory == AT_CURRENT) {
        base->handle = process->cwd;
    } else {
        base->file = file_get(directory);
        if (base->file == NULL) {
            return -LINUX_EBADF;
        }
        base->handle = base->file->handle;
        bool walks = base->file->kind == FD_FILE;
        if (!walks || (bytes > 0 && !base->file->directory)) {
            description_release(base->file);
            return -LINUX_ENOTDIR;
        }
    }
    return base->handle == HANDLE_NONE ? -LINUX_ENOENT : 0;
}

static void base_put(struct base *base) {
    if (base->file != NULL) {
        description_release(base->file);
    }
}

// What a walk that left its server means as long as there is one file system only.
static int64_t walk_result(int64_t result) {
    return result > FS_WALK_DONE ? -LINUX_ENOENT : linux_result(result);
}

int64_t path_open(struct linux_thread *self, int directory, const char *path, size_t bytes,
                  struct path_open *open) {
    struct base base;
    char rest[PATH_BYTES];
    struct fs_open_reply reply;
    const struct fs_open_request request = {.flags = open->flags, .mode = open->mode};
    (void)self;
    int64_t result = base_get(directory, path, bytes, &base);
    if (result < 0) {
        return result;
    }
    result = fs_open(base.handle, &request, path, bytes, &reply, rest, sizeof(rest), &open->handle,
                     INSTANT_NEVER);
    base_put(&base);
    if (result > FS_WALK_DONE) {
        (void)!sys_handle_close(open->handle);
    }
    open->secret = reply.secret;
    open->attributes = reply.attributes;
    return walk_result(result);
}

int64_t path_stat(int directory, const char *path, size_t bytes, uint32_t flags,
                  struct fs_attributes *attributes) {
    struct base base;
    char rest[PATH_BYTES];
    struct fs_stat_reply reply;
    const struct fs_stat_request request = {.flags = flags};
    int64_t result = base_get(directory, path, bytes, &base);
    if (result < 0) {
        return result;
    }
    result = fs_stat(base.handle, &request, path, bytes, &reply, rest, sizeof(rest), INSTANT_NEVER);
    base_put(&base);
    *attributes = reply.attributes;
    return walk_result(result);
}

int64_t path_set(int directory, const char *path, size_t bytes,
                 const struct fs_set_request *request) {
    struct base base;
    char rest[PATH_BYTES];
    struct fs_set_reply reply;
    int64_t result = base_get(directory, path, bytes, &base);
    if (result < 0) {
        return result;
    }
    result = fs_set(base.handle, request, path, bytes, &reply, rest, sizeof(rest), INSTANT_NEVER);
    base_put(&base);
    return walk_result(result);
}

// Two texts, one behind the other, for operations that take both. `joined` has 2 * PATH_BYTES.
static size_t join(char *joined, const char *a, size_t a_bytes, const char *b, size_t b_bytes) {
    memcpy(joined, a, a_bytes);
    memcpy(joined + a_bytes, b, b_bytes);
    return a_bytes + b_bytes;
}

int64_t path_make(int directory, const char *path, size_t bytes, struct fs_make_request *request,
                  const char *target, size_t target_bytes) {
    struct base base;
    char joined[2 * PATH_BYTES];
    char rest[PATH_BYTES];
    struct fs_make_reply reply;
    int64_t result = base_get(directory, path, bytes, &base);
    if (result < 0) {
        return result;
    }
    request->path_bytes = (uint32_t)bytes;
    size_t in_bytes = join(joined, path, bytes, target, target_bytes);
    result =
        fs_make(base.handle, request, joined, in_bytes, &reply, rest, sizeof(rest), INSTANT_NEVER);
    base_put(&base);
    return walk_result(result);
}

int64_t path_remove(int directory, const char *path, size_t bytes, bool is_directory) {
    struct base base;
    char rest[PATH_BYTES];
    struct fs_remove_reply reply;
    const struct fs_remove_request request = {.directory = is_directory};
    int64_t result = base_get(directory, path, bytes, &base);
    if (result < 0) {
        return result;
    }
    result =
        fs_remove(base.handle, &request, path, bytes, &reply, rest, sizeof(rest), INSTANT_NEVER);
    base_put(&base);
    return walk_result(result);
}

int64_t path_read_link(int directory, const char *path, size_t bytes, char *target, size_t room) {
    struct base base;
    struct fs_read_link_reply reply;
    int64_t result = base_get(directory, path, bytes, &base);
    if (result < 0) {
        return result;
    }
    result = fs_read_link(base.handle, path, bytes, &reply, target, room, INSTANT_NEVER);
    base_put(&base);
    result = walk_result(result);
    return result < 0 ? result : reply.bytes;
}

// A fresh description of a directory, whose secret the new path of a rename is relative to.
static int64_t open_secret(int directory, const char *path, size_t bytes, struct path_open *open) {
    *open = (struct path_open){.flags = FS_OPEN_PATH | FS_OPEN_DIRECTORY};
    bool absolute = bytes > 0 && path[0] == '/';
    return path_open(NULL, absolute ? AT_CURRENT : directory, absolute ? "/" : "", absolute ? 1 : 0,
                     open);
}

int64_t path_rename(const struct path_pair *pair, uint32_t flags) {
    struct base base;
    struct path_open open;
    char joined[2 * PATH_BYTES];
    char rest[PATH_BYTES];
    struct fs_rename_reply reply;
    int64_t result = open_secret(pair->new_directory, pair->new, pair->new_bytes, &open);
    if (result < 0) {
        return result;
    }
    result = base_get(pair->old_directory, pair->old, pair->old_bytes, &base);
    if (result == 0) {
        const struct fs_rename_request request = {
            .secret = open.secret,
            .flags = flags,
            .path_bytes = (uint32_t)pair->old_bytes,
        };
        size_t bytes = join(joined, pair->old, pair->old_bytes, pair->new, pair->new_bytes);
        result = walk_result(fs_rename(base.handle, &request, joined, bytes, &reply, rest,
                                       sizeof(rest), INSTANT_NEVER));
        base_put(&base);
    }
    (void)!sys_handle_close(open.handle);
    return result;
}

int64_t path_link(const struct path_pair *pair, uint32_t flags) {
    struct base base;
    struct path_open open;
    char joined[2 * PATH_BYTES];
    char rest[PATH_BYTES];
    struct fs_link_reply reply;
    int64_t result = open_secret(pair->new_directory, pair->new, pair->new_bytes, &open);
    if (result < 0) {
        return result;
    }
    result = base_get(pair->old_directory, pair->old, pair->old_bytes, &base);
    if (result == 0) {
        const struct fs_link_request request = {
            .secret = open.secret,
            .flags = flags,
            .path_bytes = (uint32_t)pair->old_bytes,
        };
        size_t bytes = join(joined, pair->old, pair->old_bytes, pair->new, pair->new_bytes);
        result = walk_result(fs_link(base.handle, &request, joined, bytes, &reply, rest,
                                     sizeof(rest), INSTANT_NEVER));
        base_put(&base);
    }
    (void)!sys_handle_close(open.handle);
    return result;
}

int64_t path_in(char path[PATH_BYTES], uint64_t from, bool may_be_empty) {
    int64_t length = copy_string_in(path, from, PATH_BYTES);
    return length == 0 && !may_be_empty ? -LINUX_ENOENT : length;
}
