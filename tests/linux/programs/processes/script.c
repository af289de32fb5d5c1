// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Scripts: the line after #! names the program, with at most one argument; interpreters may be
// scripts themselves, to a limit.

#include "child.h"

#include <sys/stat.h>

static void make(const char *name, const char *first_line) {
    int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0700);
    write_all(fd, first_line, strlen(first_line));
    close(fd);
}

static void run(const char *what, const char *name) {
    char *argv[] = {"zero", "one", "two words", NULL};
    char *envp[] = {NULL};
    pid_t pid = fork();
    if (pid == 0) {
        report(what, execve(name, argv, envp));
        _exit(50);
    }
    await(what, pid);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        for (int i = 1; i < argc; i++) {
            say(" [%s]", argv[i]);
        }
        say("\n");
        return 7;
    }
    char line[400];
    snprintf(line, sizeof(line), "#!%s\nrest\n", argv[0]);
    make("script-plain", line);
    run("plain", "script-plain");
    snprintf(line, sizeof(line), "#! \t %s   an argument  of words \t\nrest\n", argv[0]);
    make("script-argument", line);
    run("with an argument", "script-argument");
    make("script-nested", "#!script-argument\n");
    run("script of a script", "script-nested");
    make("script-loop", "#!script-loop\n");
    run("script of itself", "script-loop");
    make("script-missing", "#!no-such-program\n");
    run("missing program", "script-missing");
    make("script-nothing", "#!\n");
    run("no program", "script-nothing");
    snprintf(line, sizeof(line), "#!%s no newline", argv[0]);
    make("script-end", line);
    run("no end of line", "script-end");
    static const char *const names[] = {"plain",   "argument", "nested", "loop",
                                        "missing", "nothing",  "end"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char name[40];
        snprintf(name, sizeof(name), "script-%s", names[i]);
        unlink(name);
    }
    return 0;
}
