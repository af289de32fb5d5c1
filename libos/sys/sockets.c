// SPDX-License-Identifier: MIT
//
// Calls on sockets. There are pairs of local ones, which are connected from the beginning.

#include <core/access.h>
#include <core/clock.h>
#include <core/heap.h>
#include <core/process.h>
#include <core/status.h>
#include <files/socket.h>
#include <linux/handlers.h>
#include <sys/calls.h>
#include <sys/string.h>

#define SOCK_TYPE 0xfu
#define SOCK_TYPES 11 // from here on there are none
#define FAMILIES 46
#define SOL_SOCKET 1
#define MESSAGES_MAX 1024 // of sendmmsg and recvmmsg
#define BYTES_MAX 0x7ffff000UL

// struct msghdr; struct mmsghdr has a count of bytes behind it.
struct message_header {
    uint64_t name;
    uint32_t name_bytes, hole;
    uint64_t pieces, piece_count;
    uint64_t control, control_bytes;
    uint32_t flags, hole_too;
};
static_assert(sizeof(struct message_header) == 56, "layout of struct msghdr");
#define MANY_BYTES 64

// The socket of a descriptor, with a reference: or EBADF, ENOTSOCK.
static int64_t socket_get(uint64_t fd, struct description **out) {
    struct description *file = file_get_open((int)fd);
    if (file == NULL) {
        return -LINUX_EBADF;
    }
    if (!is_socket(file)) {
        description_release(file);
        return -LINUX_ENOTSOCK;
    }
    *out = file;
    return 0;
}

// ---- making

static int64_t check_type(uint32_t family, uint32_t type) {
    if ((type & ~SOCK_TYPE & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK)) != 0) {
        return -LINUX_EINVAL;
    }
    if (family >= FAMILIES) {
        return -LINUX_EAFNOSUPPORT;
    }
    return (type & SOCK_TYPE) >= SOCK_TYPES ? -LINUX_EINVAL : 0;
}

int64_t linux_socket(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    // Of no family can one be made that is not connected.
    int64_t result = check_type((uint32_t)args[0], (uint32_t)args[1]);
    return result < 0 ? result : -LINUX_EAFNOSUPPORT;
}

static int64_t check_pair(const uint64_t args[6]) {
    uint32_t type = (uint32_t)args[1] & SOCK_TYPE;
    int64_t result = check_type((uint32_t)args[0], (uint32_t)args[1]);
    if (result < 0) {
        return result;
    }
    if ((uint32_t)args[0] != AF_UNIX) {
        return -LINUX_EAFNOSUPPORT;
    }
    if ((uint32_t)args[2] != 0 && (uint32_t)args[2] != AF_UNIX) {
        return -LINUX_EPROTONOSUPPORT;
    }
    bool known = type == SOCK_STREAM || type == SOCK_DGRAM || type == SOCK_SEQPACKET;
    return known ? 0 : -LINUX_ESOCKTNOSUPPORT;
}

// Gives descriptors to both ends and tells the program. Takes the handles also when it fails.
static int64_t install_pair(const handle_t ends[2], uint32_t flags, const struct socket *as,
                            uint64_t to) {
    int32_t fds[2] = {-1, -1};
    int64_t result = 0;
    for (uint32_t i = 0; i < 2; i++) {
        struct description *file = socket_make(ends[i], O_RDWR | flags, as);
        int64_t fd = result < 0     ? result
                     : file == NULL ? -LINUX_ENFILE
                                    : file_install(file, flags, 0);
        if (result < 0 && file != NULL) {
            description_release(file);
        }
        fds[i] = fd < 0 ? -1 : (int32_t)fd;
        result = fd < 0 ? fd : 0;
    }
    if (result == 0 && !copy_out(to, fds, sizeof(fds))) {
        result = -LINUX_EFAULT;
    }
    for (uint32_t i = 0; i < 2 && result < 0; i++) {
        if (fds[i] >= 0) {
            (void)!file_close(fds[i]);
        }
    }
    return result;
}

