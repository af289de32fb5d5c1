// SPDX-License-Identifier: MIT

#include <core/process.h>

#include <abi/limits.h>
#include <ds/format.h>
#include <sys/calls.h>

static_assert(offsetof(struct linux_process, info) == 0 && LIBOS_INFO == LIBOS_HEAP, "its place");

void process_show(void) {
    struct linux_process *process = process_current();
    struct libos_info *info = &process->info;
    info->exe = (vaddr_t)process->path;
    info->places = (vaddr_t)&process->places;
    info->slots = (vaddr_t)process->files.slots;
    info->mappings = (vaddr_t)&process->memory.list;
    info->brk = (vaddr_t)&process->memory.brk_start;
    info->threads = (vaddr_t)&process->threads.shown;
    info->umask = (vaddr_t)&process->umask;
    info->version = LIBOS_INFO_VERSION;
    info->magic = LIBOS_INFO_MAGIC;
}

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
