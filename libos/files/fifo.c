// SPDX-License-Identifier: MIT
//
// Named pipes: a kernel stream that all openers share, so reading and writing need no server. What
// the stream can't tell, since vfsd keeps both of its ends, is whether anybody is on the other
// side: that is told by the *peer*, an event of one of those who are there, which shows PEER_CLOSED
// when that one has gone. Then vfsd is asked for another one; there may be none, which for a reader
// is the end of the file and for a writer a broken pipe, until somebody comes.
//
// Order: whether a writer is there is looked at before the last look into the stream. What it wrote
// before it went is then not missed.
//
// A description for both reading and writing is its own other side: it asks for nobody.

#include <files/fifo.h>

#include <abi/rights.h>
#include <core/process.h>
#include <core/signal.h>
#include <core/status.h>
#include <files/mounts.h>
#include <files/path.h>
#include <files/stream.h>
#include <proto/vfs_client.h>
#include <sys/calls.h>

#define ARRIVALS_ALL ((1u << VFS_FIFO_ARRIVAL_BITS) - 1)

// The data of a description. A fork copies it with its handles.
struct fifo {
    handle_t member, stream; // of the side, of the reader if both
    bool both;
    handle_t writer_member, writer_stream; // both
    handle_t channel;                      // not both
    // Guarded by the description's lock `at`:
    handle_t peer;     // not both
    uint32_t arrivals; // of writers, when that was asked for
    uint32_t seen;     // those that count as known: as long as no others came it is no hang-up
    uint32_t peers;    // how many peers there were
};

static struct fifo *fifo_of(struct description *file) {
    return file->data;
}

static handle_t output_of(struct description *file) {
    const struct fifo *fifo = fifo_of(file);
    return fifo->both ? fifo->writer_stream : fifo->stream;
}

// ---- the other side

static bool shows_closed(handle_t peer) {
    return sys_object_wait(peer, SIGNAL_EVENT_PEER_CLOSED, 0, 0) >= 0;
}

// Asks for a peer. Without an answer the old one stays, and shows what it shows; so it does when
// there was nobody and nobody has come meanwhile. `at` held.
static void ask(struct description *file) {
    struct fifo *fifo = fifo_of(file);
    const struct vfs_fifo_peer_request request = {
        .side = can_read(file) ? VFS_FIFO_WRITER : VFS_FIFO_READER,
    };
    struct vfs_fifo_peer_reply reply;
    handle_t peer;
    if (vfs_fifo_peer(fifo->channel, &request, &reply, &peer, INSTANT_NEVER) < 0) {
        return;
    }
    if (fifo->peer != HANDLE_NONE && reply.arrivals == fifo->arrivals && shows_closed(peer)) {
        (void)!sys_handle_close(peer);
        return;
    }
    if (fifo->peer != HANDLE_NONE) {
        (void)!sys_handle_close(fifo->peer);
    }
    fifo->peer = peer;
    fifo->arrivals = reply.arrivals;
    fifo->peers++;
}

// Whether nobody is on the other side now. `at` held.
static bool is_alone(struct description *file) {
    struct fifo *fifo = fifo_of(file);
    if (fifo->both) {
        return false;
    }
    if (fifo->peer != HANDLE_NONE && !shows_closed(fifo->peer)) {
        return false;
    }
    ask(file);
    return fifo->peer == HANDLE_NONE || shows_closed(fifo->peer);
}

static bool look_alone(struct description *file) {
    mutex_lock(&file->at);
    bool alone = is_alone(file);
    mutex_unlock(&file->at);
    return alone;
}

// A duplicate of the peer, to wait for; HANDLE_NONE when there is none. `at` held.
static handle_t peer_copy(const struct fifo *fifo) {
    int64_t copy =
        fifo->peer == HANDLE_NONE ? ERR_NOT_FOUND : sys_handle_duplicate(fifo->peer, RIGHT_WAIT);
    return copy < 0 ? HANDLE_NONE : (handle_t)copy;
}

