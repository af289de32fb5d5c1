// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Messages in pieces, what shutdown leaves, what polls see, options, timeouts, wrong arguments.

#include "child.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>

static char text[200000];
static const char *const types[] = {"", "stream", "datagrams", "", "", "packets"};

static void show_poll(const char *what, int fd) {
    struct pollfd polled = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
    int count = poll(&polled, 1, 0);
    say("%s: poll %d, %x\n", what, count, (unsigned)polled.revents);
}

static void show_waiting(int fd) {
    int waiting = -1;
    ioctl(fd, FIONREAD, &waiting);
    say("%d wait\n", waiting);
}

// Sends by two pieces, receives by three.
static void try_pieces(int type) {
    int ends[2];
    char a[3], b[3], c[100];
    (void)!socketpair(AF_UNIX, type, 0, ends);
    struct iovec out[2] = {{"hello ", 6}, {"world", 5}};
    struct iovec in[3] = {{a, 3}, {b, 3}, {c, 100}};
    struct msghdr sent = {.msg_iov = out, .msg_iovlen = 2};
    struct msghdr got = {.msg_iov = in, .msg_iovlen = 3, .msg_flags = 0x7777};
    char name[50];
    got.msg_name = name;
    got.msg_namelen = sizeof(name);
    say("%s in pieces\n", types[type]);
    report("sendmsg", sendmsg(ends[0], &sent, 0));
    report("sendmsg", sendmsg(ends[0], &sent, MSG_EOR));
    if (type != SOCK_SEQPACKET) {
        show_waiting(ends[1]);
    }
    report("peek", recvmsg(ends[1], &got, MSG_PEEK));
    say("%.3s|%.3s|%.5s flags %x, name %u\n", a, b, c, (unsigned)got.msg_flags,
        (unsigned)got.msg_namelen);
    memset(c, 0, sizeof(c));
    report("recvmsg", recvmsg(ends[1], &got, 0));
    say("%.3s|%.3s|%s flags %x, control %u\n", a, b, c, (unsigned)got.msg_flags,
        (unsigned)got.msg_controllen);
    got.msg_iovlen = 1;
    report("writev", writev(ends[0], out, 2));
    report("too short", recvmsg(ends[1], &got, 0));
    say("%.3s flags %x\n", a, (unsigned)got.msg_flags);
    report("readv", readv(ends[1], in, 3));
    report("no more", recv(ends[1], text, 10, MSG_DONTWAIT));
    report("of nothing", sendmsg(ends[0], &(struct msghdr){0}, 0));
    report("received", recv(ends[1], text, 10, MSG_DONTWAIT));
    report("a large one", send(ends[0], text, 30000, 0));
    report("its beginning", recv(ends[1], text, 10, MSG_TRUNC | MSG_PEEK));
    report("all", recv(ends[1], text, sizeof(text), 0));
    report("nowhere", (int)syscall(SYS_sendmsg, ends[0], 8, 0));
    struct iovec wrong = {(void *)8, 5};
    report("of nowhere", sendmsg(ends[0], &(struct msghdr){.msg_iov = &wrong, .msg_iovlen = 1}, 0));
    report("too many", sendmsg(ends[0], &(struct msghdr){.msg_iov = out, .msg_iovlen = 1025}, 0));
    close(ends[0]);
    close(ends[1]);
}

static void try_many(int type) {
    int ends[2];
    char room[3][16];
    struct iovec out[3] = {{"one", 3}, {"two", 3}, {"three", 5}};
    struct iovec in[3] = {{room[0], 16}, {room[1], 16}, {room[2], 16}};
    struct mmsghdr sent[3] = {0}, got[3] = {0};
    (void)!socketpair(AF_UNIX, type, 0, ends);
    for (int i = 0; i < 3; i++) {
        sent[i].msg_hdr = (struct msghdr){.msg_iov = &out[i], .msg_iovlen = 1};
        got[i].msg_hdr = (struct msghdr){.msg_iov = &in[i], .msg_iovlen = 1};
    }
    report("sendmmsg", sendmmsg(ends[0], sent, 3, 0));
    say("%u %u %u\n", sent[0].msg_len, sent[1].msg_len, sent[2].msg_len);
    report("recvmmsg", recvmmsg(ends[1], got, 3, MSG_WAITFORONE, NULL));
    say("%u %u %u\n", got[0].msg_len, got[1].msg_len, got[2].msg_len);
    struct timespec never = {0, -1};
    report("wrong time", recvmmsg(ends[1], got, 3, 0, &never));
    close(ends[0]);
    close(ends[1]);
}

