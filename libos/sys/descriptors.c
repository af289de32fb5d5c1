// SPDX-License-Identifier: MIT
//
// Descriptors: duplicating, closing, their flags.

#include <core/access.h>
#include <core/process.h>
#include <core/status.h>
#include <files/fifo.h>
#include <files/locks.h>
#include <files/table.h>
#include <linux/handlers.h>

int64_t linux_close(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return file_close((int)args[0]);
}

static int64_t duplicate(int fd, uint32_t flags, int lowest) {
    struct description *file = file_get(fd);
    return file == NULL ? -LINUX_EBADF : file_install(file, flags, lowest);
}

int64_t linux_dup(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return duplicate((int)args[0], 0, 0);
}

// Puts the description of one descriptor in the place of another.
static int64_t replace(int from, int to, uint32_t flags) {
    struct files *files = &process_current()->files;
    if (to < 0 || (uint32_t)to >= files_limit()) {
        return -LINUX_EBADF;
    }
    struct description *file = file_get(from);
    if (file == NULL) {
        return -LINUX_EBADF;
    }
    mutex_lock(&files->lock);
    struct description *old = files->slots[to].file;
    file_put((uint32_t)to, file, (flags & O_CLOEXEC) != 0);
    mutex_unlock(&files->lock);
    if (old != NULL) {
        lock_descriptor_closes(old);
        description_release(old);
    }
    return to;
}

int64_t linux_dup2(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    int from = (int)args[0], to = (int)args[1];
    if (from == to) {
        struct description *file = file_get(from);
        if (file == NULL) {
            return -LINUX_EBADF;
        }
        description_release(file);
        return to;
    }
    return replace(from, to, 0);
}

int64_t linux_dup3(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    uint32_t flags = (uint32_t)args[2];
    if ((int)args[0] == (int)args[1] || (flags & ~(uint32_t)O_CLOEXEC) != 0) {
        return -LINUX_EINVAL;
    }
    return replace((int)args[0], (int)args[1], flags);
}

#define CLOSE_RANGE_UNSHARE 2u
#define CLOSE_RANGE_CLOEXEC 4u

int64_t linux_close_range(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    uint32_t first = (uint32_t)args[0], last = (uint32_t)args[1], flags = (uint32_t)args[2];
    if (first > last || (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) != 0) {
        return -LINUX_EINVAL;
    }
    uint32_t bound = process_current()->files.bound;
    for (uint32_t fd = first; fd <= last && fd < bound; fd++) {
        if ((flags & CLOSE_RANGE_CLOEXEC) != 0) {
            file_set_cloexec((int)fd, true);
        } else {
            (void)!file_close((int)fd);
        }
    }
    return 0;
}

enum fcntl_command {
    F_DUPFD = 0,
    F_GETFD = 1,
    F_SETFD = 2,
    F_GETFL = 3,
    F_SETFL = 4,
    F_GETLK = 5,
    F_SETLK = 6,
    F_SETLKW = 7,
    F_SETOWN = 8,
    F_GETOWN = 9,
    F_OFD_GETLK = 36,
    F_OFD_SETLK = 37,
    F_OFD_SETLKW = 38,
    F_DUPFD_CLOEXEC = 1030,
    F_SETPIPE_SZ = 1031,
    F_GETPIPE_SZ = 1032,
};
#define FD_CLOEXEC 1
#define PIPE_BYTES 65536

static int64_t set_flags(struct description *file, uint32_t flags) {
    uint32_t wanted = flags & O_CHANGEABLE;
    file->flags = (file->flags & ~(uint32_t)O_CHANGEABLE) | wanted;
    return 0;
}

static int64_t command(struct linux_thread *self, struct description *file,
                       const uint64_t args[6]) {
    int fd = (int)args[0];
    switch ((int)args[1]) {
    case F_GETFD:
        return file_cloexec(fd) ? FD_CLOEXEC : 0;
    case F_SETFD:
        file_set_cloexec(fd, (args[2] & FD_CLOEXEC) != 0);
        return 0;
    case F_GETFL:
        return file->flags;
    case F_SETFL:
        return (file->flags & O_PATH) != 0 ? -LINUX_EBADF : set_flags(file, (uint32_t)args[2]);
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        return lock_command(self, file, (int)args[1], args[2]);
    case F_SETOWN:
        return 0;
    case F_GETOWN:
        return 0;
    case F_GETPIPE_SZ:
    case F_SETPIPE_SZ:
        return file->ops == &stream_ops || is_fifo(file) ? PIPE_BYTES : -LINUX_EBADF;
    default:
        return -LINUX_EINVAL;
    }
}

int64_t linux_fcntl(struct linux_thread *self, const uint64_t args[6]) {
    struct description *file = file_get((int)args[0]);
    if (file == NULL) {
        return -LINUX_EBADF;
    }
    int request = (int)args[1];
    if (request == F_DUPFD || request == F_DUPFD_CLOEXEC) {
        if ((int64_t)args[2] < 0 || args[2] >= files_limit()) {
            description_release(file);
            return -LINUX_EINVAL;
        }
        return file_install(file, request == F_DUPFD ? 0 : O_CLOEXEC, (int)args[2]);
    }
    int64_t result = command(self, file, args);
    description_release(file);
    return result;
}

int64_t linux_flock(struct linux_thread *self, const uint64_t args[6]) {
    struct description *file = file_get_open((int)args[0]);
    if (file == NULL) {
        return -LINUX_EBADF;
    }
    int64_t result = lock_whole(self, file, (uint32_t)args[1]);
    description_release(file);
    return result;
}
