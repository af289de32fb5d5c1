// SPDX-License-Identifier: MIT
//
// The init of the Debian guest: runs the commands of /cases one after the other and writes what
// each of them did to the disk.
//
// /cases holds records of 32-bit numbers and bytes: count of arguments, each argument with its size
// before it, standard input with its size before it, the limit in ms. A result on the disk is
// MAGIC, index, status (128 + n for signal n, TIMED_OUT when the limit was reached, 126 or 127 when
// the program could not be started), sizes of both outputs, a bit for each Linux call that was
// made, both outputs. After the last case comes a result with the index END.
//
// A case starts in / with descriptors 0, 1 and 2, all of them pipes, the environment below, no
// signal blocked or ignored. It ends with its own process: what that has left behind is killed.

#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DISK "/dev/nvme0n1"
#define MAGIC 0x53454341u
#define END 0xffffffffu
#define TIMED_OUT 0x10000
#define MAX_ARGS 64

struct output {
    char *bytes;
    size_t size, room;
    int fd; // -1 when the other end is closed
};

struct test_case {
    char *argv[MAX_ARGS + 1];
    const char *input;
    size_t input_size;
    uint32_t limit_ms;
};

static char *const environment[] = {"PATH=/bin:/usr/bin", "HOME=/", "TERM=linux", NULL};
static const char *cases, *cases_end;
static int disk;
static volatile sig_atomic_t child_ended;

static void die(const char *what) {
    printf("init: %s: %s\n", what, strerror(errno));
    fflush(stdout);
    reboot(RB_POWER_OFF);
    _exit(1);
}

static void load_cases(void) {
    struct stat info;
    int fd = open("/cases", O_RDONLY);
    if (fd < 0 || fstat(fd, &info)) {
        die("/cases");
    }
    char *bytes = malloc((size_t)info.st_size + 1);
    size_t size = 0;
    ssize_t count;
    while ((count = read(fd, bytes + size, (size_t)info.st_size - size)) > 0) {
        size += (size_t)count;
    }
    close(fd);
    cases = bytes;
    cases_end = bytes + size;
}

static uint32_t take_number(void) {
    uint32_t number;
    memcpy(&number, cases, sizeof(number));
    cases += sizeof(number);
    return number;
}

static char *take_text(void) {
    uint32_t size = take_number();
    char *text = strndup(cases, size);
    cases += size;
    return text;
}

static void take_case(struct test_case *test) {
    uint32_t count = take_number();
    for (uint32_t i = 0; i < count; i++) {
        test->argv[i] = take_text();
    }
    test->argv[count] = NULL;
    test->input_size = take_number();
    test->input = cases;
    cases += test->input_size;
    test->limit_ms = take_number();
}

static void disk_write(const void *bytes, size_t size) {
    const char *at = bytes;
    while (size > 0) {
        ssize_t written = write(disk, at, size);
        if (written <= 0) {
            die(DISK);
        }
        at += written;
        size -= (size_t)written;
    }
}

static void disk_result(uint32_t index, uint32_t status, const struct output outputs[2],
                        const struct calls *calls) {
    const uint32_t head[] = {MAGIC, index, status, (uint32_t)outputs[0].size,
                             (uint32_t)outputs[1].size};
    disk_write(head, sizeof(head));
    disk_write(calls, sizeof(*calls));
    disk_write(outputs[0].bytes, outputs[0].size);
    disk_write(outputs[1].bytes, outputs[1].size);
}

static uint64_t now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static pid_t start(const struct test_case *test, int pipes[3][2]) {
    for (int i = 0; i < 3; i++) {
        if (pipe2(pipes[i], O_CLOEXEC)) {
            die("pipe");
        }
    }
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGPIPE, SIG_DFL);
        signal(SIGCHLD, SIG_DFL);
        setsid();
        dup2(pipes[0][0], 0);
        dup2(pipes[1][1], 1);
        dup2(pipes[2][1], 2);
        calls_follow_me();
        execve(test->argv[0], test->argv, environment);
        _exit(errno == ENOENT ? 127 : 126);
    }
    close(pipes[0][0]);
    close(pipes[1][1]);
    close(pipes[2][1]);
    return pid;
}

// Takes what is there; closes at the end.
static void drain(struct output *output) {
    for (;;) {
        if (output->room - output->size < 65536) {
            output->room = output->room * 2 + 65536;
            output->bytes = realloc(output->bytes, output->room);
        }
        ssize_t count = read(output->fd, output->bytes + output->size, 65536);
        if (count <= 0) {
            if (count == 0 || errno != EAGAIN) {
                close(output->fd);
                output->fd = -1;
            }
            return;
        }
        output->size += (size_t)count;
    }
}

