// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
//
// Signals that come while a call waits: with SA_RESTART the call goes on, without it EINTR. The
// signals come every few milliseconds, so that one meets the call, however slow the machine is.

#include "child.h"

#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

static int ends[2];
static volatile int handled, data_at;

static void on_alarm(int signal) {
    (void)signal;
    handled++;
    if (handled == data_at) {
        write_all(ends[1], "data", 4);
    }
}

static void install(int flags) {
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_alarm;
    action.sa_flags = flags;
    sigaction(SIGALRM, &action, NULL);
}

// Signals from now on; the handler writes data into the pipe at the given one, 0: never.
static void start_timer(int with_data_at) {
    handled = 0;
    data_at = with_data_at;
    struct itimerval value = {{0, 15000}, {0, 15000}};
    setitimer(ITIMER_REAL, &value, NULL);
}

static void stop_timer(void) {
    struct itimerval value = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &value, NULL);
}

static void try_calls_of_signals(void) {
    struct timespec time = {50, 0}, left = {0, 0};
    start_timer(0);
    report_raw("nanosleep", raw(__NR_nanosleep, &time, &left));
    check("some of it is left", left.tv_sec > 0 && left.tv_sec < 50);
    report_raw("pause", raw(__NR_pause));
    stop_timer();
}

static void try_wait(const char *what, bool restarts) {
    pid_t pid = fork();
    if (pid == 0) {
        char text[10];
        _exit(read(ends[0], text, 10) == 4 ? 6 : 1);
    }
    start_timer(restarts ? 3 : 0);
    if (restarts) {
        await(what, pid);
        stop_timer();
        return;
    }
    report(what, waitpid(pid, NULL, 0));
    stop_timer();
    kill(pid, SIGKILL);
    await("the child", pid);
}

int main(void) {
    char text[10];
    (void)!pipe(ends);
    say("without SA_RESTART\n");
    install(0);
    start_timer(0);
    report("read", read(ends[0], text, 10));
    stop_timer();
    try_wait("waitpid", false);
    try_calls_of_signals();
    say("with it\n");
    install(SA_RESTART);
    start_timer(3);
    report("read", read(ends[0], text, 10));
    stop_timer();
    check("some signals came before", handled >= 3);
    try_wait("waitpid", true);
    say("these are never restarted\n");
    try_calls_of_signals();
    return 0;
}
