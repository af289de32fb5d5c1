// SPDX-License-Identifier: MIT
//
// Files and directories of a file server (protocol fs). The server keeps the offset of a
// description and moves it together with what a read or write does, so that all processes that
// share the description agree.

#include <core/access.h>
#include <core/process.h>
#include <core/signal.h>
#include <core/status.h>
#include <files/map.h>
#include <files/table.h>
#include <proto/fs_client.h>
#include <sys/calls.h>

#define STEP_BYTES (1UL << 20) // of a window

static int64_t regular_read(struct linux_thread *self, struct description *file,
                            const struct io *io) {
    uint64_t done = 0;
    (void)self;
    while (done < io->bytes) {
        uint64_t bytes = io->bytes - done < STEP_BYTES ? io->bytes - done : STEP_BYTES;
        const struct fs_read_request request = {
            .offset = io->offset == OFFSET_CURRENT ? FS_AT_CELL : (uint64_t)io->offset + done,
            .size = bytes,
        };
        int64_t got =
            fs_read(file->handle, &request, (void *)(io->addr + done), bytes, INSTANT_NEVER);
        if (got < 0) {
            return done > 0 ? (int64_t)done : linux_result(got);
        }
        done += (uint64_t)got;
        if ((uint64_t)got < bytes) {
            break;
        }
    }
    return (int64_t)done;
}

static int64_t regular_write(struct linux_thread *self, struct description *file,
                             const struct io *io) {
    uint64_t done = 0;
    while (done < io->bytes) {
        uint64_t bytes = io->bytes - done < STEP_BYTES ? io->bytes - done : STEP_BYTES;
        const struct fs_write_request request = {
            .offset = (file->flags & O_APPEND) != 0  ? FS_AT_END
                      : io->offset == OFFSET_CURRENT ? FS_AT_CELL
                                                     : (uint64_t)io->offset + done,
            .size = bytes,
        };
        struct fs_write_reply reply;
        int64_t put = fs_write(file->handle, &request, (const void *)(io->addr + done), bytes,
                               &reply, INSTANT_NEVER);
        if (put < 0) {
            if (put == ERR_FILE_TOO_LARGE && done == 0) {
                signal_raise(self, SIGXFSZ);
            }
            return done > 0 ? (int64_t)done : put == ERR_LIMIT ? -LINUX_ENOSPC : linux_result(put);
        }
        done += (uint64_t)put;
        if ((uint64_t)put < bytes) {
            break;
        }
    }
    return (int64_t)done;
}

static int64_t regular_stat(struct description *file, struct fs_attributes *attributes) {
    const struct fs_stat_request request = {0};
    struct fs_stat_reply reply;
    int64_t result = fs_stat(file->handle, &request, NULL, 0, &reply, NULL, 0, INSTANT_NEVER);
    *attributes = reply.attributes;
    return linux_result(result);
}

enum whence { SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE };

static int64_t size_of(struct description *file) {
    struct fs_attributes attributes;
    int64_t result = regular_stat(file, &attributes);
    return result < 0 ? result : (int64_t)attributes.size;
}

static int64_t seek_data(int64_t size, int64_t offset, int whence) {
    if (size < 0) {
        return size;
    }
    if (offset < 0 || offset >= size) {
        return -LINUX_ENXIO;
    }
    return whence == SEEK_DATA ? offset : size; // one piece of data, up to the end
}

static int64_t regular_seek(struct description *file, int64_t offset, int whence) {
    struct fs_seek_request request = {.offset = offset};
    struct fs_seek_reply reply;
    switch (whence) {
    case SEEK_SET:
        request.whence = FS_SEEK_SET;
        break;
    case SEEK_CUR:
        request.whence = FS_SEEK_CURRENT;
        break;
    case SEEK_END:
        request.whence = FS_SEEK_END;
        break;
    case SEEK_DATA:
    case SEEK_HOLE:
        request.offset = seek_data(size_of(file), offset, whence);
        request.whence = FS_SEEK_SET;
        if (request.offset < 0) {
            return request.offset;
        }
        break;
    default:
        return -LINUX_EINVAL;
    }
    int64_t result = fs_seek(file->handle, &request, &reply, INSTANT_NEVER);
    return result < 0 ? linux_result(result) : (int64_t)reply.offset;
}