static void feed(int *fd, const struct test_case *test, size_t *fed) {
    if (*fed < test->input_size) {
        ssize_t count = write(*fd, test->input + *fed, test->input_size - *fed);
        if (count > 0) {
            *fed += (size_t)count;
        } else if (errno != EAGAIN) {
            *fed = test->input_size;
        }
    }
    if (*fed == test->input_size) {
        close(*fd);
        *fd = -1;
    }
}

static void wait_for_work(int input, const struct output outputs[2], uint64_t until) {
    struct pollfd polled[] = {
        {input, POLLOUT, 0}, {outputs[0].fd, POLLIN, 0}, {outputs[1].fd, POLLIN, 0}};
    uint64_t now = now_ms();
    struct timespec limit = {0, 0};
    if (now < until) {
        limit = (struct timespec){(time_t)((until - now) / 1000),
                                  (long)((until - now) % 1000) * 1000000};
    }
    sigset_t none;
    sigemptyset(&none);
    // SIGCHLD is let in only here, so that none is missed.
    ppoll(polled, 3, &limit, &none);
}

// Reaps all that have ended; returns whether `pid` was among them.
static bool reap(pid_t pid, int *status) {
    bool found = false;
    int each;
    pid_t ended;
    while ((ended = waitpid(-1, &each, WNOHANG)) > 0) {
        if (ended == pid) {
            *status = each;
            found = true;
        }
    }
    return found;
}

static uint32_t run(const struct test_case *test, struct output outputs[2]) {
    int pipes[3][2], status = 0;
    pid_t pid = start(test, pipes);
    uint64_t until = now_ms() + test->limit_ms;
    size_t fed = 0;
    outputs[0].fd = pipes[1][0];
    outputs[1].fd = pipes[2][0];
    fcntl(pipes[0][1], F_SETFL, O_NONBLOCK);
    fcntl(pipes[1][0], F_SETFL, O_NONBLOCK);
    fcntl(pipes[2][0], F_SETFL, O_NONBLOCK);
    bool ended = false, in_time = true;
    while (!ended && in_time) {
        if (pipes[0][1] >= 0) {
            feed(&pipes[0][1], test, &fed);
        }
        wait_for_work(pipes[0][1], outputs, until);
        ended = reap(pid, &status);
        for (int i = 0; i < 2; i++) {
            if (outputs[i].fd >= 0) {
                drain(&outputs[i]);
            }
        }
        in_time = now_ms() < until;
    }
    kill(-1, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0) {
    }
    for (int i = 0; i < 2; i++) {
        if (outputs[i].fd >= 0) {
            close(outputs[i].fd);
        }
    }
    if (pipes[0][1] >= 0) {
        close(pipes[0][1]);
    }
    if (!ended) {
        return TIMED_OUT;
    }
    return (uint32_t)(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void on_child(int signal) {
    (void)signal;
    child_ended = 1;
}

static void prepare(void) {
    mount("none", "/dev", "devtmpfs", 0, NULL);
    mount("none", "/proc", "proc", 0, NULL);
    mount("none", "/sys", "sysfs", 0, NULL);
    mkdir("/dev/shm", 01777);
    mount("none", "/dev/shm", "tmpfs", 0, NULL);
    mkdir("/dev/pts", 0755);
    mount("none", "/dev/pts", "devpts", 0, NULL);
    (void)!symlink("/proc/self/fd", "/dev/fd");
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, on_child);
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    disk = open(DISK, O_WRONLY | O_CLOEXEC);
    if (disk < 0) {
        die(DISK);
    }
}

int main(void) {
    prepare();
    load_cases();
    static const struct output nothing[2];
    static const struct calls no_calls;
    calls_prepare();
    for (uint32_t index = 0; cases < cases_end; index++) {
        struct test_case test;
        struct output outputs[2] = {0};
        take_case(&test);
        uint32_t status = run(&test, outputs);
        struct calls calls = {0};
        calls_take(&calls);
        disk_result(index, status, outputs, &calls);
        for (int i = 0; i < 2; i++) {
            free(outputs[i].bytes);
        }
    }
    disk_result(END, 0, nothing, &no_calls);
    fsync(disk);
    printf("init: done\n");
    fflush(stdout);
    reboot(RB_POWER_OFF);
    return 1;
}
