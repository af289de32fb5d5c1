// SPDX-License-Identifier: MIT
//
// Lines that servers log: kept, the last few of them, and shown when something fails.
#pragma once

#include <stdarg.h>

void sim_log(const char *format, va_list args);
void sim_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
// The same, and to standard error at once when calls are traced.
#define sim_tell(...)                                                                              \
    do {                                                                                           \
        if (sim.trace) {                                                                           \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
        }                                                                                          \
    } while (0)
// Prints the last lines to standard error.
void sim_log_show(void);
void sim_log_clear(void);
