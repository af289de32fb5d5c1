// SPDX-License-Identifier: MIT
//
// What follows is said of AF_UNIX by unix(7), socket(7), send(2) and recv(2), and where they are
// silent by what Linux 6.1 does in the cases of tests/linux/programs/sockets.

#include <files/socket.h>

#include <abi/info.h>
#include <abi/limits.h>
#include <core/access.h>
#include <core/clock.h>
#include <core/heap.h>
#include <core/process.h>
#include <core/signal.h>
#include <core/status.h>
#include <sys/calls.h>
#include <sys/string.h>

#define SOCKET_DEVICE 8
#define FIONREAD 0x541b
#define TIOCOUTQ 0x5411

struct description *socket_make(handle_t handle, uint32_t flags, const struct socket *as) {
    struct description *file = description_make(FD_STREAM, handle, flags, &socket_ops);
    struct socket *socket = heap_alloc(sizeof(*socket));
    if (file == NULL || socket == NULL) {
        heap_free(socket, sizeof(*socket));
        if (file != NULL) {
            description_release(file);
        }
        return NULL;
    }
    *socket = *as;
    file->data = socket;
    file->data_bytes = sizeof(*socket);
    return file;
}

static uint32_t observed(const struct description *file) {
    int64_t signals = sys_object_wait(
        file->handle,
        SIGNAL_STREAM_PEER_CLOSED | SIGNAL_STREAM_READ_SHUT | SIGNAL_STREAM_WRITE_SHUT, 0, 0);
    return signals < 0 ? 0 : (uint32_t)signals;
}

static struct stream_info look(const struct description *file) {
    struct stream_info info = {0};
    // A stream of our own: it does not fail.
    (void)!sys_object_get(file->handle, &info, sizeof(info));
    return info;
}

// Whether the other end has gone, and left unread what was sent to it, which is still to be told.
static bool is_reset(const struct description *file, uint32_t signals) {
    const struct socket *socket = socket_of(file);
    return socket->type != SOCK_DGRAM && !socket->reset &&
           (signals & SIGNAL_STREAM_PEER_CLOSED) != 0 && look(file).unread_bytes != 0;
}

int64_t socket_take_error(struct description *file) {
    if (!is_reset(file, observed(file))) {
        return 0;
    }
    socket_of(file)->reset = true;
    return -LINUX_ECONNRESET;
}

static instant_t deadline_of(int64_t ns) {
    return ns == 0 ? INSTANT_NEVER : deadline_after(ns);
}

// What a wait that moved nothing means to the caller; 0: wait again.
static int64_t wait_result(struct linux_thread *self, int64_t status) {
    if (status == ERR_INTERRUPTED) {
        return signal_interrupts(self) ? -LINUX_ERESTARTSYS : 0;
    }
    return status == ERR_TIMED_OUT      ? -LINUX_EAGAIN
           : status == ERR_OUT_OF_RANGE ? -LINUX_EMSGSIZE
                                        : linux_result(status);
}

// ---- sending

// Nobody reads any more.
static int64_t refuse_send(struct linux_thread *self, struct description *file, uint32_t flags) {
    uint32_t type = socket_of(file)->type;
    uint32_t signals = observed(file);
    if (type == SOCK_DGRAM && (signals & SIGNAL_STREAM_WRITE_SHUT) == 0) {
        return -LINUX_ECONNREFUSED;
    }
    if (type == SOCK_STREAM && (flags & MSG_NOSIGNAL) == 0) {
        signal_raise(self, SIGPIPE);
    }
    return -LINUX_EPIPE;
}

static uint32_t io_flags(const struct description *file, uint32_t flags) {
    bool wait = (file->flags & O_NONBLOCK) == 0 && (flags & MSG_DONTWAIT) == 0;
    return IO_INTERRUPTIBLE | (wait ? 0 : IO_NONBLOCK);
}

// Sends one piece of memory: all of it, unless something comes in between. *done counts.
static int64_t send_piece(struct linux_thread *self, struct description *file, const void *data,
                          uint64_t bytes, uint32_t flags, uint64_t *done) {
    instant_t deadline = deadline_of(socket_of(file)->send_ns);
    uint64_t moved = 0;
    do {
        int64_t put = sys_stream_write(file->handle, (const uint8_t *)data + moved, bytes - moved,
                                       deadline, io_flags(file, flags));
        int64_t result = put >= 0                 ? 0
                         : put == ERR_PEER_CLOSED ? refuse_send(self, file, flags)
                                                  : wait_result(self, put);
        if (result < 0) {
            return result;
        }
        moved += put > 0 ? (uint64_t)put : 0;
        *done += put > 0 ? (uint64_t)put : 0;
        if (put >= 0 && moved == bytes) {
            return 0;
        }
    } while (true);
}

