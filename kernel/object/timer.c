// SPDX-License-Identifier: MIT
//
// Timers. A timer stands in the queue of the CPU that armed it last, and expires there, while
// another CPU may arm it anew at that very moment. Its source's lock decides: each timer_set starts
// a new `seq`, and an expiry that comes with an old one does nothing.
//
// Expiries are counted, not queued: one that comes late counts every interval that has passed
// since, and the next one is in the future. So a timer that nobody looks at costs one interrupt an
// interval and no memory.
//
// The queue holds no reference. So a timer is disarmed for good when its last handle is closed,
// which comes before its last reference goes; a CPU that has popped it by then is waited for by the
// grace period.
#include <abi/limits.h>
#include <mm/slab.h>
#include <object/job.h>
#include <sched/current.h>
#include <object/source.h>
#include <object/timer.h>
#include <time/timer_queue.h>

struct timer {
    struct object object;
    struct source source; // its lock guards everything below
    struct timer_node node;
    instant_t deadline; // of the next expiry
    duration_t interval;
    duration_t slack;
    uint64_t seq;           // counts timer_set
    uint64_t count;         // atomic: expiries not acknowledged
    bool closed;            // no handle is left
    struct process *target; // holds a reference; what an expiry interrupts, or null
    uint32_t bits;          // latched there
};

static struct slab_cache timer_cache = SLAB_CACHE(struct timer, "timer");

static struct timer *timer_from(struct object *object) {
    return container_of(object, struct timer, object);
}

// From now on an expiry also latches `bits` in a thread of a process; null: in none.
static void set_target(struct timer *timer, struct process *target, uint32_t bits) {
    spin_lock(&timer->source.lock);
    struct process *old = timer->target;
    timer->target = timer->closed ? NULL : target;
    timer->bits = bits;
    if (timer->target != NULL) {
        object_ref(&target->object);
    }
    spin_unlock(&timer->source.lock);
    if (old != NULL) {
        object_unref(&old->object);
    }
}

static void timer_handles_gone(struct object *object) {
    struct timer *timer = timer_from(object);
    spin_lock(&timer->source.lock);
    timer->closed = true;
    timer->seq++;
    timer_queue_remove(&timer->node);
    spin_unlock(&timer->source.lock);
    set_target(timer, NULL, 0);
}

static const struct object_ops timer_ops = {
    .name = "timer",
    .type = OBJECT_TIMER,
    .packet_kind = PACKET_TIMER,
    .cache = &timer_cache,
    .handles_gone = timer_handles_gone,
};

// Moves the deadline to the next interval after `now`. Returns how many have passed. The timer was
// due.
static uint64_t advance(struct timer *timer, instant_t now) {
    assert(timer->deadline <= now);
    assert(spin_held(&timer->source.lock) && timer->interval >= 0);
    if (timer->interval == 0) {
        timer->deadline = INSTANT_NEVER;
        return 1;
    }
    uint64_t late = (uint64_t)now - (uint64_t)timer->deadline;
    uint64_t passed = late / (uint64_t)timer->interval + 1;
    duration_t step;
    if (__builtin_mul_overflow(passed, (uint64_t)timer->interval, &step) ||
        __builtin_add_overflow(timer->deadline, step, &timer->deadline)) {
        timer->deadline = INSTANT_NEVER;
    }
    return passed;
}

static void timer_arm(struct timer *timer) {
    assert(spin_held(&timer->source.lock) && !timer->closed);
    if (timer->deadline != INSTANT_NEVER) {
        timer_queue_add(&timer->node, timer->deadline, timer->slack, timer->seq);
    }
}

static void timer_expired(struct timer_node *node, uint64_t seq, instant_t now) {
    assert(spin_none_held());
    struct timer *timer = container_of(node, struct timer, node);
    struct process *target = NULL;
    spin_lock(&timer->source.lock);
    uint32_t bits = timer->bits;
    if (timer->seq == seq) {
        target = timer->target;
        if (target != NULL) {
            object_ref(&target->object);
        }
        uint64_t passed = advance(timer, now);
        __atomic_store_n(&timer->count, timer->count + passed, __ATOMIC_RELAXED);
        timer_arm(timer);
        source_update_locked(&timer->source, 0, SIGNAL_TIMER_EXPIRED);
    }
    spin_unlock(&timer->source.lock);
    if (target != NULL) {
        (void)process_interrupt(target, 0, bits); // it may have no thread any more
        object_unref(&target->object);
    }
}

int64_t timer_interrupt(struct object *timer, uint32_t bits) {
    set_target(timer_from(timer), bits != 0 ? self_process() : NULL, bits);
    return OK;
}

status_t timer_create(struct job *job, uint64_t provider, struct object **out) {
    status_t status = object_create(&timer_ops, job, provider, out);
    if (status == OK) {
        struct timer *timer = timer_from(*out);
        source_init(&timer->source, *out, 0);
        timer->node.expire = timer_expired;
        timer->deadline = INSTANT_NEVER;
    }
    return status;
}

int64_t timer_set(struct object *object, instant_t deadline, duration_t interval,
                  duration_t slack) {
    struct timer *timer = timer_from(object);
    if (slack < 0 || interval < 0 || (interval != 0 && interval < TIMER_MIN_INTERVAL)) {
        return ERR_INVALID_ARGUMENT;
    }
    spin_lock(&timer->source.lock);
    timer->seq++;
    timer_queue_remove(&timer->node);
    __atomic_store_n(&timer->count, 0, __ATOMIC_RELAXED);
    source_update_locked(&timer->source, SIGNAL_TIMER_EXPIRED, 0);
    if (!timer->closed) {
        timer->deadline = deadline;
        timer->interval = interval;
        timer->slack = slack;
        timer_arm(timer);
    }
    spin_unlock(&timer->source.lock);
    return OK;
}

uint64_t timer_ack(struct object *object) {
    struct timer *timer = timer_from(object);
    spin_lock(&timer->source.lock);
    uint64_t count = timer->count;
    __atomic_store_n(&timer->count, 0, __ATOMIC_RELAXED);
    source_update_locked(&timer->source, SIGNAL_TIMER_EXPIRED, 0);
    spin_unlock(&timer->source.lock);
    return count;
}

uint64_t timer_count(const struct object *object) {
    const struct timer *timer = container_of(object, struct timer, object);
    return __atomic_load_n(&timer->count, __ATOMIC_RELAXED);
}
