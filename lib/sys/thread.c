// SPDX-License-Identifier: MIT
//
// Regions are placed one after the other in an area of their own, the search beginning at the
// lowest place that was given back: so the same addresses, and the page tables for them, are used
// again. A region stays mapped until thread_join: a killed thread can't unmap its own.

#include <sys/thread.h>

#include <sys/calls.h>
#include <sys/log.h>

#define AREA 0x600000000000UL
#define AREA_REGIONS 65536UL // 4 GiB of addresses

static uint64_t next_region; // where to look first; a hint, atomic

status_t thread_region_map(handle_t aspace, vaddr_t addr) {
    int64_t vmo = sys_vmo_create(HANDLE_NONE, BLOCK_REGION_BYTES, 0);
    if (vmo < 0) {
        return (status_t)vmo;
    }
    int64_t mapped = sys_aspace_map(aspace, (handle_t)vmo, 0, addr, BLOCK_REGION_BYTES,
                                    MAP_READ | MAP_WRITE | MAP_FIXED | MAP_EXCLUSIVE);
    (void)!sys_handle_close((handle_t)vmo);
    if (mapped < 0) {
        return (status_t)mapped;
    }
    status_t status = sys_aspace_protect(aspace, addr + PAGE_SIZE, PAGE_SIZE, 0);
    if (status != OK) {
        (void)!sys_aspace_unmap(aspace, addr, BLOCK_REGION_BYTES);
    }
    return status;
}

// Maps a region at the next free place of the area.
static status_t find_region(vaddr_t *region) {
    for (uint64_t tries = 0; tries < AREA_REGIONS; tries++) {
        uint64_t index = __atomic_fetch_add(&next_region, 1, __ATOMIC_RELAXED) % AREA_REGIONS;
        *region = AREA + index * BLOCK_REGION_BYTES;
        status_t status = thread_region_map(HANDLE_NONE, *region);
        if (status != ERR_ALREADY_EXISTS) {
            return status;
        }
    }
    return ERR_NO_SPACE;
}

status_t thread_prepare(struct thread *thread) {
    status_t status = find_region(&thread->region);
    if (status != OK) {
        return status;
    }
    int64_t handle = sys_thread_create(HANDLE_NONE, thread->region);
    if (handle < 0) {
        (void)!sys_aspace_unmap(HANDLE_NONE, thread->region, BLOCK_REGION_BYTES);
        return (status_t)handle;
    }
    thread->handle = (handle_t)handle;
    return OK;
}

// The first function of a thread; its arguments are the two that thread_start takes.
static _Noreturn void run(void (*function)(void *), void *argument) {
    function(argument);
    sys_thread_exit(0, 0, 0);
}

status_t thread_begin(struct thread *thread, void (*function)(void *), void *argument) {
    return sys_thread_start(thread->handle, (vaddr_t)run, thread_region_stack(thread->region),
                            (uint64_t)function, (uint64_t)argument);
}

status_t thread_run(struct thread *thread, void (*function)(void *), void *argument) {
    status_t status = thread_prepare(thread);
    if (status != OK) {
        return status;
    }
    status = thread_begin(thread, function, argument);
    if (status != OK) {
        (void)!sys_task_kill(thread->handle, 0, 0);
        thread_join(thread);
    }
    return status;
}

void thread_join(struct thread *thread) {
    int64_t ended = sys_object_wait(thread->handle, SIGNAL_THREAD_ENDED, INSTANT_NEVER, 0);
    if (ended < 0) {
        panic("thread_join: the wait failed with %ld", ended);
    }
    status_t status = sys_aspace_unmap(HANDLE_NONE, thread->region, BLOCK_REGION_BYTES);
    if (status != OK) {
        panic("thread_join: the region stays mapped: %d", status);
    }
    uint64_t index = (thread->region - AREA) / BLOCK_REGION_BYTES;
    // A hint: two threads that get into each other's way here cost a longer search.
    if (index < __atomic_load_n(&next_region, __ATOMIC_RELAXED)) {
        __atomic_store_n(&next_region, index, __ATOMIC_RELAXED);
    }
    (void)!sys_handle_close(thread->handle);
    *thread = (struct thread){0};
}
