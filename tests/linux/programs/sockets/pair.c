// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// socketpair: both ways, shut down in one, messages that keep their bounds.

#include "child.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

static char text[100];

static void try_stream(void) {
    int ends[2];
    report("stream", socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    report("write", write(ends[0], "there", 5));
    report("and back", send(ends[1], "back", 4, 0));
    report("read", read(ends[1], text, 100));
    report("peek", recv(ends[0], text, 2, MSG_PEEK));
    int waiting = 0;
    ioctl(ends[0], FIONREAD, &waiting);
    say("%d wait\n", waiting);
    report("read", recv(ends[0], text, 100, 0));
    report("not waiting", recv(ends[0], text, 1, MSG_DONTWAIT));
    report("no more writing", shutdown(ends[0], SHUT_WR));
    report("the other sees the end", read(ends[1], text, 1));
    signal(SIGPIPE, SIG_IGN);
    report("write after it", write(ends[0], "x", 1));
    report("the other may write", write(ends[1], "still", 5));
    report("read it", read(ends[0], text, 100));
    close(ends[1]);
    report("the other has gone", read(ends[0], text, 1));
    report("seek", lseek(ends[0], 0, SEEK_CUR));
    close(ends[0]);
    (void)!socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    (void)!write(ends[0], "unread", 6);
    close(ends[1]);
    report("what was unread is lost with the other", read(ends[0], text, 1));
    close(ends[0]);
}

static void try_messages(int type, const char *name) {
    int ends[2];
    report(name, socketpair(AF_UNIX, type, 0, ends));
    report("send", send(ends[0], "first message", 13, 0));
    report("send", send(ends[0], "", 0, 0));
    report("send", send(ends[0], "third", 5, 0));
    report("a part of it", recv(ends[1], text, 5, 0));
    report("the rest is gone, the next is empty", recv(ends[1], text, 100, 0));
    report("the third", recv(ends[1], text, 100, MSG_TRUNC));
    close(ends[0]);
    struct pollfd polled = {ends[1], POLLIN, 0};
    say("poll %d, %x\n", poll(&polled, 1, 0), (unsigned)polled.revents);
    close(ends[1]);
}

static void try_options(void) {
    int ends[2];
    (void)!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends);
    say("flags %d %o\n", fcntl(ends[0], F_GETFD), (unsigned)fcntl(ends[0], F_GETFL));
    int value = -1;
    socklen_t size = sizeof(value);
    report("type", getsockopt(ends[0], SOL_SOCKET, SO_TYPE, &value, &size));
    say("%d\n", value);
    report("error", getsockopt(ends[0], SOL_SOCKET, SO_ERROR, &value, &size));
    say("%d\n", value);
    struct sockaddr_un name;
    size = sizeof(name);
    report("name", getsockname(ends[0], (struct sockaddr *)&name, &size));
    say("%d, %u bytes\n", name.sun_family, (unsigned)size);
    report("of a pipe", (value = 0, getsockopt(0, SOL_SOCKET, SO_TYPE, &value, &size)));
    // Linux stores the numbers even when it fails.
    int failed[2];
    report("no such family", socketpair(77, SOCK_STREAM, 0, failed));
    report("no such type", socketpair(AF_UNIX, 15, 0, failed));
    report("accept at no listener", accept(ends[0], NULL, NULL));
}

int main(void) {
    try_stream();
    try_messages(SOCK_DGRAM, "datagrams");
    try_messages(SOCK_SEQPACKET, "packets");
    try_options();
    return 0;
}
