// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Who has a named pipe open, and what that means for the others: waiting, readiness, the end of the
// file and its return, broken pipes, both sides at once, many writers, signals, what outlives exec.

#include "child.h"
#include "scratch.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#define WRITERS 5
#define LINES 40
#define LINE_BYTES 100

static void on_signal(int number) {
    (void)number;
}

static void catch (int number, int flags) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
    sigaction(number, &action, NULL);
}

static void show_poll(const char *what, int fd, short events, int timeout_ms) {
    struct pollfd entry = {.fd = fd, .events = events};
    int ready = poll(&entry, 1, timeout_ms);
    say("%s: %d, events %x\n", what, ready, (unsigned)entry.revents);
}

static void alone(void) {
    int reader = open("fifo", O_RDONLY | O_NONBLOCK);
    show_poll("nobody has written", reader, POLLIN, 0);
    int writer = open("fifo", O_WRONLY | O_NONBLOCK);
    show_poll("a writer is there", reader, POLLIN, 0);
    show_poll("there is room", writer, POLLOUT, 0);
    report("some bytes", write(writer, "some", 4));
    int waiting = 0;
    report("how many wait", ioctl(reader, FIONREAD, &waiting));
    say("%d bytes\n", waiting);
    show_poll("there is something", reader, POLLIN, 0);
    close(writer);
    show_poll("the writer has gone", reader, POLLIN, 0);
    char text[10];
    report("what it has left", read(reader, text, 10));
    show_poll("all is read", reader, POLLIN, 0);
    report("the end", read(reader, text, 10));
    writer = open("fifo", O_WRONLY | O_NONBLOCK);
    report("no end any more", read(reader, text, 10));
    show_poll("another writer", reader, POLLIN, 0);
    close(reader);
    show_poll("the reader has gone", writer, POLLOUT, 0);
    signal(SIGPIPE, SIG_IGN);
    report("a broken pipe", write(writer, "x", 1));
    reader = open("fifo", O_RDONLY | O_NONBLOCK);
    report("mended", write(writer, "x", 1));
    report("and read", read(reader, text, 10));
    close(reader);
    close(writer);
    reader = open("fifo", O_RDONLY | O_NONBLOCK);
    report("nothing is left of before", read(reader, text, 10));
    show_poll("and no hang-up", reader, POLLIN, 0);
    signal(SIGPIPE, SIG_DFL);
    close(reader);
}

// What is written while nobody reads stays as long as somebody writes.
static void kept(void) {
    int reader = open("fifo", O_RDONLY | O_NONBLOCK), writer = open("fifo", O_WRONLY);
    report("written", write(writer, "kept", 4));
    close(reader);
    reader = open("fifo", O_RDONLY);
    char text[10];
    report("read by another one", read(reader, text, 10));
    report("written, not read", write(writer, "lost", 4));
    close(reader);
    close(writer);
    reader = open("fifo", O_RDONLY | O_NONBLOCK);
    report("lost with the last", read(reader, text, 10));
    close(reader);
}

static void both_sides(void) {
    int fd = open("fifo", O_RDWR);
    check("both sides, without waiting", fd >= 0);
    char text[10];
    show_poll("empty", fd, POLLIN | POLLOUT, 0);
    report("to oneself", write(fd, "self", 4));
    show_poll("something there", fd, POLLIN | POLLOUT, 0);
    report("from oneself", read(fd, text, 10));
    int writer = open("fifo", O_WRONLY | O_NONBLOCK);
    report("another writer", write(writer, "two", 3));
    close(writer);
    report("is read", read(fd, text, 10));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    report("no end", read(fd, text, 10));
    int reader = open("fifo", O_RDONLY);
    check("a reader finds a writer", reader >= 0);
    close(fd);
    report("which was the last", read(reader, text, 10));
    show_poll("and has hung up", reader, POLLIN, 0);
    close(reader);
}

