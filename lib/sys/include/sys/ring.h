// SPDX-License-Identifier: MIT
//
// Rings in memory that two parties share: one puts elements in, the other takes them out, and
// neither trusts the other. Only the two counters are shared; they count elements since the
// beginning and wrap around. Each side keeps its own counter and the capacity in memory of its own,
// and looks at the other's counter as a claim: one that is impossible shows that the peer has
// broken the ring, for good.
//
// The elements themselves lie wherever the two agree; a slot is the count modulo the capacity. What
// the peer writes there is hostile, and may change while it is read: copy first, then check.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RING_CACHE_LINE 64

// The shared part. Zeroed memory is an empty ring.
struct ring {
    uint32_t put __attribute__((aligned(RING_CACHE_LINE)));   // written by the producer
    uint32_t taken __attribute__((aligned(RING_CACHE_LINE))); // written by the consumer
};

// One side's private part.
struct ring_side {
    struct ring *ring;
    uint32_t capacity; // a power of two
    uint32_t count;    // of what this side has put or taken
    bool broken;       // the peer's counter was impossible
};

// Attaches to a ring; `count` is 0 for a fresh one, or what this side had reached before a restart.
static inline void ring_attach(struct ring_side *side, struct ring *ring, uint32_t capacity,
                               uint32_t count) {
    *side = (struct ring_side){.ring = ring, .capacity = capacity, .count = count};
}

// How many elements the producer may put now. 0 when the ring is broken.
static inline uint32_t ring_room(struct ring_side *producer) {
    uint32_t taken = __atomic_load_n(&producer->ring->taken, __ATOMIC_ACQUIRE);
    uint32_t inside = producer->count - taken;
    producer->broken |= inside > producer->capacity;
    return producer->broken ? 0 : producer->capacity - inside;
}

// How many elements the consumer may take now. 0 when the ring is broken.
static inline uint32_t ring_ready(struct ring_side *consumer) {
    uint32_t put = __atomic_load_n(&consumer->ring->put, __ATOMIC_ACQUIRE);
    uint32_t inside = put - consumer->count;
    consumer->broken |= inside > consumer->capacity;
    return consumer->broken ? 0 : inside;
}

// The slot of the element `ahead` places after the next one.
static inline uint32_t ring_slot(const struct ring_side *side, uint32_t ahead) {
    return (side->count + ahead) & (side->capacity - 1);
}

// Shows `count` elements, already in their slots, to the consumer; at most ring_room.
static inline void ring_put(struct ring_side *producer, uint32_t count) {
    producer->count += count;
    __atomic_store_n(&producer->ring->put, producer->count, __ATOMIC_RELEASE);
}

// Gives the slots of `count` elements, already copied out, back to the producer; at most
// ring_ready.
static inline void ring_take(struct ring_side *consumer, uint32_t count) {
    consumer->count += count;
    __atomic_store_n(&consumer->ring->taken, consumer->count, __ATOMIC_RELEASE);
}
