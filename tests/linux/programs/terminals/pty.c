// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// A pair of terminals made by a process that has no terminal itself, as script(1) and tmux do:
// names, locks, sizes, a session on the slave, what is echoed and read, signals that are typed,
// hanging up.

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "report.h"

static char slave_name[64];

static void show_bytes(const char *what, int fd, size_t wanted) {
    char bytes[256];
    size_t done = 0;
    while (done < wanted) {
        ssize_t got = read(fd, bytes + done, wanted - done);
        if (got <= 0) {
            say("%s: ended: %s\n", what, got < 0 ? strerror(errno) : "no more");
            break;
        }
        done += (size_t)got;
    }
    say("%s:", what);
    for (size_t i = 0; i < done; i++) {
        say(bytes[i] >= ' ' ? " %c" : " \\%o", bytes[i]);
    }
    say("\n");
}

static volatile sig_atomic_t winches;
static void count_winch(int number) {
    (void)number;
    winches++;
}

// The child: leads a session on the slave, and says there what it sees.
static _Noreturn void lead(void) {
    char line[64];
    struct winsize size;
    setsid();
    int slave = open(slave_name, O_RDWR);
    int own = open("/dev/tty", O_RDWR);
    signal(SIGWINCH, count_winch);
    dprintf(slave, "%d%d%d ", isatty(slave), own >= 0, tcgetsid(slave) == getpid());
    ssize_t got = read(slave, line, sizeof(line));
    while (winches == 0) {
        usleep(1000);
    }
    ioctl(slave, TIOCGWINSZ, &size);
    dprintf(slave, "%zd:%d:%d ", got, size.ws_row, size.ws_col);
    for (;;) {
        pause(); // until it is interrupted by ^C
    }
}

int main(void) {
    if (getsid(0) != getpid()) {
        setsid();
    }
    report("open /dev/tty without a terminal", open("/dev/tty", O_RDWR));
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    say("master %d\n", master >= 0);
    char *name = ptsname(master);
    say("name %d\n", name != NULL && strncmp(name, "/dev/pts/", 9) == 0);
    snprintf(slave_name, sizeof(slave_name), "%s", name != NULL ? name : "/dev/pts/0");
    report("open it while it is locked", open(slave_name, O_RDWR | O_NOCTTY));
    report("grant", grantpt(master));
    report("unlock", unlockpt(master));

    struct winsize size = {.ws_row = 24, .ws_col = 80};
    report("size", ioctl(master, TIOCSWINSZ, &size));
    pid_t child = fork();
    if (child == 0) {
        close(master);
        lead();
    }
    show_bytes("what it is", master, 4);
    (void)!write(master, "abc\n", 4);
    show_bytes("echo", master, 5);
    size.ws_row = 40;
    ioctl(master, TIOCSWINSZ, &size);
    show_bytes("size", master, 8);
    // Held open: on Linux what was echoed can be lost when the child, who dies of it, was the last.
    int held = open(slave_name, O_RDWR | O_NOCTTY);
    (void)!write(master, "\003", 1);
    show_bytes("echo", master, 2);
    close(held);
    int status = 0;
    waitpid(child, &status, 0);
    say("ended by signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : -1);
    show_bytes("after the last slave", master, 1);
    close(master);
    return 0;
}