static void full(void) {
    static char bytes[70000];
    int reader = open("fifo", O_RDONLY | O_NONBLOCK);
    int writer = open("fifo", O_WRONLY | O_NONBLOCK);
    report("as much as fits", write(writer, bytes, sizeof(bytes)));
    report("no more", write(writer, bytes, 1));
    show_poll("full", writer, POLLOUT, 0);
    report("a page", read(reader, bytes, 4096));
    show_poll("room again", writer, POLLOUT, 0);
    report("a page again", write(writer, bytes, 4096));
    fcntl(writer, F_SETFL, 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(reader);
        _exit(write(writer, bytes, 40000) == 40000 ? 0 : 1);
    }
    close(writer);
    fcntl(reader, F_SETFL, 0);
    size_t total = 0;
    ssize_t count;
    while ((count = read(reader, bytes, 30000)) > 0) {
        total += (size_t)count;
    }
    say("%zu bytes, then %zd\n", total, count);
    await("a writer that waited", pid);
    close(reader);
}

// Lines of many writers come whole.
static void many(void) {
    char line[LINE_BYTES + 1];
    pid_t pids[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            int fd = open("fifo", O_WRONLY);
            memset(line, 'a' + i, LINE_BYTES);
            line[LINE_BYTES - 1] = '\n';
            for (int n = 0; n < LINES; n++) {
                write_all(fd, line, LINE_BYTES);
            }
            _exit(0);
        }
    }
    // A writer of our own, lest the first one is the last one, too.
    int reader = open("fifo", O_RDONLY), own = open("fifo", O_WRONLY);
    int lines = 0, torn = 0;
    while (lines < WRITERS * LINES) {
        size_t got = 0;
        while (got < LINE_BYTES) {
            ssize_t count = read(reader, line + got, LINE_BYTES - got);
            got += count > 0 ? (size_t)count : 0;
        }
        for (int i = 1; i < LINE_BYTES - 1; i++) {
            torn += line[i] != line[0];
        }
        lines++;
    }
    close(own);
    say("%d lines, %d bytes elsewhere, then %zd\n", lines, torn, read(reader, line, 1));
    for (int i = 0; i < WRITERS; i++) {
        await("a writer", pids[i]);
    }
    close(reader);
}

// A short visit is not missed by who waited for it.
static void visits(void) {
    for (int i = 0; i < 20; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            _exit(open("fifo", O_WRONLY) < 0); // and gone again
        }
        int fd = open("fifo", O_RDONLY);
        char byte;
        if (fd < 0 || read(fd, &byte, 1) != 0) {
            say("visit %d: not seen\n", i);
        }
        close(fd);
        waitpid(pid, NULL, 0);
    }
    say("visits are over\n");
}

static void signals(void) {
    catch (SIGALRM, 0);
    alarm(1);
    report("interrupted, reading", open("fifo", O_RDONLY));
    alarm(1);
    report("interrupted, writing", open("fifo", O_WRONLY));
    report("left nothing behind", open("fifo", O_WRONLY | O_NONBLOCK));
    catch (SIGALRM, SA_RESTART);
    pid_t pid = fork();
    if (pid == 0) {
        usleep(1500000);
        _exit(open("fifo", O_WRONLY | O_NONBLOCK) < 0);
    }
    alarm(1);
    int fd = open("fifo", O_RDONLY);
    check("restarted", fd >= 0);
    await("the writer that came", pid);
    close(fd);
    pid = fork();
    if (pid == 0) {
        (void)open("fifo", O_RDONLY);
        _exit(1);
    }
    usleep(300000);
    kill(pid, SIGKILL);
    await("killed while it waited", pid);
    report("left nothing behind", open("fifo", O_WRONLY | O_NONBLOCK));
}

