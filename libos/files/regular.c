// SPDX-License-Identifier: MIT
//
// Files and directories of a file server (protocol fs).
//
// Reading goes through a view (files/view.h) where there is one, and so does writing that makes the
// file no longer; all other writes go to the server. So a write is seen by all as soon as it
// returns: there is one memory.
//
// The offset of a description that no other process has is its `position`, under its lock `at`, and
// the server is given absolute offsets. Before it is shared (fork; also whatever else is going to
// pass descriptions on) file_share tells the server, who from then on keeps the offset and moves it
// together with what a read or write does, so that all who share it agree. There is no way back.

#include <core/access.h>
#include <core/process.h>
#include <core/signal.h>
#include <core/status.h>
#include <files/map.h>
#include <files/mounts.h>
#include <files/path.h>
#include <files/table.h>
#include <proto/fs_client.h>
#include <sys/calls.h>

#define STEP_BYTES (1UL << 20) // of a window

// ---- the offset

// Whether the offset is here; then it stays here until offset_unlock.
static bool offset_lock(struct description *file) {
    if (!file->private) {
        return false;
    }
    mutex_lock(&file->at);
    if (!file->private) {
        mutex_unlock(&file->at);
        return false;
    }
    return true;
}

static void offset_unlock(struct description *file) {
    mutex_unlock(&file->at);
}

void file_share(struct description *file) {
    if (!offset_lock(file)) {
        return;
    }
    struct fs_seek_reply reply;
    const struct fs_seek_request request = {
        .offset = (int64_t)file->position,
        .whence = FS_SEEK_SET,
    };
    if (file->position != file->published) {
        // It fails only when there is no server for good, and then so does all else.
        (void)!fs_seek(file->handle, &request, &reply, INSTANT_NEVER);
    }
    file->private = false;
    offset_unlock(file);
}

void files_share(void) {
    struct files *files = &process_current()->files;
    for (uint32_t i = 0; i < files->bound; i++) {
        if (files->slots[i].file != NULL) {
            file_share(files->slots[i].file);
        }
    }
}

void files_begin_child(void) {
    struct files *files = &process_current()->files;
    for (uint32_t i = 0; i < files->bound; i++) {
        struct description *file = files->slots[i].file;
        if (file != NULL && file->at.word != 0) {
            file->at = (struct mutex){0}; // not for nothing: it would copy a page
        }
    }
}

// ---- reading

