// SPDX-License-Identifier: MIT
// libcs: musl musl-pie glibc klibc
// run:
//
// execve: another program in the same process; what is handed over, what is not, what is refused.

#include "child.h"

#include <sys/stat.h>
#include <sys/syscall.h>

static const char *self;

// The new program: prints what it was given.
static int second_life(int argc, char **argv) {
    say("second life: %d arguments, the last [%s], COLOUR=%s\n", argc, argv[argc - 1],
        getenv("COLOUR") ? getenv("COLOUR") : "(unset)");
    report("  descriptor 10", fcntl(10, F_GETFD));
    report("  descriptor 11", fcntl(11, F_GETFD));
    check("  the same number", getenv("WAS") && atoi(getenv("WAS")) == getpid());
    struct sigaction action;
    sigaction(SIGUSR1, NULL, &action);
    check("  a handler is gone", action.sa_handler == SIG_DFL);
    sigaction(SIGUSR2, NULL, &action);
    check("  what was ignored stays so", action.sa_handler == SIG_IGN);
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    check("  the mask stays", sigismember(&mask, SIGTERM));
    return 21;
}

static void on_signal(int signal) {
    (void)signal;
}

static void replace(void) {
    char was[32];
    snprintf(was, sizeof(was), "WAS=%d", getpid());
    char *argv[] = {(char *)self, "again", "with spaces in it", NULL};
    char *envp[] = {"COLOUR=green", was, NULL};
    dup2(1, 10);
    dup2(1, 11);
    fcntl(11, F_SETFD, FD_CLOEXEC);
    signal(SIGUSR1, on_signal);
    signal(SIGUSR2, SIG_IGN);
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    execve(self, argv, envp);
    report("execve came back", -1);
    _exit(1);
}

static void try_file(const char *what, const char *name, const char *content, int mode) {
    int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0700);
    write_all(fd, content, strlen(content));
    close(fd);
    chmod(name, (mode_t)mode);
    char *argv[] = {(char *)name, "one", NULL};
    char *envp[] = {NULL};
    pid_t pid = fork();
    if (pid == 0) {
        report(what, execve(name, argv, envp));
        _exit(50);
    }
    await(what, pid);
    unlink(name);
}

int main(int argc, char **argv) {
    self = argv[0];
    if (argc > 1) {
        return second_life(argc, argv);
    }
    pid_t pid = fork();
    if (pid == 0) {
        replace();
    }
    await("replaced", pid);
    char *none[] = {NULL};
    report("no such file", execve("no-such-file", argv, none));
    report("no such folder", execve("no-such-folder/file", argv, none));
    report("a file as a folder", execve("/etc/passwd/file", argv, none));
    report("a folder", execve("/", argv, none));
    report("an empty name", execve("", argv, none));
    report_raw("a bad address", raw(__NR_execve, 16, argv, none));
    report_raw("bad arguments", raw(__NR_execve, argv[0], 16, none));
    try_file("not executable", "exec-plain", "text", 0600);
    try_file("of no known form", "exec-text", "text", 0700);
    try_file("empty", "exec-empty", "", 0700);
    try_file("a broken ELF file", "exec-elf", "\177ELF\002\001\001", 0700);
    return 0;
}
