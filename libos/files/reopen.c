// SPDX-License-Identifier: MIT

#include <files/reopen.h>

#include <files/path.h>
#include <files/table.h>
#include <sys/calls.h>
#include <sys/string.h>

static int number_after(const char *path, const char *prefix) {
    size_t length = strlen(prefix);
    int number = 0;
    if (strncmp(path, prefix, length) != 0 || path[length] == '\0') {
        return -1;
    }
    for (const char *at = path + length; *at != '\0'; at++) {
        if (*at < '0' || *at > '9' || number > LIBOS_FDS_MAX) {
            return -1;
        }
        number = number * 10 + (*at - '0');
    }
    return number;
}

int reopen_number(const char *path) {
    static const char *const names[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(path, names[i]) == 0) {
            return i;
        }
    }
    int number = number_after(path, "/dev/fd/");
    return number >= 0 ? number : number_after(path, "/proc/self/fd/");
}

int64_t reopen(int fd, uint32_t flags) {
    struct description *file = file_get(fd);
    if (file == NULL) {
        return -LINUX_ENOENT;
    }
    if (file->kind != FD_FILE || file->device != 0) {
        return file_install(file, flags, 0); // the same description: a pipe has only one
    }
    struct path_open open = {
        .flags = ((flags & O_ACCMODE) != O_WRONLY ? FS_OPEN_READ : 0) |
                 ((flags & O_ACCMODE) != O_RDONLY ? FS_OPEN_WRITE : 0) |
                 ((flags & O_TRUNC) != 0 ? FS_OPEN_TRUNCATE : 0),
    };
    bool directory = file->directory;
    int64_t result = path_open(NULL, fd, "", 0, &open);
    description_release(file);
    if (result < 0) {
        return result;
    }
    struct description *again =
        description_make(FD_FILE, open.handle, flags | O_LARGEFILE, &file_regular_ops);
    if (again == NULL) {
        return -LINUX_ENOMEM;
    }
    again->directory = directory;
    again->inode = open.attributes.inode;
    again->secret = open.secret;
    return file_install(again, flags, 0);
}
