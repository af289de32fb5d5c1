// SPDX-License-Identifier: MIT
//
// What is known of a file.

#include <core/access.h>
#include <core/process.h>
#include <core/status.h>
#include <files/path.h>
#include <linux/handlers.h>
#include <proto/fs_client.h>
#include <sys/calls.h>

#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_EACCESS 0x200
#define AT_NO_AUTOMOUNT 0x800
#define AT_EMPTY_PATH 0x1000
#define AT_STATX_SYNC 0x6000
#define SECOND_NS 1000000000L

struct stat_record {
    uint64_t device, inode, links;
    uint32_t mode, uid, gid, pad;
    uint64_t rdev;
    int64_t size, block_bytes, blocks;
    int64_t accessed[2], modified[2], changed[2];
    int64_t reserved[3];
};
static_assert(sizeof(struct stat_record) == 144, "struct stat of Linux");

static void set_time(int64_t to[2], int64_t ns) {
    to[0] = ns / SECOND_NS;
    to[1] = ns % SECOND_NS;
    if (to[1] < 0) {
        to[0]--;
        to[1] += SECOND_NS;
    }
}

static int64_t store_stat(uint64_t to, const struct fs_attributes *a) {
    struct stat_record record = {
        .device = a->device,
        .inode = a->inode,
        .links = a->links,
        .mode = a->mode,
        .uid = a->uid,
        .gid = a->gid,
        .rdev = a->rdev,
        .size = (int64_t)a->size,
        .block_bytes = a->block_bytes,
        .blocks = (int64_t)a->blocks,
    };
    set_time(record.accessed, a->accessed);
    set_time(record.modified, a->modified);
    set_time(record.changed, a->changed);
    return copy_out(to, &record, sizeof(record)) ? 0 : -LINUX_EFAULT;
}

static int64_t stat_descriptor(int fd, struct fs_attributes *attributes) {
    struct description *file = file_get(fd);
    if (file == NULL) {
        return -LINUX_EBADF;
    }
    int64_t result = file->ops->stat == NULL ? -LINUX_EBADF : file->ops->stat(file, attributes);
    description_release(file);
    return result;
}

static int64_t stat_path(int directory, uint64_t from, uint32_t flags,
                         struct fs_attributes *attributes) {
    char path[PATH_BYTES];
    int64_t length = path_in(path, from, (flags & AT_EMPTY_PATH) != 0);
    if (length < 0) {
        return length;
    }
    if (length == 0 && directory != AT_CURRENT) {
        return stat_descriptor(directory, attributes);
    }
    uint32_t find = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? FS_FIND_NO_FOLLOW : 0;
    return path_stat(directory, path, (size_t)length, find, attributes);
}

static int64_t stat_at(int directory, uint64_t from, uint32_t flags, uint64_t to) {
    struct fs_attributes attributes;
    int64_t result = stat_path(directory, from, flags, &attributes);
    return result < 0 ? result : store_stat(to, &attributes);
}

int64_t linux_stat(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return stat_at(AT_CURRENT, args[0], 0, args[1]);
}

int64_t linux_lstat(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return stat_at(AT_CURRENT, args[0], AT_SYMLINK_NOFOLLOW, args[1]);
}

int64_t linux_fstat(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct fs_attributes attributes;
    int64_t result = stat_descriptor((int)args[0], &attributes);
    return result < 0 ? result : store_stat(args[1], &attributes);
}

int64_t linux_newfstatat(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    uint32_t flags = (uint32_t)args[3];
    if ((flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)) != 0) {
        return -LINUX_EINVAL;
    }
    return stat_at((int)args[0], args[1], flags, args[2]);
}

struct statx_time {
    int64_t seconds;
    uint32_t nanoseconds, pad;
};
struct statx_record {
    uint32_t mask, block_bytes;
    uint64_t flags;
    uint32_t links, uid, gid;
    uint16_t mode, pad;
    uint64_t inode, size, blocks, flags_mask;
    struct statx_time accessed, created, changed, modified;
    uint32_t rdev_major, rdev_minor, device_major, device_minor;
    uint64_t mount;
    uint64_t spare[13];
};
static_assert(sizeof(struct statx_record) == 256, "struct statx of Linux");
#define STATX_BASIC_AND_BIRTH 0xfffu

static struct statx_time statx_time_of(int64_t ns) {
    int64_t time[2];
    set_time(time, ns);
    return (struct statx_time){.seconds = time[0], .nanoseconds = (uint32_t)time[1]};
}

static uint32_t major_of(uint64_t device) {
    return (uint32_t)((device >> 8 & 0xfff) | (device >> 32 & ~0xfffUL));
}
static uint32_t minor_of(uint64_t device) {
    return (uint32_t)((device & 0xff) | (device >> 12 & ~0xffUL));
}

int64_t linux_statx(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct fs_attributes a;
    uint32_t flags = (uint32_t)args[2];
    const uint32_t known = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC;
    if ((flags & ~known) != 0 || (args[3] & 0x80000000u) != 0) {
        return -LINUX_EINVAL;
    }
    int64_t result = stat_path((int)args[0], args[1], flags, &a);
    if (result < 0) {
        return result;
    }
    const struct statx_record record = {
        .mask = STATX_BASIC_AND_BIRTH,
        .block_bytes = a.block_bytes,
        .links = a.links,
        .uid = a.uid,
        .gid = a.gid,
        .mode = (uint16_t)a.mode,
        .inode = a.inode,
        .size = a.size,
        .blocks = a.blocks,
        .accessed = statx_time_of(a.accessed),
        .created = statx_time_of(a.created),
        .changed = statx_time_of(a.changed),
        .modified = statx_time_of(a.modified),
        .rdev_major = major_of(a.rdev),
        .rdev_minor = minor_of(a.rdev),
        .device_major = major_of(a.device),
        .device_minor = minor_of(a.device),
    };
    return copy_out(args[4], &record, sizeof(record)) ? 0 : -LINUX_EFAULT;
}

