// SPDX-License-Identifier: MIT
//
// Extended attributes: no file system here keeps any. What Linux checks first is checked, then it
// is EOPNOTSUPP, as on a file system of Linux without them, and lists are empty.

#include <core/access.h>
#include <core/process.h>
#include <core/status.h>
#include <files/path.h>
#include <linux/handlers.h>

#define NAME_MAX 255
#define VALUE_MAX 65536
#define FLAG_CREATE 1
#define FLAG_REPLACE 2

static int64_t check_path(uint64_t from, uint32_t find) {
    char path[PATH_BYTES];
    struct fs_attributes attributes;
    int64_t length = path_in(path, from, false);
    return length < 0 ? length : path_stat(AT_CURRENT, path, (size_t)length, find, &attributes);
}

static int64_t check_descriptor(int fd) {
    struct description *file = file_get_open(fd);
    if (file == NULL) {
        return -LINUX_EBADF;
    }
    description_release(file);
    return 0;
}

static int64_t check_name(uint64_t from) {
    char name[NAME_MAX + 1];
    int64_t length = copy_string_in(name, from, sizeof(name));
    return length == 0 || length == -LINUX_ENAMETOOLONG ? -LINUX_ERANGE : length;
}

// `found`: the result of the look for the file, in all three.

static int64_t set(int64_t found, const uint64_t args[6]) {
    if (found < 0) {
        return found;
    }
    if ((args[4] & ~(uint64_t)(FLAG_CREATE | FLAG_REPLACE)) != 0) {
        return -LINUX_EINVAL;
    }
    int64_t length = check_name(args[1]);
    if (length < 0) {
        return length;
    }
    return args[3] > VALUE_MAX ? -LINUX_E2BIG : -LINUX_EOPNOTSUPP;
}

static int64_t get(int64_t found, const uint64_t args[6]) {
    int64_t length = found < 0 ? found : check_name(args[1]);
    return length < 0 ? length : -LINUX_EOPNOTSUPP;
}

int64_t linux_setxattr(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return set(check_path(args[0], 0), args);
}

int64_t linux_lsetxattr(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return set(check_path(args[0], FS_FIND_NO_FOLLOW), args);
}

int64_t linux_fsetxattr(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return set(check_descriptor((int)args[0]), args);
}

int64_t linux_getxattr(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return get(check_path(args[0], 0), args);
}

int64_t linux_lgetxattr(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return get(check_path(args[0], FS_FIND_NO_FOLLOW), args);
}

int64_t linux_fgetxattr(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return get(check_descriptor((int)args[0]), args);
}

int64_t linux_listxattr(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return check_path(args[0], 0);
}

int64_t linux_llistxattr(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return check_path(args[0], FS_FIND_NO_FOLLOW);
}

int64_t linux_flistxattr(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return check_descriptor((int)args[0]);
}

int64_t linux_removexattr(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return get(check_path(args[0], 0), args);
}

int64_t linux_lremovexattr(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return get(check_path(args[0], FS_FIND_NO_FOLLOW), args);
}

int64_t linux_fremovexattr(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return get(check_descriptor((int)args[0]), args);
}
