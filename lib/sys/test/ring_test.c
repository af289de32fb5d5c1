// SPDX-License-Identifier: MIT
//
// Rings: two threads that count, counters that wrap, and a peer that lies.
//
// host-sources: lib/test/test.c lib/test/test/host_main.c
#include <sys/ring.h>
#include <test/test.h>

#include <pthread.h>
#include <sched.h>

#define CAPACITY 8
#define ELEMENTS 100000

static struct ring ring;
static uint32_t slots[CAPACITY];

static void *produce(void *argument) {
    struct ring_side *side = argument;
    for (uint32_t next = 0; next < ELEMENTS;) {
        uint32_t room = ring_room(side);
        uint32_t count = 0;
        for (; count < room && next < ELEMENTS; count++) {
            slots[ring_slot(side, count)] = next++;
        }
        ring_put(side, count);
        if (count == 0) {
            sched_yield();
        }
    }
    return NULL;
}

static uint32_t consume(struct ring_side *side) {
    uint32_t wrong = 0;
    for (uint32_t expected = 0; expected < ELEMENTS && !side->broken;) {
        uint32_t ready = ring_ready(side);
        for (uint32_t i = 0; i < ready; i++) {
            wrong += slots[ring_slot(side, i)] != expected++;
        }
        ring_take(side, ready);
        if (ready == 0) {
            sched_yield();
        }
    }
    return wrong;
}

TEST(ring_between_threads) {
    // The counters wrap on the way.
    uint32_t start = UINT32_MAX - ELEMENTS / 2;
    struct ring_side producer, consumer;
    ring = (struct ring){.put = start, .taken = start};
    ring_attach(&producer, &ring, CAPACITY, start);
    ring_attach(&consumer, &ring, CAPACITY, start);
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, produce, &producer) == 0);
    CHECK_EQ(consume(&consumer), 0);
    pthread_join(thread, NULL);
    CHECK(!consumer.broken && !producer.broken);
    CHECK_EQ(ring_ready(&consumer), 0);
    CHECK_EQ(ring_room(&producer), CAPACITY);
}

TEST(ring_fills_and_empties) {
    struct ring_side producer, consumer;
    ring = (struct ring){0};
    ring_attach(&producer, &ring, CAPACITY, 0);
    ring_attach(&consumer, &ring, CAPACITY, 0);
    CHECK_EQ(ring_ready(&consumer), 0);
    ring_put(&producer, CAPACITY);
    CHECK_EQ(ring_room(&producer), 0);
    CHECK_EQ(ring_ready(&consumer), CAPACITY);
    ring_take(&consumer, 3);
    CHECK_EQ(ring_room(&producer), 3);
    CHECK_EQ(ring_slot(&consumer, 0), 3);
    CHECK_EQ(ring_slot(&producer, 0), 0);
}

TEST(ring_distrusts_its_peer) {
    struct ring_side producer, consumer;
    ring = (struct ring){0};
    ring_attach(&producer, &ring, CAPACITY, 0);
    ring_attach(&consumer, &ring, CAPACITY, 0);
    ring.put = CAPACITY + 1;
    CHECK_EQ(ring_ready(&consumer), 0);
    CHECK(consumer.broken);
    ring.put = 1; // too late to be believed again
    CHECK_EQ(ring_ready(&consumer), 0);
    ring.taken = 1; // more than was ever put
    CHECK_EQ(ring_room(&producer), 0);
    CHECK(producer.broken);
}
