// SPDX-License-Identifier: MIT
//
// Reading, writing, and moving the place where that happens.

#include <core/access.h>
#include <core/signal.h>
#include <files/socket.h>
#include <files/table.h>
#include <linux/handlers.h>

#define BYTES_MAX 0x7ffff000UL // a call moves at most so many, as on Linux
#define PIECES_MAX 1024

struct piece {
    uint64_t addr, bytes;
};

enum direction { READ, WRITE };

static int64_t transfer(struct linux_thread *self, struct description *file, struct io *io,
                        enum direction direction) {
    bool allowed = direction == READ ? can_read(file) : can_write(file);
    int64_t (*function)(struct linux_thread *, struct description *, const struct io *) =
        direction == READ ? file->ops->read : file->ops->write;
    if (!allowed) {
        return -LINUX_EBADF;
    }
    io->bytes = io->bytes < BYTES_MAX ? io->bytes : BYTES_MAX;
    if (!user_range(io->addr, io->bytes)) {
        return -LINUX_EFAULT;
    }
    return function == NULL ? -LINUX_EINVAL : function(self, file, io);
}

static int64_t transfer_fd(struct linux_thread *self, int fd, struct io *io,
                           enum direction direction) {
    struct description *file = file_get_open(fd);
    if (file == NULL) {
        return -LINUX_EBADF;
    }
    int64_t result = io->offset != OFFSET_CURRENT && file->ops->seek == NULL
                         ? -LINUX_ESPIPE
                         : transfer(self, file, io, direction);
    description_release(file);
    return result;
}

int64_t linux_read(struct linux_thread *self, const uint64_t args[6]) {
    struct io io = {.addr = args[1], .bytes = args[2], .offset = OFFSET_CURRENT};
    return transfer_fd(self, (int)args[0], &io, READ);
}

int64_t linux_write(struct linux_thread *self, const uint64_t args[6]) {
    struct io io = {.addr = args[1], .bytes = args[2], .offset = OFFSET_CURRENT};
    return transfer_fd(self, (int)args[0], &io, WRITE);
}

int64_t linux_pread64(struct linux_thread *self, const uint64_t args[6]) {
    struct io io = {.addr = args[1], .bytes = args[2], .offset = (int64_t)args[3]};
    return io.offset < 0 ? -LINUX_EINVAL : transfer_fd(self, (int)args[0], &io, READ);
}

int64_t linux_pwrite64(struct linux_thread *self, const uint64_t args[6]) {
    struct io io = {.addr = args[1], .bytes = args[2], .offset = (int64_t)args[3]};
    return io.offset < 0 ? -LINUX_EINVAL : transfer_fd(self, (int)args[0], &io, WRITE);
}

// Checks a vector as a whole before anything is moved.
static int64_t check_vector(uint64_t vector, uint64_t count) {
    uint64_t total = 0;
    if (count > PIECES_MAX) {
        return -LINUX_EINVAL;
    }
    for (uint64_t i = 0; i < count; i++) {
        struct piece piece;
        if (!copy_in(&piece, vector + i * sizeof(piece), sizeof(piece))) {
            return -LINUX_EFAULT;
        }
        if ((int64_t)piece.bytes < 0 || (total += piece.bytes) > INT64_MAX) {
            return -LINUX_EINVAL;
        }
    }
    return 0;
}

// Moves piece after piece; what was moved before an error counts.
static int64_t transfer_vector(struct linux_thread *self, struct description *file,
                               const uint64_t args[6], int64_t offset, enum direction direction) {
    int64_t done = 0;
    for (uint64_t i = 0; i < args[2]; i++) {
        struct piece piece;
        if (!copy_in(&piece, args[1] + i * sizeof(piece), sizeof(piece))) {
            return done > 0 ? done : -LINUX_EFAULT;
        }
        if (piece.bytes == 0) {
            continue;
        }
        struct io io = {
            .addr = piece.addr,
            .bytes = piece.bytes,
            .offset = offset == OFFSET_CURRENT ? offset : offset + done,
            .more = done > 0,
        };
        int64_t moved = transfer(self, file, &io, direction);
        if (moved < 0) {
            return done > 0 ? done : moved;
        }
        done += moved;
        if ((uint64_t)moved < piece.bytes) {
            break;
        }
    }
    return done;
}

