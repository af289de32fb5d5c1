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
//   IDLE BYTES                        memory that a forked process takes which does nothing
//   DONE                              the end
#pragma once

#include <stddef.h>
#include <stdint.h>

#define BATCHES_MAX 7

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
};

// The rows of a file, up to one without a name.
extern const struct row control_rows[], call_rows[], file_rows[], pipe_rows[], process_rows[],
    memory_rows[], signal_rows[], waiting_rows[], program_rows[];

// The bytes of memory that one of so many processes takes which were forked and do nothing. -1:
// they can't be had.
long idle_process_bytes(unsigned count);

// How this program can be started again, with EXIT_WORD: it then ends at once.
extern const char *self_path;
#define EXIT_WORD "--exit"

// Ends the row: this call did not do what it should; errno says why.
_Noreturn void fail(const char *call);

// `result` unless it is -1, which ends the row.
long must(long result, const char *call);
#define MUST(name, ...) must((long)name(__VA_ARGS__), #name)

// What lies between the two is not measured, and no part of a profile.
void clock_stop(void);
void clock_go(void);
