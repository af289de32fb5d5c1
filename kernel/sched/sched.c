// SPDX-License-Identifier: MIT
//
// Who runs. Each CPU has a run queue with one list a priority and a bit map of the lists in use, so
// that picking is constant time. A thread that wakes goes to its last CPU when that is idle, else
// to any idle CPU, else to its last one; an idle CPU steals before it halts. IPC bypasses the
// queues: the caller's CPU goes straight on with the server, on the rest of the caller's slice.
//
// A thread can be made runnable by another CPU between the moment it parks and the moment its own
// CPU has saved its vectors and segment bases. `on_cpu` covers that gap: whoever switches to a
// thread waits for it, after having saved (and released) its own previous thread, so two CPUs can't
// wait for each other. For the same reason a CPU must not judge by `state` whether its current
// thread goes on: `cpu->parked` says so.
//
// No wake-up is lost between CPUs, because each side writes first and then, after a full barrier,
// reads: whoever queues a thread looks at what that CPU runs and at who is idle; whoever switches
// looks at its queue again; whoever goes idle looks at all queues.
#include <arch/clock.h>
#include <arch/cpu.h>
#include <arch/thread.h>
#include <mm/aspace.h>
#include <mm/reap.h>
#include <object/process.h>
#include <sched/sched.h>
#include <sched/switch.h>
#include <syscall/syscall.h>
#include <time/timer_queue.h>

// A virtual machine may run its CPUs in turn, and ends a turn early where one pauses
// (docs/decisions/0012): so a busy CPU pauses once in each period of this length, a power of two.
#define TURN_NS (1 << 19)

// Bit n: CPU n is in its idle loop and has seen its run queue empty.
static uint32_t idle_mask;

status_t sched_init_cpu(struct cpu *cpu) {
    assert(cpu->idle == NULL);
    spin_init(&cpu->run.lock, RANK_RUN_QUEUE);
    for (size_t i = 0; i < PRIORITY_COUNT; i++) {
        list_init(&cpu->run.queue[i]);
    }
    spin_init(&cpu->timer_lock, RANK_TIMER_QUEUE);
    cpu->timer_armed = INSTANT_NEVER;
    list_init(&cpu->reap);
    cpu->idle = thread_create_idle(cpu);
    if (cpu->idle == NULL) {
        return ERR_NO_MEMORY;
    }
    cpu->thread = cpu->idle;
    return OK;
}

static void run_queue_push(struct cpu *cpu, struct thread *thread, bool front) {
    struct run_queue *run = &cpu->run;
    uint8_t priority = __atomic_load_n(&thread->priority, __ATOMIC_RELAXED); // once: it may change
    struct list *queue = &run->queue[priority];
    assert(thread->queued_on == NULL && priority < PRIORITY_COUNT);
    assert(spin_held(&run->lock));
    if (front) {
        list_push_front(queue, &thread->run_node);
    } else {
        list_push_back(queue, &thread->run_node);
    }
    __atomic_store_n(&thread->queued_on, cpu, __ATOMIC_RELAXED);
    thread->queued_priority = priority;
    run->ready |= 1u << priority;
    run->count++;
}

static void run_queue_remove(struct cpu *cpu, struct thread *thread) {
    struct run_queue *run = &cpu->run;
    uint8_t priority = thread->queued_priority;
    assert(thread->queued_on == cpu && run->count != 0);
    assert(spin_held(&run->lock));
    list_remove(&thread->run_node);
    __atomic_store_n(&thread->queued_on, NULL, __ATOMIC_RELAXED);
    if (list_empty(&run->queue[priority])) {
        run->ready &= ~(1u << priority);
    }
    run->count--;
}

static struct thread *run_queue_pop(struct cpu *cpu) {
    assert(spin_held(&cpu->run.lock));
    int best = run_queue_best(&cpu->run);
    if (best < 0) {
        return NULL;
    }
    struct list_node *node = list_first(&cpu->run.queue[best]);
    assert(node != NULL);
    struct thread *thread = list_entry(node, struct thread, run_node);
    run_queue_remove(cpu, thread);
    return thread;
}

static struct cpu *choose_cpu(const struct thread *thread) {
    uint32_t idle = __atomic_load_n(&idle_mask, __ATOMIC_RELAXED);
    uint32_t last = __atomic_load_n(&thread->last_cpu, __ATOMIC_RELAXED);
    assert(last < cpu_count);
    return cpus[idle == 0 || (idle & (1u << last)) != 0 ? last : (uint32_t)__builtin_ctz(idle)];
}

