// SPDX-License-Identifier: MIT
//
// Modes, owners, times and sizes.

#include <core/access.h>
#include <core/process.h>
#include <core/status.h>
#include <files/fifo.h>
#include <files/path.h>
#include <linux/handlers.h>
#include <proto/fs_client.h>

#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_EMPTY_PATH 0x1000
#define SECOND_NS 1000000000L

static int64_t set_descriptor(int fd, const struct fs_set_request *request) {
    struct description *file = file_get(fd);
    struct fs_set_reply reply;
    if (file == NULL || (file->flags & O_PATH) != 0) {
        if (file != NULL) {
            description_release(file);
        }
        return -LINUX_EBADF;
    }
    int64_t result = -LINUX_EINVAL;
    if (file->kind == FD_FILE) {
        result =
            linux_result(fs_set(file->handle, request, NULL, 0, &reply, NULL, 0, INSTANT_NEVER));
    } else if ((request->what & FS_SET_SIZE) == 0) {
        result = 0; // pipes and the like have nobody who looks at it
    }
    description_release(file);
    return result;
}

static int64_t set_at(int directory, uint64_t from, uint32_t flags,
                      struct fs_set_request *request) {
    char path[PATH_BYTES];
    int64_t length = path_in(path, from, (flags & AT_EMPTY_PATH) != 0);
    if (length < 0) {
        return length;
    }
    request->flags = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? FS_FIND_NO_FOLLOW : 0;
    return path_set(directory, path, (size_t)length, request);
}

static struct fs_set_request mode_request(uint64_t mode) {
    return (struct fs_set_request){.what = FS_SET_MODE, .mode = (uint32_t)mode & 07777};
}

int64_t linux_chmod(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct fs_set_request request = mode_request(args[1]);
    return set_at(AT_CURRENT, args[0], 0, &request);
}

int64_t linux_fchmod(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct fs_set_request request = mode_request(args[1]);
    return set_descriptor((int)args[0], &request);
}

int64_t linux_fchmodat(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct fs_set_request request = mode_request(args[2]);
    return set_at((int)args[0], args[1], 0, &request);
}

static struct fs_set_request owner_request(uint64_t uid, uint64_t gid) {
    return (struct fs_set_request){
        .what = ((uint32_t)uid != UINT32_MAX ? FS_SET_UID : 0) |
                ((uint32_t)gid != UINT32_MAX ? FS_SET_GID : 0),
        .uid = (uint32_t)uid,
        .gid = (uint32_t)gid,
    };
}

int64_t linux_chown(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct fs_set_request request = owner_request(args[1], args[2]);
    return set_at(AT_CURRENT, args[0], 0, &request);
}

int64_t linux_lchown(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct fs_set_request request = owner_request(args[1], args[2]);
    return set_at(AT_CURRENT, args[0], AT_SYMLINK_NOFOLLOW, &request);
}

int64_t linux_fchown(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct fs_set_request request = owner_request(args[1], args[2]);
    return set_descriptor((int)args[0], &request);
}

