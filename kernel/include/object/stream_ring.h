// SPDX-License-Identifier: MIT
//
// One direction of a stream: a bounded ring of bytes in kernel pages. Pages are allocated when
// first written, and a ring that runs empty starts again in its first page, so a pipe that carries
// little costs one page. The ring knows nothing of records, signals or waiting.
//
// One writer and one reader may work at a time, each with its `busy` mark and without the stream's
// lock: the writer touches only free bytes, the reader only used ones. Indices change under the
// lock.
#pragma once

#include <mm/user.h>

struct job;

// Page slots inside the struct: enough for Linux's usual pipe of 64 KiB.
#define RING_INLINE_PAGES 16

struct stream_ring {
    struct job *job;   // charged for the pages; fixed
    size_t size_bytes; // fixed; 0: there is no ring
    uint8_t **pages;   // RING_SLOTS of them; a slot is filled by the writer while it is busy
    uint8_t *inline_pages[RING_INLINE_PAGES];
    // Guarded by the stream's lock.
    size_t head; // index of the first used byte
    size_t used_bytes;
    uint64_t taken_bytes; // read, ever
    bool reader_busy;
    bool writer_busy;
    bool shut; // nothing more goes in
};

// Prepares a ring of the given size. LIMIT, NO_MEMORY.
[[nodiscard]] status_t ring_init(struct stream_ring *ring, struct job *job, size_t size_bytes);
// Frees up to `budget` pages. Returns true when everything is freed.
bool ring_free(struct stream_ring *ring, uint32_t budget);

static inline size_t ring_free_bytes(const struct stream_ring *ring) {
    return ring->size_bytes - ring->used_bytes;
}

// Marks the writer busy. Returns the index at which free bytes begin. Stream's lock held.
size_t ring_write_begin(struct stream_ring *ring);
// Takes the mark off and makes `bytes` of what was written used. Stream's lock held.
void ring_write_end(struct stream_ring *ring, size_t bytes);
// Marks the reader busy. Returns the index at which used bytes begin. Stream's lock held.
size_t ring_read_begin(struct stream_ring *ring);
// Takes the mark off and frees the first `bytes`. Stream's lock held.
void ring_read_end(struct stream_ring *ring, size_t bytes);

// Allocates the pages behind `bytes` free bytes at an index. LIMIT, NO_MEMORY. The writer, no lock
// held.
[[nodiscard]] status_t ring_prepare(struct stream_ring *ring, size_t index, size_t bytes);

// Copies between memory and the ring, `in` into prepared bytes, `out` out of used ones. `index` may
// be past the ring's end: it wraps. Only user copies fail, with the errors of copy_in and copy_out;
// they want no lock held.
status_t ring_copy(struct stream_ring *ring, enum copy_way way, size_t index, uintptr_t data,
                   size_t bytes);
