// SPDX-License-Identifier: MIT
//
// Connected local sockets: duplex streams of the kernel, of bytes or of records. What a socket is
// beyond that (its type, who made it, its options) is kept here; an exec hands on the first two.
#pragma once

#include <files/table.h>

enum { AF_UNIX = 1, SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_SEQPACKET = 5 };

enum message_flag {
    MSG_OOB = 0x1,
    MSG_PEEK = 0x2,
    MSG_TRUNC = 0x20,
    MSG_DONTWAIT = 0x40,
    MSG_EOR = 0x80,
    MSG_WAITALL = 0x100,
    MSG_NOSIGNAL = 0x4000,
    MSG_WAITFORONE = 0x10000,
};

#define SOCKET_BYTES 65536         // in each direction; of one message at most
#define SOCKET_PIECES_MAX 1024     // of a message in memory
#define SOCKET_BUFFER_BYTES 212992 // what options tell of the size of a queue

struct socket {
    uint32_t type; // SOCK_
    bool reset;    // that the other went without reading all was told
    uint32_t shut; // SHUT_ directions that this process has ended: all that datagrams know of it
    // Who made the pair.
    int32_t pid;
    uint32_t uid, gid;
    // Options; nanoseconds, 0: for ever.
    int64_t receive_ns, send_ns;
    uint32_t send_bytes, receive_bytes; // told, no more
    uint32_t switches;                  // 1 << the number of a SO_ option that is only kept
    int32_t linger[2];
    uint32_t priority, least;
};

struct socket_piece {
    uint64_t addr, bytes; // as struct iovec
};

struct socket_message {
    const struct socket_piece *pieces;
    uint32_t count;
    uint32_t flags; // MSG_, and those that come back
};

static inline bool is_socket(const struct description *file) {
    return file->ops == &socket_ops;
}
static inline struct socket *socket_of(const struct description *file) {
    return file->data;
}
static inline bool socket_keeps_borders(const struct description *file) {
    return socket_of(file)->type != SOCK_STREAM;
}

// A description of one end, which takes the handle also when it fails: null, ENOMEM.
struct description *socket_make(handle_t handle, uint32_t flags, const struct socket *as);

// Sends the pieces, as one message unless the type is STREAM. Returns bytes. May wait. EPIPE with
// SIGPIPE unless MSG_NOSIGNAL, ECONNREFUSED, EMSGSIZE, EAGAIN, ERESTARTSYS, EFAULT, ENOMEM,
// EOPNOTSUPP.
[[nodiscard]] int64_t socket_send(struct linux_thread *self, struct description *file,
                                  const struct socket_message *message);
// Receives into the pieces. Returns bytes, 0 at the end, with MSG_TRUNC the size of the message.
// May wait. ECONNRESET, EAGAIN, ERESTARTSYS, EFAULT, ENOMEM, EOPNOTSUPP.
[[nodiscard]] int64_t socket_receive(struct linux_thread *self, struct description *file,
                                     struct socket_message *message);
// The same by a vector of the program (struct iovec); EINVAL.
[[nodiscard]] int64_t socket_vector(struct linux_thread *self, struct description *file,
                                    uint64_t vector, uint64_t count, bool sends);
// ECONNRESET once when the other end has gone without reading all; else 0.
int64_t socket_take_error(struct description *file);

// As fifo_describe and fifo_adopt.
void socket_describe(const struct description *file, struct libos_fd *fd);
[[nodiscard]] bool socket_adopt(struct description *file, const struct libos_fd *fd);
