// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run: 8
//
// Sockets with a name in the file system: a server, clients, credentials.

#include "child.h"
#include "scratch.h"

#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un name_of(const char *path) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
    return name;
}

static int connect_to(const char *path) {
    struct sockaddr_un name = name_of(path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    int result = connect(fd, (struct sockaddr *)&name, sizeof(name));
    if (result < 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static void be_client(int number) {
    int fd = connect_to("socket");
    char text[40];
    snprintf(text, sizeof(text), "client %d", number);
    write_all(fd, text, strlen(text));
    ssize_t count = read(fd, text, sizeof(text));
    _exit(count == 1 && text[0] == '0' + number ? 0 : 1);
}

int main(int argc, char **argv) {
    int clients = argc > 1 ? atoi(argv[1]) : 2;
    scratch_enter("scratch-local");
    report("connect to nothing", connect_to("socket"));
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un name = name_of("socket");
    report("bind", bind(server, (struct sockaddr *)&name, sizeof(name)));
    report("bind again", bind(server, (struct sockaddr *)&name, sizeof(name)));
    report("connect before listen", connect_to("socket"));
    report("listen", listen(server, 4));
    struct stat info;
    stat("socket", &info);
    say("mode %o\n", (unsigned)info.st_mode);
    report("open it", open("socket", O_RDWR));
    for (int i = 0; i < clients; i++) {
        if (fork() == 0) {
            be_client(i);
        }
    }
    int served = 0;
    for (int i = 0; i < clients; i++) {
        int fd = accept(server, NULL, NULL);
        char text[40];
        ssize_t count = read(fd, text, sizeof(text));
        served += count == 8;
        (void)!write(fd, text + 7, 1);
        struct {
            int pid, uid, gid;
        } peer = {0, -1, -1};
        socklen_t size = sizeof(peer);
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
        served += peer.pid > 0 && peer.uid == 0 ? 0 : 100;
        close(fd);
    }
    int status, failed = 0;
    while (wait(&status) > 0) {
        failed += status != 0;
    }
    say("served %d, failed %d\n", served, failed);
    close(server);
    report("nobody listens", connect_to("socket"));
    unlink("socket");
    scratch_leave();
    return 0;
}
