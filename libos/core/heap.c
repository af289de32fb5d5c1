// SPDX-License-Identifier: MIT

#include <core/heap.h>

#include <core/process.h>
#include <sys/calls.h>
#include <sys/string.h>

#define SMALLEST_SHIFT 4

status_t heap_start(void) {
    int64_t vmo = sys_vmo_create(HANDLE_NONE, HEAP_BYTES, 0);
    if (vmo < 0) {
        return (status_t)vmo;
    }
    int64_t mapped = sys_aspace_map(HANDLE_NONE, (handle_t)vmo, 0, LIBOS_HEAP, HEAP_BYTES,
                                    MAP_READ | MAP_WRITE | MAP_FIXED | MAP_EXCLUSIVE);
    (void)!sys_handle_close((handle_t)vmo);
    if (mapped < 0) {
        return (status_t)mapped;
    }
    struct linux_process *process = process_current();
    process->heap.used = (sizeof(struct linux_process) + 63) & ~63UL;
    process->files.slots = process->slots;
    process->views.of = process->view_places;
    process->alarms.of = process->alarm_places;
    return OK;
}

static uint32_t class_of(size_t bytes) {
    if (bytes <= 1UL << SMALLEST_SHIFT) {
        return 0;
    }
    return 64 - (uint32_t)__builtin_clzl(bytes - 1) - SMALLEST_SHIFT;
}

// Memory, and whether it was in use before; else it is zero. Null: there is none.
static void *take(size_t bytes, bool *used) {
    struct heap *heap = &process_current()->heap;
    uint32_t class = class_of(bytes);
    if (bytes == 0 || class >= HEAP_CLASSES) {
        return NULL;
    }
    uint64_t size = 1UL << (class + SMALLEST_SHIFT);
    mutex_lock(&heap->lock);
    void *memory = heap->free[class];
    *used = memory != NULL;
    if (*used) {
        heap->free[class] = *(void **)memory;
    } else if (size <= HEAP_BYTES - heap->used) {
        memory = (void *)(LIBOS_HEAP + heap->used);
        heap->used += size;
    }
    mutex_unlock(&heap->lock);
    return memory;
}

void *heap_alloc_dirty(size_t bytes) {
    bool used;
    return take(bytes, &used);
}

void *heap_alloc(size_t bytes) {
    bool used;
    void *memory = take(bytes, &used);
    return memory != NULL && used ? memset(memory, 0, bytes) : memory;
}

void heap_free(void *memory, size_t bytes) {
    struct heap *heap = &process_current()->heap;
    if (memory == NULL) {
        return;
    }
    uint32_t class = class_of(bytes);
    mutex_lock(&heap->lock);
    *(void **)memory = heap->free[class];
    heap->free[class] = memory;
    mutex_unlock(&heap->lock);
}