void sched_enqueue(struct thread *thread) {
    assert(thread->state == THREAD_READY);
    assert(spin_held(&thread->lock));
    struct cpu *cpu = choose_cpu(thread);
    spin_lock(&cpu->run.lock);
    run_queue_push(cpu, thread, false);
    uint8_t priority = thread->queued_priority;
    bool first = cpu->run.count == 1;
    spin_unlock(&cpu->run.lock);
    // The thread may run by now; it is not to be touched any more.
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    bool better = priority > __atomic_load_n(&cpu->priority, __ATOMIC_RELAXED);
    if (cpu == cpu_this()) {
        cpu->reschedule |= better || first; // `first`: the slice timer is to be armed
    } else if (better || first) {
        cpu_mail(cpu, MAIL_RESCHEDULE);
    }
    // One that went idle after the choice can have seen all queues empty. It may steal.
    uint32_t idle = __atomic_load_n(&idle_mask, __ATOMIC_RELAXED);
    if (unlikely(idle != 0 && (idle & (1u << cpu->index)) == 0)) {
        cpu_mail(cpus[__builtin_ctz(idle)], MAIL_RESCHEDULE);
    }
}

duration_t sched_cpu_time(const struct thread *thread) {
    uint64_t cycles = __atomic_load_n(&thread->cpu_cycles, __ATOMIC_RELAXED);
    const struct cpu *cpu = cpus[__atomic_load_n(&thread->last_cpu, __ATOMIC_RELAXED)];
    if (__atomic_load_n(&cpu->thread, __ATOMIC_RELAXED) == thread) {
        // It may be switched away just now; then its present run counts twice, this once.
        int64_t runs =
            (int64_t)(arch_cycles() - __atomic_load_n(&cpu->switched_at, __ATOMIC_RELAXED));
        cycles += (uint64_t)MAX(runs, 0);
    }
    return clock_span(cycles);
}

static void change_thread(struct cpu *cpu, struct thread *prev, struct thread *next) {
    assert(prev == cpu->thread);
    assert(prev != next && prev->on_cpu);
    arch_thread_save(prev);
    __atomic_store_n(&prev->on_cpu, false, __ATOMIC_RELEASE);
    while (__atomic_load_n(&next->on_cpu, __ATOMIC_ACQUIRE)) {
        cpu_mailbox_poll();
        arch_pause();
    }
    switch_current(cpu, next);
    arch_thread_load(next);
}

static void switch_to(struct cpu *cpu, struct thread *prev, struct thread *next) {
    switch_account(cpu, prev, next);
    if (prev != next) {
        change_thread(cpu, prev, next);
    }
    switch_look_again(cpu);
}

// Arms the timer for the next deadline, and for the end of the slice if somebody else wants this
// CPU, or there is another whose turn it may be.
static void arm_slice(struct cpu *cpu) {
    bool busy = cpu_count > 1 && cpu->thread != cpu->idle;
    timer_queue_rearm(busy || cpu->run.count != 0 ? cpu->slice_end : INSTANT_NEVER);
}

static struct thread *steal(struct cpu *self) {
    for (uint32_t i = 1; i < cpu_count; i++) {
        struct cpu *victim = cpus[(self->index + i) % cpu_count];
        if (__atomic_load_n(&victim->run.count, __ATOMIC_RELAXED) == 0 ||
            !spin_trylock(&victim->run.lock)) {
            continue;
        }
        struct thread *thread = run_queue_pop(victim);
        if (thread != NULL) {
            __atomic_store_n(&thread->state, THREAD_RUNNING, __ATOMIC_RELAXED);
        }
        spin_unlock(&victim->run.lock);
        if (thread != NULL) {
            return thread;
        }
    }
    return NULL;
}

// Whether the running thread goes on; if it is preempted, it goes back on the queue. run.lock held.
static bool keep_running(struct cpu *cpu, struct thread *prev, instant_t now) {
    assert(spin_held(&cpu->run.lock) && prev == cpu->thread);
    int best = run_queue_best(&cpu->run);
    bool slice_over = now >= cpu->slice_end;
    if (best < (int)prev->priority || (best == (int)prev->priority && !slice_over)) {
        if (slice_over) {
            cpu->slice_end = now + SLICE_NS;
        }
        __atomic_store_n(&cpu->priority, prev->priority, __ATOMIC_RELAXED); // it may have changed
        return true;
    }
    prev->slice_left = slice_over ? 0 : cpu->slice_end - now;
    __atomic_store_n(&prev->state, THREAD_READY, __ATOMIC_RELAXED);
    run_queue_push(cpu, prev, !slice_over);
    return false;
}

