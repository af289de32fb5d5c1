// SPDX-License-Identifier: MIT
//
// The first instructions of a process: the record that procd, or the libos before an exec, has
// left is checked and taken over, the program is loaded, and begins.

#include <load/start.h>

#include <abi/linux/calls.h>
#include <core/process.h>
#include <core/status.h>
#include <core/threads.h>
#include <ds/format.h>
#include <files/adopt.h>
#include <files/mounts.h>
#include <files/path.h>
#include <files/terminal.h>
#include <linux/handlers.h>
#include <linux/table.h>
#include <load/program.h>
#include <sys/calls.h>
#include <sys/string.h>

#define LIMIT_INFINITE UINT64_MAX
#define SCRIPT_WORDS 0x100000000UL // an address that is free before there is a program

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
    // Behind the path there may be the working directory.
    uint64_t least = (uint64_t)record->argc + record->envc + 1;
    return text[record->text_bytes - 1] == '\0' && (strings == least || strings == least + 1);
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
    process->vfs = record->vfs;
    process->has_locks = record->has_locks != 0;
    process->mounted = record->mounted;
    process->places = record->places;
    process->trace = record->trace != 0;
    process->alone = record->proc == HANDLE_NONE;
    process->umask = record->umask & 0777;
    if (record->spent != HANDLE_NONE) {
        (void)!sys_handle_close(record->spent);
    }
}

// The name that ps shows: the last part of the path.
static void set_name(struct linux_thread *self, const char *path) {
    const char *name = path;
    for (const char *at = path; *at != '\0'; at++) {
        name = *at == '/' ? at + 1 : name;
    }
    (void)text_copy(self->shown.name, sizeof(self->shown.name), name);
}

static bool keep_path(struct linux_thread *self, const struct libos_record *record) {
    struct linux_process *process = process_current();
    const char *path = record_path(record);
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

// A first process may begin in another directory than procd's.
static int64_t start_in_folder(struct linux_thread *self, const struct libos_record *record) {
    const char *folder = record_folder(record);
    struct path_open open = {.flags = FS_OPEN_PATH | FS_OPEN_DIRECTORY};
    if (folder == NULL || process_current()->root == HANDLE_NONE) {
        return 0;
    }
    int64_t result = path_open(self, AT_CURRENT, folder, strlen(folder), &open);
    if (result == 0) {
        (void)!sys_handle_close(process_current()->cwd);
        process_current()->cwd = open.handle;
        process_current()->places.cwd = open.secret;
    }
    return result;
}

static bool set_path(const char *path, size_t bytes) {
    struct linux_process *process = process_current();
    char *copy = heap_alloc(bytes + 1);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, path, bytes);
    heap_free(process->path, process->path_bytes);
    process->path = copy;
    process->path_bytes = bytes + 1;
    return true;
}

// Who starts a first process leaves the opening of its program to it.
static int64_t open_executable(struct linux_thread *self) {
    struct linux_process *process = process_current();
    struct path_open open = {.flags = FS_OPEN_READ | FS_OPEN_EXECUTE};
    if (process->executable != HANDLE_NONE) {
        return 0;
    }
    int64_t result = path_open(self, AT_CURRENT, process->path, strlen(process->path), &open);
    process->executable = result == 0 ? open.handle : HANDLE_NONE;
    process->places.exe = result == 0 ? open.secret : 0;
    process->places.exe_device = open.attributes.device;
    process->places.exe_inode = open.attributes.inode;
    return result;
}

// The program's path as it is, in place of the one that it was called by.
static bool settle_path(void) {
    char path[PATH_BYTES];
    const struct linux_process *process = process_current();
    int64_t bytes =
        process->executable_is_vmo ? -LINUX_ENOENT : mounts_place(process->executable, path);
    return bytes < 0 || set_path(path, (size_t)bytes);
}

// Puts zero-terminated texts below each other, their addresses in a vector that ends with 0.
static const char *put_vector(uint64_t *vector, uint32_t count, const char *text, uint64_t shift) {
    for (uint32_t i = 0; i < count; i++) {
        vector[i] = (uint64_t)text + shift;
        text += strlen(text) + 1;
    }
    vector[count] = 0;
    return text;
}

// The first program may be a script: then it becomes what execve makes of it, which takes its words
// from memory of the program. Does not return when that works.
static int64_t begin_script(struct linux_thread *self, const struct libos_record *record) {
    const char *text = (const char *)record + record->text;
    uint64_t words = (uint64_t)record->argc + record->envc + 2;
    uint64_t bytes = page_up(words * 8 + record->text_bytes);
    struct memory *memory = &process_current()->memory;
    mutex_lock(&memory->lock);
    status_t status = memory_map_zeros(SCRIPT_WORDS, bytes, PROT_READ | PROT_WRITE, 0);
    mutex_unlock(&memory->lock);
    if (status != OK) {
        return linux_result(status);
    }
    uint64_t *vectors = (uint64_t *)SCRIPT_WORDS;
    char *copy = (char *)(vectors + words);
    memcpy(copy, text, record->text_bytes);
    uint64_t shift = (uint64_t)copy - (uint64_t)text;
    text = put_vector(vectors, record->argc, text, shift);
    text = put_vector(vectors + record->argc + 1, record->envc, text, shift);
    const uint64_t exec[6] = {(uint64_t)text + shift, (uint64_t)vectors,
                              (uint64_t)(vectors + record->argc + 1)};
    return linux_execve(self, exec);
}

// Says on descriptor 2, as a shell would, and in the log why there is no program to run.
static void tell_failure(struct linux_thread *self, int64_t error) {
    char text[PATH_BYTES + 64];
    const char *name = error < LINUX_ERROR_COUNT ? linux_error_names[error] : NULL;
    const char *path = process_current()->path;
    int wanted = text_format(text, sizeof(text), "libos: can't run %s: %s\n", path,
                             name != NULL ? name : "unknown error");
    uint64_t bytes = (uint64_t)wanted < sizeof(text) ? (uint64_t)wanted : sizeof(text) - 1;
    struct io io = {.addr = (uint64_t)text, .bytes = bytes, .offset = OFFSET_CURRENT};
    struct description *file = file_get_open(2);
    process_log("libos: can't run %s: error %ld", path, (long)error);
    if (file != NULL && can_write(file) && file->ops->write != NULL) {
        // There is nobody to tell that nobody can be told.
        (void)file->ops->write(self, file, &io);
    }
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
    int64_t result = start_in_folder(self, record);
    result = result < 0 ? result : open_executable(self);
    result = result < 0 || settle_path() ? result : -LINUX_ENOMEM;
    result = result < 0 ? result : program_load(self, record, &registers);
    if (result == -LINUX_ENOEXEC && record->is_exec == 0) {
        result = begin_script(self, record);
    }
    if (result < 0) {
        // After an exec it is too late for an error, as on Linux.
        if (record->is_exec == 0) {
            tell_failure(self, -result);
        }
        process_end(record->is_exec != 0 ? LINUX_STATUS_SIGNAL(SIGKILL)
                                         : LINUX_STATUS_EXIT(result == -LINUX_ENOENT ? 127 : 126));
    }
    process_show();
    (void)!sys_aspace_unmap(HANDLE_NONE, LIBOS_RECORD, page_up(record->bytes));
    program_resume(self, &registers);
}
