// SPDX-License-Identifier: MIT
#pragma once

#include <core/memory.h>

struct linux_thread;

// What mmap needs of a descriptor: a vmo to map at mapping->offset, which may be changed, and what
// the list says of it. The caller closes the vmo. A negative error of Linux otherwise.
[[nodiscard]] int64_t file_map(struct linux_thread *self, int fd, struct mapping *mapping,
                               uint64_t bytes, handle_t *vmo);
// The path that /proc shows of a mapping: that of the description's file as it is now. Never freed;
// null: not known.
const char *file_name(handle_t file);
