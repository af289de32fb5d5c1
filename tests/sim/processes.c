// SPDX-License-Identifier: MIT
//
// Processes that a server makes, and what goes with them: jobs, which are all one and have no
// limits, address spaces, of which only the two pages of Linux processes count, and first threads.

#include "kernel.h"

#include <abi/calls.h>
#include <abi/libos.h>
#include <stdlib.h>
#include <string.h>

#define TABLE (sim.current->process->table)

struct sim_aspace {
    struct sim_object object;
    struct sim_vmo *identity, *signals;
};

// A thread that was created and perhaps not started yet.
struct sim_new_thread {
    struct sim_object object;
    struct sim_process *process;
    bool started;
};

struct sim_process *sim_process_of(struct sim_object *object) {
    return list_entry(object, struct sim_process, object);
}

void sim_process_ref(struct sim_process *process) {
    process->object.refs++;
}

static struct sim_object *lookup(uint64_t handle, uint32_t type) {
    return sim_handle_lookup(TABLE, (handle_t)handle, type);
}

static int64_t insert_new(size_t bytes, uint32_t type) {
    struct sim_object *object = calloc(1, bytes);
    sim_object_init(object, type);
    return sim_handle_insert(TABLE, object);
}

// ---- life

bool sim_process_start(struct sim_process *process, void (*function)(void *argument),
                       void *argument) {
    if (process->started || process->dead) {
        return false;
    }
    process->started = true;
    (void)sim_thread_create(process, function, argument);
    return true;
}

void sim_process_ended(struct sim_process *process) {
    if (process->cause == EXIT_KILLED && process->status == 0) {
        process->status = 9; // by somebody outside
    }
    sim_signal(&process->object, 0, SIGNAL_PROCESS_ENDED);
    sim_object_unref(&process->object);
}

void sim_process_handles_gone(struct sim_process *process) {
    if (process->made && !process->started && !process->dead) {
        sim_process_end(process, EXIT_KILLED);
    }
}

void sim_process_free(struct sim_process *process) {
    if (process->identity != NULL) {
        sim_object_unref(&process->identity->object);
        sim_object_unref(&process->signals->object);
    }
    if (list_node_linked(&process->node)) {
        list_remove(&process->node);
    }
    free(process);
}

static int64_t process_create(const uint64_t a[6]) {
    const struct process_options *options = (const void *)a[4];
    struct sim_object *object = lookup(a[1], OBJECT_ASPACE);
    if (lookup(a[0], OBJECT_JOB) == NULL || object == NULL) {
        return ERR_BAD_HANDLE;
    }
    struct sim_aspace *aspace = list_entry(object, struct sim_aspace, object);
    struct sim_process *process = sim_process_create(NULL, false);
    process->made = true;
    process->cookie = options->cookie;
    process->object.refs++; // its own, until it has ended
    process->identity = aspace->identity;
    process->signals = aspace->signals;
    if (process->identity != NULL) {
        process->identity->object.refs++;
        process->signals->object.refs++;
    }
    return sim_handle_insert(TABLE, &process->object);
}

static void describe(const struct sim_process *process, struct process_info *info) {
    *info = (struct process_info){
        .id = process->id,
        .status = process->status,
        .cause = process->dead ? process->cause : EXIT_RUNNING,
        .threads = process->started && !process->dead,
        .suspended = process->suspended,
    };
}

// ---- jobs

static struct sim_process *next_made(uint64_t cursor) {
    struct sim_process *best = NULL;
    list_for_each(node, &sim.processes) {
        struct sim_process *process = list_entry(node, struct sim_process, node);
        if (process->made && process->id > cursor && (best == NULL || process->id < best->id)) {
            best = process;
        }
    }
    return best;
}

static int64_t job_child(const uint64_t a[6]) {
    struct sim_process *process = next_made(a[1]);
    if (process == NULL) {
        return ERR_NOT_FOUND;
    }
    describe(process, (struct process_info *)a[2]);
    return sim_handle_insert(TABLE, &process->object);
}