// Waits until the stream shows a signal, or the other side has gone. ERESTARTSYS for a signal.
static int64_t wait_for(struct linux_thread *self, struct description *file, handle_t stream,
                        uint32_t signal) {
    struct wait_item items[2] = {{.handle = stream, .signals = signal}};
    mutex_lock(&file->at);
    items[1].handle = peer_copy(fifo_of(file));
    items[1].signals = SIGNAL_EVENT_PEER_CLOSED;
    mutex_unlock(&file->at);
    uint32_t count = items[1].handle != HANDLE_NONE ? 2 : 1;
    int64_t got = sys_object_wait_many(items, count, INSTANT_NEVER, WAIT_INTERRUPTIBLE);
    if (count == 2) {
        (void)!sys_handle_close(items[1].handle);
    }
    if (got == ERR_INTERRUPTED) {
        return signal_interrupts(self) ? -LINUX_ERESTARTSYS : 0;
    }
    return got < 0 ? linux_result(got) : 0;
}

// ---- reading and writing

static int64_t fifo_read(struct linux_thread *self, struct description *file, const struct io *io) {
    handle_t stream = fifo_of(file)->stream;
    bool wait = (file->flags & O_NONBLOCK) == 0 && !io->more;
    int64_t got = io->bytes == 0 ? 0 : ERR_WOULD_BLOCK;
    bool alone = false;
    while (got == ERR_WOULD_BLOCK) {
        got = sys_stream_read(stream, (void *)io->addr, io->bytes, INSTANT_NEVER, IO_NONBLOCK);
        if (got != ERR_WOULD_BLOCK || alone) {
            return got == ERR_WOULD_BLOCK ? 0 : linux_result(got);
        }
        alone = look_alone(file);
        if (alone) {
            continue; // what was written before
        }
        int64_t result =
            wait ? wait_for(self, file, stream, SIGNAL_STREAM_READABLE) : -LINUX_EAGAIN;
        if (result < 0) {
            return result;
        }
    }
    return got;
}

static int64_t fifo_write(struct linux_thread *self, struct description *file,
                          const struct io *io) {
    handle_t stream = output_of(file);
    bool wait = (file->flags & O_NONBLOCK) == 0;
    uint64_t done = 0;
    while (done < io->bytes) {
        int64_t put = look_alone(file)
                          ? ERR_PEER_CLOSED
                          : sys_stream_write(stream, (const void *)(io->addr + done),
                                             io->bytes - done, INSTANT_NEVER, IO_NONBLOCK);
        int64_t result = 0;
        if (put >= 0) {
            done += (uint64_t)put;
        } else if (put == ERR_PEER_CLOSED) {
            signal_raise(self, SIGPIPE); // also when some of it went in
            result = -LINUX_EPIPE;
        } else if (put == ERR_WOULD_BLOCK && wait) {
            result = wait_for(self, file, stream, SIGNAL_STREAM_WRITABLE);
        } else {
            result = linux_result(put);
        }
        if (result < 0) {
            return done > 0 ? (int64_t)done : result;
        }
    }
    return (int64_t)done;
}

static int64_t fifo_stat(struct description *file, struct fs_attributes *attributes) {
    return file_regular_ops.stat(file, attributes); // that of the node
}

static int64_t fifo_control(struct linux_thread *self, struct description *file, uint32_t request,
                            uint64_t argument) {
    (void)self;
    return stream_control_of(fifo_of(file)->stream, request, argument);
}

// ---- readiness

enum { ITEM_STREAM, ITEM_PEER, ITEM_OTHER }; // OTHER: arrivals, or of both sides the other stream

