// SPDX-License-Identifier: MIT
//
// The first instructions of a process: the record that procd, or the libos before an exec, has
// left is checked and taken over, the program is loaded, and begins.

#include <load/start.h>

#include <abi/linux/calls.h>
#include <core/process.h>
#include <core/status.h>
#include <core/threads.h>
#include <files/adopt.h>
#include <files/terminal.h>
#include <load/program.h>
#include <sys/calls.h>
#include <sys/string.h>

#define LIMIT_INFINITE UINT64_MAX

static bool record_is_valid(const struct libos_record *record) {
    if (record->magic != LIBOS_RECORD_MAGIC || record->version != LIBOS_RECORD_VERSION ||
        record->bytes > LIBOS_RECORD_BYTES_MAX || record->fd_count > LIBOS_FDS_MAX) {
        return false;
    }
    uint64_t fd_bytes = record->fd_count * sizeof(struct libos_fd);
    if (record->fds > record->bytes || fd_bytes > record->bytes - record->fds ||
        record->text > record->bytes || record->text_bytes > record->bytes - record->text ||
        record->text_bytes == 0) {
        return false;
    }
    const char *text = (const char *)record + record->text;
    uint64_t strings = 0;
    for (uint64_t i = 0; i < record->text_bytes; i++) {
        strings += text[i] == '\0';
    }
    return text[record->text_bytes - 1] == '\0' &&
           strings == (uint64_t)record->argc + record->envc + 1;
}

// Without procd the process is alone, and has pages of its own in place of procd's.
static status_t make_pages(void) {
    status_t status = OK;
    if (process_current()->signals_vmo == HANDLE_NONE) {
        status = memory_map_zeros(LIBOS_SIGNALS, PAGE_SIZE, PROT_READ | PROT_WRITE, 0);
    }
    if (status != OK || process_current()->identity_vmo != HANDLE_NONE) {
        return status;
    }
    status = memory_map_zeros(LIBOS_IDENTITY, PAGE_SIZE, PROT_READ | PROT_WRITE, 0);
    if (status == OK) {
        struct identity_page *page = (struct identity_page *)LIBOS_IDENTITY;
        page->pid = page->pgid = page->sid = 1;
        for (size_t i = 0; i < 16; i++) {
            page->limits[i][0] = page->limits[i][1] = LIMIT_INFINITE;
        }
        page->limits[3][0] = 8UL << 20; // stack
        page->limits[4][0] = 0;         // core files
        page->limits[7][0] = page->limits[7][1] = LIBOS_FDS_MAX;
    }
    return status;
}

static void take_handles(const struct libos_record *record) {
    struct linux_process *process = process_current();
    process->proc = record->proc;
    process->log = record->log;
    process->libos = record->libos;
    process->clock = record->clock;
    process->executable = record->executable;
    process->executable_is_vmo = record->executable_is_vmo != 0;
    process->identity_vmo = record->identity;
    process->signals_vmo = record->signals;
    process->root = record->root;
    process->cwd = record->cwd;
    process->tty = record->tty;
    process->trace = record->trace != 0;
    process->alone = record->proc == HANDLE_NONE;
    process->umask = record->umask & 0777;
    if (record->spent != HANDLE_NONE) {
        (void)!sys_handle_close(record->spent);
    }
}

static const char *path_of(const struct libos_record *record) {
    const char *text = (const char *)record + record->text;
    const char *path = text + record->text_bytes - 1;
    while (path > text && path[-1] != '\0') {
        path--;
    }
    return path;
}

// The name that ps shows: the last part of the path.
static void set_name(struct linux_thread *self, const char *path) {
    const char *name = path;
    for (const char *at = path; *at != '\0'; at++) {
        name = *at == '/' ? at + 1 : name;
    }
    (void)text_copy(self->name, sizeof(self->name), name);
}

static bool keep_path(struct linux_thread *self, const struct libos_record *record) {
    struct linux_process *process = process_current();
    const char *path = path_of(record);
    process->path_bytes = strlen(path) + 1;
    process->path = heap_alloc(process->path_bytes);
    if (process->path == NULL) {
        return false;
    }
    memcpy(process->path, path, process->path_bytes);
    set_name(self, path);
    return true;
}

static void take_signals(struct linux_thread *self, const struct libos_record *record) {
    struct signal_actions *actions = &process_current()->actions;
    for (int32_t number = 1; number <= SIGNAL_COUNT; number++) {
        bool ignored = (record->signal_ignored & signal_bit(number)) != 0;
        actions->of[number - 1].handler = ignored ? SIGNAL_IGNORE : SIGNAL_DEFAULT;
    }
    thread_publish(self, record->signal_mask);
    signal_publish();
    signal_look(self);
}

void start_program(struct thread_block *block, const struct libos_record *record) {
    struct linux_thread *self = thread_of_block(block);
    *self = (struct linux_thread){.block = block, .handle = record->thread};
    status_t status = heap_start();
    if (status != OK) {
        sys_process_exit(LINUX_STATUS_SIGNAL(SIGKILL));
    }
    take_handles(record);
    if (!record_is_valid(record)) {
        process_panic("the record is damaged", 0);
    }
    status = make_pages();
    if (status != OK || !keep_path(self, record)) {
        process_panic("no memory to begin", status);
    }
    frame_start();
    self->call_limit = process_current()->trace ? 0 : LINUX_CALL_COUNT;
    self->tid = identity_current()->pid;
    thread_add(self);
    take_signals(self, record);
    files_adopt(record);
    terminal_start();
    struct registers registers;
    int64_t result = program_load(self, record, &registers);
    if (result < 0) {
        process_log("libos: can't load %s: error %ld", process_current()->path, (long)-result);
        process_end(LINUX_STATUS_SIGNAL(SIGKILL));
    }
    (void)!sys_aspace_unmap(HANDLE_NONE, LIBOS_RECORD, page_up(record->bytes));
    program_resume(self, &registers);
}
