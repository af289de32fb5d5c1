// SPDX-License-Identifier: MIT
//
// The life of a program: spawn, wait, reap, send the rest of its output, send its status.
//
// Each state is noted before what belongs to it is done, and what belongs to it can be done again:
// spawn has a key; the first wait leaves the process to be waited for again; to reap what was
// reaped is an error that says so; an exit that the host knows already it drops.
//
// A thread of its own waits for the program, because the loop must not. It shares one word with the
// loop; a successor starts another one.

#include "execd.h"

#include <abi/libos.h>
#include <abi/names.h>
#include <proto/fs_client.h>
#include <proto/proc_client.h>
#include <proto/vfs_client.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/thread.h>

#define SPAWN_TRACE 1u
#define SPAWN_LEADS_SESSION 4u
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define PATH_BYTES 1024
// Of Linux's st_mode.
#define MODE_TYPE 0170000u
#define MODE_REGULAR 0100000u
#define MODE_EXECUTE 0111u

enum waiter_word { WAITER_IDLE, WAITER_WORK, WAITER_DONE };

static struct {
    uint32_t word; // enum waiter_word, atomic
    int32_t pid;
    int64_t error;  // 0 or a native status
    int64_t status; // of wait(2)
    handle_t event;
    struct thread thread;
} waiter;

// ---- waiting

static int64_t wait_for(int32_t pid, uint32_t options, struct proc_wait_reply *reply) {
    const struct proc_wait_request request = {
        .who = PROC_WHO_PID,
        .options = options | PROC_WAIT_EXITED,
        .id = pid,
    };
    int64_t result;
    do {
        result = proc_wait(start_handle("proc"), &request, reply, INSTANT_NEVER);
    } while (result == ERR_NOT_DONE || result == ERR_INTERRUPTED);
    return result;
}

static void waiter_main(void *argument) {
    (void)argument;
    for (;;) {
        uint32_t word = __atomic_load_n(&waiter.word, __ATOMIC_ACQUIRE);
        if (word != WAITER_WORK) {
            (void)!sys_futex_wait((vaddr_t)&waiter.word, word, UINT32_MAX, INSTANT_NEVER, 0);
            continue;
        }
        struct proc_wait_reply reply = {0};
        int64_t result = wait_for(waiter.pid, PROC_WAIT_NO_REAP, &reply);
        waiter.error = result < 0 ? result : 0;
        waiter.status = reply.status;
        __atomic_store_n(&waiter.word, WAITER_DONE, __ATOMIC_RELEASE);
        (void)sys_event_signal(waiter.event, 0, WAKE);
    }
}

status_t program_prepare(struct execd *execd) {
    waiter.event = execd->waiter_event;
    return thread_run(&waiter.thread, waiter_main, NULL);
}

// ---- starting

void program_close(struct execd *execd, const handle_t *place) {
    if (*place != HANDLE_NONE) {
        step_close(&execd->server.vault, *place);
        vault_set(&execd->server.vault, place, HANDLE_NONE);
    }
}

static void close_streams(struct execd *execd) {
    for (uint32_t i = 0; i < STREAMS; i++) {
        program_close(execd, &stream_of(execd, i)->read);
        program_close(execd, &stream_of(execd, i)->write);
    }
}

// Makes a stream and has its news come to the port.
static status_t make_stream(struct execd *execd, uint32_t stream) {
    struct vault *vault = &execd->server.vault;
    const struct stream_record *ends = stream_of(execd, stream);
    int64_t pair = sys_stream_create(STREAM_BYTES, 0);
    if (pair < 0) {
        return (status_t)pair;
    }
    step_made(vault, handle_pair_first(pair));
    step_made(vault, handle_pair_second(pair));
    vault_set(vault, &ends->read, handle_pair_first(pair));
    vault_set(vault, &ends->write, handle_pair_second(pair));
    bool input = stream == EXEC_STDIN;
    return sys_object_bind(input ? ends->write : ends->read, execd->server.port, KEY_STREAM,
                           input ? SIGNAL_STREAM_WRITABLE : SIGNAL_STREAM_READABLE);
}

void program_start(struct execd *execd, uint32_t number, const struct exec_start *start) {
    struct vault *vault = &execd->server.vault;
    const struct run_record *run = run_of(execd);
    uint64_t key = 0;
    struct run_record next = {
        .head = run->head,
        .number = number,
        .state = RUN_SPAWNING,
        .control = run->control,
        .script_at = run->script_at,
        .start = *start,
    };
    status_t status = sys_random_get(&key, sizeof(key));
    next.key = key | 1;
    for (uint32_t i = 0; i < STREAMS && status == OK; i++) {
        status = make_stream(execd, i);
    }
    if (status != OK) {
        next.state = RUN_ENDED;
        next.error = status;
    }
    execd->window = 0;
    vault_set_bytes(vault, &run->number, &next.number,
                    sizeof(next) - offsetof(struct run_record, number));
}