int64_t linux_socketpair(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    uint32_t type = (uint32_t)args[1] & SOCK_TYPE;
    const struct socket as = {
        .type = type,
        .pid = (int32_t)identity_current()->pid,
        .uid = identity_current()->euid,
        .gid = identity_current()->egid,
        .send_bytes = SOCKET_BUFFER_BYTES,
        .receive_bytes = SOCKET_BUFFER_BYTES,
    };
    int64_t result = check_pair(args);
    if (result < 0) {
        return result;
    }
    int64_t pair =
        sys_stream_create(SOCKET_BYTES, STREAM_DUPLEX | (type != SOCK_STREAM ? STREAM_RECORDS : 0));
    if (pair < 0) {
        return pair == ERR_LIMIT ? -LINUX_ENFILE : linux_result(pair);
    }
    const handle_t ends[2] = {handle_pair_first(pair), handle_pair_second(pair)};
    return install_pair(ends, (uint32_t)args[1] & ~SOCK_TYPE, &as, args[3]);
}

static int64_t refuse_accept(uint64_t fd) {
    struct description *file;
    int64_t result = socket_get(fd, &file);
    if (result == 0) {
        result = socket_of(file)->type == SOCK_DGRAM ? -LINUX_EOPNOTSUPP : -LINUX_EINVAL;
        description_release(file);
    }
    return result;
}

int64_t linux_accept(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return refuse_accept(args[0]);
}

int64_t linux_accept4(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    uint32_t known = O_CLOEXEC | O_NONBLOCK;
    return ((uint32_t)args[3] & ~known) != 0 ? -LINUX_EINVAL : refuse_accept(args[0]);
}

int64_t linux_shutdown(struct linux_thread *self, const uint64_t args[6]) {
    static const uint32_t sides[] = {SHUT_READ, SHUT_WRITE, SHUT_READ | SHUT_WRITE};
    struct description *file;
    (void)self;
    int64_t result = socket_get(args[0], &file);
    if (result == 0) {
        result = -LINUX_EINVAL;
        if ((uint32_t)args[1] <= 2) {
            uint32_t shut = sides[(uint32_t)args[1]];
            socket_of(file)->shut |= shut;
            result = linux_result(sys_stream_shut(file->handle, shut));
        }
        description_release(file);
    }
    return result;
}

// ---- names: an end of a pair has none

static int64_t store_size(uint64_t to, const void *data, uint32_t bytes, uint64_t size_at) {
    uint32_t room;
    if (!load_user32(size_at, &room)) {
        return -LINUX_EFAULT;
    }
    if ((int32_t)room < 0) {
        return -LINUX_EINVAL;
    }
    room = room < bytes ? room : bytes;
    return copy_out(to, data, room) && store_user32(size_at, bytes) ? 0 : -LINUX_EFAULT;
}

static int64_t tell_name(const uint64_t args[6]) {
    const uint16_t name = AF_UNIX;
    struct description *file;
    int64_t result = socket_get(args[0], &file);
    if (result == 0) {
        description_release(file);
        result = store_size(args[1], &name, sizeof(name), args[2]);
    }
    return result;
}

int64_t linux_getsockname(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return tell_name(args);
}

int64_t linux_getpeername(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return tell_name(args);
}

// ---- options

enum {
    SO_DEBUG = 1,
    SO_REUSEADDR = 2,
    SO_TYPE = 3,
    SO_ERROR = 4,
    SO_DONTROUTE = 5,
    SO_BROADCAST = 6,
    SO_SNDBUF = 7,
    SO_RCVBUF = 8,
    SO_KEEPALIVE = 9,
    SO_OOBINLINE = 10,
    SO_PRIORITY = 12,
    SO_LINGER = 13,
    SO_REUSEPORT = 15,
    SO_PASSCRED = 16,
    SO_PEERCRED = 17,
    SO_RCVLOWAT = 18,
    SO_SNDLOWAT = 19,
    SO_RCVTIMEO = 20,
    SO_SNDTIMEO = 21,
    SO_ACCEPTCONN = 30,
    SO_SNDBUFFORCE = 32,
    SO_RCVBUFFORCE = 33,
    SO_PROTOCOL = 38,
    SO_DOMAIN = 39,
};
// Those that are on or off, and mean nothing to a pair.
#define SWITCHES                                                                                   \
    (1u << SO_DEBUG | 1u << SO_REUSEADDR | 1u << SO_DONTROUTE | 1u << SO_BROADCAST |               \
     1u << SO_KEEPALIVE | 1u << SO_OOBINLINE | 1u << SO_REUSEPORT)
