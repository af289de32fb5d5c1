// SPDX-License-Identifier: MIT
//
// Starting another native program: a new address space, the program's segments out of the boot
// archive, a region for its first thread, the start record (sys/start.h), and the handles it is
// granted. It can do what those handles allow and nothing else.
#pragma once

#include <sys/archive.h>

// Given as `rights`: the handle itself moves to the new process, also when it can't be duplicated.
#define SPAWN_MOVE 0
// Given as `rights`: nothing is given; `handle` is the number that a handle has in the table that
// the predecessor left. The start record names it.
#define SPAWN_KEPT UINT32_MAX

struct spawn_handle {
    const char *name;
    handle_t handle;
    uint32_t rights; // of a duplicate that the new process gets, or SPAWN_MOVE, or SPAWN_KEPT
};

struct spawn_options {
    const struct archive *archive;
    const char *path;  // in the archive
    const char *label; // null: the path
    handle_t job;      // where it is charged; needs CREATE
    handle_t
        predecessor; // HANDLE_NONE, or a process that was kept: then all handles are SPAWN_KEPT
    uint32_t flags;  // PROCESS_KEEP
    uint64_t cookie;
    uint64_t provider;
    const char *const *arguments;
    uint32_t argument_count;
    uint32_t handle_count;
    const struct spawn_handle *handles;
    handle_t *given; // null, or where the numbers of the handles in the new table go
};

struct spawned {
    handle_t process;                    // all rights
    handle_t thread;                     // its first thread, all rights
    handle_t aspace;                     // all rights
    vaddr_t entry, stack, block, record; // for thread_start
};

// Makes the process and its first thread, not started; spawn_start lets it go. On failure nothing
// is left of it, but handles already moved (SPAWN_MOVE) are closed. NOT_FOUND: no such file in the
// archive; CORRUPT, NOT_SUPPORTED: no proper program (image/elf.h); NO_SPACE: the start record is
// full; INVALID_ARGUMENT: a handle is SPAWN_KEPT without a predecessor, or not with one; else the
// errors of the native calls that it makes. A kept table is not lost: when `out->process` is a
// handle after a failure, it names a dead process that has the table now, and is the predecessor of
// the next try.
[[nodiscard]] status_t spawn_prepare(const struct spawn_options *options, struct spawned *out);
[[nodiscard]] status_t spawn_start(const struct spawned *spawned);
// Both.
[[nodiscard]] status_t spawn(const struct spawn_options *options, struct spawned *out);
// Closes the three handles; the process lives on.
void spawned_close(struct spawned *spawned);