// Directories say nothing of terminals, regular files neither.
static int64_t regular_control(struct linux_thread *self, struct description *file,
                               uint32_t request, uint64_t argument) {
    (void)self;
    if (request != 0x541b || file->directory) { // FIONREAD
        return -LINUX_ENOTTY;
    }
    int64_t size = size_of(file), at = regular_seek(file, 0, SEEK_CUR);
    if (size < 0 || at < 0) {
        return size < 0 ? size : at;
    }
    return store_user32(argument, at < size ? (uint32_t)(size - at) : 0) ? 0 : -LINUX_EFAULT;
}

const struct file_ops file_regular_ops = {
    .read = regular_read,
    .write = regular_write,
    .seek = regular_seek,
    .stat = regular_stat,
    .control = regular_control,
};

// The memory of a file for a mapping: the file's own, or a copy made at each first write.
static int64_t map_file(struct description *file, struct mapping *mapping, uint64_t bytes,
                        handle_t *vmo) {
    bool writes = mapping->shared && (mapping->protection & PROT_WRITE) != 0;
    struct fs_memory_request request = {.access = MAP_READ | MAP_EXECUTE};
    struct fs_memory_reply reply;
    if (!can_read(file) || (writes && !can_write(file))) {
        return -LINUX_EACCES;
    }
    // A shared mapping may be made writable later.
    request.access |= mapping->shared && can_write(file) ? MAP_WRITE : 0;
    int64_t result = fs_memory(file->handle, &request, &reply, vmo, INSTANT_NEVER);
    if (result == ERR_FORBIDDEN && (mapping->protection & PROT_EXEC) == 0) {
        request.access &= ~(uint32_t)MAP_EXECUTE;
        result = fs_memory(file->handle, &request, &reply, vmo, INSTANT_NEVER);
    }
    if (result < 0) {
        return result == ERR_NOT_SUPPORTED ? -LINUX_ENODEV : linux_result(result);
    }
    if (mapping->shared) {
        return 0;
    }
    struct vmo_info info;
    status_t status = sys_object_get(*vmo, &info, sizeof(info));
    uint64_t room = status == OK && info.size_bytes > mapping->offset
                        ? page_up(info.size_bytes) - mapping->offset
                        : 0;
    int64_t clone = room == 0 ? sys_vmo_create(HANDLE_NONE, PAGE_SIZE, 0)
                              : sys_vmo_clone(*vmo, mapping->offset, bytes < room ? bytes : room,
                                              CLONE_AT_WRITE);
    (void)!sys_handle_close(*vmo);
    *vmo = clone < 0 ? HANDLE_NONE : (handle_t)clone;
    return clone < 0 ? linux_result(clone) : 0;
}

int64_t file_map(struct linux_thread *self, int fd, struct mapping *mapping, uint64_t bytes,
                 handle_t *vmo) {
    (void)self;
    struct description *file = file_get_open(fd);
    if (file == NULL) {
        return -LINUX_EBADF;
    }
    int64_t result = 0;
    if (file->device == (1 << 8 | 5) && file->ops == device_ops(1 << 8 | 5)) {
        mapping->offset = 0; // /dev/zero: anonymous memory
    } else if (file->kind != FD_FILE || file->device != 0) {
        result = -LINUX_ENODEV;
    } else {
        struct fs_attributes attributes;
        result = map_file(file, mapping, bytes, vmo);
        if (result == 0 && regular_stat(file, &attributes) == 0) {
            mapping->kind = MAPPING_FILE;
            mapping->device = attributes.device;
            mapping->inode = attributes.inode;
        }
    }
    description_release(file);
    return result;
}