#define SEND_LEAST 4608
#define RECEIVE_LEAST 2304

static bool is_switch(uint32_t option) {
    return option < 32 && (SWITCHES & 1u << option) != 0;
}

// What an option is: its words, and how many bytes of them. 0: there is no such option.
static uint32_t option_value(struct description *file, uint32_t option, int64_t value[2]) {
    const struct socket *socket = socket_of(file);
    uint32_t words[3] = {0};
    uint32_t bytes = 4;
    switch (option) {
    case SO_TYPE:
        words[0] = socket->type;
        break;
    case SO_ERROR:
        words[0] = (uint32_t)-socket_take_error(file);
        break;
    case SO_SNDBUF:
        words[0] = socket->send_bytes;
        break;
    case SO_RCVBUF:
        words[0] = socket->receive_bytes;
        break;
    case SO_PRIORITY:
        words[0] = socket->priority;
        break;
    case SO_RCVLOWAT:
        words[0] = socket->least != 0 ? socket->least : 1;
        break;
    case SO_SNDLOWAT:
        words[0] = 1;
        break;
    case SO_DOMAIN:
        words[0] = AF_UNIX;
        break;
    case SO_PASSCRED:
    case SO_ACCEPTCONN:
    case SO_PROTOCOL:
        break;
    case SO_LINGER:
        memcpy(words, socket->linger, bytes = 8);
        break;
    case SO_PEERCRED:
        words[0] = (uint32_t)socket->pid;
        words[1] = socket->uid;
        words[2] = socket->gid;
        bytes = 12;
        break;
    case SO_RCVTIMEO:
    case SO_SNDTIMEO: {
        int64_t ns = option == SO_RCVTIMEO ? socket->receive_ns : socket->send_ns;
        value[0] = ns / SECOND;
        value[1] = ns % SECOND / MICROSECONDS(1);
        return 16;
    }
    default:
        if (!is_switch(option)) {
            return 0;
        }
        words[0] = socket->switches >> option & 1;
    }
    memcpy(value, words, bytes);
    return bytes;
}

int64_t linux_getsockopt(struct linux_thread *self, const uint64_t args[6]) {
    struct description *file;
    int64_t value[2] = {0};
    uint32_t room = 0;
    (void)self;
    int64_t result = socket_get(args[0], &file);
    if (result < 0) {
        return result;
    }
    if ((uint32_t)args[1] != SOL_SOCKET) {
        result = -LINUX_EOPNOTSUPP;
    } else if (!load_user32(args[4], &room)) {
        result = -LINUX_EFAULT;
    } else if ((int32_t)room < 0) {
        result = -LINUX_EINVAL;
    } else {
        uint32_t bytes = option_value(file, (uint32_t)args[2], value);
        room = room < bytes ? room : bytes;
        result = bytes == 0 ? -LINUX_ENOPROTOOPT
                 : copy_out(args[3], value, room) && store_user32(args[4], room) ? 0
                                                                                 : -LINUX_EFAULT;
    }
    description_release(file);
    return result;
}

// The size of a queue is told as twice what was asked for, within bounds.
static uint32_t queue_bytes(int32_t asked, uint32_t least, bool forced) {
    uint32_t bytes = forced && asked < 0 ? 0 : (uint32_t)asked;
    bytes = !forced && bytes > SOCKET_BUFFER_BYTES ? SOCKET_BUFFER_BYTES : bytes;
    bytes = bytes > INT32_MAX / 2 ? INT32_MAX / 2 : bytes;
    return 2 * bytes < least ? least : 2 * bytes;
}

