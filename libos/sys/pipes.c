// SPDX-License-Identifier: MIT
//
// Pipes, and moving bytes from one file to another.

#include <core/access.h>
#include <core/heap.h>
#include <core/status.h>
#include <files/fifo.h>
#include <linux/handlers.h>
#include <sys/calls.h>

#define PIPE_BYTES 65536

// Gives descriptors to both ends and tells the program.
static int64_t install_pair(handle_t first, uint32_t first_flags, handle_t second,
                            uint32_t second_flags, uint64_t to) {
    struct description *a = description_make(FD_STREAM, first, first_flags, &stream_ops);
    struct description *b = description_make(FD_STREAM, second, second_flags, &stream_ops);
    if (a == NULL || b == NULL) {
        if (a != NULL) {
            description_release(a);
        }
        if (b != NULL) {
            description_release(b);
        }
        return -LINUX_ENFILE;
    }
    b->inode = a->inode; // both ends are one pipe
    int64_t one = file_install(a, first_flags, 0);
    if (one < 0) {
        description_release(b);
        return one;
    }
    int64_t two = file_install(b, second_flags, 0);
    const int32_t fds[2] = {(int32_t)one, (int32_t)two};
    int64_t result = two < 0 ? two : copy_out(to, fds, sizeof(fds)) ? 0 : -LINUX_EFAULT;
    if (result < 0) {
        (void)!file_close((int)one);
        if (two >= 0) {
            (void)!file_close((int)two);
        }
    }
    return result;
}

static int64_t make_pipe(uint64_t to, uint32_t flags) {
    if ((flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK)) != 0) {
        return (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK | O_DIRECT)) == 0 ? -LINUX_EOPNOTSUPP
                                                                             : -LINUX_EINVAL;
    }
    int64_t pair = sys_stream_create(PIPE_BYTES, 0);
    if (pair < 0) {
        return pair == ERR_LIMIT ? -LINUX_ENFILE : linux_result(pair);
    }
    return install_pair(handle_pair_first(pair), O_RDONLY | flags, handle_pair_second(pair),
                        O_WRONLY | flags, to);
}

int64_t linux_pipe(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return make_pipe(args[0], 0);
}

int64_t linux_pipe2(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return make_pipe(args[0], (uint32_t)args[1]);
}

// ---- Moving bytes.

#define PIECE_BYTES 65536UL

struct copy {
    struct description *in, *out;
    int64_t in_offset, out_offset; // OFFSET_CURRENT: that of the description, which moves
    uint64_t bytes;
};

// Returns what was moved, or an error when nothing was.
static int64_t copy_bytes(struct linux_thread *self, struct copy *copy) {
    uint8_t *buffer = heap_alloc_dirty(PIECE_BYTES);
    uint64_t done = 0;
    int64_t result = buffer == NULL ? -LINUX_ENOMEM : 0;
    while (result == 0 && done < copy->bytes) {
        uint64_t left = copy->bytes - done;
        struct io io = {
            .addr = (uint64_t)buffer,
            .bytes = left < PIECE_BYTES ? left : PIECE_BYTES,
            .offset = copy->in_offset,
            .more = done > 0,
        };
        int64_t got = copy->in->ops->read(self, copy->in, &io);
        if (got <= 0) {
            result = got;
            break;
        }
        io.bytes = (uint64_t)got;
        io.offset = copy->out_offset;
        int64_t put = copy->out->ops->write(self, copy->out, &io);
        if (put < 0) {
            result = put;
            break;
        }
        copy->in_offset += copy->in_offset == OFFSET_CURRENT ? 0 : put;
        copy->out_offset += copy->out_offset == OFFSET_CURRENT ? 0 : put;
        done += (uint64_t)put;
        if (put < got) {
            break;
        }
    }
    heap_free(buffer, PIECE_BYTES);
    return done > 0 ? (int64_t)done : result;
}

static int64_t offset_in(uint64_t from, int64_t *offset) {
    uint64_t value = 0;
    *offset = OFFSET_CURRENT;
    if (from == 0) {
        return 0;
    }
    if (!load_user64(from, &value)) {
        return -LINUX_EFAULT;
    }
    *offset = (int64_t)value;
    return *offset < 0 ? -LINUX_EINVAL : 0;
}

static int64_t copy_files(struct linux_thread *self, int in, uint64_t in_offset, int out,
                          uint64_t out_offset, uint64_t bytes) {
    struct copy copy = {.in = file_get_open(in), .out = file_get_open(out), .bytes = bytes};
    int64_t result =
        copy.in == NULL || copy.out == NULL || !can_read(copy.in) || !can_write(copy.out)
            ? -LINUX_EBADF
        : copy.in->ops->read == NULL || copy.out->ops->write == NULL ? -LINUX_EINVAL
                                                                     : 0;
    result = result < 0 ? result : offset_in(in_offset, &copy.in_offset);
    result = result < 0 ? result : offset_in(out_offset, &copy.out_offset);
    if (result == 0) {
        result = copy_bytes(self, &copy);
        bool stored = (in_offset == 0 || store_user64(in_offset, (uint64_t)copy.in_offset)) &&
                      (out_offset == 0 || store_user64(out_offset, (uint64_t)copy.out_offset));
        result = stored ? result : -LINUX_EFAULT;
    }
    if (copy.in != NULL) {
        description_release(copy.in);
    }
    if (copy.out != NULL) {
        description_release(copy.out);
    }
    return result;
}

int64_t linux_sendfile(struct linux_thread *self, const uint64_t args[6]) {
    struct description *in = file_get_open((int)args[1]);
    bool seeks = in != NULL && in->ops->seek != NULL;
    if (in != NULL) {
        description_release(in);
    }
    if (in != NULL && !seeks) {
        return -LINUX_EINVAL; // from files only
    }
    return copy_files(self, (int)args[1], args[2], (int)args[0], 0, args[3]);
}

int64_t linux_copy_file_range(struct linux_thread *self, const uint64_t args[6]) {
    if (args[5] != 0) {
        return -LINUX_EINVAL;
    }
    struct description *in = file_get_open((int)args[0]), *out = file_get_open((int)args[2]);
    bool files = in != NULL && out != NULL && in->kind == FD_FILE && out->kind == FD_FILE &&
                 !in->directory && !out->directory && !is_fifo(in) && !is_fifo(out);
    int64_t result = in == NULL || out == NULL ? -LINUX_EBADF : files ? 0 : -LINUX_EINVAL;
    if (in != NULL) {
        description_release(in);
    }
    if (out != NULL) {
        description_release(out);
    }
    return result < 0 ? result
                      : copy_files(self, (int)args[0], args[1], (int)args[2], args[3], args[4]);
}
