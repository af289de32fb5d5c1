// SPDX-License-Identifier: MIT
//
// Pipes: streams of the kernel, which block, signal and end by themselves.

#include <files/stream.h>

#include <core/access.h>
#include <core/process.h>
#include <core/signal.h>
#include <core/status.h>
#include <sys/calls.h>

#define FIONREAD 0x541b
#define PIPE_DEVICE 0xc

// Whether the call of an interrupted wait has to end; if not, it waits again.
static bool is_interrupted(struct linux_thread *self, int64_t result) {
    return result == ERR_INTERRUPTED && signal_interrupts(self);
}

static int64_t stream_read(struct linux_thread *self, struct description *file,
                           const struct io *io) {
    bool wait = (file->flags & O_NONBLOCK) == 0 && !io->more;
    uint32_t flags = IO_INTERRUPTIBLE | (wait ? 0 : IO_NONBLOCK);
    int64_t got;
    if (io->bytes == 0) {
        return 0;
    }
    do {
        got = sys_stream_read(file->handle, (void *)io->addr, io->bytes, INSTANT_NEVER, flags);
        if (is_interrupted(self, got)) {
            return -LINUX_ERESTARTSYS;
        }
    } while (got == ERR_INTERRUPTED);
    return linux_result(got);
}

static int64_t stream_write(struct linux_thread *self, struct description *file,
                            const struct io *io) {
    uint32_t flags = IO_INTERRUPTIBLE | ((file->flags & O_NONBLOCK) != 0 ? IO_NONBLOCK : 0);
    uint64_t done = 0;
    while (done < io->bytes) {
        int64_t put = sys_stream_write(file->handle, (const void *)(io->addr + done),
                                       io->bytes - done, INSTANT_NEVER, flags);
        if (put >= 0) {
            done += (uint64_t)put;
        } else if (put == ERR_PEER_CLOSED) {
            signal_raise(self, SIGPIPE); // also when some of it went in
            return done > 0 ? (int64_t)done : -LINUX_EPIPE;
        } else if (put != ERR_INTERRUPTED || is_interrupted(self, put)) {
            return done > 0                 ? (int64_t)done
                   : put == ERR_INTERRUPTED ? -LINUX_ERESTARTSYS
                                            : linux_result(put);
        }
    }
    return (int64_t)done;
}

static int64_t stream_stat(struct description *file, struct fs_attributes *attributes) {
    *attributes = (struct fs_attributes){
        .device = PIPE_DEVICE,
        .inode = file->inode,
        .links = 1,
        .mode = FS_TYPE_FIFO << 12 | 0600,
        .uid = identity_current()->euid,
        .gid = identity_current()->egid,
        .block_bytes = PAGE_SIZE,
    };
    return 0;
}

static int64_t bytes_ready(handle_t stream, uint64_t argument) {
    // A look at what is there, through a bounded window of our own.
    uint8_t buffer[4096];
    int64_t got =
        sys_stream_read(stream, buffer, sizeof(buffer), INSTANT_NEVER, IO_NONBLOCK | IO_PEEK);
    uint32_t count = got > 0 ? (uint32_t)got : 0;
    return store_user32(argument, count) ? 0 : -LINUX_EFAULT;
}

int64_t stream_control_of(handle_t stream, uint32_t request, uint64_t argument) {
    return request == FIONREAD ? bytes_ready(stream, argument) : -LINUX_ENOTTY;
}

static int64_t stream_control(struct linux_thread *self, struct description *file, uint32_t request,
                              uint64_t argument) {
    (void)self;
    return stream_control_of(file->handle, request, argument);
}

static uint32_t stream_poll(struct description *file, uint32_t events, struct wait_item *item) {
    *item = (struct wait_item){.handle = file->handle, .signals = SIGNAL_STREAM_PEER_CLOSED};
    if ((events & (POLLIN | POLLRDNORM)) != 0 && can_read(file)) {
        item->signals |= SIGNAL_STREAM_READABLE;
    }
    if ((events & (POLLOUT | POLLWRNORM)) != 0 && can_write(file)) {
        item->signals |= SIGNAL_STREAM_WRITABLE;
    }
    return 0;
}

static uint32_t stream_poll_ready(struct description *file, uint32_t events,
                                  const struct wait_item *items) {
    uint32_t observed = items->observed;
    bool closed = (observed & SIGNAL_STREAM_PEER_CLOSED) != 0;
    uint32_t ready = 0;
    bool only_writes = (file->flags & O_ACCMODE) == O_WRONLY;
    if (can_read(file) && (observed & SIGNAL_STREAM_READABLE) != 0) {
        ready |= events & (POLLIN | POLLRDNORM);
    }
    if (can_write(file) && ((observed & SIGNAL_STREAM_WRITABLE) != 0 || (closed && only_writes))) {
        ready |= events & (POLLOUT | POLLWRNORM);
    }
    if (closed) {
        ready |= only_writes ? POLLERR : POLLHUP;
    }
    return ready;
}

const struct file_ops stream_ops = {
    .read = stream_read,
    .write = stream_write,
    .stat = stream_stat,
    .control = stream_control,
    .poll = stream_poll,
    .poll_steady = true,
    .poll_ready = stream_poll_ready,
};
