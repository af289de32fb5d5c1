// SPDX-License-Identifier: MIT
//
// execve: another program in the place of this one. All that can fail is done first, in a fresh
// address space; then the other threads leave, what exec closes is closed, and aspace_swap puts
// the process into it. The libos there finds a record (abi/libos.h) and loads the program, whose
// headers have been checked here.
//
// Not yet: set-user-id programs get no other identity.

#include <load/exec.h>

#include <core/access.h>
#include <core/clock.h>
#include <core/heap.h>
#include <core/process.h>
#include <core/status.h>
#include <core/threads.h>
#include <files/adopt.h>
#include <files/path.h>
#include <linux/handlers.h>
#include <load/elf.h>
#include <proto/proc_client.h>
#include <sys/calls.h>
#include <sys/string.h>

#define SCRIPT_LINE 256
#define SCRIPTS_MAX 4

struct exec {
    char path[PATH_BYTES]; // of the file to load: the program, or an interpreter of scripts
    int directory;
    uint64_t path_bytes;
    handle_t file;              // description of the program, for the new libos
    struct libos_places places; // what concerns the program
    struct program_source source;
    struct elf_program program;
    char line[SCRIPT_LINE + 1]; // of a script
    uint32_t scripts;
    struct text text;
    uint32_t argc, envc;
    handle_t aspace, record, signals, identity;
};

static int64_t open_program(struct linux_thread *self, struct exec *exec) {
    struct path_open open = {.flags = FS_OPEN_READ | FS_OPEN_EXECUTE};
    int64_t result = path_open(self, exec->directory, exec->path, (size_t)exec->path_bytes, &open);
    if (result < 0) {
        return result == -LINUX_EISDIR ? -LINUX_EACCES : result;
    }
    exec->file = open.handle;
    exec->places.exe = open.secret;
    exec->places.exe_device = open.attributes.device;
    exec->places.exe_inode = open.attributes.inode;
    return source_open_file(exec->file, &exec->source);
}

static void close_program(struct exec *exec) {
    source_close(&exec->source);
    if (exec->file != HANDLE_NONE) {
        (void)!sys_handle_close(exec->file);
        exec->file = HANDLE_NONE;
    }
}

static char *skip_blanks(char *at) {
    while (*at == ' ' || *at == '\t') {
        at++;
    }
    return at;
}

// Cuts the first line of a script into the interpreter and its one argument; null when there is
// none. False: the line names nothing.
static bool cut_line(char *line, char **interpreter, char **argument) {
    char *end = strchr(line, '\n');
    if (end != NULL) {
        *end = '\0';
    }
    char *last = line + strlen(line);
    while (last > line && (last[-1] == ' ' || last[-1] == '\t')) {
        *--last = '\0';
    }
    *interpreter = skip_blanks(line + 2);
    char *at = *interpreter;
    while (*at != '\0' && *at != ' ' && *at != '\t') {
        at++;
    }
    *argument = NULL;
    if (*at != '\0') {
        *at = '\0';
        *argument = skip_blanks(at + 1);
    }
    return **interpreter != '\0';
}

// The arguments so far, from here on with the interpreter before them.
static int64_t put_interpreter(struct exec *exec, const char *interpreter, const char *argument,
                               uint64_t argv) {
    struct text old = exec->text;
    struct text new = {0};
    int64_t result = text_add(&new, interpreter, strlen(interpreter));
    uint32_t count = 1;
    if (result == 0 && argument != NULL) {
        result = text_add(&new, argument, strlen(argument));
        count++;
    }
    // The script's own path, in the place of its first argument; behind it the others.
    result = result < 0 ? result : text_add(&new, exec->path, exec->path_bytes);
    count++;
    if (exec->scripts == 1) {
        int64_t more = result < 0 ? result : text_add_vector(&new, argv, 1);
        result = more;
        exec->argc = count + (more > 0 ? (uint32_t)more : 0);
    } else {
        // Behind an interpreter that is a script: its own path was the first of the old ones.
        uint64_t first = strlen(old.data) + 1;
        for (uint64_t at = first; result == 0 && at < old.bytes;) {
            uint64_t bytes = strlen(old.data + at);
            result = text_add(&new, old.data + at, bytes);
            at += bytes + 1;
        }
        exec->argc += count - 1;
    }
    text_free(&old);
    exec->text = new;
    return result < 0 ? result : 0;
}

