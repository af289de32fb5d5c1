// SPDX-License-Identifier: MIT
//
// Lines in the kernel log, through the handle named "log" of the start record. Without that handle
// nothing is written.
#pragma once

#include <abi/limits.h>

#define LOG_LINE_BYTES LOG_LINE_MAX // the longest line

// Writes a line; what is longer than LOG_LINE_BYTES is cut off.
void log_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_text(const char *text, size_t bytes);
// Whose log it is; called by the start code.
void log_set_handle(handle_t log);

// Writes a line and ends the process by an illegal instruction, so that whoever watches it sees a
// fault: for what can't happen.
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void abort(void);