// Where the strings of a program lie in the arguments.
struct strings {
    const char *program;   // the first argument
    const char *path;      // value of PATH
    const char *directory; // working directory
    size_t bytes;          // of arguments and environment
};

// Finds them. Returns false when the counts and the strings do not agree.
static bool strings_find(const struct execd *execd, const struct exec_start *start,
                         struct strings *out) {
    const char *at = execd->arguments;
    const char *end = at + (start->bytes < EXEC_ARGUMENTS_MAX ? start->bytes : EXEC_ARGUMENTS_MAX);
    *out = (struct strings){.program = at, .path = DEFAULT_PATH};
    for (uint64_t i = 0; i < (uint64_t)start->argument_count + start->environment_count; i++) {
        size_t length = strnlen(at, (size_t)(end - at));
        if (at + length == end) {
            return false;
        }
        if (i >= start->argument_count && strncmp(at, "PATH=", 5) == 0) {
            out->path = at + 5;
        }
        at += length + 1;
    }
    out->bytes = (size_t)(at - execd->arguments);
    out->directory = at;
    return start->argument_count > 0 && strnlen(at, (size_t)(end - at)) < (size_t)(end - at);
}

// Whether there is a program at an absolute path, as far as can be told from outside. NOT_FOUND,
// FORBIDDEN (it is none), or what else keeps it from being looked at.
static int64_t path_check(const char *path) {
    static char rest[2 * PATH_BYTES];
    const struct fs_stat_request request = {0};
    struct fs_stat_reply reply;
    handle_t root = start_handle("root");
    if (root == HANDLE_NONE || path[0] != '/') {
        return OK;
    }
    int64_t result =
        fs_stat(root, &request, path, strlen(path), &reply, rest, sizeof(rest), INSTANT_NEVER);
    if (result < 0) {
        return result == ERR_NOT_DIRECTORY ? ERR_NOT_FOUND : result;
    }
    uint32_t mode = reply.attributes.mode;
    bool program = (mode & MODE_TYPE) == MODE_REGULAR && (mode & MODE_EXECUTE) != 0;
    // What a walk leaves this file system for is not known here.
    return program || result > FS_WALK_DONE ? OK : ERR_FORBIDDEN;
}

// Spawns the program at a path. Returns the pid or a status.
static int64_t spawn_at(struct execd *execd, const struct strings *strings, const char *path) {
    const struct run_record *run = run_of(execd);
    size_t path_bytes = strlen(path);
    size_t directory_bytes = strlen(strings->directory);
    char *ready = execd->arguments + EXEC_ARGUMENTS_MAX;
    int64_t result = path_check(path);
    if (result < 0) {
        return result;
    }
    if (strings->bytes + path_bytes + directory_bytes + 2 > EXEC_ARGUMENTS_MAX) {
        return ERR_NO_SPACE;
    }
    memcpy(ready, execd->arguments, strings->bytes);
    memcpy(ready + strings->bytes, path, path_bytes + 1);
    memcpy(ready + strings->bytes + path_bytes + 1, strings->directory, directory_bytes + 1);
    const struct proc_spawn_request request = {
        .argc = run->start.argument_count,
        .envc = run->start.environment_count,
        .path_bytes = (uint32_t)path_bytes,
        .flags = SPAWN_LEADS_SESSION | ((run->start.flags & EXEC_TRACE) != 0 ? SPAWN_TRACE : 0),
        .key = run->key,
    };
    const handle_t handles[STREAMS] = {
        stream_of(execd, EXEC_STDIN)->read,
        stream_of(execd, EXEC_STDOUT)->write,
        stream_of(execd, EXEC_STDERR)->write,
    };
    struct proc_spawn_reply reply;
    result = proc_spawn(start_handle("proc"), &request, ready,
                        strings->bytes + path_bytes + directory_bytes + 2, handles, &reply,
                        INSTANT_NEVER);
    return result < 0 ? result : reply.pid;
}

// Looks for the program in the directories of PATH. Returns the pid or a status.
static int64_t spawn_in_path(struct execd *execd, const struct strings *strings) {
    char path[PATH_BYTES];
    size_t name_bytes = strlen(strings->program) + 1;
    int64_t result = ERR_NOT_FOUND;
    const char *at = strings->path;
    bool again = *strings->program != '\0';
    while (again) {
        const char *colon = strchr(at, ':');
        size_t bytes = colon != NULL ? (size_t)(colon - at) : strlen(at);
        if (bytes + 1 + name_bytes <= sizeof(path)) {
            memcpy(path, at, bytes);
            path[bytes] = '/';
            memcpy(path + bytes + (bytes != 0), strings->program, name_bytes);
            int64_t found = spawn_at(execd, strings, path);
            result = found == ERR_NOT_FOUND ? result : found;
        }
        // A file that may not be executed does not end the search, but is told if it was all.
        again = colon != NULL && result < 0 && (result == ERR_NOT_FOUND || result == ERR_FORBIDDEN);
        at = colon != NULL ? colon + 1 : at;
    }
    return result;
}

