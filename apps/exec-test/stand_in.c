// SPDX-License-Identifier: MIT
//
// A procd for tests of execd: no more of the protocol than execd uses. It keeps nothing over a
// restart.
#include "exec_test.h"

#include <abi/libos.h>
#include <proto/proc_server.h>
#include <server/server.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/thread.h>

#define PROGRAMS_MAX 4
#define ENDED 1 // condition, and bit of the event
#define KEY_ENDED 1

struct child {
    int32_t pid;    // 0: free
    uint32_t ended; // atomic
    uint64_t key;
    int64_t status;
    struct thread thread;
    struct program program;
};

static struct child children[PROGRAMS_MAX];
static int32_t last_pid;
static handle_t event;

static const struct vault_table tables[] = {
    {.name = "nothing", .record_bytes = sizeof(struct vault_head), .count = 1},
};

static const struct vault_layout layout = {
    .service = 0x54534554, // "TEST"
    .version = 1,
    .undo_bytes = 512,
    .calls_max = 8,
    .table_count = 1,
    .tables = tables,
};

static void child_main(void *argument) {
    struct child *child = argument;
    child->status = program_run(&child->program);
    for (int i = 0; i < 3; i++) {
        (void)!sys_handle_close(child->program.streams[i]);
    }
    __atomic_store_n(&child->ended, 1, __ATOMIC_RELEASE);
    (void)sys_event_signal(event, 0, ENDED);
}

static void close_all(const handle_t handles[3]) {
    for (int i = 0; i < 3; i++) {
        (void)!sys_handle_close(handles[i]);
    }
}

static struct child *find_child(int32_t pid, uint64_t key) {
    for (int i = 0; i < PROGRAMS_MAX; i++) {
        struct child *child = &children[i];
        if (child->pid != 0 && (child->pid == pid || (key != 0 && child->key == key))) {
            return child;
        }
    }
    return NULL;
}

// Reads the strings of a spawn. Returns whether they make sense and name a program.
static status_t read_strings(const struct packet *packet, const struct proc_spawn_request *request,
                             struct program *program) {
    *program = (struct program){.argc = request->argc, .envc = request->envc};
    if (packet->in_bytes >= TEXT_BYTES) {
        return ERR_LIMIT;
    }
    int64_t got = sys_call_read(packet->token, 0, program->text, packet->in_bytes);
    if (got != (int64_t)packet->in_bytes) {
        return got < 0 ? (status_t)got : ERR_INVALID_ARGUMENT;
    }
    const char *at = program->text;
    for (uint32_t i = 0; i < request->argc + request->envc; i++) {
        at += strlen(at) + 1;
        if (at >= program->text + got) {
            return ERR_INVALID_ARGUMENT;
        }
    }
    return program_exists(at) ? OK : ERR_NOT_FOUND;
}

static int64_t spawn(void *context, const struct packet *packet,
                     const struct proc_spawn_request *request, const handle_t handles_in[3],
                     struct proc_spawn_reply *reply) {
    (void)context;
    struct child *child = find_child(0, request->key);
    if (child != NULL) {
        close_all(handles_in);
        reply->pid = child->pid;
        return 0;
    }
    for (int i = 0; i < PROGRAMS_MAX && child == NULL; i++) {
        child = children[i].pid == 0 ? &children[i] : NULL;
    }
    status_t status = child != NULL ? read_strings(packet, request, &child->program) : ERR_LIMIT;
    if (status != OK) {
        close_all(handles_in);
        return status;
    }
    memcpy(child->program.streams, handles_in, 3 * sizeof(handle_t));
    child->key = request->key;
    child->ended = 0;
    status = thread_run(&child->thread, child_main, child);
    if (status == OK) {
        child->pid = reply->pid = ++last_pid;
        log_printf("stand-in: spawn %d", child->pid);
    }
    return status;
}

static int64_t wait(void *context, const struct packet *packet,
                    const struct proc_wait_request *request, struct proc_wait_reply *reply) {
    (void)context;
    struct child *child = find_child(request->id, 0);
    if (child == NULL) {
        return ERR_NO_CHILD;
    }
    if (__atomic_load_n(&child->ended, __ATOMIC_ACQUIRE) == 0) {
        request_wait(request_of(packet), ENDED);
        return PROTOCOL_LATER;
    }
    reply->pid = child->pid;
    reply->status = child->status;
    if ((request->options & PROC_WAIT_NO_REAP) == 0) {
        thread_join(&child->thread);
        child->pid = 0;
    }
    return 0;
}

static int64_t kill(void *context, const struct packet *packet,
                    const struct proc_kill_request *request) {
    (void)context;
    (void)packet;
    struct child *child = find_child(request->pid, 0);
    if (child == NULL) {
        return ERR_NO_PROCESS;
    }
    __atomic_store_n(&child->program.killed, (uint32_t)request->number, __ATOMIC_RELEASE);
    (void)!sys_futex_wake((vaddr_t)&child->program.killed, 1, UINT32_MAX, 0);
    return 0;
}

static void notice(struct server *server, const struct packet *packet) {
    (void)packet;
    server_wake(server, ENDED);
}

static status_t start(struct server *server, bool fresh) {
    (void)fresh;
    int64_t made = sys_event_create();
    if (made < 0) {
        return (status_t)made;
    }
    event = (handle_t)made;
    return sys_object_bind(event, server->port, KEY_ENDED, ENDED);
}

static const struct proc_ops operations = {.spawn = spawn, .wait = wait, .kill = kill};

static int64_t dispatch(struct server *server, const struct packet *packet,
                        struct message *message) {
    return proc_dispatch(&operations, server, packet, message);
}

static const struct server_program program = {
    .name = "stand-in",
    .protocol = &proc_protocol,
    .vault = &layout,
    .start = start,
    .dispatch = dispatch,
    .notice = notice,
};

int64_t stand_in_run(void) {
    static struct server server;
    return server_run(&server, &program);
}
