// SPDX-License-Identifier: MIT
//
// Device nodes that need no driver: the libos knows them by their number.

#include <core/access.h>
#include <core/status.h>
#include <files/table.h>
#include <proto/fs_client.h>
#include <sys/calls.h>

#define RANDOM_PIECE 256

static int64_t stat_node(struct description *file, struct fs_attributes *attributes) {
    if (file->handle == HANDLE_NONE) {
        *attributes = (struct fs_attributes){
            .links = 1,
            .mode = FS_TYPE_CHARACTER << 12 | 0666,
            .rdev = file->device,
            .block_bytes = PAGE_SIZE,
        };
        return 0;
    }
    const struct fs_stat_request request = {0};
    struct fs_stat_reply reply;
    int64_t result = fs_stat(file->handle, &request, NULL, 0, &reply, NULL, 0, INSTANT_NEVER);
    *attributes = reply.attributes;
    return linux_result(result);
}

static int64_t seek_nowhere(struct description *file, int64_t offset, int whence) {
    (void)file;
    (void)offset;
    return whence < 0 || whence > 2 ? -LINUX_EINVAL : 0;
}

static int64_t read_nothing(struct linux_thread *self, struct description *file,
                            const struct io *io) {
    (void)self;
    (void)file;
    (void)io;
    return 0;
}

static int64_t write_away(struct linux_thread *self, struct description *file,
                          const struct io *io) {
    (void)self;
    (void)file;
    return (int64_t)io->bytes;
}

static int64_t read_zeros(struct linux_thread *self, struct description *file,
                          const struct io *io) {
    (void)self;
    (void)file;
    uint64_t left = access_clear((void *)io->addr, io->bytes);
    return left == io->bytes && left > 0 ? -LINUX_EFAULT : (int64_t)(io->bytes - left);
}

static int64_t write_full(struct linux_thread *self, struct description *file,
                          const struct io *io) {
    (void)self;
    (void)file;
    (void)io;
    return -LINUX_ENOSPC;
}

static int64_t read_random(struct linux_thread *self, struct description *file,
                           const struct io *io) {
    (void)self;
    (void)file;
    uint8_t piece[RANDOM_PIECE];
    uint64_t done = 0;
    while (done < io->bytes) {
        uint64_t bytes = io->bytes - done < RANDOM_PIECE ? io->bytes - done : RANDOM_PIECE;
        status_t status = sys_random_get(piece, bytes);
        if (status != OK) {
            return linux_result(status);
        }
        if (!copy_out(io->addr + done, piece, bytes)) {
            return done > 0 ? (int64_t)done : -LINUX_EFAULT;
        }
        done += bytes;
    }
    return (int64_t)done;
}

static const struct file_ops null_ops = {
    .read = read_nothing, .write = write_away, .seek = seek_nowhere, .stat = stat_node};
static const struct file_ops zero_ops = {
    .read = read_zeros, .write = write_away, .seek = seek_nowhere, .stat = stat_node};
static const struct file_ops full_ops = {
    .read = read_zeros, .write = write_full, .seek = seek_nowhere, .stat = stat_node};
static const struct file_ops random_ops = {
    .read = read_random, .write = write_away, .seek = seek_nowhere, .stat = stat_node};

const struct file_ops *device_ops(uint64_t rdev) {
    switch (rdev) {
    case 1 << 8 | 3:
        return &null_ops;
    case 1 << 8 | 5:
        return &zero_ops;
    case 1 << 8 | 7:
        return &full_ops;
    case 1 << 8 | 8:
    case 1 << 8 | 9:
        return &random_ops;
    default:
        return NULL;
    }
}
