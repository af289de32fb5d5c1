// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Descriptors that travel through a socket.

#include "child.h"

#include <sys/socket.h>

static char text[100];

static void send_descriptor(int socket, int fd) {
    char room[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {"fd", 2};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &fd, sizeof(fd));
    report("send a descriptor", sendmsg(socket, &message, 0));
}

static int take_descriptor(int socket) {
    char room[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {text, sizeof(text)};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
    report("take it", recvmsg(socket, &message, 0));
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    int fd = -1;
    if (head && head->cmsg_type == SCM_RIGHTS) {
        memcpy(&fd, CMSG_DATA(head), sizeof(fd));
    }
    return fd;
}

static void try_descriptors(void) {
    int ends[2], pipe_ends[2];
    (void)!socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    (void)!pipe(pipe_ends);
    send_descriptor(ends[0], pipe_ends[1]);
    close(pipe_ends[1]);
    int fd = take_descriptor(ends[1]);
    report("write into it", write(fd, "through", 7));
    close(fd);
    report("read at the other side", read(pipe_ends[0], text, 100));
    report("and the end", read(pipe_ends[0], text, 100));
}

int main(void) {
    try_descriptors();
    return 0;
}
