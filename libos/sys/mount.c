// SPDX-License-Identifier: MIT
//
// mount and umount2: the target is opened here, and vfsd does the rest.

#include <core/access.h>
#include <core/heap.h>
#include <core/process.h>
#include <core/status.h>
#include <files/mounts.h>
#include <files/path.h>
#include <linux/handlers.h>
#include <proto/vfs_client.h>
#include <sys/calls.h>
#include <sys/string.h>

#define TYPE_BYTES 64
#define SOURCE_BYTES 64 // of what is shown of a source
#define OPTIONS_BYTES 2048

enum mount_flag {
    MS_RDONLY = 0x1,
    MS_NOSUID = 0x2,
    MS_NODEV = 0x4,
    MS_NOEXEC = 0x8,
    MS_REMOUNT = 0x20,
    MS_NOATIME = 0x400,
    MS_BIND = 0x1000,
    MS_MOVE = 0x2000,
    MS_UNBINDABLE = 0x20000,
    MS_PRIVATE = 0x40000,
    MS_SLAVE = 0x80000,
    MS_SHARED = 0x100000,
};
#define MS_MAGIC 0xc0ed0000u // what old programs put into the upper half

enum umount_flag { MNT_FORCE = 1, MNT_DETACH = 2, MNT_EXPIRE = 4, UMOUNT_NOFOLLOW = 8 };

static uint32_t flags_of(uint64_t flags) {
    return ((flags & MS_RDONLY) != 0 ? FS_MOUNT_READ_ONLY : 0) |
           ((flags & MS_NOSUID) != 0 ? FS_MOUNT_NO_SUID : 0) |
           ((flags & MS_NODEV) != 0 ? FS_MOUNT_NO_DEVICES : 0) |
           ((flags & MS_NOEXEC) != 0 ? FS_MOUNT_NO_EXECUTE : 0) |
           ((flags & MS_NOATIME) != 0 ? FS_MOUNT_NO_ACCESS_TIME : 0);
}

// What the call brings, copied in.
struct mounting {
    char source[PATH_BYTES], target[PATH_BYTES];
    char window[PATH_BYTES]; // type, source, options
    struct vfs_mount_request request;
    size_t bytes; // of the window
};

// Adds a text of the program to the window, at most `most` bytes; none for a null pointer.
static int64_t add_text(struct mounting *mounting, uint64_t from, size_t most) {
    int64_t bytes = from == 0 ? 0 : copy_string_in(mounting->window + mounting->bytes, from, most);
    mounting->bytes += bytes > 0 ? (size_t)bytes : 0;
    return bytes;
}

static int64_t take_in(struct mounting *mounting, const uint64_t args[6]) {
    int64_t source = args[0] == 0 ? 0 : copy_string_in(mounting->source, args[0], PATH_BYTES);
    int64_t target = source < 0 ? source : path_in(mounting->target, args[1], false);
    int64_t type = target < 0 ? target : add_text(mounting, args[2], TYPE_BYTES);
    if (type < 0) {
        return type == -LINUX_ENAMETOOLONG ? -LINUX_EINVAL : type;
    }
    // What is shown may be shorter than what is used.
    uint32_t shown = source < SOURCE_BYTES ? (uint32_t)source : SOURCE_BYTES - 1;
    if (args[0] == 0) {
        shown = (uint32_t)strlen("none");
        memcpy(mounting->source, "none", shown);
    }
    memcpy(mounting->window + mounting->bytes, mounting->source, shown);
    mounting->bytes += shown;
    bool optional = (args[3] & MS_BIND) == 0;
    int64_t data = optional ? add_text(mounting, args[4], OPTIONS_BYTES) : 0;
    mounting->request = (struct vfs_mount_request){
        .what = ((args[3] & MS_BIND) != 0 ? VFS_MOUNT_BIND : 0) |
                ((args[3] & MS_REMOUNT) != 0 ? VFS_MOUNT_REMOUNT : 0),
        .flags = flags_of(args[3]),
        .type_bytes = (uint32_t)type,
        .source_bytes = shown,
        .data_bytes = data > 0 ? (uint32_t)data : 0,
    };
    return data < 0 ? data : 0;
}

