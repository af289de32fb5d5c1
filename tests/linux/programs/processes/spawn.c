// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Starting programs as libcs do it: vfork, posix_spawn with its actions.

#include "child.h"

#include <spawn.h>

extern char **environ;

static volatile int touched;

static void try_vfork(const char *self) {
    pid_t pid = vfork();
    if (pid == 0) {
        touched = 1;
        _exit(4);
    }
    check("the child ran first, in the parent's memory", touched == 1);
    await("vfork and exit", pid);
    pid = vfork();
    if (pid == 0) {
        char *argv[] = {(char *)self, "leaf", "vfork", NULL};
        execve(self, argv, environ);
        _exit(99);
    }
    await("vfork and exec", pid);
}

static void try_spawn(const char *self) {
    char *argv[] = {(char *)self, "leaf", "spawn", NULL};
    pid_t pid = 0;
    int error = posix_spawn(&pid, self, NULL, NULL, argv, environ);
    await("spawned", pid);
    report("spawn", error);
    int ends[2];
    (void)!pipe(ends);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    argv[2] = "into a pipe";
    report("spawn into a pipe", posix_spawn(&pid, self, &actions, NULL, argv, environ));
    close(ends[1]);
    char text[100];
    ssize_t count, size = 0;
    while ((count = read(ends[0], text + size, sizeof(text) - (size_t)size)) > 0) {
        size += count;
    }
    say("from the pipe: %.*s", (int)size, text);
    await("spawned", pid);
    say("spawn of nothing: %s\n",
        error_name(posix_spawn(&pid, "no-such-file", NULL, NULL, argv, environ)));
    posix_spawn_file_actions_destroy(&actions);
}

int main(int argc, char **argv) {
    if (argc > 2) {
        say("leaf: %s\n", argv[2]);
        return 11;
    }
    try_vfork(argv[0]);
    try_spawn(argv[0]);
    return 0;
}
