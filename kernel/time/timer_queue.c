// SPDX-License-Identifier: MIT
//
// A CPU's deadlines in a balanced tree, ordered by the latest moment at which each may expire
// (deadline plus slack). The hardware is armed for the first of these; when it fires, everything
// from the front on whose deadline has passed expires with it, so that slack saves interrupts.
//
// Only this CPU adds to its queue and expires from it, with interrupts off; others may remove. So
// the lock is for the tree, and timer_armed and timer_also need none. Two rules keep the hardware
// right with few writes, which are slow:
//
//   1. timer_armed is no later than the queue's first deadline and timer_also. It may be earlier,
//   since
//      removing rearms nothing: then an interrupt comes for nothing, and sets it right.
//   2. A time armed in the past has fired or is about to. timer_queue_run, which every timer
//   interrupt
//      leads to, sets the next. An interrupt taken in a window inside the kernel does not lead
//      there at once, so timer_queue_rearm, which the scheduler calls on the way out, looks at that
//      too.
//
// A node is popped before its function is called. The function takes its owner's lock and compares
// `seq`, since the owner may have put the node in a queue again meanwhile, even this one.
#include <sched/cpu.h>
#include <time/timer_queue.h>

// What timer_armed is while timer_queue_run expires nodes: adding then arms nothing, since it arms
// at its end.
#define ARMED_LATER INT64_MIN

// The last moment at which the node may expire.
static instant_t node_latest(const struct timer_node *node) {
    return node->deadline > INSTANT_NEVER - node->slack ? INSTANT_NEVER
                                                        : node->deadline + node->slack;
}

static struct timer_node *first_node(const struct cpu *cpu) {
    struct tree_node *first = tree_first(&cpu->timers);
    return first == NULL ? NULL : tree_entry(first, struct timer_node, tree);
}

static void insert_node(struct tree *tree, struct timer_node *node) {
    instant_t latest = node_latest(node);
    struct tree_node *parent = NULL;
    int side = 0;
    for (struct tree_node *at = tree->root; at != NULL; at = at->child[side]) {
        parent = at;
        side = latest >= node_latest(tree_entry(at, struct timer_node, tree));
    }
    tree_insert_at(tree, parent, side, &node->tree);
}

static void arm(struct cpu *cpu, instant_t when) {
    cpu->timer_armed = when;
    arch_timer_arm(when);
}

void timer_queue_add(struct timer_node *node, instant_t deadline, duration_t slack, uint64_t seq) {
    struct cpu *cpu = cpu_this();
    assert(node->cpu == NULL && !node->tree.linked && slack >= 0);
    spin_lock(&cpu->timer_lock);
    node->deadline = deadline;
    node->slack = slack;
    node->seq = seq;
    instant_t latest = node_latest(node);
    insert_node(&cpu->timers, node);
    assert(cpu->timers.root != NULL);
    __atomic_store_n(&node->cpu, cpu, __ATOMIC_RELEASE);
    spin_unlock(&cpu->timer_lock);
    if (latest < cpu->timer_armed) {
        arm(cpu, latest);
    }
}

void timer_queue_remove(struct timer_node *node) {
    struct cpu *cpu = __atomic_load_n(&node->cpu, __ATOMIC_ACQUIRE);
    if (cpu == NULL) {
        return;
    }
    spin_lock(&cpu->timer_lock);
    // Null by now when that CPU has popped it. It can't be in another queue: only the owner adds
    // it.
    if (node->cpu != NULL) {
        assert(node->cpu == cpu);
        tree_remove(&cpu->timers, &node->tree);
        __atomic_store_n(&node->cpu, NULL, __ATOMIC_RELEASE);
    }
    spin_unlock(&cpu->timer_lock);
}

// Takes the first node out if it is due, and tells the number with which it was added.
static struct timer_node *pop_due(struct cpu *cpu, instant_t now, uint64_t *seq) {
    spin_lock(&cpu->timer_lock);
    struct timer_node *node = first_node(cpu);
    if (node != NULL && node->deadline <= now) {
        *seq = node->seq;
        assert(node->cpu == cpu);
        tree_remove(&cpu->timers, &node->tree);
        __atomic_store_n(&node->cpu, NULL, __ATOMIC_RELEASE);
    } else {
        node = NULL;
    }
    spin_unlock(&cpu->timer_lock);
    return node;
}

instant_t timer_queue_next(void) {
    struct cpu *cpu = cpu_this();
    spin_lock(&cpu->timer_lock);
    const struct timer_node *node = first_node(cpu);
    instant_t next = node == NULL ? INSTANT_NEVER : node_latest(node);
    spin_unlock(&cpu->timer_lock);
    return next;
}

void timer_queue_run(instant_t now) {
    assert(spin_none_held());
    struct cpu *cpu = cpu_this();
    instant_t armed = cpu->timer_armed;
    struct timer_node *node;
    uint64_t seq;
    cpu->timer_armed = ARMED_LATER;
    while ((node = pop_due(cpu, now, &seq)) != NULL) {
        node->expire(node, seq, now);
    }
    if (cpu->timer_also <= now) {
        cpu->timer_also = INSTANT_NEVER; // the caller sees to the slice itself
    }
    instant_t next = timer_queue_next();
    next = MIN(next, cpu->timer_also);
    if (armed > now && armed <= next) {
        cpu->timer_armed = armed; // not fired yet, and early enough
    } else if (armed <= now && next == INSTANT_NEVER) {
        cpu->timer_armed = INSTANT_NEVER; // fired, and off by itself
    } else {
        arm(cpu, next);
    }
}

void timer_queue_rearm(instant_t also) {
    struct cpu *cpu = cpu_this();
    cpu->timer_also = also;
    if (also < cpu->timer_armed) {
        arm(cpu, also);
    } else if (deadline_passed(cpu->timer_armed)) {
        instant_t next = timer_queue_next();
        arm(cpu, MIN(next, also));
    }
}
