// SPDX-License-Identifier: MIT
//
// The timer queue against a plain array of deadlines, with the hardware played by the test: what is
// armed must never be later than what is due.
//
// host-sources: kernel/time/timer_queue.c kernel/sched/spinlock.c lib/ds/tree.c
// host-sources: kernel/test/host/host.c lib/test/test.c lib/test/test/host_main.c
#include "../../../lib/ds/test/tree_check.h"

#include <host.h>
#include <sched/cpu.h>
#include <test/host.h>
#include <test/test.h>
#include <time/timer_queue.h>

#define NODES 64

static struct timer_node nodes[NODES];
static uint32_t fired[NODES]; // how often
static instant_t fired_at[NODES];
static uint64_t fired_seq[NODES];
static uint32_t order[NODES * 4];
static uint32_t order_count;
static duration_t repeat; // nodes add themselves again after so long

static void expire(struct timer_node *node, uint64_t seq, instant_t now) {
    size_t index = (size_t)(node - nodes);
    __atomic_fetch_add(&fired[index], 1, __ATOMIC_RELAXED);
    fired_at[index] = now;
    fired_seq[index] = seq;
    if (order_count < ARRAY_SIZE(order)) {
        order[order_count++] = (uint32_t)index;
    }
    if (repeat != 0) {
        timer_queue_add(node, now + repeat, 0, seq);
    }
}

static void reset(uint32_t cpu_total) {
    host_cpus_init(cpu_total);
    for (uint32_t i = 0; i < cpu_total; i++) {
        spin_init(&cpus[i]->timer_lock, RANK_TIMER_QUEUE);
    }
    memset(nodes, 0, sizeof(nodes));
    memset(fired, 0, sizeof(fired));
    for (size_t i = 0; i < NODES; i++) {
        nodes[i].expire = expire;
    }
    order_count = 0;
    repeat = 0;
    host_now = 0;
    host_timer_armed = INSTANT_NEVER;
}

TEST(expires_in_order_and_not_early) {
    reset(1);
    timer_queue_add(&nodes[0], 300, 0, 7);
    timer_queue_add(&nodes[1], 100, 0, 8);
    timer_queue_add(&nodes[2], 200, 0, 9);
    timer_queue_add(&nodes[3], 200, 0, 10); // equal: in the order of adding
    CHECK_EQ(timer_queue_next(), 100);
    CHECK_EQ(host_timer_armed, 100);
    timer_queue_run(99);
    CHECK_EQ(order_count, 0);
    timer_queue_run(250);
    REQUIRE_EQ(order_count, 3);
    CHECK_EQ(order[0], 1);
    CHECK_EQ(order[1], 2);
    CHECK_EQ(order[2], 3);
    CHECK_EQ(fired_seq[3], 10);
    CHECK_EQ(fired_at[1], 250);
    CHECK_EQ(host_timer_armed, 300);
    CHECK(nodes[1].cpu == NULL && nodes[0].cpu == cpus[0]);
    timer_queue_remove(&nodes[0]);
    timer_queue_remove(&nodes[0]); // in none: nothing
    timer_queue_run(1000);
    CHECK_EQ(order_count, 3);
    CHECK_EQ(timer_queue_next(), INSTANT_NEVER);
}

TEST(slack_saves_interrupts) {
    reset(1);
    timer_queue_add(&nodes[0], 100, 50, 0);
    CHECK_EQ(host_timer_armed, 150);
    timer_queue_add(&nodes[1], 140, 40, 0);
    CHECK_EQ(host_timer_armed, 150);
    timer_queue_run(150); // one interrupt expires both
    CHECK_EQ(fired[0], 1);
    CHECK_EQ(fired[1], 1);
    timer_queue_add(&nodes[0], INSTANT_NEVER - 5, 100, 0); // saturates
    CHECK_EQ(timer_queue_next(), INSTANT_NEVER);
    timer_queue_remove(&nodes[0]);
}

TEST(hardware_is_written_only_when_needed) {
    reset(1);
    timer_queue_add(&nodes[0], 1000, 0, 0);
    host_timer_armed = -1;
    timer_queue_add(&nodes[1], 2000, 0, 0);
    timer_queue_rearm(5000);
    timer_queue_rearm(INSTANT_NEVER);
    timer_queue_run(10); // nothing due, the armed time still stands
    CHECK_EQ(host_timer_armed, -1);
    timer_queue_rearm(500); // the end of a slice
    CHECK_EQ(host_timer_armed, 500);
    host_now = 500;
    timer_queue_run(500);
    CHECK_EQ(host_timer_armed, 1000);
    timer_queue_rearm(1500);
    host_now = 1000;
    timer_queue_run(1000); // the slice goes on and stays armed for
    CHECK_EQ(host_timer_armed, 1500);
    timer_queue_remove(&nodes[1]);
    host_now = 1500;
    host_timer_armed = -1;
    timer_queue_run(1500);
    CHECK_EQ(host_timer_armed, -1); // off by itself
    CHECK_EQ(cpus[0]->timer_armed, INSTANT_NEVER);
}