// Goes on with the interpreter of a script. 1: the file is none.
static int64_t follow_script(struct exec *exec, uint64_t argv) {
    char *interpreter, *argument;
    uint64_t bytes = exec->source.bytes < SCRIPT_LINE ? exec->source.bytes : SCRIPT_LINE;
    memset(exec->line, 0, sizeof(exec->line));
    if (bytes < 2 || sys_vmo_read(exec->source.vmo, 0, exec->line, bytes) != (int64_t)bytes ||
        exec->line[0] != '#' || exec->line[1] != '!') {
        return 1;
    }
    if (exec->scripts++ == SCRIPTS_MAX) {
        return -LINUX_ELOOP;
    }
    if (!cut_line(exec->line, &interpreter, &argument)) {
        return -LINUX_ENOEXEC;
    }
    int64_t result = put_interpreter(exec, interpreter, argument, argv);
    close_program(exec);
    exec->directory = AT_CURRENT;
    exec->path_bytes = strlen(interpreter);
    memcpy(exec->path, interpreter, exec->path_bytes + 1);
    return result;
}

// Finds the program to load, through scripts, and checks its headers.
static int64_t find_program(struct linux_thread *self, struct exec *exec, uint64_t argv) {
    int64_t result;
    do {
        result = open_program(self, exec);
        result = result < 0 ? result : follow_script(exec, argv);
    } while (result == 0);
    if (result < 0) {
        return result;
    }
    result = elf_read(exec->source.vmo, exec->source.bytes, &exec->program);
    if (result == 0 && exec->program.interpreter[0] != '\0') {
        struct program_source interpreter;
        result = source_open_path(self, exec->program.interpreter, &interpreter);
        if (result == 0) {
            source_close(&interpreter);
        }
    }
    return result;
}

// Arguments unless a script brought them, environment, and the path.
static int64_t collect_text(struct exec *exec, uint64_t argv, uint64_t envp) {
    int64_t count = 0;
    if (exec->scripts == 0) {
        count = text_add_vector(&exec->text, argv, 0);
        if (count == 0) { // as on Linux: an empty first argument
            count = text_add(&exec->text, "", 0);
            count = count < 0 ? count : 1;
        }
        exec->argc = count > 0 ? (uint32_t)count : 0;
    }
    count = count < 0 ? count : text_add_vector(&exec->text, envp, 0);
    exec->envc = count > 0 ? (uint32_t)count : 0;
    return count < 0 ? count : text_add(&exec->text, exec->path, exec->path_bytes);
}

static int64_t make_record(struct linux_thread *self, struct exec *exec) {
    const struct linux_process *process = process_current();
    const struct signal_actions *actions = &process->actions;
    struct libos_record record = {
        .is_exec = 1,
        .trace = process->trace,
        .proc = process->proc,
        .root = process->root,
        .cwd = process->cwd,
        .tty = process->tty,
        .vfs = process->vfs,
        .has_locks = process->has_locks,
        .mounted = process->mounted,
        .libos = process->libos,
        .clock = process->clock,
        .log = process->log,
        .executable = exec->file,
        .thread = self->handle,
        .signals = exec->signals,
        .identity = exec->identity,
        .umask = process->umask,
        .signal_mask = self->signals->blocked,
        .argc = exec->argc,
        .envc = exec->envc,
        .spent = exec->aspace,
        .places = exec->places,
    };
    record.places.cwd = process->places.cwd;
    record.places.root = process->places.root;
    for (int32_t number = 1; number <= SIGNAL_COUNT; number++) {
        bool ignored = actions->of[number - 1].handler == SIGNAL_IGNORE;
        record.signal_ignored |= ignored ? signal_bit(number) : 0;
    }
    uint32_t room = process->files.bound;
    size_t bytes = (room + 1) * sizeof(struct libos_fd);
    struct libos_fd *fds = heap_alloc_dirty(bytes);
    if (fds == NULL) {
        return -LINUX_ENOMEM;
    }
    record.fd_count = files_describe(fds, room);
    status_t status = sys_random_get(record.seed, sizeof(record.seed));
    status = status == OK ? launch_record(HANDLE_NONE, &record, fds, exec->text.data,
                                          exec->text.bytes, &exec->record)
                          : status;
    heap_free(fds, bytes);
    return linux_result(status);
}

