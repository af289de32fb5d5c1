// SPDX-License-Identifier: MIT

#include <files/adopt.h>

#include <core/process.h>
#include <files/fifo.h>
#include <files/service.h>
#include <files/socket.h>
#include <files/table.h>
#include <files/terminal.h>
#include <sys/calls.h>

static const struct file_ops *ops_of(const struct libos_fd *fd) {
    switch (fd->kind) {
    case FD_STREAM:
        return (fd->marks & LIBOS_FD_SOCKET) != 0 ? &socket_ops : &stream_ops;
    case FD_LOG:
        return &log_ops;
    case FD_FILE:
        if ((fd->marks & LIBOS_FD_FIFO) != 0) {
            return &fifo_ops;
        }
        return fd->device != 0 ? device_ops(fd->device) : &file_regular_ops;
    case FD_EVENT:
        return &event_ops;
    case FD_TIMER:
        return &timer_ops;
    case FD_TERMINAL:
        return &terminal_ops;
    case FD_SERVICE:
        return service_ops_of(fd->device);
    case FD_LOCAL:
        return device_ops(fd->device);
    default:
        return NULL;
    }
}

// Descriptors that shared a description name the same handle.
static struct description *same_handle(struct files *files, handle_t handle) {
    for (uint32_t i = 0; handle != HANDLE_NONE && i < files->bound; i++) {
        struct description *file = files->slots[i].file;
        if (file != NULL && file->handle == handle) {
            file->references++;
            return file;
        }
    }
    return NULL;
}

static void adopt(struct files *files, const struct libos_fd *fd) {
    const struct file_ops *ops = ops_of(fd);
    if (fd->fd >= LIBOS_FDS_MAX || ops == NULL || files->slots[fd->fd].file != NULL) {
        return;
    }
    struct description *file = same_handle(files, fd->handle);
    bool pipe = ops == &fifo_ops;
    if (file == NULL) {
        file = description_make(fd->kind, fd->handle, fd->flags, ops);
        if (file != NULL &&
            ((pipe && !fifo_adopt(file, fd)) || (ops == &socket_ops && !socket_adopt(file, fd)))) {
            description_release(file);
            return;
        }
    }
    if (file == NULL) {
        return;
    }
    file->device = pipe ? 0 : fd->device;
    file->inode = fd->inode != 0 ? fd->inode : file->inode;
    file->secret = fd->secret;
    file->position = pipe ? 0 : fd->offset;
    file->private = fd->kind == FD_FILE && (fd->marks & LIBOS_FD_PRIVATE) != 0;
    file->viewable = file->private || (fd->marks & LIBOS_FD_VIEWABLE) != 0;
    file->published = OFFSET_UNKNOWN;
    file_put(fd->fd, file, (fd->marks & LIBOS_FD_CLOEXEC) != 0);
}

void files_adopt(const struct libos_record *record) {
    struct files *files = &process_current()->files;
    const struct libos_fd *fds = (const void *)((const char *)record + record->fds);
    for (uint32_t i = 0; i < record->fd_count; i++) {
        adopt(files, &fds[i]);
    }
}

uint32_t files_describe(struct libos_fd *fds, uint32_t room) {
    struct files *files = &process_current()->files;
    uint32_t count = 0;
    for (uint32_t i = 0; i < files->bound && count < room; i++) {
        struct description *file = files->slots[i].file;
        if (file == NULL || files->slots[i].close_on_exec) {
            continue;
        }
        fds[count] = (struct libos_fd){
            .fd = i,
            .handle = file->handle,
            .kind = file->kind,
            .marks =
                (file->private ? LIBOS_FD_PRIVATE : 0) | (file->viewable ? LIBOS_FD_VIEWABLE : 0),
            .flags = file->flags,
            .device = file->device,
            .offset = file->position,
            .inode = file->inode,
            .secret = file->secret,
        };
        if (is_fifo(file)) {
            fifo_describe(file, &fds[count]);
        } else if (is_socket(file)) {
            socket_describe(file, &fds[count]);
        }
        count++;
    }
    return count;
}

void files_close_for_exec(void) {
    for (int fd = 0; fd < (int)process_current()->files.bound; fd++) {
        if (file_cloexec(fd)) {
            (void)!file_close(fd);
        }
    }
}