int64_t linux_fchownat(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    uint32_t flags = (uint32_t)args[4];
    struct fs_set_request request = owner_request(args[2], args[3]);
    if ((flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) {
        return -LINUX_EINVAL;
    }
    return set_at((int)args[0], args[1], flags, &request);
}

static int64_t set_size(int64_t size, struct fs_set_request *request) {
    *request = (struct fs_set_request){.what = FS_SET_SIZE, .size = (uint64_t)size};
    return size < 0 ? -LINUX_EINVAL : 0;
}

int64_t linux_truncate(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct fs_set_request request;
    int64_t result = set_size((int64_t)args[1], &request);
    return result < 0 ? result : set_at(AT_CURRENT, args[0], 0, &request);
}

int64_t linux_ftruncate(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct fs_set_request request;
    int64_t result = set_size((int64_t)args[1], &request);
    if (result < 0) {
        return result;
    }
    struct description *file = file_get_open((int)args[0]);
    if (file == NULL) {
        return -LINUX_EBADF;
    }
    bool writes = can_write(file) && !file->directory;
    description_release(file);
    return writes ? set_descriptor((int)args[0], &request) : -LINUX_EINVAL;
}

#define FALLOCATE_KEEP_SIZE 1

int64_t linux_fallocate(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    int64_t offset = (int64_t)args[2], length = (int64_t)args[3], end;
    struct fs_attributes attributes;
    if (offset < 0 || length <= 0 || __builtin_add_overflow(offset, length, &end)) {
        return -LINUX_EINVAL;
    }
    struct description *file = file_get_open((int)args[0]);
    if (file == NULL || !can_write(file)) {
        if (file != NULL) {
            description_release(file);
        }
        return -LINUX_EBADF;
    }
    int64_t result = file->kind != FD_FILE || file->device != 0 || is_fifo(file)
                         ? -LINUX_ESPIPE
                         : file->ops->stat(file, &attributes);
    description_release(file);
    if (result == 0 && (args[1] & ~(uint64_t)FALLOCATE_KEEP_SIZE) != 0) {
        return -LINUX_EOPNOTSUPP;
    }
    bool grows = result == 0 && args[1] == 0 && (uint64_t)end > attributes.size;
    if (!grows) {
        return result;
    }
    struct fs_set_request request = {.what = FS_SET_SIZE, .size = (uint64_t)end};
    return set_descriptor((int)args[0], &request);
}

#define UTIME_NOW 0x3fffffffL
#define UTIME_OMIT 0x3ffffffeL

// One of the two times of utimensat.
static int64_t add_time(struct fs_set_request *request, const int64_t time[2], uint32_t exact,
                        uint32_t now, int64_t *to) {
    if (time[1] == UTIME_OMIT) {
        return 0;
    }
    if (time[1] == UTIME_NOW) {
        request->what |= now;
        return 0;
    }
    if (time[1] < 0 || time[1] >= SECOND_NS) {
        return -LINUX_EINVAL;
    }
    request->what |= exact;
    *to = time[0] * SECOND_NS + time[1];
    return 0;
}

static int64_t set_times(int directory, uint64_t path, uint32_t flags, const int64_t times[4]) {
    struct fs_set_request request = {.what = FS_SET_ACCESSED_NOW | FS_SET_MODIFIED_NOW};
    if (times != NULL) {
        request.what = 0;
        int64_t result =
            add_time(&request, times, FS_SET_ACCESSED, FS_SET_ACCESSED_NOW, &request.accessed);
        result = result < 0 ? result
                            : add_time(&request, times + 2, FS_SET_MODIFIED, FS_SET_MODIFIED_NOW,
                                       &request.modified);
        if (result < 0 || request.what == 0) {
            return result;
        }
    }
    return path == 0 ? set_descriptor(directory, &request)
                     : set_at(directory, path, flags, &request);
}

int64_t linux_utimensat(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    int64_t times[4];
    uint32_t flags = (uint32_t)args[3];
    if ((flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) {
        return -LINUX_EINVAL;
    }
    if (args[2] != 0 && !copy_in(times, args[2], sizeof(times))) {
        return -LINUX_EFAULT;
    }
    if (args[1] == 0 && (int)args[0] == AT_CURRENT) {
        return -LINUX_EFAULT;
    }
    return set_times((int)args[0], args[1], flags, args[2] == 0 ? NULL : times);
}

// Seconds and microseconds, as the older calls have them.
static int64_t set_times_us(int directory, uint64_t path, uint64_t from) {
    int64_t times[4];
    if (from == 0) {
        return set_times(directory, path, 0, NULL);
    }
    if (!copy_in(times, from, sizeof(times))) {
        return -LINUX_EFAULT;
    }
    for (int i = 1; i < 4; i += 2) {
        if (times[i] < 0 || times[i] >= 1000000) {
            return -LINUX_EINVAL;
        }
        times[i] *= 1000;
    }
    return set_times(directory, path, 0, times);
}

int64_t linux_utimes(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return set_times_us(AT_CURRENT, args[0], args[1]);
}

int64_t linux_futimesat(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return set_times_us((int)args[0], args[1], args[2]);
}

int64_t linux_utime(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    int64_t seconds[2];
    if (args[1] == 0) {
        return set_times(AT_CURRENT, args[0], 0, NULL);
    }
    if (!copy_in(seconds, args[1], sizeof(seconds))) {
        return -LINUX_EFAULT;
    }
    const int64_t times[4] = {seconds[0], 0, seconds[1], 0};
    return set_times(AT_CURRENT, args[0], 0, times);
}

// Where what was written stays is the file server's memory already.
static int64_t sync_descriptor(int fd) {
    struct description *file = file_get_open(fd);
    if (file == NULL) {
        return -LINUX_EBADF;
    }
    int64_t result = file->kind == FD_FILE && file->device == 0 && !is_fifo(file)
                         ? linux_result(fs_sync(file->handle, INSTANT_NEVER))
                         : -LINUX_EINVAL;
    description_release(file);
    return result;
}

int64_t linux_fsync(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return sync_descriptor((int)args[0]);
}

int64_t linux_fdatasync(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return sync_descriptor((int)args[0]);
}

int64_t linux_syncfs(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return sync_descriptor((int)args[0]);
}

int64_t linux_sync(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    (void)args;
    return 0;
}

int64_t linux_fadvise64(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct description *file = file_get_open((int)args[0]);
    if (file == NULL) {
        return -LINUX_EBADF;
    }
    int64_t result = file->kind == FD_STREAM || is_fifo(file) ? -LINUX_ESPIPE
                     : (int32_t)args[3] > 5                   ? -LINUX_EINVAL
                                                              : 0;
    description_release(file);
    return result;
}
