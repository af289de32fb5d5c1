// SPDX-License-Identifier: MIT
//
// A machine that is full, seen by a Linux program: what was said to be done is there, what can't be
// done has an error, and all is well again when there is room.
//
//   full memory SECONDS   a child takes all memory there is and keeps it, another forks, while
//   files
//                         are written, read back and removed
//   full disk             files until there is no space
//   full inodes           names until there is no space
//   full hog, forks       those children: programs of their own, so that they share no page with
//                         their parent, which could not pay for its copy
//
// It prints a line of what it saw, and ends with 0 if nothing was wrong.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u
#define HOG_BYTES (1ul << 30)
#define HOG_STEP 16 // pages that the hog gives back when there are no more
#define PIECE 16384u
#define FILES 24
#define PAUSE_US 2000

static unsigned long done, refused, wrong;

static void complain(const char *what, const char *name) {
    fprintf(stderr, "full: %s %s: %s\n", what, name, strerror(errno));
    wrong++;
}

// Whether a failure is one of those that a full machine may have.
static int is_refusal(void) {
    return errno == ENOSPC || errno == ENOMEM || errno == EAGAIN || errno == ENFILE;
}

static void refuse(const char *what, const char *name) {
    if (is_refusal()) {
        refused++;
    } else {
        complain(what, name);
    }
}

// ---- files with contents that tell where they belong

static void fill_piece(unsigned char *piece, unsigned number, unsigned at) {
    for (unsigned i = 0; i < PIECE; i++) {
        piece[i] = (unsigned char)(number * 31 + at * 7 + i + i / 251);
    }
}

static unsigned char wanted[PIECE], found[PIECE];

// Writes up to so many pieces. Returns how many bytes the calls said they wrote, -1: no file.
static long write_file(const char *name, unsigned number, unsigned pieces) {
    long bytes = 0;
    int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    if (fd < 0) {
        refuse("create", name);
        return -1;
    }
    for (unsigned at = 0; at < pieces; at++) {
        fill_piece(wanted, number, at);
        ssize_t count = write(fd, wanted, PIECE);
        if (count < 0) {
            refuse("write", name);
            break;
        }
        bytes += count;
        if (count < (ssize_t)PIECE) {
            refused++;
            break;
        }
        done++;
    }
    close(fd);
    return bytes;
}

// Whether the file holds what write_file wrote, and no more.
static void check_file(const char *name, unsigned number, long bytes) {
    struct stat status;
    int fd = open(name, O_RDONLY);
    if (fd < 0) {
        refuse("open", name);
        return;
    }
    if (fstat(fd, &status) == 0 && status.st_size != bytes) {
        fprintf(stderr, "full: %s has %ld bytes, not %ld\n", name, (long)status.st_size, bytes);
        wrong++;
    }
    for (long at = 0; at < bytes; at += PIECE) {
        long piece = bytes - at < (long)PIECE ? bytes - at : (long)PIECE;
        fill_piece(wanted, number, (unsigned)(at / PIECE));
        ssize_t count = read(fd, found, (size_t)piece);
        if (count < 0 && is_refusal()) {
            refused++;
            break;
        }
        if (count != piece || memcmp(found, wanted, (size_t)piece) != 0) {
            fprintf(stderr, "full: %s differs past %ld: %zd of %ld\n", name, at, count, piece);
            wrong++;
            break;
        }
    }
    close(fd);
}

// ---- memory

static sigjmp_buf no_memory;

static void on_bus_error(int signal) {
    (void)signal;
    siglongjmp(no_memory, 1);
}

// Takes every page there is, and again what others give back.
static void hog(void) {
    static volatile unsigned long at;
    static unsigned char stack[4 * PAGE];
    const stack_t own = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction action = {.sa_handler = on_bus_error, .sa_flags = SA_ONSTACK};
    unsigned char *memory = mmap(NULL, HOG_BYTES, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    memset(stack, 1, sizeof(stack));
    sigaltstack(&own, NULL);
    sigaction(SIGBUS, &action, NULL);
    if (memory == MAP_FAILED) {
        _exit(1);
    }
    for (;;) {
        if (sigsetjmp(no_memory, 1) != 0) {
            unsigned long back = at < HOG_STEP ? at : HOG_STEP;
            usleep(PAUSE_US);
            at -= back;
            madvise(memory + at * PAGE, back * PAGE, MADV_DONTNEED);
        }
        for (; at < HOG_BYTES / PAGE; at++) {
            memory[at * PAGE] = 1;
        }
    }
}

// Forks as long as it lives; a copy that can't be paid for may end it.
static void forks(void) {
    for (;;) {
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            _exit(7);
        }
        if (child < 0 && !is_refusal()) {
            complain("fork", "");
            _exit(1);
        }
        if (child > 0 && waitpid(child, &status, 0) == child && !WIFSIGNALED(status) &&
            WEXITSTATUS(status) != 7) {
            _exit(2);
        }
        usleep(PAUSE_US);
    }
}

