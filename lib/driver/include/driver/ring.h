// SPDX-License-Identifier: MIT
//
// One side's view of a ring of bytes in shared memory (abi/device.h). The other side is not
// trusted: its index is read once for each call, and one that makes no sense counts as an empty (or
// full) ring.
//
// What is put in becomes visible by ring_publish, all of it at once; what is taken out makes room
// by ring_consume. So a side that is killed has done a whole step or none.
#pragma once

#include <abi/device.h>
#include <sys/string.h>

struct ring {
    struct device_ring *index; // in shared memory
    uint8_t *data;             // in shared memory
    uint32_t bytes;            // a power of two
};

// Bytes that can be taken out.
static inline uint32_t ring_used(const struct ring *ring) {
    uint32_t written = __atomic_load_n(&ring->index->written, __ATOMIC_ACQUIRE);
    uint32_t used = written - __atomic_load_n(&ring->index->read, __ATOMIC_ACQUIRE);
    return used <= ring->bytes ? used : 0;
}

// Bytes that can be put in.
static inline uint32_t ring_room(const struct ring *ring) {
    uint32_t written = __atomic_load_n(&ring->index->written, __ATOMIC_ACQUIRE);
    uint32_t used = written - __atomic_load_n(&ring->index->read, __ATOMIC_ACQUIRE);
    return used <= ring->bytes ? ring->bytes - used : 0;
}

// Copies bytes out, from `skip` bytes after the first on, and leaves them there. The caller knows
// that there are so many.
static inline void ring_peek(const struct ring *ring, uint32_t skip, void *out, uint32_t count) {
    uint32_t from = ring->index->read + skip;
    for (uint32_t done = 0; done < count;) {
        uint32_t at = (from + done) & (ring->bytes - 1);
        uint32_t piece = count - done < ring->bytes - at ? count - done : ring->bytes - at;
        memcpy((uint8_t *)out + done, ring->data + at, piece);
        done += piece;
    }
}

static inline void ring_consume(struct ring *ring, uint32_t count) {
    __atomic_store_n(&ring->index->read, ring->index->read + count, __ATOMIC_RELEASE);
}

// Copies bytes into free room, from `skip` bytes after the last used one on, not yet visible. The
// caller knows that there is room.
static inline void ring_fill(struct ring *ring, uint32_t skip, const void *data, uint32_t count) {
    uint32_t from = ring->index->written + skip;
    for (uint32_t done = 0; done < count;) {
        uint32_t at = (from + done) & (ring->bytes - 1);
        uint32_t piece = count - done < ring->bytes - at ? count - done : ring->bytes - at;
        memcpy(ring->data + at, (const uint8_t *)data + done, piece);
        done += piece;
    }
}

static inline void ring_publish(struct ring *ring, uint32_t count) {
    __atomic_store_n(&ring->index->written, ring->index->written + count, __ATOMIC_RELEASE);
}
