// SPDX-License-Identifier: MIT
//
// What the small native tools share: a place for their output, and words for what they show.
#pragma once

#include <abi/types.h>
#include <stdbool.h>

#define PRINT_LINE_BYTES 241

// Writes a line of output. For now it goes to the log; this is the one place to change when a
// program has a stream to write to.
void print_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Writes `PROGRAM: text`; returns 1, the exit status of a tool that failed.
int64_t print_error(const char *program, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// Writes each line of a text that ends in a newline.
void print_text(const char *text);

// "READ|WRITE" for a set of rights, "-" for none.
void print_rights(char *out, size_t size, uint32_t rights);
// "fault" and so on for an enum exit_cause.
const char *print_cause(uint32_t cause);
// A span of time for people: "340 ms", "12 s", "3 min".
void print_duration(char *out, size_t size, duration_t duration);
// Whether the first argument asks for help, or there is none.
bool print_wants_help(void);

// Reads a decimal number. Returns whether the text is one.
bool print_parse_number(const char *text, uint64_t *value);
