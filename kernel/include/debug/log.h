// SPDX-License-Identifier: MIT
//
// The kernel log: a ring of lines, mirrored on the first serial port. Each line is `[    0.001234]
// text`.
#pragma once

#include <base.h>

// Adds a line (no newline at the end). Any lock may be held; in a panic the lock is ignored.
void log_line(const char *format, ...) PRINTF(1, 2);
// The same for text from user space; control characters become '?'.
void log_text(const char *text, size_t bytes);
// Copies whole lines from *position on. Returns bytes; moves *position.
size_t log_copy(uint64_t *position, char *buffer, size_t size);
// A panic: from now on the log takes no lock.
void log_enter_panic(void);

// Name and offset of the function around a kernel address. Returns false when there is none.
bool symbol_find(uintptr_t pc, const char **name, uintptr_t *offset);
