// SPDX-License-Identifier: MIT
//
// The line discipline: what happens to bytes between a line and the programs that read and write
// the terminal. It behaves as Linux's N_TTY does, byte for byte, which test/discipline_pty_test.c
// checks against the pty of the host.
//
// A pure module: it knows no calls, no clock and no other terminal. Its state is a plain struct
// (which the server keeps in its vault), an array of cells for the input, and a ring for the
// output.
//
//   line -> discipline_input -> cells -> discipline_read -> program
//   line <- output_take <- ring <- discipline_write <- program
//                           ^ echo
//
// Input positions count characters and wrap at 2^32; the character at n is cell n % LINE_CELLS.
// tail <= canon <= head: [tail, canon) are whole lines, [canon, head) is the line that is being
// edited. Without canonical mode canon stands still and [tail, head) is what can be read.
//
// The ring's positions count alike. What lies before `floor` may be overwritten; `floor` is the
// tail of the last committed step, so that a step that is undone finds the ring as it was.
#pragma once

#include <abi/proto/tty.h>
#include <abi/terminal.h>
#include <stdbool.h>

#define LINE_CELLS 4096U  // a line has at most LINE_CELLS - 1 characters, as on Linux
#define CELL_END 0x100U   // in a cell: the line ends here; with character 0 it is an end of file
#define OUT_BYTES 16384U  // of the ring
#define OUT_WRITES 4096U  // programs' writes wait when so much is not out; the rest is for echo
#define OUT_CHAR_BYTES 8U // of output that one character may become

// What survives. All of it is plain values.
struct discipline {
    struct tty_settings settings;
    uint32_t tail, canon, head;
    uint32_t out_tail, out_head;
    uint32_t column;       // of the cursor
    uint32_t canon_column; // where the line that is being edited began
    // Both, as they were when output was stopped: what is echoed after that moves the cursor when
    // it goes out, and if a signal drops it, never.
    uint32_t stop_column, stop_canon_column;
    uint8_t literal_next; // the next character is taken as it is (VLNEXT)
    uint8_t erasing;      // ECHOPRT: between \ and /
    uint8_t stopped;      // output, by VSTOP or by order
    uint8_t pad;
};

// What the functions work on.
struct discipline_view {
    struct discipline *state;
    uint16_t *cells; // LINE_CELLS
    uint8_t *out;    // OUT_BYTES
    uint32_t floor;
    uint32_t touched; // cells that were stored to: bit n, the n-th sixteenth of them
    uint8_t signal;   // what discipline_input has raised: a number of Linux, 0 for none
};

// The settings of a new terminal: those of Linux.
void discipline_init(struct discipline *state);

// Whether a byte from the line can be taken now.
bool discipline_takes(const struct discipline *state);
// A byte comes from the line. It must be known to be takeable. `view->signal` is set when it makes
// a signal for the group in the foreground: at most one a byte.
void discipline_input(struct discipline_view *view, uint8_t byte);

// Whether a reader would find something: a line, or in other modes a character. For poll, `amount`
// is what must be there (MIN), otherwise 1.
bool discipline_readable(const struct discipline *state, uint32_t amount);
// Characters that can be read, without the marks of ends of file.
uint32_t discipline_available(const struct discipline_view *view);
// Reads up to `bytes`, not 0: at most a line in canonical mode. Returns how many, 0 at an end of
// file; -1 when there is nothing.
int32_t discipline_read(struct discipline_view *view, uint8_t *to, uint32_t bytes);
void discipline_drop_input(struct discipline *state);

// Takes bytes of a program. Returns how many: fewer than `bytes` when the output is full, 0 when it
// is stopped.
uint32_t discipline_write(struct discipline_view *view, const uint8_t *from, uint32_t bytes);
// Whether discipline_write would take something.
bool discipline_writable(const struct discipline *state);

// Bytes that are on their way out, stopped or not.
uint32_t output_pending(const struct discipline *state);
// Takes bytes out for the line: none while output is stopped.
uint32_t output_take(struct discipline_view *view, uint8_t *to, uint32_t bytes);
void output_drop(struct discipline *state);

// Stores new settings and follows what they change.
void discipline_set(struct discipline_view *view, const struct tty_settings *settings);
// Stops or starts output.
void discipline_stop(struct discipline *state, bool stopped);
// Puts a byte for the line before everything else that is not out yet, even when output is stopped,
// is not possible in a ring: it goes behind it (TCIOFF, TCION).
void discipline_send(struct discipline_view *view, uint8_t byte);