static uint64_t total_of(const struct socket_message *message) {
    uint64_t total = 0;
    for (uint32_t i = 0; i < message->count; i++) {
        total += message->pieces[i].bytes;
    }
    return total;
}

static int64_t send_bytes(struct linux_thread *self, struct description *file,
                          const struct socket_message *message) {
    uint64_t done = 0;
    int64_t result = 0;
    if (total_of(message) == 0 &&
        (observed(file) & (SIGNAL_STREAM_PEER_CLOSED | SIGNAL_STREAM_WRITE_SHUT)) != 0) {
        return refuse_send(self, file, message->flags);
    }
    for (uint32_t i = 0; i < message->count && result == 0; i++) {
        const struct socket_piece *piece = &message->pieces[i];
        if (piece->bytes != 0) {
            result = send_piece(self, file, (const void *)piece->addr, piece->bytes, message->flags,
                                &done);
        }
    }
    return done > 0 ? (int64_t)done : result;
}

static int64_t send_record(struct linux_thread *self, struct description *file,
                           const struct socket_message *message) {
    uint64_t total = total_of(message), at = 0, done = 0;
    if (total > SOCKET_BYTES) {
        return -LINUX_EMSGSIZE;
    }
    uint8_t *data = heap_alloc_dirty(total + 1);
    int64_t result = data == NULL ? -LINUX_ENOMEM : 0;
    for (uint32_t i = 0; i < message->count && result == 0; i++) {
        const struct socket_piece *piece = &message->pieces[i];
        result = copy_in(data + at, piece->addr, piece->bytes) ? 0 : -LINUX_EFAULT;
        at += piece->bytes;
    }
    result = result == 0 ? send_piece(self, file, data, total, message->flags, &done) : result;
    heap_free(data, total + 1);
    return result < 0 ? result : (int64_t)done;
}

int64_t socket_send(struct linux_thread *self, struct description *file,
                    const struct socket_message *message) {
    if ((message->flags & MSG_OOB) != 0) {
        return -LINUX_EOPNOTSUPP;
    }
    return socket_keeps_borders(file) ? send_record(self, file, message)
                                      : send_bytes(self, file, message);
}

// ---- receiving

// Waits until something comes of a pair of datagrams whose other end has gone or is shut, which
// its reader is not to see: nothing will.
static int64_t wait_for_nothing(struct linux_thread *self, instant_t deadline, uint32_t flags) {
    if ((flags & IO_NONBLOCK) != 0) {
        return -LINUX_EAGAIN;
    }
    status_t status;
    do {
        status = sys_thread_sleep(deadline, WAIT_INTERRUPTIBLE);
    } while (status == ERR_INTERRUPTED && !signal_interrupts(self));
    return status == ERR_INTERRUPTED ? -LINUX_ERESTARTSYS : -LINUX_EAGAIN;
}

// One read, or what the caller has to be told.
static int64_t receive_piece(struct linux_thread *self, struct description *file, void *data,
                             uint64_t bytes, uint32_t flags) {
    struct socket *socket = socket_of(file);
    instant_t deadline = deadline_of(socket->receive_ns);
    uint32_t io = io_flags(file, flags) | ((flags & MSG_PEEK) != 0 ? IO_PEEK : 0);
    for (;;) {
        uint64_t before = socket->type == SOCK_DGRAM ? look(file).read_bytes : 0;
        int64_t got = sys_stream_read(file->handle, data, bytes, deadline, io);
        if (got > 0) {
            return got;
        }
        if (got == 0 && socket->type == SOCK_DGRAM && (io & IO_PEEK) == 0 &&
            look(file).read_bytes == before) {
            bool ended = (socket->shut & SHUT_READ) != 0 && (io & IO_NONBLOCK) == 0;
            return ended ? 0 : wait_for_nothing(self, deadline, io);
        }
        if (got == 0) {
            return socket_take_error(file);
        }
        int64_t result = wait_result(self, got);
        if (result < 0) {
            return result;
        }
    }
}

// Puts what was received into the pieces. Returns how much went, or EFAULT.
static int64_t scatter(const struct socket_message *message, const uint8_t *data, uint64_t bytes) {
    uint64_t done = 0;
    for (uint32_t i = 0; i < message->count && done < bytes; i++) {
        const struct socket_piece *piece = &message->pieces[i];
        uint64_t part = piece->bytes < bytes - done ? piece->bytes : bytes - done;
        if (!copy_out(piece->addr, data + done, part)) {
            return -LINUX_EFAULT;
        }
        done += part;
    }
    return (int64_t)done;
}

