// SPDX-License-Identifier: MIT
//
// Native calls of the group "objects": what works on every object that has the thing in question.
#include <abi/limits.h>
#include <kernel/syscall_handlers.h>
#include <mm/page.h>
#include <mm/user.h>
#include <mm/vmo.h>
#include <object/handle_lookup.h>
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

// Fills in the record of an object. Returns its size; 0 when objects of this type have none.
static size_t describe(struct object *object, union record *record) {
    switch (object->type) {
    case OBJECT_JOB:
        job_describe(job_from(object), &record->job);
        return sizeof(record->job);
    case OBJECT_PROCESS:
        process_describe(process_from(object), &record->process);
        return sizeof(record->process);
    case OBJECT_THREAD:
        thread_describe(thread_from(object), &record->thread);
        return sizeof(record->thread);
    case OBJECT_VMO:
        vmo_describe(vmo_from(object), &record->vmo);
        return sizeof(record->vmo);
    case OBJECT_STREAM:
        stream_describe(object, &record->stream);
        return sizeof(record->stream);
    case OBJECT_SYSTEM:
        system_describe(&record->system);
        return sizeof(record->system);
    default:
        return 0;
    }
}

int64_t sys_object_get(struct object *object, vaddr_t buffer, size_t size) {
    union record record;
    memset(&record, 0, sizeof(record));
    size_t bytes = describe(object, &record);
    if (bytes == 0) {
        return ERR_NOT_SUPPORTED;
    }
    return size == bytes ? copy_out(buffer, &record, size) : ERR_INVALID_ARGUMENT;
}

// ---- binding

int64_t sys_object_bind(struct object *object, struct port *port, uint64_t key, uint32_t signals) {
    if (port == NULL) {
        return source_unbind(object, self_table(), key);
    }
    uint8_t kind = object->ops->packet_kind;
    return source_bind(object, port, key, signals, kind != 0 ? kind : PACKET_SIGNAL);
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
    struct handle_table *table = self_table();
    struct handle_entry entry = {0};
    for (uint32_t i = 0; i < count && status == OK; i++) {
        status =
            handle_lookup_inline(table, scratch->items[i].handle, OBJECT_NONE, RIGHT_WAIT, &entry);
        scratch->objects[i] = entry.object;
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
    size_t pages = ALIGN_UP(bytes, PAGE_SIZE) >> PAGE_SHIFT;
    struct page *page;
    status_t status = page_alloc_span(job, pages, 0, &page);
    if (status != OK) {
        return status;
    }
    struct wait_item *memory = page_to_virt(page);
    struct wait_scratch scratch = {memory, (struct object **)(memory + count)};
    int64_t result = wait_with(&scratch, items, count, deadline, flags);
    page_free_span(page, pages);
    return result;
}