static int64_t set_time(struct socket *socket, uint32_t option, uint64_t from, uint32_t bytes) {
    int64_t time[2];
    if (bytes < sizeof(time)) {
        return -LINUX_EINVAL;
    }
    if (!copy_in(time, from, sizeof(time))) {
        return -LINUX_EFAULT;
    }
    if (time[1] < 0 || time[1] >= SECOND / MICROSECONDS(1)) {
        return -LINUX_EDOM;
    }
    bool endless = time[0] >= INT64_MAX / SECOND - 1;
    // Less than nothing is a time that is over: the shortest there is.
    int64_t ns = endless ? 0 : time[0] < 0 ? 1 : time[0] * SECOND + time[1] * MICROSECONDS(1);
    *(option == SO_RCVTIMEO ? &socket->receive_ns : &socket->send_ns) = ns;
    return 0;
}

static int64_t set_option(struct socket *socket, uint32_t option, uint64_t from, uint32_t bytes) {
    int32_t value;
    if (option == SO_RCVTIMEO || option == SO_SNDTIMEO) {
        return set_time(socket, option, from, bytes);
    }
    if (bytes < sizeof(value)) {
        return -LINUX_EINVAL;
    }
    if (!copy_in(&value, from, sizeof(value))) {
        return -LINUX_EFAULT;
    }
    switch (option) {
    case SO_SNDBUF:
    case SO_SNDBUFFORCE:
        socket->send_bytes = queue_bytes(value, SEND_LEAST, option == SO_SNDBUFFORCE);
        return 0;
    case SO_RCVBUF:
    case SO_RCVBUFFORCE:
        socket->receive_bytes = queue_bytes(value, RECEIVE_LEAST, option == SO_RCVBUFFORCE);
        return 0;
    case SO_PRIORITY:
        socket->priority = (uint32_t)value;
        return 0;
    case SO_RCVLOWAT:
        socket->least = value < 0 ? INT32_MAX : (uint32_t)value;
        return 0;
    case SO_LINGER:
        if (bytes < sizeof(socket->linger)) {
            return -LINUX_EINVAL;
        }
        return copy_in(socket->linger, from, sizeof(socket->linger)) ? 0 : -LINUX_EFAULT;
    case SO_PASSCRED: // credentials do not come with messages
        return value == 0 ? 0 : -LINUX_EOPNOTSUPP;
    default:
        if (!is_switch(option)) {
            return -LINUX_ENOPROTOOPT;
        }
        socket->switches &= ~(1u << option);
        socket->switches |= value != 0 ? 1u << option : 0;
        return 0;
    }
}

int64_t linux_setsockopt(struct linux_thread *self, const uint64_t args[6]) {
    struct description *file;
    (void)self;
    if ((int32_t)args[4] < 0) {
        return -LINUX_EINVAL;
    }
    int64_t result = socket_get(args[0], &file);
    if (result == 0) {
        result = (uint32_t)args[1] != SOL_SOCKET
                     ? -LINUX_EOPNOTSUPP
                     : set_option(socket_of(file), (uint32_t)args[2], args[3], (uint32_t)args[4]);
        description_release(file);
    }
    return result;
}

// ---- messages

// Only datagrams may have an address, and there is nobody to be found by one.
static int64_t check_address(const struct description *file, uint64_t address, uint32_t bytes) {
    uint32_t type = socket_of(file)->type;
    if (address == 0 || bytes == 0 || type == SOCK_SEQPACKET) {
        return 0;
    }
    return type == SOCK_STREAM ? -LINUX_EISCONN : -LINUX_ECONNREFUSED;
}

