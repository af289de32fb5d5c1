// SPDX-License-Identifier: MIT
//
// The kernel log as a file, for programs that run before there is anything better: each line that
// is written becomes a line of the log. The rest of an unfinished one is kept, and written when the
// description goes away.

#include <abi/limits.h>
#include <core/access.h>
#include <core/heap.h>
#include <core/process.h>
#include <files/table.h>
#include <sys/calls.h>

static int64_t log_read(struct linux_thread *self, struct description *file, const struct io *io) {
    (void)self;
    (void)file;
    (void)io;
    return 0;
}

static void flush(struct description *file) {
    if (file->position > 0) {
        (void)!sys_log_write(file->handle, file->data, file->position);
        file->position = 0;
    }
}

static bool make_buffer(struct description *file) {
    if (file->data == NULL) {
        file->data = heap_alloc(LOG_LINE_MAX);
        file->data_bytes = LOG_LINE_MAX;
    }
    return file->data != NULL;
}

static int64_t log_write(struct linux_thread *self, struct description *file, const struct io *io) {
    (void)self;
    if (!make_buffer(file)) {
        return -LINUX_ENOMEM;
    }
    char *line = file->data;
    for (uint64_t i = 0; i < io->bytes; i++) {
        char c;
        if (!copy_in(&c, io->addr + i, 1)) {
            return i > 0 ? (int64_t)i : -LINUX_EFAULT;
        }
        if (c != '\n') {
            line[file->position++] = c;
        }
        if (c == '\n' || file->position == LOG_LINE_MAX) {
            flush(file);
        }
    }
    return (int64_t)io->bytes;
}

static int64_t log_stat(struct description *file, struct fs_attributes *attributes) {
    (void)file;
    *attributes = (struct fs_attributes){
        .links = 1,
        .inode = 1,
        .mode = FS_TYPE_CHARACTER << 12 | 0600,
        .block_bytes = PAGE_SIZE,
    };
    return 0;
}

const struct file_ops log_ops = {
    .read = log_read,
    .write = log_write,
    .stat = log_stat,
    .close = flush,
};