static bool object_get(const uint64_t a[6], int64_t *result) {
    struct sim_object *object = lookup(a[0], 0);
    if (object == NULL || (object->type != OBJECT_PROCESS && object->type != OBJECT_JOB)) {
        return false;
    }
    if (object->type == OBJECT_PROCESS) {
        describe(sim_process_of(object), (struct process_info *)a[1]);
    } else {
        struct job_usage *usage = (struct job_usage *)a[1];
        *usage = (struct job_usage){0};
        for (struct sim_process *at = next_made(0); at != NULL; at = next_made(at->id)) {
            usage->processes++;
        }
    }
    *result = OK;
    return true;
}

// ---- what is done to a process

static int64_t task_kill(const uint64_t a[6]) {
    struct sim_object *object = lookup(a[0], OBJECT_PROCESS);
    if (object == NULL || sim_process_of(object)->dead) {
        return object == NULL ? ERR_BAD_HANDLE : ERR_BAD_STATE;
    }
    sim_process_of(object)->status = (int64_t)a[1];
    sim_process_end(sim_process_of(object), EXIT_KILLED);
    return OK;
}

static int64_t suspend(const uint64_t a[6], bool more) {
    struct sim_object *object = lookup(a[0], OBJECT_PROCESS);
    if (object == NULL) {
        return ERR_BAD_HANDLE;
    }
    struct sim_process *process = sim_process_of(object);
    if (process->dead || (!more && process->suspended == 0)) {
        return ERR_BAD_STATE;
    }
    process->suspended += more ? 1u : -1u;
    return OK;
}

static int64_t set_cookie(const uint64_t a[6]) {
    struct sim_object *object = lookup(a[1], OBJECT_PROCESS);
    if (lookup(a[0], OBJECT_JOB) == NULL || object == NULL) {
        return ERR_BAD_HANDLE;
    }
    struct sim_process *process = sim_process_of(object);
    process->cookie = a[2];
    list_for_each(node, &sim.threads) {
        struct sim_thread *thread = list_entry(node, struct sim_thread, node);
        if (thread->process == process) {
            thread->cookie = a[2];
        }
    }
    return process->dead ? ERR_BAD_STATE : OK;
}

static int64_t thread_create(const uint64_t a[6]) {
    struct sim_object *object = lookup(a[0], OBJECT_PROCESS);
    if (object == NULL) {
        return ERR_BAD_HANDLE;
    }
    int64_t handle = insert_new(sizeof(struct sim_new_thread), OBJECT_THREAD);
    struct sim_new_thread *thread =
        list_entry(lookup((uint64_t)handle, 0), struct sim_new_thread, object);
    thread->process = sim_process_of(object);
    return handle;
}

static int64_t thread_start(const uint64_t a[6]) {
    struct sim_object *object = lookup(a[0], OBJECT_THREAD);
    if (object == NULL) {
        return ERR_BAD_HANDLE;
    }
    struct sim_new_thread *thread = list_entry(object, struct sim_new_thread, object);
    if (thread->started) {
        return ERR_BAD_STATE;
    }
    thread->started = true;
    void (*function)(void *) = (void (*)(void *))(uintptr_t)a[1];
    return sim_process_start(thread->process, function, (void *)a[3]) ? OK : ERR_BAD_STATE;
}

static int64_t interrupt(const uint64_t a[6]) {
    struct sim_object *object = lookup(a[0], OBJECT_PROCESS);
    if (object == NULL) {
        return ERR_BAD_HANDLE;
    }
    list_for_each(node, &sim.threads) {
        struct sim_thread *thread = list_entry(node, struct sim_thread, node);
        if (thread->process == sim_process_of(object) && (a[1] == 0 || thread->id == a[1])) {
            sim_thread_interrupt(thread);
            return OK;
        }
    }
    return ERR_NOT_FOUND;
}

