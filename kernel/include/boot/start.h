// SPDX-License-Identifier: MIT
//
// From the boot archive to the first process.
#pragma once

#include <base.h>

struct aspace;
struct process;

// The stack pointer of the first thread: 16-byte aligned below the region's end.
#define INIT_STACK(block) ((block) + BLOCK_REGION_BYTES - 16)
// Above every server, so that init can end one that loops.
#define PRIORITY_INIT 30

// Loads the program that the option `init=` names (sbin/init without it) from the boot archive into
// an empty address space, with a region for its first thread. Gives its entry point and the address
// of its thread block. Can be called again for a new address space. What is wrong is said in the
// log. Errors: NOT_FOUND (no archive, or no such program), CORRUPT (archive or program), NO_MEMORY.
// No lock held.
[[nodiscard]] status_t boot_load_init(struct aspace *aspace, vaddr_t *entry, vaddr_t *block);

// Makes the first process in the root job, with the handles of <abi/boot.h>, or a successor with
// its predecessor's table, and starts it. Errors: as above.
[[nodiscard]] status_t boot_start_init(struct process *predecessor);

// Makes the kernel watch a process, created with PROCESS_HELD, as init: when it ends it gets a
// successor with the same handles (restart.c). Takes the hold over.
void boot_watch_init(struct process *process);
