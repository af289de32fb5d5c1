// SPDX-License-Identifier: MIT
//
// What the small native tools share: a place for their output, and words for what they show.
#pragma once

#include <abi/types.h>
#include <stdbool.h>

#define PRINT_LINE_BYTES 512 // longer ones are cut off

// Writes a line to standard output, which is buffered until the program ends.
void print_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Writes out what is buffered. Returns whether all output so far could be written.
bool print_flush(void);
// Writes `PROGRAM: text` to standard error; returns TOOL_FAILED.
int print_error(const char *program, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Writes a text, which has its own ends of lines, to standard output.
void print_text(const char *text);

// "READ|WRITE" for a set of rights, "-" for none.
void print_rights(char *out, size_t size, uint32_t rights);
// "fault" and so on for an enum exit_cause.
const char *print_cause(uint32_t cause);
// A span of time for people: "340 ms", "12 s", "3 min".
void print_duration(char *out, size_t size, duration_t duration);

// Reads a decimal number. Returns whether the text is one.
bool print_parse_number(const char *text, uint64_t *value);