TEST(an_interrupt_that_fired_in_a_window_is_made_up_for) {
    reset(1);
    timer_queue_add(&nodes[0], 100, 0, 0);
    host_now = 120; // fired meanwhile; nobody ran the queue
    host_timer_armed = INSTANT_NEVER;
    timer_queue_rearm(900);
    CHECK_EQ(host_timer_armed, 100);
    timer_queue_remove(&nodes[0]);
}

TEST(expired_nodes_may_add_themselves_again) {
    reset(1);
    repeat = 10;
    timer_queue_add(&nodes[0], 5, 0, 0);
    timer_queue_add(&nodes[1], 7, 0, 0);
    for (host_now = 0; host_now < 100; host_now++) {
        if (host_timer_armed <= host_now) {
            host_timer_armed = INSTANT_NEVER; // one-shot
            timer_queue_run(host_now);
        }
    }
    CHECK_EQ(fired[0], 10); // 5, 15, ... 95
    CHECK_EQ(fired[1], 10);
    timer_queue_remove(&nodes[0]);
    timer_queue_remove(&nodes[1]);
}

// Random work on one CPU; the hardware fires whenever its time has come.
TEST(random_work_never_fires_late) {
    reset(1);
    uint64_t state = test_seed();
    instant_t wanted[NODES]; // latest moment, INSTANT_NEVER when not queued
    for (size_t i = 0; i < NODES; i++) {
        wanted[i] = INSTANT_NEVER;
    }
    for (int step = 0; step < 20000; step++) {
        host_now += (instant_t)test_random_below(&state, 20);
        if (host_timer_armed <= host_now) {
            host_timer_armed = INSTANT_NEVER;
            timer_queue_run(host_now);
        }
        for (size_t i = 0; i < NODES; i++) {
            bool due = wanted[i] <= host_now;
            if (fired[i] != 0) {
                CHECK(nodes[i].deadline <= host_now);
                wanted[i] = INSTANT_NEVER;
                fired[i] = 0;
            } else if (due) {
                CHECK(!due); // late
                return;
            }
        }
        CHECK(tree_valid(&cpus[0]->timers));
        size_t pick = test_random_below(&state, NODES);
        if (wanted[pick] == INSTANT_NEVER) {
            duration_t slack = (duration_t)test_random_below(&state, 50);
            instant_t deadline = host_now + 1 + (instant_t)test_random_below(&state, 500);
            timer_queue_add(&nodes[pick], deadline, slack, 0);
            wanted[pick] = deadline + slack;
        } else if (test_random_below(&state, 4) == 0) {
            timer_queue_remove(&nodes[pick]);
            wanted[pick] = INSTANT_NEVER;
        }
        if (test_random_below(&state, 8) == 0) {
            timer_queue_rearm(host_now + (instant_t)test_random_below(&state, 100));
        }
    }
}

// CPU 0 adds and expires; CPU 1 takes nodes away from it. Each node added is either fired or
// removed.
static uint32_t added;
static bool stop;

static void add_or_remove(void *context) {
    (void)context;
    if (cpu_this()->index == 0) {
        for (instant_t now = 1; now < 200000; now++) {
            struct timer_node *node = &nodes[(size_t)now % NODES];
            if (__atomic_load_n(&node->cpu, __ATOMIC_ACQUIRE) == NULL) {
                timer_queue_add(node, now + 20, 0, (uint64_t)now);
                added++;
            }
            timer_queue_run(now);
        }
        __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    } else {
        while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
            for (size_t i = 0; i < NODES; i += 2) {
                timer_queue_remove(&nodes[i]);
            }
        }
    }
}

TEST(another_cpu_may_remove) {
    reset(2);
    added = 0;
    stop = false;
    host_cpus_run(2, add_or_remove, NULL);
    CHECK(tree_valid(&cpus[0]->timers));
    uint32_t sum = 0;
    for (size_t i = 0; i < NODES; i++) {
        sum += fired[i];
    }
    CHECK(sum <= added && sum > 0);
    for (size_t i = 1; i < NODES; i += 2) {
        CHECK(fired[i] > 0);
    }
}