static int64_t vector_call(struct linux_thread *self, const uint64_t args[6], int64_t offset,
                           enum direction direction) {
    struct description *file = file_get_open((int)args[0]);
    if (file == NULL) {
        return -LINUX_EBADF;
    }
    bool allowed = direction == READ ? can_read(file) : can_write(file);
    if (allowed && is_socket(file) && offset == OFFSET_CURRENT) {
        int64_t moved = socket_vector(self, file, args[1], args[2], direction == WRITE);
        description_release(file);
        return moved;
    }
    int64_t result = !allowed                                              ? -LINUX_EBADF
                     : offset != OFFSET_CURRENT && file->ops->seek == NULL ? -LINUX_ESPIPE
                                                                           : 0;
    result = result == 0 ? check_vector(args[1], args[2]) : result;
    result = result == 0 ? transfer_vector(self, file, args, offset, direction) : result;
    description_release(file);
    return result;
}

int64_t linux_readv(struct linux_thread *self, const uint64_t args[6]) {
    return vector_call(self, args, OFFSET_CURRENT, READ);
}

int64_t linux_writev(struct linux_thread *self, const uint64_t args[6]) {
    return vector_call(self, args, OFFSET_CURRENT, WRITE);
}

int64_t linux_preadv(struct linux_thread *self, const uint64_t args[6]) {
    return (int64_t)args[3] < 0 ? -LINUX_EINVAL : vector_call(self, args, (int64_t)args[3], READ);
}

int64_t linux_pwritev(struct linux_thread *self, const uint64_t args[6]) {
    return (int64_t)args[3] < 0 ? -LINUX_EINVAL : vector_call(self, args, (int64_t)args[3], WRITE);
}

int64_t linux_preadv2(struct linux_thread *self, const uint64_t args[6]) {
    return args[5] != 0            ? -LINUX_EOPNOTSUPP
           : (int64_t)args[3] < -1 ? -LINUX_EINVAL
                                   : vector_call(self, args, (int64_t)args[3], READ);
}

int64_t linux_pwritev2(struct linux_thread *self, const uint64_t args[6]) {
    return args[5] != 0            ? -LINUX_EOPNOTSUPP
           : (int64_t)args[3] < -1 ? -LINUX_EINVAL
                                   : vector_call(self, args, (int64_t)args[3], WRITE);
}

int64_t linux_lseek(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    struct description *file = file_get_open((int)args[0]);
    if (file == NULL) {
        return -LINUX_EBADF;
    }
    int64_t result = file->ops->seek == NULL
                         ? -LINUX_ESPIPE
                         : file->ops->seek(file, (int64_t)args[1], (int)args[2]);
    description_release(file);
    return result;
}

// Requests that every file answers.
enum { FIOCLEX = 0x5451, FIONCLEX = 0x5450, FIONBIO = 0x5421 };

static int64_t control(struct linux_thread *self, struct description *file,
                       const uint64_t args[6]) {
    uint32_t request = (uint32_t)args[1];
    uint32_t on;
    switch (request) {
    case FIONBIO:
        if (!load_user32(args[2], &on)) {
            return -LINUX_EFAULT;
        }
        file->flags = (file->flags & ~(uint32_t)O_NONBLOCK) | (on != 0 ? O_NONBLOCK : 0);
        return 0;
    default:
        return file->ops->control == NULL ? -LINUX_ENOTTY
                                          : file->ops->control(self, file, request, args[2]);
    }
}

int64_t linux_ioctl(struct linux_thread *self, const uint64_t args[6]) {
    struct description *file = file_get_open((int)args[0]);
    if (file == NULL) {
        return -LINUX_EBADF;
    }
    int64_t result;
    if ((uint32_t)args[1] == FIOCLEX || (uint32_t)args[1] == FIONCLEX) {
        file_set_cloexec((int)args[0], (uint32_t)args[1] == FIOCLEX);
        result = 0;
    } else {
        result = control(self, file, args);
    }
    description_release(file);
    return result;
}
