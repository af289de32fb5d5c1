// SPDX-License-Identifier: MIT
#pragma once

#include <core/memory.h>

struct linux_thread;

// What mmap needs of a descriptor: a vmo, and what the list says of it; mapping->offset is the
// file's, and may be changed. Returns where in the vmo the mapping begins, in bytes; the caller
// closes the vmo. A negative error of Linux otherwise. May block in calls of the file's server.
[[nodiscard]] int64_t file_map(struct linux_thread *self, int fd, struct mapping *mapping,
                               uint64_t bytes, handle_t *vmo);
// The path that /proc shows of a mapping: that of the description's file as it is now. Never freed;
// null: not known.
const char *file_name(handle_t file);
