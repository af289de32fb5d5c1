// SPDX-License-Identifier: MIT
#include <mm/slab.h>
#include <mm/user.h>
#include <object/stream_ring.h>

static size_t slot_count(const struct stream_ring *ring) {
    return ALIGN_UP(ring->size_bytes, PAGE_SIZE) / PAGE_SIZE;
}

status_t ring_init(struct stream_ring *ring, struct job *job, size_t size_bytes) {
    assert(size_bytes != 0);
    ring->job = job;
    ring->size_bytes = size_bytes;
    ring->pages = ring->inline_pages;
    if (slot_count(ring) > RING_INLINE_PAGES) {
        void *memory;
        status_t status = kpages_alloc(job, slot_count(ring) * sizeof(uint8_t *), &memory);
        if (status != OK) {
            ring->size_bytes = 0;
            return status;
        }
        ring->pages = memory;
    }
    return OK;
}

bool ring_free(struct stream_ring *ring, uint32_t budget) {
    assert(!ring->reader_busy && !ring->writer_busy);
    for (size_t i = 0; i < slot_count(ring); i++) {
        if (ring->pages[i] == NULL) {
            continue;
        }
        if (budget-- == 0) {
            return false;
        }
        kpages_free(ring->job, ring->pages[i], PAGE_SIZE);
        ring->pages[i] = NULL;
    }
    if (ring->size_bytes != 0 && ring->pages != ring->inline_pages) {
        kpages_free(ring->job, ring->pages, slot_count(ring) * sizeof(uint8_t *));
    }
    ring->size_bytes = 0;
    return true;
}

size_t ring_write_begin(struct stream_ring *ring) {
    assert(!ring->writer_busy);
    ring->writer_busy = true;
    if (ring->used_bytes == 0) {
        ring->head = 0; // no reader is at work in an empty ring
    }
    return (ring->head + ring->used_bytes) % ring->size_bytes;
}

void ring_write_end(struct stream_ring *ring, size_t bytes) {
    assert(ring->writer_busy && bytes <= ring_free_bytes(ring));
    ring->writer_busy = false;
    ring->used_bytes += bytes;
}

size_t ring_read_begin(struct stream_ring *ring) {
    assert(!ring->reader_busy && ring->used_bytes > 0);
    ring->reader_busy = true;
    return ring->head;
}

void ring_read_end(struct stream_ring *ring, size_t bytes) {
    assert(ring->reader_busy && bytes <= ring->used_bytes);
    ring->reader_busy = false;
    ring->head = (ring->head + bytes) % ring->size_bytes;
    ring->used_bytes -= bytes;
    ring->taken_bytes += bytes;
}

// A run of bytes within one page.
struct piece {
    size_t slot;
    size_t offset;
    size_t bytes;
};

// The first piece of `bytes` bytes at an index.
static struct piece first_piece(const struct stream_ring *ring, size_t index, size_t bytes) {
    assert(bytes != 0 && ring->size_bytes != 0);
    index %= ring->size_bytes;
    struct piece piece = {.slot = index / PAGE_SIZE, .offset = index % PAGE_SIZE, .bytes = bytes};
    piece.bytes = MIN(piece.bytes, PAGE_SIZE - piece.offset);
    piece.bytes = MIN(piece.bytes, ring->size_bytes - index);
    return piece;
}

status_t ring_prepare(struct stream_ring *ring, size_t index, size_t bytes) {
    while (bytes > 0) {
        struct piece piece = first_piece(ring, index, bytes);
        if (ring->pages[piece.slot] == NULL) {
            void *memory;
            status_t status = kpages_alloc(ring->job, PAGE_SIZE, &memory);
            if (status != OK) {
                return status;
            }
            ring->pages[piece.slot] = memory;
        }
        index += piece.bytes;
        bytes -= piece.bytes;
    }
    return OK;
}

status_t ring_copy(struct stream_ring *ring, enum copy_way way, size_t index, uintptr_t data,
                   size_t bytes) {
    while (bytes > 0) {
        struct piece piece = first_piece(ring, index, bytes);
        assert(ring->pages[piece.slot] != NULL);
        status_t status =
            copy_buffer(way, ring->pages[piece.slot] + piece.offset, data, piece.bytes);
        if (status != OK) {
            return status;
        }
        data += piece.bytes;
        index += piece.bytes;
        bytes -= piece.bytes;
    }
    return OK;
}