// By way of a buffer: a record, or bytes that stay where they are.
static int64_t receive_whole(struct linux_thread *self, struct description *file,
                             struct socket_message *message) {
    uint64_t total = total_of(message);
    uint64_t room = socket_keeps_borders(file) || total > SOCKET_BYTES ? SOCKET_BYTES : total;
    uint8_t *data = heap_alloc_dirty(room + 1);
    if (data == NULL) {
        return -LINUX_ENOMEM;
    }
    // Packets tell it before what is still there, a stream behind that.
    int64_t got = socket_of(file)->type == SOCK_SEQPACKET ? socket_take_error(file) : 0;
    got = got == 0 ? receive_piece(self, file, data, room, message->flags) : got;
    uint32_t back = 0;
    if (got >= 0) {
        bool whole = (message->flags & MSG_TRUNC) != 0 && socket_keeps_borders(file);
        int64_t went = scatter(message, data, (uint64_t)got);
        back |= went >= 0 && went < got ? MSG_TRUNC : 0;
        got = went < 0 ? went : whole ? got : went;
    }
    message->flags = back;
    heap_free(data, room + 1);
    return got;
}

// Receives into one piece, and says whether there may be more for the next. *done counts. Once
// something has come, only MSG_WAITALL waits.
static bool fill_piece(struct linux_thread *self, struct description *file,
                       const struct socket_piece *piece, uint32_t flags, uint64_t *done,
                       int64_t *result) {
    bool all = (flags & MSG_WAITALL) != 0;
    uint64_t at = 0;
    while (at < piece->bytes) {
        uint64_t left = piece->bytes - at;
        left = left < STREAM_STEP_BYTES ? left : STREAM_STEP_BYTES;
        *result = receive_piece(self, file, (void *)(piece->addr + at), left,
                                flags | (*done > 0 && !all ? MSG_DONTWAIT : 0));
        if (*result <= 0) {
            return false;
        }
        at += (uint64_t)*result;
        *done += (uint64_t)*result;
        if (!all && (uint64_t)*result < left) {
            return false;
        }
    }
    return true;
}

static int64_t receive_bytes(struct linux_thread *self, struct description *file,
                             struct socket_message *message) {
    uint64_t done = 0;
    int64_t result = 0;
    bool more = true;
    for (uint32_t i = 0; i < message->count && more; i++) {
        more = fill_piece(self, file, &message->pieces[i], message->flags, &done, &result);
    }
    message->flags = 0;
    return done > 0 ? (int64_t)done : result;
}

int64_t socket_receive(struct linux_thread *self, struct description *file,
                       struct socket_message *message) {
    if ((message->flags & MSG_OOB) != 0) {
        return socket_keeps_borders(file) ? -LINUX_EOPNOTSUPP : -LINUX_EINVAL;
    }
    for (uint32_t i = 0; i < message->count; i++) {
        if (!user_range(message->pieces[i].addr, message->pieces[i].bytes)) {
            return -LINUX_EFAULT;
        }
    }
    return socket_keeps_borders(file) || (message->flags & MSG_PEEK) != 0
               ? receive_whole(self, file, message)
               : receive_bytes(self, file, message);
}

// ---- as a file

static int64_t socket_read(struct linux_thread *self, struct description *file,
                           const struct io *io) {
    const struct socket_piece piece = {io->addr, io->bytes};
    struct socket_message message = {&piece, 1, io->more ? MSG_DONTWAIT : 0};
    return socket_receive(self, file, &message);
}

static int64_t socket_write(struct linux_thread *self, struct description *file,
                            const struct io *io) {
    const struct socket_piece piece = {io->addr, io->bytes};
    const struct socket_message message = {&piece, 1, 0};
    return socket_send(self, file, &message);
}

static int64_t socket_stat(struct description *file, struct fs_attributes *attributes) {
    *attributes = (struct fs_attributes){
        .device = SOCKET_DEVICE,
        .inode = file->inode,
        .links = 1,
        .mode = FS_TYPE_SOCKET << 12 | 0777,
        .uid = socket_of(file)->uid,
        .gid = socket_of(file)->gid,
        .block_bytes = PAGE_SIZE,
    };
    return 0;
}

