// SPDX-License-Identifier: MIT
//
// Threads of a native program. A thread's block and stack lie in one region of BLOCK_REGION_BYTES,
// aligned to its size: the block is its first page, then comes a page without access, then the
// stack, which grows down from the region's end. So the block is found from the stack pointer.
#pragma once

#include <abi/block.h>
#include <abi/types.h>

// The block of the calling thread.
static inline struct thread_block *thread_block(void) {
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    return (struct thread_block *)(here & ~(BLOCK_REGION_BYTES - 1));
}

struct thread {
    handle_t handle; // all rights
    vaddr_t region;
};

// Creates and starts a thread of this process that runs function(argument) and then ends. NO_SPACE:
// no room for its region; else the errors of vmo_create, aspace_map, thread_create, thread_start.
[[nodiscard]] status_t thread_run(struct thread *thread, void (*function)(void *argument),
                                  void *argument);
// The same without starting it: thread_begin does that. Of use where a test wants the handle first.
[[nodiscard]] status_t thread_prepare(struct thread *thread);
[[nodiscard]] status_t thread_begin(struct thread *thread, void (*function)(void *argument),
                                    void *argument);
// Waits until the thread has ended, however it ends, then frees its region and closes its handle.
void thread_join(struct thread *thread);

// Makes a region in an address space (HANDLE_NONE: the caller's own) at an address that is a
// multiple of BLOCK_REGION_BYTES. ALREADY_EXISTS: something is mapped there; else as aspace_map.
[[nodiscard]] status_t thread_region_map(handle_t aspace, vaddr_t addr);
// The stack pointer that a thread in this region starts with, as if its first function had been
// called: a return address (zero) below a 16-byte border.
static inline vaddr_t thread_region_stack(vaddr_t region) {
    return region + BLOCK_REGION_BYTES - 24;
}