static int64_t open_place(const char *path, uint32_t flags, struct path_open *open) {
    *open = (struct path_open){.flags = FS_OPEN_PATH | flags};
    return path_open(NULL, AT_CURRENT, path, strlen(path), open);
}

static int64_t mount_opened(struct mounting *mounting, const struct path_open *target) {
    struct path_open source = {.handle = HANDLE_NONE};
    handle_t server = mounts_server();
    bool bind = mounting->request.what == VFS_MOUNT_BIND;
    int64_t result = server == HANDLE_NONE ? -LINUX_ENODEV : 0;
    if (result == 0 && bind) {
        result = open_place(mounting->source, 0, &source);
    }
    if (result < 0) {
        return result;
    }
    const handle_t handles[2] = {target->handle, bind ? source.handle : target->handle};
    result = vfs_mount(server, &mounting->request, mounting->window, mounting->bytes, handles,
                       INSTANT_NEVER);
    if (bind) {
        (void)!sys_handle_close(source.handle);
    }
    return result == ERR_NO_SUCH_CALL    ? -LINUX_ENODEV
           : result == ERR_NOT_SUPPORTED ? -LINUX_EINVAL
                                         : linux_result(result);
}

static int64_t mount_text(struct mounting *mounting, uint64_t flags) {
    struct path_open target;
    const uint64_t spread = MS_UNBINDABLE | MS_PRIVATE | MS_SLAVE | MS_SHARED;
    int64_t result = open_place(mounting->target, 0, &target);
    if (result < 0) {
        return result;
    }
    if ((flags & spread) != 0) {
        result = (flags & spread) == MS_PRIVATE ? 0 : -LINUX_EINVAL; // all mounts are private
    } else if ((flags & MS_MOVE) != 0) {
        result = -LINUX_EINVAL;
    } else {
        result = mount_opened(mounting, &target);
    }
    (void)!sys_handle_close(target.handle);
    return result;
}

int64_t linux_mount(struct linux_thread *self, const uint64_t args[6]) {
    uint64_t call[6] = {args[0], args[1], args[2], args[3], args[4], 0};
    (void)self;
    if ((call[3] & 0xffff0000u) == MS_MAGIC) {
        call[3] &= 0xffff;
    }
    struct mounting *mounting = heap_alloc(sizeof(*mounting));
    if (mounting == NULL) {
        return -LINUX_ENOMEM;
    }
    mounting->bytes = 0;
    int64_t result = take_in(mounting, call);
    if (result == 0 && identity_current()->euid != 0) {
        result = -LINUX_EPERM;
    }
    result = result == 0 ? mount_text(mounting, call[3]) : result;
    heap_free(mounting, sizeof(*mounting));
    return result;
}

int64_t linux_umount2(struct linux_thread *self, const uint64_t args[6]) {
    char path[PATH_BYTES];
    struct path_open target;
    uint32_t flags = (uint32_t)args[1];
    const uint32_t known = MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW;
    (void)self;
    if ((flags & ~known) != 0) {
        return -LINUX_EINVAL;
    }
    int64_t result = path_in(path, args[0], false);
    if (result >= 0 && identity_current()->euid != 0) {
        return -LINUX_EPERM;
    }
    uint32_t follow = (flags & UMOUNT_NOFOLLOW) != 0 ? FS_OPEN_NO_FOLLOW : 0;
    result = result < 0 ? result : open_place(path, follow, &target);
    if (result < 0) {
        return result;
    }
    const struct vfs_unmount_request request = {.lazy = (flags & MNT_DETACH) != 0};
    handle_t server = mounts_server();
    result = server == HANDLE_NONE ? -LINUX_EINVAL
             : (flags & MNT_EXPIRE) != 0
                 ? -LINUX_EAGAIN
                 : linux_result(vfs_unmount(server, &request, &target.handle, INSTANT_NEVER));
    (void)!sys_handle_close(target.handle);
    return result;
}
