// SPDX-License-Identifier: MIT
//
// A CPU's queue of deadlines. Nodes are embedded in threads and timers. Expiry pops one node at a
// time under the queue's lock and runs its function without it, so that the function may take any
// lock.
#pragma once

#include <arch/clock.h>
#include <base.h>
#include <ds/tree.h>

struct cpu;

struct timer_node {
    struct tree_node tree; // guarded by cpu->timer_lock
    instant_t deadline;
    duration_t slack;
    struct cpu *cpu; // whose queue it stands in, null when in none; atomic
    uint64_t seq;    // handed to `expire`, so that it can tell a stale expiry
    void (*expire)(struct timer_node *node, uint64_t seq, instant_t now);
};

// Puts the node in this CPU's queue, (re)arming the hardware when it is the first. The node is in
// no queue; its owner makes sure that nobody else adds or removes it at the same time. Any lock
// outer to TIMER_QUEUE may be held.
void timer_queue_add(struct timer_node *node, instant_t deadline, duration_t slack, uint64_t seq);
// Takes it out if it is in a queue, of any CPU. After this the function is not called, unless it
// has begun, or is about to on another CPU that has popped the node already. So an owner that is to
// be freed removes its node before its last reference goes; the grace period covers the rest.
void timer_queue_remove(struct timer_node *node);
// Expires what is due on this CPU and arms the hardware for the next. No lock held.
void timer_queue_run(instant_t now);
// Arms the hardware for the earlier of the queue's first deadline and `also` (the end of a slice,
// or INSTANT_NEVER), which counts until the next call. Cheap when nothing changes.
void timer_queue_rearm(instant_t also);
// The next deadline of this CPU's queue (with slack), INSTANT_NEVER when empty.
instant_t timer_queue_next(void);

// Whether a deadline has passed. INSTANT_NEVER never does; 0 always has.
static inline bool deadline_passed(instant_t deadline) {
    return deadline != INSTANT_NEVER && clock_now() >= deadline;
}
