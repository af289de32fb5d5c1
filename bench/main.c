// SPDX-License-Identifier: MIT
//
// Chooses rows, measures them in batches, prints. As the first process of a Linux kernel it sets up
// the little that the rows need, and powers the machine off at the end; its arguments are what the
// kernel's command line has behind ` -- `.

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

#define ROWS_MAX 200

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

bool attempt(const char *name, void (*act)(const void *), const void *argument) {
    if (setjmp(row_failed) != 0) {
        printf("FAILED %s %s: %s\n", name, failed_call, strerror(errno));
        fflush(stdout);
        return false;
    }
    act(argument);
    fflush(stdout);
    return true;
}

struct ticks run_batches(const struct row *row) {
    uint64_t ticks[BATCHES_MAX];
    unsigned batches = row->batches ? row->batches : BATCHES_MAX;
    run_batch(row);
    for (size_t i = 0; i < batches; i++) {
        ticks[i] = run_batch(row);
    }
    qsort(ticks, batches, sizeof(ticks[0]), compare);
    return (struct ticks){(double)ticks[0] / row->count, (double)ticks[batches / 2] / row->count,
                          row->count * batches};
}

static void prepare(const struct row *row) {
    if (row->many) {
        make_many(row);
    }
    if (row->prepare) {
        row->prepare();
    }
}

static void measure(const void *argument) {
    const struct row *row = argument;
    prepare(row);
    struct ticks ticks = run_batches(row);
    if (row->finish) {
        row->finish();
    }
    if (row->many) {
        drop_many(row);
    }
    printf("ROW %s %.1f %.1f %u\n", row->name, ticks.best, ticks.median, ticks.operations);
}

static void measure_row(const struct row *row) {
    attempt(row->name, measure, row);
}

// For a profiler: a round of a loop begins here.
__attribute__((noinline)) void loop_mark(void) {
    __asm__ volatile("");
}

static void loop(const void *argument) {
    const struct row *row = argument;
    unsigned count = row->loop ? row->loop : 1;
    prepare(row);
    row->run(count);
    printf("LOOP %s %u\n", row->name, count);
    fflush(stdout);
    for (;;) {
        loop_mark();
        row->run(count);
    }
}

static const struct row *find(const char *name) {
    if (strchr(name, ':')) {
        return row_among(name);
    }
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

double micros(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

// Measures the rows of a list with commas, or all. Returns the status.
static int measure_rows(char *list) {
    const struct row *chosen[ROWS_MAX];
    size_t count = 0;
    for (char *name = list ? strtok(list, ",") : NULL; name && count < ROWS_MAX;
         name = strtok(NULL, ",")) {
        chosen[count] = find(name);
        if (!chosen[count++]) {
            return USAGE_STATUS;
        }
    }
    printf("START %lu\n", (unsigned long)started);
    uint64_t begin = now();
    double begin_us = micros();
    if (!list) {
        for_all(measure_row);
    }
    for (size_t i = 0; i < count; i++) {
        measure_row(chosen[i]);
    }
    printf("CLOCK %.1f\nDONE\n", (double)(now() - begin) / (micros() - begin_us));
    return 0;
}

static int loop_row(const char *name) {
    const struct row *row = find(name);
    if (row) {
        attempt(name, loop, row);
    }
    return USAGE_STATUS;
}

static int usage(FILE *stream, int status) {
    fputs("usage: linux-bench [ROW[,ROW...]] | --loop ROW | --list | --kinds |\n"
          "       --bytes KIND:COUNT | --rates WORKERS | --now\n"
          "A ROW is one that --list names, or KIND:COUNT: an operation among so many.\n",
          stream);
    return status;
}

// What the arguments ask for. Returns the status.
static int act(int argc, char **argv) {
    const char *word = argc > 1 ? argv[1] : "";
    if (word[0] != '-' && argc <= 2) {
        return measure_rows(argv[1]);
    }
    if (argc == 2 && strcmp(word, EXIT_WORD) == 0) {
        return 0;
    }
    if (argc == 2 && strcmp(word, "--now") == 0) {
        printf("NOW %lu\n", (unsigned long)started);
        return 0;
    }
    if (argc == 2 && strcmp(word, "--list") == 0) {
        for_all(print_name);
        return 0;
    }
    if (argc == 2 && strcmp(word, "--kinds") == 0) {
        print_kinds();
        return 0;
    }
    if (argc == 3 && strcmp(word, "--loop") == 0) {
        return loop_row(argv[2]);
    }
    if (argc == 3 && strcmp(word, "--bytes") == 0) {
        return show_bytes(argv[2]);
    }
    if (argc == 3 && strcmp(word, "--rates") == 0) {
        return show_rates((unsigned)atoi(argv[2]));
    }
    bool help = strcmp(word, "--help") == 0;
    return usage(help ? stdout : stderr, help ? 0 : USAGE_STATUS);
}

static void set_up_machine(void) {
    mkdir("/dev", 0755);
    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    mkdir("/tmp", 0755);
    mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
}

int main(int argc, char **argv) {
    started = now();
    self_path = argv[0];
    main_process = getpid();
    if (main_process == 1) {
        set_up_machine();
    }
    int status = act(argc, argv);
    if (main_process == 1) {
        fflush(stdout);
        reboot(RB_POWER_OFF);
    }
    return status;
}