// FIONREAD: of messages the first alone.
static int64_t bytes_ready(struct description *file, uint64_t *count) {
    struct stream_info info = look(file);
    *count = info.written_bytes - info.read_bytes;
    if (!socket_keeps_borders(file)) {
        return 0;
    }
    uint8_t *data = heap_alloc_dirty(SOCKET_BYTES);
    if (data == NULL) {
        return -LINUX_ENOMEM;
    }
    int64_t got = sys_stream_read(file->handle, data, SOCKET_BYTES, 0, IO_NONBLOCK | IO_PEEK);
    *count = got > 0 ? (uint64_t)got : 0;
    heap_free(data, SOCKET_BYTES);
    return 0;
}

static int64_t socket_control(struct linux_thread *self, struct description *file, uint32_t request,
                              uint64_t argument) {
    uint64_t count = 0;
    int64_t result = 0;
    (void)self;
    switch (request) {
    case FIONREAD:
        result = bytes_ready(file, &count);
        break;
    case TIOCOUTQ:
        count = look(file).unread_bytes;
        break;
    default:
        return -LINUX_ENOTTY;
    }
    return result < 0 ? result : store_user32(argument, (uint32_t)count) ? 0 : -LINUX_EFAULT;
}

static uint32_t socket_poll(struct description *file, uint32_t events, struct wait_item *item) {
    uint32_t shut = socket_of(file)->shut;
    *item = (struct wait_item){
        .handle = file->handle,
        .signals = SIGNAL_STREAM_PEER_CLOSED | SIGNAL_STREAM_READ_SHUT | SIGNAL_STREAM_WRITE_SHUT,
    };
    if (socket_of(file)->type == SOCK_DGRAM) {
        // What the other does, or that it goes, is not seen.
        item->signals = (shut & SHUT_READ) != 0 ? SIGNAL_STREAM_READ_SHUT : 0;
        item->signals |= (shut & SHUT_WRITE) != 0 ? SIGNAL_STREAM_WRITE_SHUT : 0;
    }
    if ((events & (POLLIN | POLLRDNORM)) != 0) {
        item->signals |= SIGNAL_STREAM_READABLE;
    }
    if ((events & (POLLOUT | POLLWRNORM | POLLWRBAND)) != 0) {
        item->signals |= SIGNAL_STREAM_WRITABLE;
    }
    return 0;
}

static uint32_t socket_poll_ready(struct description *file, uint32_t events,
                                  const struct wait_item *items) {
    uint32_t signals = items->observed & items->signals;
    bool gone = (signals & SIGNAL_STREAM_PEER_CLOSED) != 0;
    bool no_read = gone || (signals & SIGNAL_STREAM_READ_SHUT) != 0;
    bool no_write = gone || (signals & SIGNAL_STREAM_WRITE_SHUT) != 0;
    uint32_t ready = no_read && no_write ? POLLHUP : 0;
    ready |= is_reset(file, signals) ? POLLERR : 0;
    if (no_read || (signals & SIGNAL_STREAM_READABLE) != 0) {
        ready |= events & (POLLIN | POLLRDNORM);
    }
    if ((signals & SIGNAL_STREAM_WRITABLE) != 0) {
        ready |= events & (POLLOUT | POLLWRNORM | POLLWRBAND);
    }
    return ready | (no_read ? events & POLLRDHUP : 0);
}

const struct file_ops socket_ops = {
    .read = socket_read,
    .write = socket_write,
    .stat = socket_stat,
    .control = socket_control,
    .poll = socket_poll,
    .poll_steady = true,
    .poll_also = SIGNAL_STREAM_READ_SHUT | SIGNAL_STREAM_WRITE_SHUT,
    .poll_ready = socket_poll_ready,
};

// ---- exec

void socket_describe(const struct description *file, struct libos_fd *fd) {
    const struct socket *socket = socket_of(file);
    fd->marks |= LIBOS_FD_SOCKET;
    fd->offset = (uint64_t)(uint32_t)socket->pid << 32 | socket->type;
    fd->secret = (uint64_t)socket->uid << 32 | socket->gid;
}

bool socket_adopt(struct description *file, const struct libos_fd *fd) {
    struct socket *socket = heap_alloc(sizeof(*socket));
    if (socket == NULL) {
        return false;
    }
    *socket = (struct socket){
        .type = (uint32_t)fd->offset,
        .pid = (int32_t)(fd->offset >> 32),
        .uid = (uint32_t)(fd->secret >> 32),
        .gid = (uint32_t)fd->secret,
        .send_bytes = SOCKET_BUFFER_BYTES,
        .receive_bytes = SOCKET_BUFFER_BYTES,
    };
    file->data = socket;
    file->data_bytes = sizeof(*socket);
    return true;
}