static pid_t start(char *word) {
    char *words[] = {"full", word, NULL};
    char *none[] = {NULL};
    pid_t child = -1;
    if (posix_spawn(&child, "/proc/self/exe", NULL, NULL, words, none) != 0) {
        complain("start", word);
    }
    return child;
}

// Ends a child; only being short of memory may have ended it before.
static void stop(pid_t child) {
    int status = 0;
    kill(child, SIGKILL);
    if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status)) {
        fprintf(stderr, "full: a child ended by itself: 0x%x\n", status);
        wrong++;
    }
}

static void rounds(time_t end) {
    unsigned number = 0;
    long bytes[FILES];
    char name[64];
    while (time(NULL) < end) {
        for (unsigned i = 0; i < FILES; i++) {
            snprintf(name, sizeof(name), "/run/full-%u", i);
            bytes[i] = write_file(name, number + i, 1 + i % 4);
        }
        for (unsigned i = 0; i < FILES; i++) {
            snprintf(name, sizeof(name), "/run/full-%u", i);
            if (bytes[i] >= 0) {
                check_file(name, number + i, bytes[i]);
                if (unlink(name) != 0) {
                    refuse("unlink", name);
                }
            }
        }
        number += FILES;
    }
}

static void memory(unsigned seconds) {
    rounds(time(NULL) + 1); // so that it has all the memory that it needs
    pid_t forker = start("forks");
    pid_t taker = start("hog"); // last: after it nothing can be started
    rounds(time(NULL) + seconds);
    stop(taker);
    stop(forker);
    unsigned long before = refused;
    usleep(300000); // what the hog had comes back in the background
    rounds(time(NULL) + 1);
    if (refused != before) {
        fprintf(stderr, "full: refused with memory free\n");
        wrong++;
    }
    printf("memory: %lu pieces, %lu refused, %lu wrong\n", done, before, wrong);
}

// ---- files

#define MANY 4096
#define BIG_PIECES 64

static unsigned disk(void) {
    static long bytes[MANY];
    unsigned count = 0;
    char name[64];
    mkdir("/run/full", 0700);
    while (count < MANY && refused == 0) {
        snprintf(name, sizeof(name), "/run/full/%u", count);
        bytes[count] = write_file(name, count, BIG_PIECES);
        count += bytes[count] >= 0;
    }
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "/run/full/%u", i);
        check_file(name, i, bytes[i]);
    }
    // What is given back can be taken again.
    unlink("/run/full/0");
    refused = 0;
    bytes[0] = write_file("/run/full/0", 0, BIG_PIECES - 1);
    check_file("/run/full/0", 0, bytes[0]);
    if (refused != 0 || bytes[0] != (long)((BIG_PIECES - 1) * PIECE)) {
        complain("write again", name);
    }
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "/run/full/%u", i);
        if (unlink(name) != 0) {
            complain("unlink", name);
        }
    }
    rmdir("/run/full");
    return count;
}

static int create(const char *format, unsigned number) {
    char name[64];
    snprintf(name, sizeof(name), format, number);
    int fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0600);
    if (fd >= 0) {
        close(fd);
        return 1;
    }
    refuse("create", name);
    return 0;
}

static unsigned inodes(void) {
    static const char format[] = "/run/full/name-%u";
    struct stat status;
    unsigned count = 0;
    char name[64];
    mkdir("/run/full", 0700);
    while (create(format, count)) {
        count++;
    }
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof(name), format, i);
        if (stat(name, &status) != 0) {
            complain("stat", name);
        }
    }
    snprintf(name, sizeof(name), format, count / 2);
    if (unlink(name) != 0 || !create(format, count / 2)) {
        complain("create again", name);
    }
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof(name), format, i);
        if (unlink(name) != 0) {
            complain("unlink", name);
        }
    }
    if (rmdir("/run/full") != 0) {
        complain("rmdir", "/run/full");
    }
    return count;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    unsigned number = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
    if (strcmp(what, "hog") == 0) {
        hog();
    } else if (strcmp(what, "forks") == 0) {
        forks();
    } else if (strcmp(what, "memory") == 0 && number != 0) {
        memory(number);
    } else if (strcmp(what, "disk") == 0 || strcmp(what, "inodes") == 0) {
        unsigned count = what[0] == 'd' ? disk() : inodes();
        printf("%s: %u made, %lu wrong\n", what, count, wrong);
    } else {
        fprintf(stderr, "usage: full memory SECONDS | disk | inodes\n");
        return 2;
    }
    return wrong != 0;
}