// Reads by calls. `offset` is absolute or FS_AT_CELL.
static int64_t read_calls(struct description *file, const struct io *io, uint64_t offset) {
    uint64_t done = 0;
    while (done < io->bytes) {
        uint64_t bytes = io->bytes - done < STEP_BYTES ? io->bytes - done : STEP_BYTES;
        const struct fs_read_request request = {
            .offset = offset == FS_AT_CELL ? offset : offset + done,
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

// What a view gives of a read. False when `*done` bytes are not all: the server knows about the
// rest.
static bool read_view(struct description *file, const struct io *io, uint64_t offset,
                      uint64_t *done) {
    uint64_t size;
    struct view *view = view_get(file);
    *done = 0;
    if (view == NULL) {
        return false;
    }
    bool known = view_size(view, &size);
    if (known) {
        uint64_t left = offset < size ? size - offset : 0;
        uint64_t bytes = io->bytes < left ? io->bytes : left;
        *done = view_copy(view, io->addr, offset, bytes);
        known = *done == bytes;
    }
    view_put(view);
    return known;
}

// Reads at an absolute offset.
static int64_t read_at(struct description *file, const struct io *io, uint64_t offset) {
    uint64_t done;
    if (read_view(file, io, offset, &done)) {
        return (int64_t)done;
    }
    const struct io rest = {.addr = io->addr + done, .bytes = io->bytes - done};
    int64_t more = read_calls(file, &rest, offset + done);
    view_missed(file, more > 0 ? (uint64_t)more : 0);
    return more < 0 && done == 0 ? more : (int64_t)done + (more > 0 ? more : 0);
}

static int64_t regular_read(struct linux_thread *self, struct description *file,
                            const struct io *io) {
    (void)self;
    if (io->offset != OFFSET_CURRENT) {
        return read_at(file, io, (uint64_t)io->offset);
    }
    if (!offset_lock(file)) {
        return read_calls(file, io, FS_AT_CELL);
    }
    int64_t got = read_at(file, io, file->position);
    file->position += got > 0 ? (uint64_t)got : 0;
    offset_unlock(file);
    return got;
}

// ---- writing

// Writes from `offset` on: absolute, FS_AT_CELL or FS_AT_END. `*end` is where it ended.
static int64_t write_calls(struct linux_thread *self, struct description *file, const struct io *io,
                           uint64_t offset, uint64_t *end) {
    uint64_t done = 0;
    while (done < io->bytes) {
        uint64_t bytes = io->bytes - done < STEP_BYTES ? io->bytes - done : STEP_BYTES;
        const struct fs_write_request request = {
            .offset = offset >= FS_AT_END ? offset : offset + done,
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
        *end = reply.offset;
        if ((uint64_t)put < bytes) {
            break;
        }
    }
    return (int64_t)done;
}

// Writes at an absolute offset. `*end` is where it ended.
static int64_t write_at(struct linux_thread *self, struct description *file, const struct io *io,
                        uint64_t offset, uint64_t *end) {
    struct view *view = view_get_writable(file);
    uint64_t done = 0;
    if (view != NULL) {
        done = view_write(view, io->addr, offset, io->bytes);
        view_put(view);
        *end = offset + done;
    }
    if (done == io->bytes) {
        return (int64_t)done;
    }
    const struct io rest = {.addr = io->addr + done, .bytes = io->bytes - done};
    int64_t more = write_calls(self, file, &rest, offset + done, end);
    if (more > 0) {
        view_written(file, *end);
    }
    return more < 0 && done == 0 ? more : (int64_t)done + (more > 0 ? more : 0);
}

static int64_t regular_write(struct linux_thread *self, struct description *file,
                             const struct io *io) {
    bool append = (file->flags & O_APPEND) != 0;
    bool current = io->offset == OFFSET_CURRENT;
    uint64_t end;
    if (!append && !current) {
        return write_at(self, file, io, (uint64_t)io->offset, &end);
    }
    if (!current || !offset_lock(file)) {
        file->published = append ? OFFSET_UNKNOWN : file->published; // the server's moves
        return write_calls(self, file, io, append ? FS_AT_END : FS_AT_CELL, &end);
    }
    int64_t put = append ? write_calls(self, file, io, FS_AT_END, &end)
                         : write_at(self, file, io, file->position, &end);
    if (put > 0) {
        file->position = end;
        file->published = append ? end : file->published;
    }
    offset_unlock(file);
    return put;
}

static int64_t regular_stat(struct description *file, struct fs_attributes *attributes) {
    struct view *view = view_get(file);
    if (view != NULL) {
        bool known = view_attributes(view, attributes);
        view_put(view);
        if (known) {
            return 0;
        }
    }
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

static int64_t seek_call(struct description *file, int64_t offset, uint32_t whence) {
    const struct fs_seek_request request = {.offset = offset, .whence = whence};
    struct fs_seek_reply reply;
    int64_t result = fs_seek(file->handle, &request, &reply, INSTANT_NEVER);
    return result < 0 ? linux_result(result) : (int64_t)reply.offset;
}

// Where a private description is to go.
static int64_t seek_private(struct description *file, int64_t offset, int whence) {
    int64_t base = whence == SEEK_CUR   ? (int64_t)file->position
                   : whence == SEEK_END ? size_of(file)
                                        : 0;
    int64_t to;
    if (base < 0) {
        return base;
    }
    if (__builtin_add_overflow(base, offset, &to) || to < 0) {
        return -LINUX_EINVAL;
    }
    file->position = (uint64_t)to;
    return to;
}

static int64_t regular_seek(struct description *file, int64_t offset, int whence) {
    static const uint32_t server[] = {FS_SEEK_SET, FS_SEEK_CURRENT, FS_SEEK_END};
    if (whence == SEEK_DATA || whence == SEEK_HOLE) {
        offset = seek_data(size_of(file), offset, whence);
        if (offset < 0) {
            return offset;
        }
        whence = SEEK_SET;
    }
    if (whence < SEEK_SET || whence > SEEK_END) {
        return -LINUX_EINVAL;
    }
    if (!offset_lock(file)) {
        return seek_call(file, offset, server[whence]);
    }
    int64_t result = seek_private(file, offset, whence);
    offset_unlock(file);
    return result;
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

// The memory of a file for a mapping: the file's own, or from mapping->offset on a copy made at
// each first write. Returns where in the vmo the mapping begins.
static int64_t map_file(struct description *file, struct mapping *mapping, uint64_t bytes,
                        handle_t *vmo) {
    bool writes = mapping->shared && (mapping->protection & PROT_WRITE) != 0;
    struct fs_memory_request request = {.access = MAP_READ | MAP_EXECUTE};
    struct fs_memory_reply reply;
    if (mapping->offset > INT64_MAX - bytes) {
        return -LINUX_EOVERFLOW;
    }
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
        return (int64_t)mapping->offset;
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
    // Behind the file's end all of the mapping lies behind that of its memory.
    return clone < 0 ? linux_result(clone) : room == 0 ? (int64_t)PAGE_SIZE : 0;
}

const char *file_name(handle_t file) {
    char path[PATH_BYTES];
    struct memory *memory = &process_current()->memory;
    int64_t bytes = mounts_place(file, path);
    if (bytes < 0) {
        return NULL;
    }
    mutex_lock(&memory->lock);
    const char *name = memory_name(memory, path, (size_t)bytes);
    mutex_unlock(&memory->lock);
    return name;
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
        struct fs_attributes attributes = {.device = file->filesystem, .inode = file->inode};
        result = map_file(file, mapping, bytes, vmo);
        if (result >= 0 && (file->filesystem != 0 || regular_stat(file, &attributes) == 0)) {
            mapping->kind = MAPPING_FILE;
            mapping->device = attributes.device;
            mapping->inode = attributes.inode;
            mapping->name = file_name(file->handle);
        }
    }
    description_release(file);
    return result;
}
