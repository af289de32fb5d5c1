// SPDX-License-Identifier: MIT
//
// Opening files by name.

#include <core/access.h>
#include <core/process.h>
#include <core/status.h>
#include <files/deferral.h>
#include <files/fifo.h>
#include <files/magic.h>
#include <files/path.h>
#include <files/service.h>
#include <files/terminal.h>
#include <linux/handlers.h>
#include <sys/calls.h>

// FS_OPEN_ flags for those of open(2).
static uint32_t flags_of(uint32_t flags) {
    uint32_t access = flags & O_ACCMODE;
    uint32_t wanted = 0;
    if ((flags & O_PATH) != 0) {
        return FS_OPEN_PATH | ((flags & O_DIRECTORY) != 0 ? FS_OPEN_DIRECTORY : 0) |
               ((flags & O_NOFOLLOW) != 0 ? FS_OPEN_NO_FOLLOW : 0);
    }
    wanted |= access != O_WRONLY ? FS_OPEN_READ : 0;
    wanted |= access != O_RDONLY ? FS_OPEN_WRITE : 0;
    wanted |= (flags & O_TRUNC) != 0 ? FS_OPEN_TRUNCATE : 0;
    wanted |= (flags & O_NOFOLLOW) != 0 ? FS_OPEN_NO_FOLLOW : 0;
    if ((flags & O_TMPFILE) == O_TMPFILE) {
        return wanted | FS_OPEN_TEMPORARY;
    }
    wanted |= (flags & O_DIRECTORY) != 0 ? FS_OPEN_DIRECTORY : 0;
    if ((flags & O_CREAT) != 0) {
        wanted |= FS_OPEN_CREATE | ((flags & O_EXCL) != 0 ? FS_OPEN_EXCLUSIVE : 0);
    }
    return wanted;
}

// How a thing of this type behaves; null: it can't be opened here.
static const struct file_ops *ops_for(const struct fs_attributes *attributes, uint32_t flags) {
    if ((flags & O_PATH) != 0) {
        return &file_regular_ops;
    }
    switch (attributes->mode >> 12) {
    case FS_TYPE_REGULAR:
    case FS_TYPE_DIRECTORY:
        return &file_regular_ops;
    case FS_TYPE_CHARACTER:
        return device_ops(attributes->rdev);
    default:
        return NULL;
    }
}

static int64_t install_opened(const struct path_open *open, uint32_t flags) {
    bool device = open->attributes.mode >> 12 == FS_TYPE_CHARACTER && (flags & O_PATH) == 0;
    if (device && is_terminal(open->attributes.rdev)) {
        path_close(open);
        return terminal_open(open->attributes.rdev, flags);
    }
    if (device && is_service(open->attributes.rdev)) {
        path_close(open);
        return service_open(open->attributes.rdev, flags);
    }
    if (open->attributes.mode >> 12 == FS_TYPE_FIFO && (flags & O_PATH) == 0) {
        return fifo_open(open, flags);
    }
    const struct file_ops *ops = ops_for(&open->attributes, flags);
    if (ops == NULL) {
        path_close(open);
        return -LINUX_ENXIO;
    }
    struct description *file = description_make(FD_FILE, HANDLE_NONE, flags, ops);
    if (file == NULL) {
        path_close(open);
        return -LINUX_ENOMEM;
    }
    file->handle = open->handle;
    file->deferral = open->deferral;
    file->forks = deferral_forks();
    uint32_t type = open->attributes.mode >> 12;
    file->directory = type == FS_TYPE_DIRECTORY;
    file->device = type == FS_TYPE_CHARACTER && (flags & O_PATH) == 0 ? open->attributes.rdev : 0;
    file->inode = open->attributes.inode;
    file->secret = open->secret;
    file->filesystem = open->attributes.device;
    file->viewable = file->private = open->viewable;
    return file_install(file, flags, 0);
}

static int64_t open_at(struct linux_thread *self, int directory, uint64_t from, uint32_t flags,
                       uint32_t mode) {
    char path[PATH_BYTES];
    int64_t length = path_in(path, from, false);
    if (length < 0) {
        return length;
    }
    if ((flags & O_TMPFILE) == O_TMPFILE && (flags & O_ACCMODE) == O_RDONLY) {
        return -LINUX_EINVAL;
    }
    struct path_open open; // what comes out of it need not be cleared first
    open.flags = flags_of(flags);
    open.mode = mode & 07777 & ~process_current()->umask;
    open.takes_description = true;
    open.reuses = (flags & O_TMPFILE) != O_TMPFILE;
    open.deferral = NULL;
    int64_t result = path_open(self, directory, path, (size_t)length, &open);
    if (result == 0 && open.description != NULL) {
        return magic_open(open.description, flags);
    }
    return result < 0 ? result : install_opened(&open, flags | O_LARGEFILE);
}

int64_t linux_open(struct linux_thread *self, const uint64_t args[6]) {
    return open_at(self, AT_CURRENT, args[0], (uint32_t)args[1], (uint32_t)args[2]);
}

int64_t linux_creat(struct linux_thread *self, const uint64_t args[6]) {
    return open_at(self, AT_CURRENT, args[0], O_CREAT | O_WRONLY | O_TRUNC, (uint32_t)args[1]);
}

int64_t linux_openat(struct linux_thread *self, const uint64_t args[6]) {
    return open_at(self, (int)args[0], args[1], (uint32_t)args[2], (uint32_t)args[3]);
}