static void try_shutdown(int type) {
    int ends[2];
    (void)!socketpair(AF_UNIX, type, 0, ends);
    say("%s shut down\n", types[type]);
    show_poll("fresh", ends[0]);
    report("send", send(ends[0], "left", 4, 0));
    report("shut writing", shutdown(ends[0], SHUT_WR));
    show_poll("who shut", ends[0]);
    show_poll("the other", ends[1]);
    report("send", send(ends[0], "more", 4, MSG_NOSIGNAL));
    report("what was left", recv(ends[1], text, 100, 0));
    report("the end", recv(ends[1], text, 100, MSG_DONTWAIT));
    show_poll("the other", ends[1]);
    report("back", send(ends[1], "back", 4, 0));
    report("got", recv(ends[0], text, 100, 0));
    report("shut reading", shutdown(ends[0], SHUT_RD));
    show_poll("who shut", ends[0]);
    show_poll("the other", ends[1]);
    report("send", send(ends[1], "more", 4, MSG_NOSIGNAL));
    report("read", recv(ends[0], text, 100, MSG_DONTWAIT));
    report("shut both", shutdown(ends[1], SHUT_RDWR));
    report("shut what", shutdown(ends[1], 3));
    close(ends[0]);
    show_poll("the other went", ends[1]);
    close(ends[1]);
}

static void try_gone(int type, int unread) {
    int ends[2], error = 0;
    socklen_t size = sizeof(error);
    (void)!socketpair(AF_UNIX, type, 0, ends);
    say("%s, the other goes%s\n", types[type], unread ? " without reading" : "");
    report("to it", send(ends[1], "from us", 7, 0));
    if (!unread) {
        report("it reads", recv(ends[0], text, 100, 0));
    }
    report("from it", send(ends[0], "from it", 7, 0));
    close(ends[0]);
    show_poll("polled", ends[1]);
    report("read", recv(ends[1], text, 100, MSG_DONTWAIT));
    report("read", recv(ends[1], text, 100, MSG_DONTWAIT));
    report("read", recv(ends[1], text, 100, MSG_DONTWAIT));
    show_poll("polled", ends[1]);
    report("write", send(ends[1], "x", 1, MSG_NOSIGNAL));
    report("error", getsockopt(ends[1], SOL_SOCKET, SO_ERROR, &error, &size));
    say("%d\n", error);
    close(ends[1]);
}

static void show_option(int fd, int option, const char *name) {
    unsigned value[8] = {0};
    socklen_t size = sizeof(value);
    int result = getsockopt(fd, SOL_SOCKET, option, value, &size);
    if (result < 0) {
        report(name, result);
    } else if (option == SO_PEERCRED) {
        say("%s: %u bytes, ours %d, %u %u\n", name, size, (int)value[0] == getpid(), value[1],
            value[2]);
    } else {
        say("%s: %u bytes, %u %u %u %u\n", name, size, value[0], value[1], value[2], value[3]);
    }
}

