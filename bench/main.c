// SPDX-License-Identifier: MIT
//
// Chooses rows, measures them in batches, prints. As the first process of a Linux kernel it sets up
// the little that the rows need, takes its words from the kernel's command line (`rows=A,B`,
// `loop=ROW` or `processes=COUNT`), and powers the machine off.

#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define USAGE_STATUS 2

static const struct row *const all_rows[] = {control_rows, call_rows,    file_rows,
                                             pipe_rows,    process_rows, memory_rows,
                                             signal_rows,  waiting_rows, program_rows};
#define FILES (sizeof(all_rows) / sizeof(all_rows[0]))

const char *self_path;
static jmp_buf row_failed;
static const char *failed_call;
static uint64_t stopped_at, stopped_ticks;
static pid_t main_process;
static uint64_t started;

static uint64_t now(void) {
    return __builtin_ia32_rdtsc();
}

void clock_stop(void) {
    stopped_at = now();
}

void clock_go(void) {
    stopped_ticks += now() - stopped_at;
}

_Noreturn void fail(const char *call) {
    if (getpid() != main_process) {
        _exit(1);
    }
    failed_call = call;
    longjmp(row_failed, 1);
}

long must(long result, const char *call) {
    if (result == -1) {
        fail(call);
    }
    return result;
}

static uint64_t run_batch(const struct row *row) {
    stopped_ticks = 0;
    uint64_t begin = now();
    row->run(row->count);
    return now() - begin - stopped_ticks;
}

static int compare(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static void measure(const struct row *row) {
    if (setjmp(row_failed) != 0) {
        printf("FAILED %s %s: %s\n", row->name, failed_call, strerror(errno));
        fflush(stdout);
        return;
    }
    if (row->prepare) {
        row->prepare();
    }
    run_batch(row);
    uint64_t ticks[BATCHES_MAX];
    unsigned batches = row->batches ? row->batches : BATCHES_MAX;
    for (size_t i = 0; i < batches; i++) {
        ticks[i] = run_batch(row);
    }
    if (row->finish) {
        row->finish();
    }
    qsort(ticks, batches, sizeof(ticks[0]), compare);
    printf("ROW %s %.1f %.1f %u\n", row->name, (double)ticks[0] / row->count,
           (double)ticks[batches / 2] / row->count, row->count * batches);
    fflush(stdout);
}

// For a profiler: a round of a loop begins here.
__attribute__((noinline)) void loop_mark(void) {
    __asm__ volatile("");
}

static void loop(const struct row *row) {
    unsigned count = row->loop ? row->loop : 1;
    if (setjmp(row_failed) != 0) {
        printf("FAILED %s %s: %s\n", row->name, failed_call, strerror(errno));
        return;
    }
    if (row->prepare) {
        row->prepare();
    }
    row->run(count);
    printf("LOOP %s %u\n", row->name, count);
    fflush(stdout);
    for (;;) {
        loop_mark();
        row->run(count);
    }
}

static const struct row *find(const char *name) {
    for (size_t i = 0; i < FILES; i++) {
        for (const struct row *row = all_rows[i]; row->name; row++) {
            if (strcmp(row->name, name) == 0) {
                return row;
            }
        }
    }
    fprintf(stderr, "linux-bench: %s: no such row; --list names them\n", name);
    return NULL;
}

static void for_all(void (*act)(const struct row *row)) {
    for (size_t i = 0; i < FILES; i++) {
        for (const struct row *row = all_rows[i]; row->name; row++) {
            act(row);
        }
    }
}

static void print_name(const struct row *row) {
    puts(row->name);
}

static double micros(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

// Measures these rows, or all. Returns the status.
static int measure_rows(char **names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!find(names[i])) {
            return USAGE_STATUS;
        }
    }
    printf("START %lu\n", (unsigned long)started);
    uint64_t begin = now();
    double begin_us = micros();
    if (count == 0) {
        for_all(measure);
    }
    for (size_t i = 0; i < count; i++) {
        measure(find(names[i]));
    }
    printf("CLOCK %.1f\nDONE\n", (double)(now() - begin) / (micros() - begin_us));
    return 0;
}

static int loop_row(const char *name) {
    const struct row *row = name ? find(name) : NULL;
    if (row) {
        loop(row);
    }
    return USAGE_STATUS;
}

static int show_idle(const char *count) {
    long bytes = idle_process_bytes((unsigned)atoi(count));
    if (bytes < 0) {
        printf("FAILED idle fork: %s\n", strerror(errno));
        return 1;
    }
    printf("IDLE %ld\n", bytes);
    return 0;
}

static void run_as_init(void) {
    mkdir("/dev", 0755);
    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    mkdir("/tmp", 0755);
    mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
    char *looped = getenv("loop"), *rows = getenv("rows"), *idle = getenv("processes");
    if (idle) {
        show_idle(idle);
    } else if (looped) {
        loop_row(looped);
    } else {
        char *names[200];
        size_t count = 0;
        for (char *name = rows ? strtok(rows, ",") : NULL; name && count < 200;
             name = strtok(NULL, ",")) {
            names[count++] = name;
        }
        measure_rows(names, count);
    }
    fflush(stdout);
    reboot(RB_POWER_OFF);
}

int main(int argc, char **argv) {
    started = now();
    self_path = argv[0];
    main_process = getpid();
    if (argc > 1 && strcmp(argv[1], EXIT_WORD) == 0) {
        return 0;
    }
    if (main_process == 1) {
        run_as_init();
        return 1;
    }
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for_all(print_name);
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "--idle") == 0) {
        return show_idle(argv[2]);
    }
    if (argc > 1 && strcmp(argv[1], "--loop") == 0) {
        return loop_row(argv[2]);
    }
    if (argc > 1 && argv[1][0] == '-') {
        bool help = strcmp(argv[1], "--help") == 0;
        fprintf(help ? stdout : stderr,
                "usage: linux-bench [ROW...] | --list | --loop ROW | --idle COUNT\n");
        return help ? 0 : USAGE_STATUS;
    }
    return measure_rows(argv + 1, (size_t)(argc - 1));
}