int64_t linux_sendto(struct linux_thread *self, const uint64_t args[6]) {
    struct description *file;
    const struct socket_piece piece = {args[1], args[2] < BYTES_MAX ? args[2] : BYTES_MAX};
    const struct socket_message message = {&piece, 1, (uint32_t)args[3]};
    int64_t result = socket_get(args[0], &file);
    if (result < 0) {
        return result;
    }
    result = user_range(piece.addr, piece.bytes) ? check_address(file, args[4], (uint32_t)args[5])
                                                 : -LINUX_EFAULT;
    result = result == 0 ? socket_send(self, file, &message) : result;
    description_release(file);
    return result;
}

int64_t linux_recvfrom(struct linux_thread *self, const uint64_t args[6]) {
    struct description *file;
    const struct socket_piece piece = {args[1], args[2] < BYTES_MAX ? args[2] : BYTES_MAX};
    struct socket_message message = {&piece, 1, (uint32_t)args[3]};
    int64_t result = socket_get(args[0], &file);
    if (result < 0) {
        return result;
    }
    result = socket_receive(self, file, &message);
    if (result >= 0 && args[4] != 0 && !store_user32(args[5], 0)) {
        result = -LINUX_EFAULT;
    }
    description_release(file);
    return result;
}

// The pieces of a vector of the program, to be given back to the heap; null with *result.
static struct socket_piece *pieces_in(uint64_t vector, uint64_t count, int64_t *result) {
    *result = count > SOCKET_PIECES_MAX ? -LINUX_EMSGSIZE : 0;
    size_t bytes = count * sizeof(struct socket_piece);
    struct socket_piece *pieces = *result == 0 ? heap_alloc_dirty(bytes + 1) : NULL;
    if (pieces == NULL) {
        *result = *result < 0 ? *result : -LINUX_ENOMEM;
        return NULL;
    }
    uint64_t total = 0;
    *result = copy_in(pieces, vector, bytes) ? 0 : -LINUX_EFAULT;
    for (uint64_t i = 0; i < count && *result == 0; i++) {
        if ((int64_t)pieces[i].bytes < 0) {
            *result = -LINUX_EINVAL;
        } else if (!user_range(pieces[i].addr, pieces[i].bytes)) {
            *result = -LINUX_EFAULT;
        }
        uint64_t left = BYTES_MAX - total;
        pieces[i].bytes = pieces[i].bytes < left ? pieces[i].bytes : left;
        total += pieces[i].bytes;
    }
    if (*result < 0) {
        heap_free(pieces, bytes + 1);
        return NULL;
    }
    return pieces;
}

int64_t socket_vector(struct linux_thread *self, struct description *file, uint64_t vector,
                      uint64_t count, bool sends) {
    int64_t result;
    struct socket_piece *pieces = pieces_in(vector, count, &result);
    if (pieces == NULL) {
        return result == -LINUX_EMSGSIZE ? -LINUX_EINVAL : result;
    }
    struct socket_message message = {pieces, (uint32_t)count, 0};
    result = sends ? socket_send(self, file, &message) : socket_receive(self, file, &message);
    heap_free(pieces, count * sizeof(*pieces) + 1);
    return result;
}

// One message by its header at `at`.
static int64_t send_header(struct linux_thread *self, struct description *file, uint64_t at,
                           uint32_t flags) {
    struct message_header header;
    int64_t result;
    if (!copy_in(&header, at, sizeof(header))) {
        return -LINUX_EFAULT;
    }
    if ((int32_t)header.name_bytes < 0) {
        return -LINUX_EINVAL;
    }
    if (header.control != 0 && header.control_bytes != 0) {
        return -LINUX_EOPNOTSUPP; // descriptors and credentials do not travel
    }
    struct socket_piece *pieces = pieces_in(header.pieces, header.piece_count, &result);
    if (pieces == NULL) {
        return result;
    }
    const struct socket_message message = {pieces, (uint32_t)header.piece_count, flags};
    result = check_address(file, header.name, header.name_bytes);
    result = result == 0 ? socket_send(self, file, &message) : result;
    heap_free(pieces, header.piece_count * sizeof(*pieces) + 1);
    return result;
}