static void try_options(void) {
    int ends[2], value;
    socklen_t size;
    (void)!socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    static const struct {
        int option;
        const char *name;
    } options[] = {
        {SO_DEBUG, "debug"},       {SO_REUSEADDR, "reuse"},   {SO_TYPE, "type"},
        {SO_ERROR, "error"},       {SO_BROADCAST, "cast"},    {SO_SNDBUF, "send buffer"},
        {SO_RCVBUF, "buffer"},     {SO_KEEPALIVE, "alive"},   {SO_LINGER, "linger"},
        {SO_PASSCRED, "pass"},     {SO_PEERCRED, "peer"},     {SO_RCVLOWAT, "least"},
        {SO_RCVTIMEO, "time"},     {SO_SNDTIMEO, "time out"}, {SO_ACCEPTCONN, "listens"},
        {SO_PROTOCOL, "protocol"}, {SO_DOMAIN, "domain"},     {SO_PRIORITY, "priority"},
        {9999, "no such"},
    };
    for (unsigned i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        show_option(ends[0], options[i].option, options[i].name);
    }
    value = 1;
    report("set reuse", setsockopt(ends[0], SOL_SOCKET, SO_REUSEADDR, &value, sizeof(value)));
    show_option(ends[0], SO_REUSEADDR, "reuse");
    static const int sizes[] = {1, 10000, 100000000, -1};
    for (int i = 0; i < 4; i++) {
        value = sizes[i];
        report("set send", setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &value, sizeof(value)));
        show_option(ends[0], SO_SNDBUF, "send buffer");
        report("set buffer", setsockopt(ends[0], SOL_SOCKET, SO_RCVBUF, &value, sizeof(value)));
        show_option(ends[0], SO_RCVBUF, "buffer");
    }
    report("set type", setsockopt(ends[0], SOL_SOCKET, SO_TYPE, &value, sizeof(value)));
    report("too short", setsockopt(ends[0], SOL_SOCKET, SO_REUSEADDR, &value, 3));
    report("nowhere", setsockopt(ends[0], SOL_SOCKET, SO_REUSEADDR, (void *)8, 4));
    report("level", setsockopt(ends[0], 6, 1, &value, sizeof(value)));
    size = 2;
    report("level", getsockopt(ends[0], 6, 1, &value, &size));
    report("two bytes", getsockopt(ends[0], SOL_SOCKET, SO_TYPE, &value, &size));
    say("%u\n", size);
    size = (socklen_t)-1;
    report("negative", getsockopt(ends[0], SOL_SOCKET, SO_TYPE, &value, &size));
    struct sockaddr_un name;
    size = sizeof(name);
    report("peer", getpeername(ends[0], (struct sockaddr *)&name, &size));
    say("%d, %u bytes\n", name.sun_family, size);
    struct stat info;
    fstat(ends[0], &info);
    say("mode %o, links %u\n", (unsigned)info.st_mode, (unsigned)info.st_nlink);
    struct timeval time = {0, 30000}, wrong = {0, 1000000};
    report("time", setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
    report("wrong time", setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &wrong, sizeof(wrong)));
    report("timed out", recv(ends[0], text, 1, 0));
    report("wait for all", (int)write(ends[1], "abc", 3));
    report("as far as it came", recv(ends[0], text, 10, MSG_WAITALL));
    report("a socket by 2 names", open("/proc/self/fd/0", O_RDONLY) >= 0 ? 0 : -1);
    report("none", send(0, "x", 1, 0));
    report("none", recv(-1, text, 1, 0));
    report("none", shutdown(1000, 0));
    report("to a name", sendto(ends[0], "x", 1, 0, (struct sockaddr *)&name, sizeof(name)));
}

// A child that sends in small pieces while its parent waits for all.
static void try_waiting(void) {
    int ends[2];
    (void)!socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    if (fork() == 0) {
        close(ends[0]);
        for (int i = 0; i < 100; i++) {
            usleep(100);
            (void)!send(ends[1], "0123456789", 10, 0);
        }
        _exit(0);
    }
    close(ends[1]);
    report("all of it", recv(ends[0], text, 1000, MSG_WAITALL));
    report("and the end", recv(ends[0], text, 1000, MSG_WAITALL));
    int status;
    wait(&status);
    close(ends[0]);
}

int main(void) {
    static const int all[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < 3; i++) {
        try_pieces(all[i]);
        try_many(all[i]);
        try_shutdown(all[i]);
        try_gone(all[i], 0);
        try_gone(all[i], 1);
    }
    try_options();
    try_waiting();
    return 0;
}
