// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Rarer calls on processes: execveat, queued signals to a thread, CPU times, limits by the old
// call.

#include "child.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/times.h>

static void on_signal(int signal, siginfo_t *info, void *context) {
    (void)context;
    say("handler of %d: code %d, value %d\n", signal, info->si_code, info->si_value.sival_int);
}

static void try_exec(char *self) {
    char *argv[] = {self, "again", NULL}, *envp[] = {NULL};
    int fd = open(self, O_RDONLY | O_CLOEXEC);
    pid_t pid = fork();
    if (pid == 0) {
        report_raw("execveat", raw(__NR_execveat, fd, "", argv, envp, 0x1000));
        _exit(1);
    }
    await("by its descriptor", pid);
    report_raw("an empty path alone", raw(__NR_execveat, fd, "", argv, envp, 0));
    report_raw("unknown flags", raw(__NR_execveat, fd, "", argv, envp, 0x40));
    report_raw("nothing", raw(__NR_execveat, -100, "missing", argv, envp, 0));
    close(fd);
}

static void try_queue(void) {
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGUSR1, &action, NULL);
    siginfo_t info;
    memset(&info, 0, sizeof(info));
    info.si_code = SI_QUEUE;
    info.si_value.sival_int = 77;
    long tid = raw(__NR_gettid);
    report_raw("to the thread", raw(__NR_rt_tgsigqueueinfo, getpid(), tid, SIGUSR1, &info));
    report_raw("to no thread", raw(__NR_rt_tgsigqueueinfo, getpid(), 4000000, SIGUSR1, &info));
    info.si_code = 0;
    pid_t pid = fork();
    if (pid == 0) {
        long parent = getppid();
        report_raw("as if the kernel had sent it",
                   raw(__NR_rt_tgsigqueueinfo, parent, parent, SIGUSR1, &info));
        _exit(0);
    }
    await("child", pid);
}

static void try_times(void) {
    struct tms used;
    clock_t first = times(&used);
    check("ticks go on", first > 0 || first == (clock_t)-1);
    volatile unsigned long work = 0;
    do {
        for (int i = 0; i < 100000; i++) {
            work += (unsigned)i;
        }
        times(&used);
    } while (used.tms_utime == 0);
    check("some time was used", used.tms_utime > 0);
    say("children %ld\n", (long)used.tms_cutime > 1000 ? 1L : 0L);
    struct rusage usage;
    report("usage", getrusage(RUSAGE_SELF, &usage));
    check("it tells so too", usage.ru_utime.tv_sec > 0 || usage.ru_utime.tv_usec > 0);
    struct rlimit limit = {64 << 20, 64 << 20};
    report_raw("setrlimit", raw(__NR_setrlimit, RLIMIT_STACK, &limit));
    memset(&limit, 0, sizeof(limit));
    report_raw("getrlimit", raw(__NR_getrlimit, RLIMIT_STACK, &limit));
    say("%lu\n", (unsigned long)limit.rlim_cur);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        say("again, %d arguments\n", argc);
        return 8;
    }
    try_exec(argv[0]);
    try_queue();
    try_times();
    return 0;
}
