// SPDX-License-Identifier: MIT
//
// Memory for the libos's own records. Sizes are rounded up to powers of two; what is given back is
// kept for the next of its size. Bounded by HEAP_BYTES. A fork copies it with all the rest.
#pragma once

#include <abi/types.h>
#include <sys/mutex.h>

#define HEAP_BYTES LIBOS_HEAP_BYTES
#define HEAP_CLASSES 23 // 16 bytes to 64 MiB

struct heap {
    struct mutex lock;
    // Guarded by lock:
    uint64_t used; // bytes from LIBOS_HEAP on
    void *free[HEAP_CLASSES];
};

// Maps the heap and clears the process record. Errors of vmo_create and aspace_map.
[[nodiscard]] status_t heap_start(void);
// Zeroed memory, aligned to 16, or null. Dirty: with anything in it, for large records.
void *heap_alloc(size_t bytes);
void *heap_alloc_dirty(size_t bytes);
// Gives back what heap_alloc(bytes) returned; null is allowed.
void heap_free(void *memory, size_t bytes);
