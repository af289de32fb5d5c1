// SPDX-License-Identifier: MIT
//
// Memory objects. A vmo is a sparse array of pages. Absent pages of an anonymous vmo read as zeros
// and are allocated when first written; a snapshot clone shares pages by reference count with both
// sides read-only; an AT_WRITE clone keeps a reference on its source and reads absent pages there.
// No shadow chains: a clone of a clone refers to pages, not to vmos (an AT_WRITE clone of an
// AT_WRITE clone refers to the first source).
#pragma once

#include <abi/flags.h>
#include <abi/limits.h>
#include <base.h>
#include <mm/page.h>
#include <object/object.h>

struct vmo;
struct vmo_info; // abi/info.h

struct vmo *vmo_from(struct object *object);
struct object *vmo_object(struct vmo *vmo);

// See the native calls of the same names. `job` pays. The caller gets the first reference.
[[nodiscard]] status_t vmo_create(struct job *job, uint64_t size, uint32_t flags, uint64_t provider,
                                  struct vmo **out);
// A vmo over existing physical memory (boot archive, command line, registers), never freed to the
// allocator. `base` is page-aligned. What is no RAM is mapped uncached, and can't be read or
// written but by mapping it. INVALID_ARGUMENT, OUT_OF_RANGE, NO_MEMORY, LIMIT.
[[nodiscard]] status_t vmo_create_physical(struct job *job, paddr_t base, uint64_t size,
                                           struct vmo **out);
// Lets interrupts in after every 512 pages, and takes about 30 ns a resident page in all: the bound
// is the caller's own memory. A snapshot is not taken at one instant: what other threads write to
// the source meanwhile may be in it or not; once it is returned it never changes. BAD_HANDLE: the
// source is dying.
[[nodiscard]] status_t vmo_clone(struct vmo *source, struct job *job, uint64_t offset,
                                 uint64_t size, uint32_t flags, uint64_t provider,
                                 struct vmo **out);
// One step: STATUS_RESTART when it is to be called again.
[[nodiscard]] status_t vmo_set_size(struct vmo *vmo, uint64_t size);
// One step, from the end of the range: takes what it did off *size, which is 0 when all is done.
[[nodiscard]] status_t vmo_decommit(struct vmo *vmo, uint64_t offset, uint64_t *size);
uint64_t vmo_size(const struct vmo *vmo);
void vmo_describe(struct vmo *vmo, struct vmo_info *info);

// Copies between a vmo and kernel memory. Returns bytes copied or a status.
int64_t vmo_read(struct vmo *vmo, uint64_t offset, void *buffer, size_t size);
int64_t vmo_write(struct vmo *vmo, uint64_t offset, const void *buffer, size_t size);
// Loads (acquire) or stores (release) an aligned 32-bit word at once. OUT_OF_RANGE, NO_MEMORY,
// LIMIT, NEEDS_PAGE; NOT_SUPPORTED: not RAM.
[[nodiscard]] status_t vmo_word(struct vmo *vmo, uint64_t offset, bool write, uint32_t *word);
// The same with a user buffer of the calling thread's aspace. STATUS_PAGE_WAIT and FAULT from it.
int64_t vmo_read_user(struct vmo *vmo, uint64_t offset, vaddr_t buffer, size_t size);
int64_t vmo_write_user(struct vmo *vmo, uint64_t offset, vaddr_t buffer, size_t size);