static bool in_groups(uint32_t gid) {
    const volatile struct identity_page *identity = identity_current();
    for (uint32_t i = 0; i < identity->group_count && i < 32; i++) {
        if (identity->groups[i] == gid) {
            return true;
        }
    }
    return false;
}

// What access(2) says of a mode: 4 read, 2 write, 1 execute.
static bool allows(const struct fs_attributes *a, uint32_t uid, uint32_t gid, uint32_t wanted) {
    if (uid == 0) {
        bool folder = a->mode >> 12 == FS_TYPE_DIRECTORY;
        return (wanted & 1) == 0 || folder || (a->mode & 0111) != 0;
    }
    uint32_t shift = a->uid == uid ? 6 : a->gid == gid || in_groups(a->gid) ? 3 : 0;
    return (wanted & ~(a->mode >> shift & 7)) == 0;
}

static int64_t access_at(int directory, uint64_t path, uint32_t mode, uint32_t flags) {
    const volatile struct identity_page *identity = identity_current();
    struct fs_attributes attributes;
    if ((mode & ~7u) != 0 ||
        (flags & ~(uint32_t)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) {
        return -LINUX_EINVAL;
    }
    int64_t result = stat_path(directory, path, flags, &attributes);
    if (result < 0) {
        return result;
    }
    uint32_t type = attributes.mode >> 12;
    if ((mode & 1) != 0 && type == FS_TYPE_REGULAR &&
        (attributes.mount_flags & FS_MOUNT_NO_EXECUTE) != 0) {
        return -LINUX_EACCES;
    }
    bool written = type == FS_TYPE_REGULAR || type == FS_TYPE_DIRECTORY || type == FS_TYPE_LINK;
    if ((mode & 2) != 0 && written && (attributes.mount_flags & FS_MOUNT_READ_ONLY) != 0) {
        return -LINUX_EROFS;
    }
    bool effective = (flags & AT_EACCESS) != 0;
    return allows(&attributes, effective ? identity->euid : identity->uid,
                  effective ? identity->egid : identity->gid, mode)
               ? 0
               : -LINUX_EACCES;
}

int64_t linux_access(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return access_at(AT_CURRENT, args[0], (uint32_t)args[1], 0);
}

int64_t linux_faccessat(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return access_at((int)args[0], args[1], (uint32_t)args[2], 0);
}

int64_t linux_faccessat2(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return access_at((int)args[0], args[1], (uint32_t)args[2], (uint32_t)args[3]);
}

struct statfs_record {
    int64_t type, block_bytes;
    uint64_t blocks, free, available, files, files_free;
    int32_t id[2];
    int64_t name_bytes, fragment_bytes, flags, spare[4];
};
static_assert(sizeof(struct statfs_record) == 120, "struct statfs of Linux");

// ST_ flags of Linux for those of a mount.
static int64_t statfs_flags(uint32_t flags) {
    return ((flags & FS_MOUNT_READ_ONLY) != 0 ? 0x1 : 0) |
           ((flags & FS_MOUNT_NO_SUID) != 0 ? 0x2 : 0) |
           ((flags & FS_MOUNT_NO_DEVICES) != 0 ? 0x4 : 0) |
           ((flags & FS_MOUNT_NO_EXECUTE) != 0 ? 0x8 : 0) |
           ((flags & FS_MOUNT_NO_ACCESS_TIME) != 0 ? 0x400 : 0x1000);
}

static int64_t store_space(handle_t handle, uint64_t to) {
    struct fs_space_reply reply;
    int64_t result = fs_space(handle, &reply, INSTANT_NEVER);
    if (result < 0) {
        return linux_result(result);
    }
    const struct statfs_record record = {
        .type = (int64_t)reply.magic,
        .block_bytes = (int64_t)reply.block_bytes,
        .blocks = reply.blocks,
        .free = reply.blocks_free,
        .available = reply.blocks_free,
        .files = reply.files,
        .files_free = reply.files_free,
        .name_bytes = (int64_t)reply.name_bytes_max,
        .fragment_bytes = (int64_t)reply.block_bytes,
        .id = {(int32_t)reply.device},
        .flags = 0x20 | statfs_flags(reply.mount_flags), // the fields are valid
    };
    return copy_out(to, &record, sizeof(record)) ? 0 : -LINUX_EFAULT;
}

int64_t linux_statfs(struct linux_thread *self, const uint64_t args[6]) {
    char path[PATH_BYTES];
    struct path_open open = {.flags = FS_OPEN_PATH};
    int64_t result = path_in(path, args[0], false);
    result = result < 0 ? result : path_open(self, AT_CURRENT, path, (size_t)result, &open);
    if (result < 0) {
        return result;
    }
    result = store_space(open.handle, args[1]);
    (void)!sys_handle_close(open.handle);
    return result;
}

int64_t linux_fstatfs(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct description *file = file_get((int)args[0]);
    if (file == NULL) {
        return -LINUX_EBADF;
    }
    int64_t result = file->kind == FD_FILE ? store_space(file->handle, args[1]) : -LINUX_ENOSYS;
    description_release(file);
    return result;
}