static void set_ended(struct execd *execd, int64_t error) {
    const struct run_record *run = run_of(execd);
    vault_set(&execd->server.vault, &run->error, (int32_t)error);
    vault_set(&execd->server.vault, &run->state, (uint32_t)RUN_ENDED);
}

// vfsd mounts /proc and makes itself known when it starts: once it answers, it has.
static void await_mount(void) {
    const struct vfs_root_request request = {0};
    handle_t root;
    // Whatever the answer is, it was there or will never be.
    if (start_handle("vfs") != HANDLE_NONE &&
        vfs_root(start_handle("vfs"), &request, &root, INSTANT_NEVER) == OK) {
        (void)!sys_handle_close(root);
    }
}

static void spawn_program(struct execd *execd) {
    const struct run_record *run = run_of(execd);
    struct strings strings;
    int64_t result = ERR_INVALID_ARGUMENT;
    await_mount();
    if (strings_find(execd, &run->start, &strings)) {
        result = strchr(strings.program, '/') != NULL ? spawn_at(execd, &strings, strings.program)
                                                      : spawn_in_path(execd, &strings);
    }
    if (result < 0) {
        log_printf("execd: can't start the program: %s", status_name(result));
        set_ended(execd, result);
        return;
    }
    vault_set(&execd->server.vault, &run->pid, (int32_t)result);
    vault_set(&execd->server.vault, &run->state, (uint32_t)RUN_RUNNING);
}

void program_signal(struct execd *execd, uint32_t number) {
    const struct proc_kill_request request = {
        .pid = run_of(execd)->pid,
        .number = (int32_t)number,
    };
    if (run_of(execd)->state != RUN_RUNNING) {
        return;
    }
    int64_t result = proc_kill(start_handle("proc"), &request, INSTANT_NEVER);
    if (result < 0 && result != ERR_NO_PROCESS) {
        log_printf("execd: can't send signal %u: %s", number, status_name(result));
    }
}

// ---- going on

// Asks the waiter, or takes its answer.
static bool look_at_waiter(struct execd *execd) {
    const struct run_record *run = run_of(execd);
    uint32_t word = __atomic_load_n(&waiter.word, __ATOMIC_ACQUIRE);
    if (word == WAITER_IDLE) {
        waiter.pid = run->pid;
        __atomic_store_n(&waiter.word, WAITER_WORK, __ATOMIC_RELEASE);
        (void)sys_futex_wake((vaddr_t)&waiter.word, 1, UINT32_MAX, 0);
    }
    if (word != WAITER_DONE) {
        return false;
    }
    vault_set(&execd->server.vault, &run->error, (int32_t)waiter.error);
    vault_set(&execd->server.vault, &run->status, waiter.status);
    vault_set(&execd->server.vault, &run->state, (uint32_t)RUN_REAPING);
    __atomic_store_n(&waiter.word, WAITER_IDLE, __ATOMIC_RELAXED);
    return true;
}

static void reap(struct execd *execd) {
    const struct run_record *run = run_of(execd);
    struct proc_wait_reply reply;
    int64_t result = run->error == 0 ? wait_for(run->pid, 0, &reply) : 0;
    if (result < 0 && result != ERR_NO_CHILD) {
        log_printf("execd: can't reap process %d: %s", run->pid, status_name(result));
    }
    vault_set(&execd->server.vault, &run->state, (uint32_t)RUN_ENDED);
}

// Whether everything that the program has written has been sent.
static bool is_drained(struct execd *execd) {
    for (uint32_t i = EXEC_STDOUT; i <= EXEC_STDERR; i++) {
        struct stream_info info;
        handle_t end = stream_of(execd, i)->read;
        if (end != HANDLE_NONE && sys_object_get(end, &info, sizeof(info)) == OK &&
            info.read_bytes != info.written_bytes) {
            return false;
        }
    }
    return true;
}

static bool tell_end(struct execd *execd) {
    const struct run_record *run = run_of(execd);
    const struct exec_exit exit = {.status = run->status, .error = run->error};
    if (!is_drained(execd) || !frame_send(execd, EXEC_EXIT, 0, 0, &exit, sizeof(exit))) {
        return false;
    }
    close_streams(execd);
    vault_set(&execd->server.vault, &run->state, (uint32_t)RUN_IDLE);
    return true;
}

bool program_advance(struct execd *execd) {
    bool moved = false;
    switch (run_of(execd)->state) {
    case RUN_SPAWNING:
        spawn_program(execd);
        moved = true;
        break;
    case RUN_RUNNING:
        moved = look_at_waiter(execd);
        break;
    case RUN_REAPING:
        reap(execd);
        moved = true;
        break;
    case RUN_ENDED:
        moved = tell_end(execd);
        break;
    default:
        break;
    }
    if (moved) {
        server_checkpoint(&execd->server);
    }
    return moved;
}
