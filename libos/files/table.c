// SPDX-License-Identifier: MIT

#include <files/table.h>

#include <core/process.h>
#include <files/deferral.h>
#include <files/epoll.h>
#include <files/locks.h>
#include <sys/calls.h>

struct description *description_make(uint16_t kind, handle_t handle, uint32_t flags,
                                     const struct file_ops *ops) {
    struct description *file = heap_alloc(sizeof(*file));
    if (file == NULL) {
        if (handle != HANDLE_NONE) {
            (void)!sys_handle_close(handle);
        }
        return NULL;
    }
    *file = (struct description){
        .references = 1,
        .kind = kind,
        .handle = handle,
        .flags = flags & ~(uint32_t)(O_CLOEXEC | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC),
        .ops = ops,
    };
    struct handle_info info;
    if (kind == FD_STREAM && sys_handle_info(handle, &info) == OK) {
        file->inode = info.id; // /proc tells pipes apart by it
    }
    return file;
}

void description_release(struct description *file) {
    if (__atomic_sub_fetch(&file->references, 1, __ATOMIC_ACQ_REL) != 0) {
        return;
    }
    if (__atomic_load_n(&file->watched, __ATOMIC_RELAXED) != 0) {
        epoll_forget(file);
    }
    if (file->ops->close != NULL) {
        file->ops->close(file);
    }
    view_close(file);
    bool kept = file->deferral != NULL ? deferral_close(file->deferral, file->secret)
                                       : file->viewable && file->private && deferral_keep(file);
    if (file->handle != HANDLE_NONE && !kept) {
        (void)!sys_handle_close(file->handle);
    }
    heap_free(file->data, file->data_bytes);
    heap_free(file, sizeof(*file));
}

struct description *file_get(int fd) {
    struct files *files = &process_current()->files;
    if (fd < 0 || fd >= LIBOS_FDS_MAX) {
        return NULL;
    }
    mutex_lock(&files->lock);
    struct description *file = files->slots[fd].file;
    if (file != NULL) {
        __atomic_add_fetch(&file->references, 1, __ATOMIC_RELAXED);
    }
    mutex_unlock(&files->lock);
    return file;
}

struct description *file_get_open(int fd) {
    struct description *file = file_get(fd);
    if (file != NULL && (file->flags & O_PATH) != 0) {
        description_release(file);
        return NULL;
    }
    return file;
}

uint32_t files_limit(void) {
    uint64_t limit = identity_current()->limits[7][0];
    return limit < LIBOS_FDS_MAX ? (uint32_t)limit : LIBOS_FDS_MAX;
}

void file_put(uint32_t fd, struct description *file, bool close_on_exec) {
    struct files *files = &process_current()->files;
    files->slots[fd] = (struct file_slot){file, close_on_exec};
    files->bound = fd < files->bound ? files->bound : fd + 1;
}

int64_t file_install(struct description *file, uint32_t flags, int lowest) {
    struct files *files = &process_current()->files;
    uint32_t limit = files_limit();
    mutex_lock(&files->lock);
    uint32_t at = (uint32_t)lowest > files->first_free ? (uint32_t)lowest : files->first_free;
    while (at < limit && files->slots[at].file != NULL) {
        at++;
    }
    if (at < limit) {
        file_put(at, file, (flags & O_CLOEXEC) != 0);
        if ((uint32_t)lowest <= files->first_free) {
            files->first_free = at + 1;
        }
    }
    mutex_unlock(&files->lock);
    if (at >= limit) {
        description_release(file);
        return -LINUX_EMFILE;
    }
    return at;
}

int64_t file_close(int fd) {
    struct files *files = &process_current()->files;
    if (fd < 0 || fd >= LIBOS_FDS_MAX) {
        return -LINUX_EBADF;
    }
    mutex_lock(&files->lock);
    struct description *file = files->slots[fd].file;
    files->slots[fd] = (struct file_slot){0};
    if (file != NULL && (uint32_t)fd < files->first_free) {
        files->first_free = (uint32_t)fd;
    }
    mutex_unlock(&files->lock);
    if (file == NULL) {
        return -LINUX_EBADF;
    }
    lock_descriptor_closes(file);
    description_release(file);
    return 0;
}

bool file_cloexec(int fd) {
    struct files *files = &process_current()->files;
    mutex_lock(&files->lock);
    bool on = files->slots[fd].close_on_exec;
    mutex_unlock(&files->lock);
    return on;
}

void file_set_cloexec(int fd, bool on) {
    struct files *files = &process_current()->files;
    mutex_lock(&files->lock);
    if (files->slots[fd].file != NULL) {
        files->slots[fd].close_on_exec = on;
    }
    mutex_unlock(&files->lock);
}

void files_flush(void) {
    struct files *files = &process_current()->files;
    for (uint32_t i = 0; i < files->bound; i++) {
        struct description *file = files->slots[i].file;
        if (file != NULL && file->kind == FD_LOG) {
            file->ops->close(file);
        }
    }
}
