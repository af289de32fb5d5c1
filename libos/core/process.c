// SPDX-License-Identifier: MIT

#include <core/process.h>

#include <abi/limits.h>
#include <ds/format.h>
#include <sys/calls.h>

void process_end(int64_t status) {
    for (;;) {
        sys_process_exit(status);
    }
}

void process_log(const char *format, ...) {
    struct linux_process *process = process_current();
    char line[LOG_LINE_MAX + 1];
    va_list args;
    va_start(args, format);
    int length = text_format_v(line, sizeof(line), format, args);
    va_end(args);
    size_t bytes = length < LOG_LINE_MAX ? (size_t)length : LOG_LINE_MAX;
    if (process->log != HANDLE_NONE && bytes > 0) {
        (void)!sys_log_write(process->log, line, bytes);
    }
}

void process_panic(const char *why, int64_t detail) {
    process_log("libos: %s: %ld", why, (long)detail);
    process_end(LINUX_STATUS_SIGNAL(9));
}