static int64_t receive_header(struct linux_thread *self, struct description *file, uint64_t at,
                              uint32_t flags) {
    struct message_header header;
    int64_t result;
    if (!copy_in(&header, at, sizeof(header))) {
        return -LINUX_EFAULT;
    }
    if ((int32_t)header.name_bytes < 0) {
        return -LINUX_EINVAL;
    }
    struct socket_piece *pieces = pieces_in(header.pieces, header.piece_count, &result);
    if (pieces == NULL) {
        return result;
    }
    struct socket_message message = {pieces, (uint32_t)header.piece_count, flags};
    result = socket_receive(self, file, &message);
    heap_free(pieces, header.piece_count * sizeof(*pieces) + 1);
    if (result >= 0) {
        bool told = (header.name == 0 ||
                     store_user32(at + offsetof(struct message_header, name_bytes), 0)) &&
                    store_user64(at + offsetof(struct message_header, control_bytes), 0) &&
                    store_user32(at + offsetof(struct message_header, flags), message.flags);
        result = told ? result : -LINUX_EFAULT;
    }
    return result;
}

int64_t linux_sendmsg(struct linux_thread *self, const uint64_t args[6]) {
    struct description *file;
    int64_t result = socket_get(args[0], &file);
    if (result == 0) {
        result = send_header(self, file, args[1], (uint32_t)args[2]);
        description_release(file);
    }
    return result;
}

int64_t linux_recvmsg(struct linux_thread *self, const uint64_t args[6]) {
    struct description *file;
    int64_t result = socket_get(args[0], &file);
    if (result == 0) {
        result = receive_header(self, file, args[1], (uint32_t)args[2]);
        description_release(file);
    }
    return result;
}

// Message after message; those before an error count.
int64_t linux_sendmmsg(struct linux_thread *self, const uint64_t args[6]) {
    struct description *file;
    int64_t result = socket_get(args[0], &file);
    if (result < 0) {
        return result;
    }
    uint32_t count = (uint32_t)args[2] < MESSAGES_MAX ? (uint32_t)args[2] : MESSAGES_MAX;
    uint32_t done = 0;
    for (; done < count && result >= 0; done += result >= 0) {
        uint64_t at = args[1] + done * (uint64_t)MANY_BYTES;
        result = send_header(self, file, at, (uint32_t)args[3]);
        if (result >= 0 && !store_user32(at + sizeof(struct message_header), (uint32_t)result)) {
            result = -LINUX_EFAULT;
        }
    }
    description_release(file);
    return done > 0 ? done : result;
}

int64_t linux_recvmmsg(struct linux_thread *self, const uint64_t args[6]) {
    struct description *file;
    int64_t time[2];
    int64_t deadline = INSTANT_NEVER;
    if (args[4] != 0) {
        if (!copy_in(time, args[4], sizeof(time))) {
            return -LINUX_EFAULT;
        }
        if (time[0] < 0 || time[1] < 0 || time[1] >= SECOND) {
            return -LINUX_EINVAL;
        }
        deadline = deadline_after(time[0] >= INT64_MAX / SECOND - 1 ? INT64_MAX
                                                                    : time[0] * SECOND + time[1]);
    }
    int64_t result = socket_get(args[0], &file);
    if (result < 0) {
        return result;
    }
    uint32_t count = (uint32_t)args[2] < MESSAGES_MAX ? (uint32_t)args[2] : MESSAGES_MAX;
    uint32_t done = 0, flags = (uint32_t)args[3];
    while (done < count && result >= 0) {
        uint64_t at = args[1] + done * (uint64_t)MANY_BYTES;
        result = receive_header(self, file, at, flags & ~(uint32_t)MSG_WAITFORONE);
        if (result >= 0 && !store_user32(at + sizeof(struct message_header), (uint32_t)result)) {
            result = -LINUX_EFAULT;
        }
        done += result >= 0;
        flags |= (flags & MSG_WAITFORONE) != 0 ? MSG_DONTWAIT : 0;
        if (deadline != INSTANT_NEVER && clock_now() >= deadline) {
            break; // looked at after each message, as on Linux
        }
    }
    description_release(file);
    return done > 0 ? done : result;
}