static uint32_t fifo_poll(struct description *file, uint32_t events, struct wait_item *items) {
    struct fifo *fifo = fifo_of(file);
    bool reads = (events & (POLLIN | POLLRDNORM)) != 0 && can_read(file);
    bool writes = (events & (POLLOUT | POLLWRNORM)) != 0 && can_write(file);
    items[ITEM_STREAM].handle = fifo->stream;
    items[ITEM_STREAM].signals =
        (reads ? SIGNAL_STREAM_READABLE : 0) | (writes && !fifo->both ? SIGNAL_STREAM_WRITABLE : 0);
    if (fifo->both) {
        items[ITEM_OTHER].handle = fifo->writer_stream;
        items[ITEM_OTHER].signals = writes ? SIGNAL_STREAM_WRITABLE : 0;
        return 0;
    }
    mutex_lock(&file->at);
    bool alone = is_alone(file);
    bool told = !alone || can_write(file) || fifo->arrivals != fifo->seen;
    items[ITEM_STREAM].edge = fifo->peers;
    items[ITEM_PEER].handle = told ? peer_copy(fifo) : HANDLE_NONE;
    items[ITEM_PEER].signals = SIGNAL_EVENT_PEER_CLOSED;
    if (alone) {
        items[ITEM_OTHER].handle = fifo->channel;
        items[ITEM_OTHER].signals = ARRIVALS_ALL & ~(1u << fifo->arrivals % VFS_FIFO_ARRIVAL_BITS);
    }
    mutex_unlock(&file->at);
    return 0;
}

static uint32_t fifo_poll_ready(struct description *file, uint32_t events,
                                const struct wait_item *items) {
    bool both = fifo_of(file)->both;
    bool gone = (items[ITEM_PEER].observed & SIGNAL_EVENT_PEER_CLOSED) != 0;
    uint32_t output = items[both ? ITEM_OTHER : ITEM_STREAM].observed;
    uint32_t ready = 0;
    if (can_read(file) && (items[ITEM_STREAM].observed & SIGNAL_STREAM_READABLE) != 0) {
        ready |= events & (POLLIN | POLLRDNORM);
    }
    if (can_write(file) && (output & SIGNAL_STREAM_WRITABLE) != 0) {
        ready |= events & (POLLOUT | POLLWRNORM);
    }
    // One has gone; whether it was the last is to be seen.
    if (gone && look_alone(file)) {
        ready |= can_read(file) ? POLLHUP : POLLERR;
    }
    return ready;
}

static void fifo_poll_end(struct description *file, const struct wait_item *items) {
    (void)file;
    if (items[ITEM_PEER].handle != HANDLE_NONE) {
        (void)!sys_handle_close(items[ITEM_PEER].handle);
    }
}

// ---- opening and closing

static void close_handle(handle_t handle) {
    if (handle != HANDLE_NONE) {
        (void)!sys_handle_close(handle);
    }
}

static void fifo_close(struct description *file) {
    const struct fifo *fifo = fifo_of(file);
    if (fifo == NULL) {
        return;
    }
    close_handle(fifo->member);
    close_handle(fifo->stream);
    close_handle(fifo->writer_member);
    close_handle(fifo->writer_stream);
    close_handle(fifo->channel);
    close_handle(fifo->peer);
}

const struct file_ops fifo_ops = {
    .read = fifo_read,
    .write = fifo_write,
    .stat = fifo_stat,
    .control = fifo_control,
    .poll = fifo_poll,
    .poll_ready = fifo_poll_ready,
    .poll_end = fifo_poll_end,
    .close = fifo_close,
};

// Gets one side. handles: member, stream, channel.
static int64_t open_side(handle_t node, uint32_t side, bool wait, uint32_t *seen,
                         handle_t handles[3]) {
    const struct vfs_fifo_open_request request = {.side = side, .no_wait = !wait};
    struct vfs_fifo_open_reply reply;
    handle_t server = mounts_server();
    if (server == HANDLE_NONE) {
        return -LINUX_ENXIO;
    }
    int64_t result = vfs_fifo_open(server, &request, &node, &reply, handles, INSTANT_NEVER);
    *seen = reply.seen;
    return result == ERR_WOULD_BLOCK   ? -LINUX_ENXIO
           : result == ERR_INTERRUPTED ? -LINUX_ERESTARTSYS
           : result == ERR_LIMIT       ? -LINUX_ENFILE
                                       : linux_result(result);
}