// A pipe in a set, by levels and by edges.
static void sets(void) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLET}, found;
    int reader = open("fifo", O_RDONLY | O_NONBLOCK), writer = open("fifo", O_WRONLY);
    int set = epoll_create1(0);
    char text[10];
    report("a member", epoll_ctl(set, EPOLL_CTL_ADD, reader, &event));
    report("nothing yet", epoll_wait(set, &found, 1, 0));
    report("written", write(writer, "x", 1));
    report("told", epoll_wait(set, &found, 1, 0));
    report("told once", epoll_wait(set, &found, 1, 0));
    report("read", read(reader, text, 10));
    close(writer);
    int ready = epoll_wait(set, &found, 1, 0);
    say("hung up: %d, %x\n", ready, found.events & EPOLLHUP);
    report("told once", epoll_wait(set, &found, 1, 0));
    writer = open("fifo", O_WRONLY);
    report("written again", write(writer, "yz", 2));
    ready = epoll_wait(set, &found, 1, 0);
    say("told again: %d, %x\n", ready, found.events);
    close(writer);
    ready = epoll_wait(set, &found, 1, 0);
    say("hung up again: %d, %x\n", ready, found.events & EPOLLHUP);
    close(set);
    close(reader);
}

// A pipe that waits in poll for whoever comes.
static void waits_in_poll(void) {
    int reader = open("fifo", O_RDONLY | O_NONBLOCK);
    pid_t pid = fork();
    if (pid == 0) {
        close(reader);
        usleep(200000);
        int fd = open("fifo", O_WRONLY);
        usleep(200000);
        write_all(fd, "late", 4);
        usleep(200000);
        _exit(0);
    }
    char text[10];
    show_poll("somebody came and wrote", reader, POLLIN, 10000);
    report("this", read(reader, text, 10));
    show_poll("and left", reader, POLLIN, 10000);
    await("who came", pid);
    pid = fork();
    if (pid == 0) {
        close(reader);
        usleep(200000);
        _exit(open("fifo", O_WRONLY) < 0);
    }
    close(reader);
    reader = open("fifo", O_RDONLY | O_NONBLOCK);
    show_poll("came and left", reader, POLLIN, 10000);
    await("who came", pid);
    close(reader);
}

static void other_calls(void) {
    int fd = open("fifo", O_RDWR);
    struct stat status;
    char text[64] = "";
    fstat(fd, &status);
    say("mode %o, %lld bytes\n", (unsigned)status.st_mode, (long long)status.st_size);
    report("fchmod", fchmod(fd, 0600));
    stat("fifo", &status);
    say("mode %o\n", (unsigned)status.st_mode);
    report("seek", lseek(fd, 0, SEEK_SET));
    report("pread", pread(fd, text, 1, 0));
    report("ftruncate", ftruncate(fd, 0));
    report("fsync", fsync(fd));
    report("size", fcntl(fd, F_GETPIPE_SZ));
    check("its path", readlink("/proc/self/fd/3", text, 63) > 5 &&
                          strcmp(text + strlen(text) - 5, "/fifo") == 0);
    int again = open("/proc/self/fd/3", O_WRONLY | O_NONBLOCK);
    report("through /proc", write(again, "hi", 2));
    report("arrives", read(fd, text, 10));
    close(again);
    close(fd);
    chmod("fifo", 0400);
    int place = open("fifo", O_PATH);
    report("a place only", read(place, text, 1));
    close(place);
}

int main(int argc, char **argv) {
    char text[10];
    if (argc > 1) { // after exec
        int fd = atoi(argv[1]);
        report("still open", read(fd, text, 10));
        report("and no end", read(fd, text, 10));
        return 0;
    }
    scratch_enter("scratch-fifo-ends");
    report("make", mkfifo("fifo", 0644));
    alone();
    kept();
    both_sides();
    full();
    many();
    visits();
    signals();
    sets();
    waits_in_poll();
    other_calls();
    // What was opened stays open over exec, also when the name has gone.
    int reader = open("fifo", O_RDONLY | O_NONBLOCK);
    chmod("fifo", 0600);
    int writer = open("fifo", O_WRONLY);
    report("written before", write(writer, "before", 6));
    unlink("fifo");
    scratch_leave();
    snprintf(text, sizeof(text), "%d", reader);
    execl("/proc/self/exe", "fifo_ends", text, NULL);
    report("exec", -1);
    return 1;
}
