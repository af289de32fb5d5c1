// SPDX-License-Identifier: MIT
//
// Making, renaming and removing names.

#include <core/access.h>
#include <core/heap.h>
#include <core/process.h>
#include <core/status.h>
#include <files/path.h>
#include <linux/handlers.h>
#include <sys/string.h>

#define AT_REMOVEDIR 0x200
#define AT_SYMLINK_FOLLOW 0x400
#define AT_EMPTY_PATH 0x1000

static int64_t make_at(int directory, uint64_t from, struct fs_make_request *request) {
    char path[PATH_BYTES];
    int64_t length = path_in(path, from, false);
    if (length < 0) {
        return length;
    }
    request->mode = request->mode & 07777 & ~process_current()->umask;
    return path_make(directory, path, (size_t)length, request, "", 0);
}

static int64_t make_directory(int directory, uint64_t from, uint32_t mode) {
    struct fs_make_request request = {.type = FS_TYPE_DIRECTORY, .mode = mode & 01777};
    return make_at(directory, from, &request);
}

int64_t linux_mkdir(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return make_directory(AT_CURRENT, args[0], (uint32_t)args[1]);
}

int64_t linux_mkdirat(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return make_directory((int)args[0], args[1], (uint32_t)args[2]);
}

static int64_t make_node(int directory, uint64_t from, uint32_t mode, uint64_t rdev) {
    uint32_t type = mode >> 12 & 15;
    struct fs_make_request request = {
        .type = type == 0 ? FS_TYPE_REGULAR : type,
        .mode = mode,
        .rdev = rdev,
    };
    if (type == FS_TYPE_DIRECTORY || type == FS_TYPE_LINK) {
        return type == FS_TYPE_DIRECTORY ? -LINUX_EPERM : -LINUX_EINVAL;
    }
    return make_at(directory, from, &request);
}

int64_t linux_mknod(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return make_node(AT_CURRENT, args[0], (uint32_t)args[1], (uint32_t)args[2]);
}

int64_t linux_mknodat(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return make_node((int)args[0], args[1], (uint32_t)args[2], (uint32_t)args[3]);
}

static int64_t remove_at(int directory, uint64_t from, bool folder) {
    char path[PATH_BYTES];
    int64_t length = path_in(path, from, false);
    return length < 0 ? length : path_remove(directory, path, (size_t)length, folder);
}

int64_t linux_rmdir(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return remove_at(AT_CURRENT, args[0], true);
}

int64_t linux_unlink(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return remove_at(AT_CURRENT, args[0], false);
}

int64_t linux_unlinkat(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    if ((args[2] & ~(uint64_t)AT_REMOVEDIR & UINT32_MAX) != 0) {
        return -LINUX_EINVAL;
    }
    return remove_at((int)args[0], args[1], (args[2] & AT_REMOVEDIR) != 0);
}

// Both paths of a call. They are large for a stack, so they lie in the heap.
struct two_paths {
    char old[PATH_BYTES], new[PATH_BYTES];
};

static int64_t with_paths(struct path_pair *pair, uint64_t old, uint64_t new, bool empty_old,
                          int64_t (*function)(const struct path_pair *, uint32_t), uint32_t flags) {
    struct two_paths *paths = heap_alloc(sizeof(*paths));
    if (paths == NULL) {
        return -LINUX_ENOMEM;
    }
    int64_t old_length = path_in(paths->old, old, empty_old);
    int64_t new_length = old_length < 0 ? old_length : path_in(paths->new, new, false);
    int64_t result = new_length;
    if (new_length >= 0) {
        pair->old = paths->old;
        pair->new = paths->new;
        pair->old_bytes = (size_t)old_length;
        pair->new_bytes = (size_t)new_length;
        result = function(pair, flags);
    }
    heap_free(paths, sizeof(*paths));
    return result;
}

static int64_t rename_at(int old_directory, uint64_t old, int new_directory, uint64_t new,
                         uint32_t flags) {
    struct path_pair pair = {.old_directory = old_directory, .new_directory = new_directory};
    if ((flags & ~3u) != 0 || flags == 3) {
        return -LINUX_EINVAL;
    }
    return with_paths(&pair, old, new, false, path_rename, flags);
}

int64_t linux_rename(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return rename_at(AT_CURRENT, args[0], AT_CURRENT, args[1], 0);
}

int64_t linux_renameat(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return rename_at((int)args[0], args[1], (int)args[2], args[3], 0);
}

int64_t linux_renameat2(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return rename_at((int)args[0], args[1], (int)args[2], args[3], (uint32_t)args[4]);
}

static int64_t link_at(int old_directory, uint64_t old, int new_directory, uint64_t new,
                       uint32_t flags) {
    struct path_pair pair = {.old_directory = old_directory, .new_directory = new_directory};
    if ((flags & ~(uint32_t)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) != 0) {
        return -LINUX_EINVAL;
    }
    return with_paths(&pair, old, new, (flags & AT_EMPTY_PATH) != 0, path_link,
                      (flags & AT_SYMLINK_FOLLOW) != 0 ? 0 : FS_FIND_NO_FOLLOW);
}

int64_t linux_link(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return link_at(AT_CURRENT, args[0], AT_CURRENT, args[1], 0);
}

int64_t linux_linkat(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return link_at((int)args[0], args[1], (int)args[2], args[3], (uint32_t)args[4]);
}

static int64_t make_link(const struct path_pair *pair, uint32_t flags) {
    struct fs_make_request request = {.type = FS_TYPE_LINK, .mode = 0777};
    (void)flags;
    return path_make(pair->new_directory, pair->new, pair->new_bytes, &request, pair->old,
                     pair->old_bytes);
}

int64_t linux_symlink(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct path_pair pair = {.new_directory = AT_CURRENT};
    return with_paths(&pair, args[0], args[1], false, make_link, 0);
}

int64_t linux_symlinkat(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct path_pair pair = {.new_directory = (int)args[1]};
    return with_paths(&pair, args[0], args[2], false, make_link, 0);
}

static int64_t read_link_at(int directory, uint64_t from, uint64_t to, int64_t room) {
    struct two_paths *paths;
    if (room <= 0) {
        return -LINUX_EINVAL;
    }
    paths = heap_alloc(sizeof(*paths));
    if (paths == NULL) {
        return -LINUX_ENOMEM;
    }
    int64_t length = path_in(paths->old, from, directory != AT_CURRENT), bytes = length;
    if (length >= 0) {
        bytes = path_read_link(directory, paths->old, (size_t)length, paths->new, PATH_BYTES);
    }
    if (bytes >= 0) {
        bytes = bytes < room ? bytes : room;
        bytes = copy_out(to, paths->new, (size_t)bytes) ? bytes : -LINUX_EFAULT;
    }
    heap_free(paths, sizeof(*paths));
    return bytes;
}

int64_t linux_readlink(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return read_link_at(AT_CURRENT, args[0], args[1], (int32_t)args[2]);
}

int64_t linux_readlinkat(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return read_link_at((int)args[0], args[1], args[2], (int32_t)args[3]);
}