static int64_t make_aspace(struct linux_thread *self, struct exec *exec,
                           struct launched *launched) {
    const struct linux_process *process = process_current();
    handle_t pages[2];
    int64_t result = proc_pages(process->proc, pages, INSTANT_NEVER);
    if (result < 0) {
        return linux_result(result);
    }
    exec->signals = pages[0];
    exec->identity = pages[1];
    int64_t aspace = sys_aspace_create(HANDLE_NONE, ASPACE_ALLOW_WX);
    if (aspace < 0) {
        return -LINUX_ENOMEM;
    }
    exec->aspace = (handle_t)aspace;
    result = make_record(self, exec);
    if (result < 0) {
        return result;
    }
    const struct launch_options options = {
        .aspace = exec->aspace,
        .libos = process->libos,
        .clock = process->clock,
        .identity = exec->identity,
        .signals = exec->signals,
        .record = exec->record,
    };
    status_t status = launch_map(&options, launched);
    return status == ERR_LIMIT ? -LINUX_ENOMEM : linux_result(status);
}

static void close_handle(handle_t handle) {
    if (handle != HANDLE_NONE) {
        (void)!sys_handle_close(handle);
    }
}

static void give_up(struct exec *exec) {
    close_program(exec);
    text_free(&exec->text);
    close_handle(exec->aspace);
    close_handle(exec->record);
    close_handle(exec->signals);
    close_handle(exec->identity);
    heap_free(exec, sizeof(*exec));
}

// Tells procd the program's name.
static void announce(const struct exec *exec) {
    struct proc_exec_request request = {0};
    const char *name = exec->path;
    for (const char *at = exec->path; *at != '\0'; at++) {
        name = *at == '/' ? at + 1 : name;
    }
    (void)text_copy(request.comm, sizeof(request.comm), name);
    (void)!proc_exec(process_current()->proc, &request, INSTANT_NEVER);
}

// From here on there is no way back.
static _Noreturn void swap(struct linux_thread *self, struct exec *exec,
                           const struct launched *launched) {
    struct linux_process *process = process_current();
    threads_stop_others(self);
    alarms_stop();
    announce(exec);
    files_close_for_exec();
    deferrals_lock(); // nothing is closed by them any more
    source_close(&exec->source);
    close_handle(exec->record);
    close_handle(process->executable);
    close_handle(process->signals_vmo);
    close_handle(process->identity_vmo);
    thread_withdraw(self);
    // Threads that have left the list may still be on their way out of the kernel.
    status_t status;
    do {
        status = sys_aspace_swap(exec->aspace, launched->start, launched->block);
    } while (status == ERR_BAD_STATE && sys_thread_sleep(clock_now() + MILLISECONDS(1), 0) == OK);
    process_panic("the new program can't be entered", status);
}

static int64_t run(struct linux_thread *self, struct exec *exec, const uint64_t argv,
                   const uint64_t envp) {
    struct launched launched;
    int64_t result = find_program(self, exec, argv);
    result = result < 0 ? result : collect_text(exec, argv, envp);
    result = result < 0 ? result : make_aspace(self, exec, &launched);
    if (result == 0) {
        swap(self, exec, &launched);
    }
    return result;
}

#define AT_EMPTY_PATH 0x1000U
#define AT_SYMLINK_NOFOLLOW 0x100U

static int64_t exec_at(struct linux_thread *self, int directory, uint64_t path, uint64_t argv,
                       uint64_t envp, uint32_t flags) {
    if (process_current()->alone) {
        return -LINUX_ENOSYS;
    }
    struct exec *exec = heap_alloc(sizeof(*exec));
    if (exec == NULL) {
        return -LINUX_ENOMEM;
    }
    exec->directory = directory;
    int64_t result = path_in(exec->path, path, (flags & AT_EMPTY_PATH) != 0);
    if (result >= 0 && (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) != 0) {
        result = -LINUX_EINVAL;
    }
    if (result >= 0) {
        exec->path_bytes = (uint64_t)result;
        result = run(self, exec, argv, envp);
    }
    give_up(exec);
    return result;
}

int64_t linux_execve(struct linux_thread *self, const uint64_t args[6]) {
    return exec_at(self, AT_CURRENT, args[0], args[1], args[2], 0);
}

int64_t linux_execveat(struct linux_thread *self, const uint64_t args[6]) {
    return exec_at(self, (int)args[0], args[1], args[2], args[3], (uint32_t)args[4]);
}