void schedule(void) {
    assert(spin_none_held());
    struct cpu *cpu = cpu_this();
    struct thread *prev = cpu->thread;
    instant_t now = clock_now();
    cpu->reschedule = false;
    spin_lock(&cpu->run.lock);
    if (prev != cpu->idle && !cpu->parked && keep_running(cpu, prev, now)) {
        spin_unlock(&cpu->run.lock);
        arm_slice(cpu);
        return;
    }
    struct thread *next = run_queue_pop(cpu);
    if (next != NULL) {
        __atomic_store_n(&next->state, THREAD_RUNNING, __ATOMIC_RELAXED);
    }
    spin_unlock(&cpu->run.lock);
    if (next == NULL) {
        next = steal(cpu);
    }
    if (next == NULL) {
        next = cpu->idle;
    }
    cpu->slice_end = now + (next->slice_left > 0 ? next->slice_left : SLICE_NS);
    next->slice_left = 0;
    if (unlikely(((uint64_t)now ^ (uint64_t)cpu->looked_at) >= TURN_NS)) {
        arch_pause();
    }
    cpu->looked_at = now;
    switch_to(cpu, prev, next);
    arm_slice(cpu);
}

void sched_switch_direct(struct thread *next) {
    assert(next != cpu_this()->idle);
    struct cpu *cpu = cpu_this();
    switch_to(cpu, cpu->thread, next);
}

// Moves a queued thread to the list of its present priority. Returns the CPU whose queue it stands
// in, or null. thread->lock held.
static struct cpu *requeue(struct thread *thread) {
    assert(spin_held(&thread->lock));
    struct cpu *cpu;
    while ((cpu = __atomic_load_n(&thread->queued_on, __ATOMIC_RELAXED)) != NULL) {
        spin_lock(&cpu->run.lock);
        bool queued = thread->queued_on == cpu;
        if (queued) {
            run_queue_remove(cpu, thread);
            run_queue_push(cpu, thread, false);
        }
        spin_unlock(&cpu->run.lock);
        if (queued) {
            break;
        }
    }
    return cpu;
}

void sched_set_priority(struct thread *thread, uint8_t priority) {
    assert(priority > PRIORITY_IDLE && priority <= PRIORITY_MAX);
    spin_lock(&thread->lock);
    __atomic_store_n(&thread->priority, priority, __ATOMIC_RELAXED);
    struct cpu *cpu = requeue(thread);
    if (cpu == NULL && thread->state == THREAD_RUNNING) {
        cpu = cpus[__atomic_load_n(&thread->last_cpu, __ATOMIC_RELAXED)];
    }
    spin_unlock(&thread->lock);
    if (cpu != NULL) {
        cpu_mail(cpu, MAIL_RESCHEDULE);
    }
}

void sched_tick(instant_t now) {
    assert(spin_none_held());
    struct cpu *cpu = cpu_this();
    timer_queue_run(now);
    if (now >= cpu->slice_end && cpu->thread != cpu->idle) {
        cpu->reschedule = true;
    }
}

static bool all_queues_empty(void) {
    for (uint32_t i = 0; i < cpu_count; i++) {
        if (__atomic_load_n(&cpus[i]->run.count, __ATOMIC_SEQ_CST) != 0) {
            return false;
        }
    }
    return true;
}

// Halts until something happens, unless a thread has become ready since the queues were last seen
// empty.
static void idle_wait(struct cpu *cpu) {
    assert(cpu->thread == cpu->idle);
    assert(spin_none_held());
    uint32_t bit = 1u << cpu->index;
    __atomic_fetch_or(&idle_mask, bit, __ATOMIC_SEQ_CST);
    if (all_queues_empty() && __atomic_load_n(&cpu->mailbox, __ATOMIC_SEQ_CST) == 0 &&
        !cpu->reschedule) {
        __atomic_fetch_add(&cpu->entry_seq, 1, __ATOMIC_SEQ_CST); // out of the kernel
        arch_idle();
        __atomic_fetch_add(&cpu->entry_seq, 1, __ATOMIC_SEQ_CST); // and back
    }
    __atomic_fetch_and(&idle_mask, ~bit, __ATOMIC_SEQ_CST);
}

_Noreturn void sched_idle(void) {
    struct cpu *cpu = cpu_this();
    assert((cpu->entry_seq & 1) != 0);
    for (;;) {
        cpu_mailbox_poll();
        sched_tick(clock_now());
        bool more = reap_work();
        schedule();
        if (cpu->thread != cpu->idle) {
            entry_leave(); // it may have something pending
            arch_enter_user();
        }
        if (more) {
            // What is left waits for a grace period: this CPU's own entry ends here too.
            __atomic_fetch_add(&cpu->entry_seq, 2, __ATOMIC_SEQ_CST);
            arch_interrupt_window();
            arch_pause();
        } else {
            idle_wait(cpu);
        }
    }
}
