// SPDX-License-Identifier: MIT
//
// Building the image of a Linux process (abi/libos.h): an address space with the libos, the pages
// that it shares with others, its record, and the region of its first thread. procd does so for
// first processes, the libos itself for an exec. The libos then finds its record and loads the
// program; nobody else reads ELF.
//
// Nothing here has state or allocates, so that it also runs within a libos.
#pragma once

#include <abi/flags.h>
#include <abi/libos.h>

// Makes a vmo that holds a record, its descriptors and its text, of `record->bytes` bytes in all.
// Magic, version, bytes, fds, text and text_bytes of `record` are filled in; all else is the
// caller's.
//   job         charged; HANDLE_NONE for the caller's own
//   text        argc strings, then envc strings, then the program's path, each ending with a zero
// Errors: OUT_OF_RANGE, more than LIBOS_RECORD_BYTES_MAX; those of vmo_create and vmo_write.
[[nodiscard]] status_t launch_record(handle_t job, struct libos_record *record,
                                     const struct libos_fd *fds, const void *text,
                                     uint64_t text_bytes, handle_t *vmo);

struct launch_options {
    handle_t job;      // charged for the thread's region; HANDLE_NONE for the caller's own
    handle_t aspace;   // empty, or with the identity and signal pages mapped already; MAP
    handle_t libos;    // vmo of the image: READ, EXECUTE, MAP
    handle_t clock;    // vmo of the clock page: READ, MAP
    handle_t identity; // vmo of the identity page: READ, MAP; HANDLE_NONE: leave it out
    handle_t signals;  // vmo of the signal page: READ, WRITE, MAP; HANDLE_NONE: leave it out
    handle_t record;   // vmo that launch_record made
};

// What the first thread begins with: thread_create(process, block), then thread_start(thread,
// start, stack, block, LIBOS_RECORD), or aspace_swap(aspace, start, block).
struct launched {
    vaddr_t start;
    vaddr_t block;
    vaddr_t stack;
};

// Maps everything and gives the kernel the libos's entry points. On failure the address space is
// left half filled: close it. CORRUPT: the image is no libos of this version; else the errors of
// the native calls that it makes.
[[nodiscard]] status_t launch_map(const struct launch_options *options, struct launched *out);

// Maps the region of a thread at its place in an aspace
// (HANDLE_NONE: the caller's own): block, a hole of a page, stack, and at its end
// LIBOS_THREAD_BYTES. The block is masked. ALREADY_EXISTS: something is there; else the errors of
// the native calls.
[[nodiscard]] status_t launch_region(handle_t job, handle_t aspace, uint32_t index, vaddr_t *block);
