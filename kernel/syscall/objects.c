// SPDX-License-Identifier: MIT
//
// Native calls of the group "objects": what works on every object that has the thing in question.
#include <abi/limits.h>
#include <kernel/syscall_handlers.h>
#include <mm/slab.h>
#include <mm/user.h>
#include <mm/vmo.h>
#include <object/job.h>
#include <object/source.h>
#include <object/stream.h>
#include <object/system.h>
#include <sched/current.h>

// ---- information

union record {
    struct job_usage job;
    struct process_info process;
    struct thread_info thread;
    struct vmo_info vmo;
    struct stream_info stream;
    struct system_info system;
};

static void fill_job(struct object *object, union record *record) {
    job_describe(job_from(object), &record->job);
}

static void fill_process(struct object *object, union record *record) {
    process_describe(process_from(object), &record->process);
}

static void fill_thread(struct object *object, union record *record) {
    thread_describe(thread_from(object), &record->thread);
}

static void fill_vmo(struct object *object, union record *record) {
    vmo_describe(vmo_from(object), &record->vmo);
}

static void fill_stream(struct object *object, union record *record) {
    stream_describe(object, &record->stream);
}

static void fill_system(struct object *object, union record *record) {
    (void)object;
    system_describe(&record->system);
}

static const struct {
    size_t bytes;
    void (*fill)(struct object *object, union record *record);
} topics[OBJECT_LAST + 1] = {
    [OBJECT_JOB] = {sizeof(struct job_usage), fill_job},
    [OBJECT_PROCESS] = {sizeof(struct process_info), fill_process},
    [OBJECT_THREAD] = {sizeof(struct thread_info), fill_thread},
    [OBJECT_VMO] = {sizeof(struct vmo_info), fill_vmo},
    [OBJECT_STREAM] = {sizeof(struct stream_info), fill_stream},
    [OBJECT_SYSTEM] = {sizeof(struct system_info), fill_system},
};

int64_t sys_object_get(struct object *object, vaddr_t buffer, size_t size) {
    if (topics[object->type].fill == NULL) {
        return ERR_NOT_SUPPORTED;
    }
    if (size != topics[object->type].bytes) {
        return ERR_INVALID_ARGUMENT;
    }
    union record record;
    memset(&record, 0, sizeof(record));
    topics[object->type].fill(object, &record);
    return copy_out(buffer, &record, size);
}

// ---- binding

static uint16_t packet_kind(const struct object *object) {
    switch (object->type) {
    case OBJECT_TIMER:
        return PACKET_TIMER;
    case OBJECT_PROCESS:
        return PACKET_EXIT;
    case OBJECT_INTERRUPT:
        return PACKET_INTERRUPT;
    default:
        return PACKET_SIGNAL;
    }
}

int64_t sys_object_bind(struct object *object, struct port *port, uint64_t key, uint32_t signals) {
    if (port == NULL) {
        return source_unbind(object, self_table(), key);
    }
    return source_bind(object, port, key, signals, packet_kind(object));
}

// ---- waiting

int64_t sys_object_wait(struct object *object, uint32_t signals, instant_t deadline,
                        uint32_t flags) {
    struct wait_item item = {.signals = signals};
    int64_t result = source_wait(&object, &item, 1, deadline, flags);
    return result > 0 ? (int64_t)item.observed : result;
}

// Items that are copied to the kernel's stack; more go to pages.
#define STACK_ITEMS 16

// What object_wait_many works on.
struct wait_scratch {
    struct wait_item *items;
    struct object **objects;
};

// Copies the items in, waits, and copies them out when there is a result.
static int64_t wait_with(const struct wait_scratch *scratch, vaddr_t items, uint32_t count,
                         instant_t deadline, uint32_t flags) {
    size_t bytes = count * sizeof(struct wait_item);
    status_t status = copy_in(scratch->items, items, bytes);
    for (uint32_t i = 0; i < count && status == OK; i++) {
        status =
            self_lookup(scratch->items[i].handle, OBJECT_NONE, RIGHT_WAIT, &scratch->objects[i]);
    }
    if (status != OK) {
        return status;
    }
    int64_t result = source_wait(scratch->objects, scratch->items, count, deadline, flags);
    if (result > 0) {
        // A failure here has changed nothing: signals stay set.
        status = copy_out(items, scratch->items, bytes);
    }
    return status == OK ? result : status;
}

int64_t sys_object_wait_many(vaddr_t items, uint32_t count, instant_t deadline, uint32_t flags) {
    if (count > WAIT_MANY_MAX) {
        return ERR_LIMIT;
    }
    if (count <= STACK_ITEMS) {
        struct wait_item stack_items[STACK_ITEMS];
        struct object *stack_objects[STACK_ITEMS];
        struct wait_scratch scratch = {stack_items, stack_objects};
        return wait_with(&scratch, items, count, deadline, flags);
    }
    // The job is fetched first: once parked, the thread may run, and die, on another CPU.
    struct job *job = self_job();
    size_t bytes = count * (sizeof(struct wait_item) + sizeof(struct object *));
    void *memory;
    status_t status = kpages_alloc(job, bytes, &memory);
    if (status != OK) {
        return status;
    }
    struct wait_scratch scratch = {memory, (struct object **)((struct wait_item *)memory + count)};
    int64_t result = wait_with(&scratch, items, count, deadline, flags);
    kpages_free(job, memory, bytes);
    return result;
}
