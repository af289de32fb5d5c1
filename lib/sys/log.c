// SPDX-License-Identifier: MIT

#include <sys/log.h>

#include <ds/format.h>
#include <sys/calls.h>

static handle_t log_handle;

void log_set_handle(handle_t log) {
    log_handle = log;
}

void log_text(const char *text, size_t bytes) {
    if (log_handle == HANDLE_NONE || bytes == 0) {
        return;
    }
    size_t shown = bytes < LOG_LINE_BYTES ? bytes : LOG_LINE_BYTES;
    // A log that takes no lines leaves nobody to tell.
    (void)!sys_log_write(log_handle, text, shown);
}

static void log_printf_v(const char *format, va_list args) {
    char line[LOG_LINE_BYTES + 1];
    int length = text_format_v(line, sizeof(line), format, args);
    log_text(line, (size_t)length);
}

void log_printf(const char *format, ...) {
    va_list args;
    va_start(args, format);
    log_printf_v(format, args);
    va_end(args);
}

void panic(const char *format, ...) {
    va_list args;
    va_start(args, format);
    log_printf_v(format, args);
    va_end(args);
    __builtin_trap();
}

void abort(void) {
    __builtin_trap();
}
