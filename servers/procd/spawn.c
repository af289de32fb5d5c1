// SPDX-License-Identifier: MIT
//
// A first process must run once and not twice, and nothing can take back what it has done. So it is
// made in one step, which leaves a record that says MAKING and names the call; then its thread is
// started; the second step makes it LIVE and holds the answer. A retry finds the record by the call
// and goes on at the start, which the kernel refuses when it has happened.

#include "spawn.h"

#include <abi/limits.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/string.h>

#include "image.h"
#include "kernel.h"
#include "pages.h"
#include "process.h"

enum spawn_flags {
    SPAWN_TRACE = 1,
    SPAWN_FILES = 2,   // told by the types of the handles themselves
    SPAWN_SESSION = 4, // each first process leads a session
    SPAWN_INIT = 8,
    SPAWN_FLAGS_ALL = 15,
};

// ---- what is asked for

// Memory for the text, which lies in no vault: a retry reads it again.
static void text_free(struct image_request *image) {
    if (image->text != NULL) {
        uint64_t bytes = (image->text_bytes + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
        // Fails only for what aspace_map did not return.
        (void)!sys_aspace_unmap(HANDLE_NONE, (vaddr_t)image->text, bytes);
        image->text = NULL;
    }
}

static char *text_alloc(uint64_t bytes) {
    int64_t vmo = sys_vmo_create(HANDLE_NONE, bytes, 0);
    if (vmo < 0) {
        return NULL;
    }
    uint64_t whole = (bytes + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    int64_t addr = sys_aspace_map(HANDLE_NONE, (handle_t)vmo, 0, 0, whole, MAP_READ | MAP_WRITE);
    // The mapping holds the pages.
    (void)!sys_handle_close((handle_t)vmo);
    return addr < 0 ? NULL : (char *)addr;
}

// Reads the in-window. OK, a status, or PROTOCOL_TOUCH_IN.
static int64_t text_read(const struct packet *packet, struct image_request *image) {
    if (packet->in_bytes == 0) {
        return ERR_INVALID_ARGUMENT;
    }
    char *text = text_alloc(packet->in_bytes);
    if (text == NULL) {
        return ERR_NO_MEMORY;
    }
    image->text = text;
    image->text_bytes = packet->in_bytes;
    uint64_t at = 0;
    while (at < packet->in_bytes) {
        uint64_t piece = packet->in_bytes - at;
        piece = piece < COPY_MAX_BYTES ? piece : COPY_MAX_BYTES;
        int64_t got = sys_call_read(packet->token, at, text + at, piece);
        if (got <= 0) {
            return got == ERR_NEEDS_PAGE || got == 0 ? PROTOCOL_TOUCH_IN(at) : ERR_INVALID_ARGUMENT;
        }
        at += (uint64_t)got;
    }
    return OK;
}

// Whether the text is exactly the strings that the counts say. `path` is set to that of the
// program.
static bool text_valid(const struct image_request *image, uint32_t path_bytes, const char **path) {
    uint64_t wanted = (uint64_t)image->argc + image->envc + 2;
    uint64_t seen = 0, start = 0;
    for (uint64_t at = 0; at < image->text_bytes; at++) {
        if (image->text[at] != '\0') {
            continue;
        }
        if (seen == wanted - 2) {
            *path = &image->text[start];
            if (at - start != path_bytes || path_bytes == 0) {
                return false;
            }
        }
        seen++;
        start = at + 1;
    }
    return seen == wanted && start == image->text_bytes;
}

// ---- making

// The name that ps shows: what follows the last slash.
static void set_comm(struct procd *procd, const struct process *process, const char *path) {
    char comm[sizeof(process->comm)] = {0};
    const char *name = path;
    for (const char *at = path; *at != '\0'; at++) {
        name = *at == '/' ? at + 1 : name;
    }
    (void)text_copy(comm, sizeof(comm), name);
    vault_set_bytes(&procd->server.vault, process->comm, comm, sizeof(comm));
}

static status_t make(struct procd *procd, const struct packet *packet,
                     const struct proc_spawn_request *request, const struct image_request *image,
                     const char *path) {
    const struct process *process;
    const struct process_wish wish = {
        .pid = (request->flags & SPAWN_INIT) != 0 ? 1 : 0,
        .terminal = request->terminal,
        .key = request->key,
    };
    handle_t aspace, thread = HANDLE_NONE;
    uint64_t begin[3];
    status_t status = process_make(procd, packet, &wish, &process, &aspace);
    if (status == OK) {
        set_comm(procd, process, path);
        status = image_build(procd, process, aspace, image, &thread, begin);
        status = status == OK || status == ERR_NOT_FOUND || status == ERR_INVALID_ARGUMENT
                     ? status
                     : process_failed("building an image", status);
    }
    if (aspace != HANDLE_NONE) {
        (void)!sys_handle_close(aspace);
    }
    step_made(&procd->server.vault, thread);
    if (status != OK) {
        return status;
    }
    process_set(procd, process, thread, thread);
    vault_set_bytes(&procd->server.vault, process->begin, begin, sizeof(begin));
    process_set(procd, process, state, PROCESS_MAKING);
    return OK;
}

// ---- the operation

// What this very call has made, in an earlier run, or an earlier one with the same key.
static const struct process *made_by(const struct procd *procd, const struct packet *packet,
                                     uint64_t key) {
    const struct process *made = NULL;
    for_each_process(procd, process, slot) {
        bool same =
            process->maker_thread == packet->thread && process->maker_call == packet->call_number;
        if (is_first(process) && (same || (key != 0 && process->key == key))) {
            made = process;
        }
    }
    return made;
}

static status_t request_check(struct procd *procd, const struct packet *packet,
                              const struct proc_spawn_request *request) {
    // Any cookie is a Linux process's, also one whose end we have seen already.
    if (!is_native(packet)) {
        return ERR_NOT_PERMITTED;
    }
    if ((request->flags & ~(uint32_t)SPAWN_FLAGS_ALL) != 0) {
        return ERR_INVALID_ARGUMENT;
    }
    bool first = (request->flags & SPAWN_INIT) != 0 && process_find(procd, 1) != NULL;
    return first ? ERR_ALREADY_EXISTS : OK;
}

// Reads, checks and makes. OK, a status, or PROTOCOL_TOUCH_IN.
static int64_t prepare(struct procd *procd, const struct packet *packet,
                       const struct proc_spawn_request *request, const handle_t files[3]) {
    struct image_request image = {
        .argc = request->argc,
        .envc = request->envc,
        .trace = (request->flags & SPAWN_TRACE) != 0,
        .terminal = request->terminal,
        .files = {files[0], files[1], files[2]},
    };
    const char *path = NULL;
    int64_t result = request_check(procd, packet, request);
    result = result == OK ? text_read(packet, &image) : result;
    if (result == OK) {
        result = text_valid(&image, request->path_bytes, &path)
                     ? make(procd, packet, request, &image, path)
                     : ERR_INVALID_ARGUMENT;
    }
    text_free(&image);
    return result;
}

// The second half, which may be done again: the thread starts, once.
static void begin(struct procd *procd, const struct process *process) {
    if (process->state != PROCESS_MAKING) {
        return;
    }
    status_t status = sys_thread_start(process->thread, process->begin[0], process->begin[1],
                                       process->begin[2], LIBOS_RECORD);
    if (status != OK && status != ERR_BAD_STATE) {
        // It can't be begun: it ends, and its spawner is told so by wait.
        log_printf("procd: thread_start of %d: status %d", process->pid, status);
        (void)!sys_task_kill(process->process, LINUX_STATUS_SIGNAL(9), 0);
    }
    step_close(&procd->server.vault, process->thread);
    process_set(procd, process, thread, HANDLE_NONE);
    process_set(procd, process, state, PROCESS_LIVE);
}

static int64_t spawn(struct procd *procd, const struct packet *packet,
                     const struct proc_spawn_request *request, const handle_t files[3],
                     struct proc_spawn_reply *reply) {
    const struct process *process = made_by(procd, packet, request->key);
    if (process == NULL) {
        spawn_sweep(procd);
        int64_t result = prepare(procd, packet, request, files);
        if (result != OK) {
            return result;
        }
        server_checkpoint(&procd->server);
        process = made_by(procd, packet, request->key);
    }
    begin(procd, process);
    reply->pid = process->pid;
    return 0;
}

int64_t proc_do_spawn(void *server, const struct packet *packet,
                      const struct proc_spawn_request *request, const handle_t handles_in[3],
                      struct proc_spawn_reply *reply) {
    int64_t result = spawn(server, packet, request, handles_in, reply);
    // The process has duplicates.
    for (uint32_t i = 0; i < 3; i++) {
        (void)!sys_handle_close(handles_in[i]);
    }
    return result;
}

// Zombies wait for the successor of a service that has begun them, as long as there is room.
static bool is_lost(const struct process *process, bool full) {
    if (process->state == PROCESS_MAKING) {
        return sys_object_alive(process->maker_thread) == 0;
    }
    return full && process->state == PROCESS_ZOMBIE && is_first(process) &&
           sys_object_alive(process->spawner) == 0;
}

void spawn_sweep(struct procd *procd) {
    bool full = process_slot_find(procd) < 0;
    for_each_process(procd, process, slot) {
        if (!is_lost(process, full)) {
            continue;
        }
        if (process->state == PROCESS_MAKING && kernel_started(process->process)) {
            begin(procd, process);
        } else {
            process_free(procd, process);
        }
        server_checkpoint(&procd->server);
    }
}