// Only polled, for the start of a process.
static int64_t object_wait(const uint64_t a[6]) {
    struct sim_object *object = lookup(a[0], OBJECT_PROCESS);
    if (object == NULL) {
        return ERR_BAD_HANDLE;
    }
    return sim_process_of(object)->started ? (int64_t)SIGNAL_PROCESS_STARTED : ERR_TIMED_OUT;
}

// ---- memory

// Only the two pages of a Linux process are ever mapped elsewhere.
static int64_t aspace_map(const uint64_t a[6]) {
    struct sim_object *object = lookup(a[0], OBJECT_ASPACE);
    struct sim_object *vmo = lookup(a[1], OBJECT_VMO);
    if (object == NULL || vmo == NULL) {
        return ERR_BAD_HANDLE;
    }
    struct sim_aspace *aspace = list_entry(object, struct sim_aspace, object);
    struct sim_vmo *page = list_entry(vmo, struct sim_vmo, object);
    *(a[3] == LIBOS_IDENTITY ? &aspace->identity : &aspace->signals) = page;
    return (int64_t)a[3];
}

static int64_t vmo_copy(const uint64_t a[6], bool write) {
    struct sim_object *object = lookup(a[0], OBJECT_VMO);
    if (object == NULL) {
        return ERR_BAD_HANDLE;
    }
    struct sim_vmo *vmo = list_entry(object, struct sim_vmo, object);
    if (vmo->memory == NULL) {
        vmo->memory = calloc(1, vmo->bytes);
    }
    uint8_t *place = vmo->memory + a[1];
    memcpy(write ? (void *)place : (void *)a[2], write ? (void *)a[2] : (void *)place, a[3]);
    return (int64_t)a[3];
}

static int64_t call_read(const uint64_t a[6]) {
    const struct sim_call *call = sim_call_find(a[0]);
    if (call == NULL || call->caller == NULL) {
        return call == NULL ? ERR_STALE_TOKEN : ERR_CALLER_GONE;
    }
    if (a[1] >= call->message.in.bytes) {
        return ERR_OUT_OF_RANGE;
    }
    uint64_t bytes = call->message.in.bytes - a[1];
    bytes = bytes < a[3] ? bytes : a[3];
    memcpy((void *)a[2], (const uint8_t *)call->message.in.addr + a[1], bytes);
    return (int64_t)bytes;
}

// ----

bool sim_process_call(uint32_t number, const uint64_t a[6], int64_t *result) {
    switch (number) {
    case CALL_OBJECT_GET:
        return object_get(a, result);
    case CALL_ASPACE_MAP:
        if (a[0] == HANDLE_NONE) {
            return false;
        }
        *result = aspace_map(a);
        return true;
    case CALL_OBJECT_WAIT:
        *result = object_wait(a);
        return true;
    case CALL_PROCESS_INTERRUPT:
        *result = interrupt(a);
        return true;
    case CALL_JOB_CREATE:
        *result = insert_new(sizeof(struct sim_object), OBJECT_JOB);
        return true;
    case CALL_JOB_CHILD:
        *result = job_child(a);
        return true;
    case CALL_TASK_KILL:
        *result = task_kill(a);
        return true;
    case CALL_PROCESS_CREATE:
        *result = process_create(a);
        return true;
    case CALL_PROCESS_SUSPEND:
    case CALL_PROCESS_RESUME:
        *result = suspend(a, number == CALL_PROCESS_SUSPEND);
        return true;
    case CALL_PROCESS_SET_COOKIE:
        *result = set_cookie(a);
        return true;
    case CALL_THREAD_CREATE:
        *result = thread_create(a);
        return true;
    case CALL_THREAD_START:
        *result = thread_start(a);
        return true;
    case CALL_ASPACE_CREATE:
        *result = insert_new(sizeof(struct sim_aspace), OBJECT_ASPACE);
        return true;
    case CALL_VMO_READ:
    case CALL_VMO_WRITE:
        *result = vmo_copy(a, number == CALL_VMO_WRITE);
        return true;
    case CALL_CALL_READ:
        *result = call_read(a);
        return true;
    case CALL_CLOCK_GET:
        *result = sim.now;
        return true;
    default:
        return false;
    }
}