// Opens as the flags say. What it has got so far stands in `fifo` also when it fails.
static int64_t open_sides(struct description *file, struct fifo *fifo) {
    bool wait = (file->flags & O_NONBLOCK) == 0 && (file->flags & O_ACCMODE) != O_RDWR;
    uint32_t side = can_read(file) ? VFS_FIFO_READER : VFS_FIFO_WRITER, seen;
    handle_t handles[3];
    int64_t result = open_side(file->handle, side, wait, &fifo->seen, handles);
    if (result < 0) {
        return result;
    }
    fifo->member = handles[0];
    fifo->stream = handles[1];
    fifo->channel = handles[2];
    fifo->both = (file->flags & O_ACCMODE) == O_RDWR;
    if (!fifo->both) {
        // vfsd has forgotten its duplicate of our member when it answers again: so from now on the
        // member's end is seen at once.
        ask(file);
        return 0;
    }
    close_handle(fifo->channel);
    fifo->channel = HANDLE_NONE;
    result = open_side(file->handle, VFS_FIFO_WRITER, false, &seen, handles);
    if (result == 0) {
        fifo->writer_member = handles[0];
        fifo->writer_stream = handles[1];
        close_handle(handles[2]);
    }
    return result;
}

// Gives a description its data. False: no memory.
static bool data_make(struct description *file) {
    file->data = heap_alloc(sizeof(struct fifo));
    file->data_bytes = file->data != NULL ? sizeof(struct fifo) : 0;
    return file->data != NULL;
}

int64_t fifo_open(const struct path_open *node, uint32_t flags) {
    struct description *file = description_make(FD_FILE, node->handle, flags, &fifo_ops);
    if (file == NULL) {
        return -LINUX_ENOMEM;
    }
    file->inode = node->attributes.inode;
    file->secret = node->secret;
    file->filesystem = node->attributes.device;
    int64_t result = data_make(file) ? open_sides(file, file->data) : -LINUX_ENOMEM;
    if (result < 0) {
        description_release(file);
        return result;
    }
    return file_install(file, flags, 0);
}

// ---- exec

void fifo_describe(struct description *file, struct libos_fd *fd) {
    const struct fifo *fifo = fifo_of(file);
    mutex_lock(&file->at);
    handle_t third = fifo->both ? fifo->writer_member : fifo->channel;
    handle_t fourth = fifo->both ? fifo->writer_stream : fifo->peer;
    fd->offset = (uint64_t)fifo->stream << 32 | fifo->member;
    fd->device = (uint64_t)fourth << 32 | third;
    fd->marks |= LIBOS_FD_FIFO | (fifo->arrivals != fifo->seen ? LIBOS_FD_MET : 0);
    mutex_unlock(&file->at);
}

bool fifo_adopt(struct description *file, const struct libos_fd *fd) {
    struct fifo found = {
        .member = (handle_t)fd->offset,
        .stream = (handle_t)(fd->offset >> 32),
        .both = (fd->flags & O_ACCMODE) == O_RDWR,
    };
    handle_t third = (handle_t)fd->device, fourth = (handle_t)(fd->device >> 32);
    found.writer_member = found.both ? third : HANDLE_NONE;
    found.writer_stream = found.both ? fourth : HANDLE_NONE;
    found.channel = found.both ? HANDLE_NONE : third;
    found.peer = found.both ? HANDLE_NONE : fourth;
    bool made = data_make(file);
    file->data = made ? file->data : &found;
    *(struct fifo *)file->data = found;
    if (!made) {
        fifo_close(file);
        file->data = NULL;
        return false;
    }
    if (!found.both) {
        struct fifo *fifo = file->data;
        ask(file);
        fifo->seen = (fd->marks & LIBOS_FD_MET) != 0 ? fifo->arrivals - 1 : fifo->arrivals;
    }
    return true;
}
