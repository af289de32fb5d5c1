// SPDX-License-Identifier: MIT
//
// What several CPUs do together: the same operation by so many processes at once.

#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS_MAX 64
#define REPEATS 3
#define BLOCK_BYTES 4096u
#define FILE_PATH "/tmp/bench-shared"

static int file;
static char block[BLOCK_BYTES];

static void open_shared(void) {
    file = (int)MUST(open, FILE_PATH, O_RDONLY);
}

static void read_shared(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        MUST(pread, file, block, BLOCK_BYTES, 0);
    }
}

static void open_and_close(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        MUST(close, (int)MUST(open, FILE_PATH, O_RDONLY));
    }
}

static const struct row operations[] = {
    {.name = "getppid", .count = 200000, .run = get_parent},
    {.name = "pread_4k", .count = 50000, .prepare = open_shared, .run = read_shared},
    {.name = "open_close", .count = 2000, .run = open_and_close},
    {.name = "pipe_rtt_1", .count = 3000, .prepare = pipes_to_echo, .run = round_trips},
    {.name = "mmap_touch_munmap", .count = 4000, .run = map_and_touch},
    {.name = "fork_exit_wait", .count = 100, .run = fork_and_wait},
};

struct gate {
    int gate[2], told[2];
};

_Noreturn static void work(const struct row *row, const struct gate *gate) {
    char byte = 'x';
    close(gate->gate[1]);
    if (row->prepare) {
        row->prepare();
    }
    row->run(row->count / 10);
    MUST(write, gate->told[1], &byte, 1);
    MUST(read, gate->gate[0], &byte, 1); // until the gate is closed
    row->run(row->count);
    MUST(write, gate->told[1], &byte, 1);
    _exit(0);
}

static void hear(const struct gate *gate, unsigned workers) {
    char byte;
    for (unsigned i = 0; i < workers; i++) {
        if (MUST(read, gate->told[0], &byte, 1) != 1) {
            errno = ECHILD;
            fail("a worker");
        }
    }
}

// Operations a second of all workers together.
static double rate(const struct row *row, unsigned workers) {
    struct gate gate;
    MUST(pipe, gate.gate);
    MUST(pipe, gate.told);
    for (unsigned i = 0; i < workers; i++) {
        if (MUST(fork) == 0) {
            work(row, &gate);
        }
    }
    close(gate.told[1]);
    hear(&gate, workers);
    double begin = micros();
    close(gate.gate[1]);
    hear(&gate, workers);
    double took = micros() - begin;
    while (wait(NULL) > 0) {
    }
    close(gate.gate[0]);
    close(gate.told[0]);
    return (double)row->count * workers / took * 1e6;
}

static unsigned worker_count;

static void show_rate(const void *argument) {
    const struct row *row = argument;
    double best = 0;
    for (unsigned i = 0; i < REPEATS; i++) {
        double found = rate(row, worker_count);
        best = found > best ? found : best;
    }
    printf("RATE %s %u %.0f\n", row->name, worker_count, best);
}

static void make_shared(const void *unused) {
    (void)unused;
    int new = (int)MUST(open, FILE_PATH, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    MUST(write, new, block, BLOCK_BYTES);
    MUST(close, new);
}

int show_rates(unsigned workers) {
    if (workers < 1 || workers > WORKERS_MAX) {
        fprintf(stderr, "linux-bench: %u is not a number of workers, 1 to %u\n", workers,
                WORKERS_MAX);
        return USAGE_STATUS;
    }
    worker_count = workers;
    bool well = attempt("rates", make_shared, NULL);
    for (size_t i = 0; well && i < sizeof(operations) / sizeof(operations[0]); i++) {
        attempt(operations[i].name, show_rate, &operations[i]);
    }
    puts("DONE");
    return well ? 0 : 1;
}
