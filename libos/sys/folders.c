// SPDX-License-Identifier: MIT
//
// Reading directories, and the directories that a process stands in.

#include <core/access.h>
#include <core/heap.h>
#include <core/process.h>
#include <core/status.h>
#include <files/mounts.h>
#include <files/path.h>
#include <linux/handlers.h>
#include <proto/fs_client.h>
#include <sys/calls.h>

#define LIST_BYTES 65536

// The place in the listing is the description's offset, which lseek sets back.
static int64_t list(struct description *file, uint64_t to, uint64_t room) {
    struct fs_list_reply reply;
    const struct fs_list_request request = {.cursor = FS_AT_CELL};
    if (!file->directory) {
        return -LINUX_ENOTDIR;
    }
    return linux_result(fs_list(file->handle, &request, &reply, (void *)to, room, INSTANT_NEVER));
}

int64_t linux_getdents64(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    uint64_t room = (uint32_t)args[2] < LIST_BYTES ? (uint32_t)args[2] : LIST_BYTES;
    struct description *file = file_get_open((int)args[0]);
    if (file == NULL) {
        return -LINUX_EBADF;
    }
    int64_t result = user_range(args[1], room) ? list(file, args[1], room) : -LINUX_EFAULT;
    description_release(file);
    return result;
}

// Puts another directory in the place of the current one, or of the root.
static void set_place(handle_t *place, const struct path_open *open) {
    struct linux_process *process = process_current();
    struct files *files = &process->files;
    mutex_lock(&files->lock);
    handle_t old = *place;
    *place = open->handle;
    *(place == &process->root ? &process->places.root : &process->places.cwd) = open->secret;
    mutex_unlock(&files->lock);
    if (old != HANDLE_NONE) {
        (void)!sys_handle_close(old);
    }
}

static int64_t change_to(struct linux_thread *self, int directory, const char *path, size_t bytes,
                         handle_t *place, uint32_t extra) {
    struct path_open open = {.flags = FS_OPEN_PATH | FS_OPEN_DIRECTORY | extra};
    int64_t result = path_open(self, directory, path, bytes, &open);
    if (result == 0) {
        set_place(place, &open);
    }
    return result;
}

int64_t linux_chdir(struct linux_thread *self, const uint64_t args[6]) {
    char path[PATH_BYTES];
    int64_t length = path_in(path, args[0], false);
    return length < 0
               ? length
               : change_to(self, AT_CURRENT, path, (size_t)length, &process_current()->cwd, 0);
}

int64_t linux_fchdir(struct linux_thread *self, const uint64_t args[6]) {
    struct description *file = file_get((int)args[0]);
    if (file == NULL) {
        return -LINUX_EBADF;
    }
    bool directory = file->kind == FD_FILE && file->directory;
    description_release(file);
    return directory ? change_to(self, (int)args[0], "", 0, &process_current()->cwd, 0)
                     : -LINUX_ENOTDIR;
}

int64_t linux_chroot(struct linux_thread *self, const uint64_t args[6]) {
    char path[PATH_BYTES];
    int64_t length = path_in(path, args[0], false);
    if (length < 0) {
        return length;
    }
    if (identity_current()->euid != 0) {
        return -LINUX_EPERM;
    }
    return change_to(self, AT_CURRENT, path, (size_t)length, &process_current()->root,
                     FS_OPEN_ROOT);
}

int64_t linux_getcwd(struct linux_thread *self, const uint64_t args[6]) {
    char path[PATH_BYTES];
    (void)self;
    int64_t bytes = process_current()->cwd == HANDLE_NONE
                        ? -LINUX_ENOENT
                        : mounts_place(process_current()->cwd, path);
    if (bytes < 0 || bytes == PATH_BYTES) {
        return bytes < 0 ? bytes : -LINUX_ENAMETOOLONG;
    }
    path[bytes] = '\0';
    if (args[1] < (uint64_t)bytes + 1) {
        return -LINUX_ERANGE;
    }
    return copy_out(args[0], path, (uint64_t)bytes + 1) ? bytes + 1 : -LINUX_EFAULT;
}
