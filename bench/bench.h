// SPDX-License-Identifier: MIT
//
// A benchmark that is an ordinary static Linux program, so that it runs on Debian's kernel and on
// Prunella unchanged. Each row measures one operation; what it prints is read by `./prunella bench`
// (tools/prunella/sidebyside.py):
//
//   START TICKS                       of the time stamp counter when the program began
//   ROW NAME BEST MEDIAN OPERATIONS   ticks of the time stamp counter per operation: of the best
//                                     batch and of the median one; operations of all batches
//   FAILED NAME CALL: REASON          the row could not run
//   CLOCK TICKS                       ticks in a microsecond of CLOCK_MONOTONIC
//   BYTES KIND BYTES                  memory that one of many takes
//   RATE NAME WORKERS RATE            operations a second of so many workers at once
//   NOW TICKS                         of the time stamp counter
//   DONE                              the end
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BATCHES_MAX 7
#define USAGE_STATUS 2

struct row {
    const char *name;
    // Operations in a batch, and in a round of --loop (0: one).
    unsigned count, loop;
    // Measured batches; 0: BATCHES_MAX.
    unsigned batches;
    // Before the first batch, and after the last one; may be NULL.
    void (*prepare)(void);
    void (*run)(unsigned count);
    void (*finish)(void);
    // Where it is measured among many of a kind: which, and how many.
    const struct kind *kind;
    unsigned many;
};

// The rows of a file, up to one without a name.
extern const struct row control_rows[], call_rows[], file_rows[], pipe_rows[], process_rows[],
    memory_rows[], signal_rows[], waiting_rows[], program_rows[];

// Operations of rows that many.c and parallel.c measure, too; round_trips after pipes_to_echo.
void create_and_join(unsigned count);
void fork_and_wait(unsigned count);
void get_parent(unsigned count);
void map_and_touch(unsigned count);
void pipes_to_echo(void);
void round_trips(unsigned count);

// Kinds of things of which there can be many: their names, a line each.
void print_kinds(void);

// The row of a name KIND:COUNT. NULL: there is none, and why was said.
const struct row *row_among(const char *name);
// Makes, and takes away, what such a row has many of.
void make_many(const struct row *row);
void drop_many(const struct row *row);

// Prints the memory that one takes of KIND:COUNT. Returns the status of the program.
int show_bytes(const char *name);

// Prints the rates of operations that so many processes do at once. Returns the program's status.
int show_rates(unsigned workers);

// How this program can be started again, with EXIT_WORD: it then ends at once.
extern const char *self_path;
#define EXIT_WORD "--exit"

// Runs the act; where it fails, says so under this name. Returns whether it did not.
bool attempt(const char *name, void (*act)(const void *), const void *argument);

// Of CLOCK_MONOTONIC.
double micros(void);

// Ticks per operation of the best and the median batch of a row that is prepared.
struct ticks {
    double best, median;
    unsigned operations;
};
struct ticks run_batches(const struct row *row);

// Ends the attempt: this call did not do what it should; errno says why.
_Noreturn void fail(const char *call);

// `result` unless it is -1, which ends the attempt.
long must(long result, const char *call);
#define MUST(name, ...) must((long)name(__VA_ARGS__), #name)

// What lies between the two is not measured, and no part of a profile.
void clock_stop(void);
void clock_go(void);
