// SPDX-License-Identifier: MIT
//
// Threads, processes, time and chance.

#include "kernel.h"

#include <stdlib.h>
#include <string.h>

#include "coroutine.h"

#define CALL_NS 1000    // what a native call takes
#define STEPS_A_LOOK 16 // steps between two looks at the clock

struct sim sim;

// splitmix64
uint64_t sim_random(uint64_t bound) {
    uint64_t z = sim.random += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % bound;
}

// ---- waiting and running

int64_t sim_block(enum sim_wait wait, instant_t deadline, bool interruptible) {
    struct sim_thread *self = sim.current;
    if (interruptible && self->latched != 0) {
        return ERR_INTERRUPTED;
    }
    self->blocked = true;
    self->wait = wait;
    self->deadline = deadline;
    self->interruptible = interruptible;
    coroutine_leave(self->coroutine, false);
    return self->result;
}

void sim_wake(struct sim_thread *thread, int64_t result) {
    if (list_node_linked(&thread->wait_node)) {
        list_remove(&thread->wait_node);
    }
    thread->blocked = false;
    thread->wait = WAIT_NOTHING;
    thread->result = result;
}

// Ends a wait from outside.
static void abort_wait(struct sim_thread *thread, int64_t status) {
    if (!thread->blocked) {
        return;
    }
    if (thread->wait == WAIT_CALL) {
        sim_call_cancel(thread, status);
    } else {
        sim_wake(thread, status);
    }
}

void sim_thread_interrupt(struct sim_thread *thread) {
    thread->latched |= 1;
    if (thread->blocked && thread->interruptible) {
        abort_wait(thread, ERR_INTERRUPTED);
    }
}

static void expire_waits(void) {
    list_for_each(node, &sim.threads) {
        struct sim_thread *thread = list_entry(node, struct sim_thread, node);
        if (thread->blocked && thread->deadline <= sim.now) {
            thread->deadline = INSTANT_NEVER;
            abort_wait(thread, ERR_TIMED_OUT);
        }
    }
}

static instant_t next_deadline(void) {
    instant_t next = sim_timers_next();
    list_for_each(node, &sim.threads) {
        const struct sim_thread *thread = list_entry(node, struct sim_thread, node);
        next = thread->blocked && thread->deadline < next ? thread->deadline : next;
    }
    return next;
}

static struct sim_thread *pick(void) {
    uint32_t runnable = 0;
    struct sim_thread *chosen = NULL;
    list_for_each(node, &sim.threads) {
        struct sim_thread *thread = list_entry(node, struct sim_thread, node);
        if (!thread->blocked && thread->process->suspended == 0 && sim_random(++runnable) == 0) {
            chosen = thread;
        }
    }
    return chosen;
}

bool sim_step(void) {
    struct sim_thread *thread = pick();
    if (thread == NULL) {
        instant_t next = next_deadline();
        if (next == INSTANT_NEVER) {
            return false;
        }
        sim.now = next > sim.now ? next : sim.now;
        sim_timers_expire();
        expire_waits();
        return true;
    }
    sim.now += CALL_NS;
    if (++sim.steps % STEPS_A_LOOK == 0) {
        sim_timers_expire();
        expire_waits();
        return true; // the chosen thread may have been woken with a result, or not be there
    }
    sim.current = thread;
    coroutine_enter(thread->coroutine);
    sim.current = NULL;
    return true;
}

// ---- threads

static void thread_first(void *argument) {
    struct sim_thread *thread = argument;
    thread->function(thread->argument);
    sim_thread_exit();
}

struct sim_thread *sim_thread_create(struct sim_process *process, void (*function)(void *argument),
                                     void *argument) {
    struct sim_thread *thread = calloc(1, sizeof(*thread));
    thread->process = process;
    thread->cookie = process->cookie;
    thread->id = ++sim.next_id;
    thread->function = function;
    thread->argument = argument;
    thread->deadline = INSTANT_NEVER;
    thread->coroutine = coroutine_create(thread_first, thread);
    struct thread_block *block = coroutine_block(thread->coroutine);
    block->self = (uint64_t)block;
    block->thread = thread->id;
    block->process = process->id;
    list_push_back(&sim.threads, &thread->node);
    return thread;
}

// Takes a thread out of everything it waits in.
static void thread_end(struct sim_thread *thread) {
    if (thread->current_token != 0) {
        struct sim_call *call = sim_call_find(thread->current_token);
        if (call != NULL && call->server_process == thread->process->id) {
            call->current = true;
        }
    }
    thread->dead = true;
    abort_wait(thread, SIM_RESTART);
    list_remove(&thread->node);
    coroutine_abandon(thread->coroutine);
    free(thread);
}

_Noreturn void sim_thread_exit(void) {
    struct sim_thread *self = sim.current;
    struct coroutine *coroutine = self->coroutine;
    thread_end(self);
    coroutine_leave(coroutine, true);
    abort();
}

bool sim_alive(uint64_t id) {
    list_for_each(node, &sim.threads) {
        const struct sim_thread *thread = list_entry(node, struct sim_thread, node);
        if (thread->id == id || thread->process->id == id) {
            return true;
        }
    }
    return false;
}

// ---- processes

struct sim_process *sim_process_create(struct sim_table *table, bool keep) {
    struct sim_process *process = calloc(1, sizeof(*process));
    sim_object_init(&process->object, OBJECT_PROCESS);
    process->id = process->object.id;
    process->table = table != NULL ? table : sim_table_create();
    process->keep = keep;
    list_init(&process->mappings);
    list_push_back(&sim.processes, &process->node);
    return process;
}

static void orphan_ports(struct sim_process *process, bool crashed) {
    struct sim_table *table = process->table;
    for (uint32_t i = 1; i < table->capacity; i++) {
        struct sim_object *object = table->slots[i].object;
        if (object != NULL && object->type == OBJECT_PORT) {
            sim_port_orphan(list_entry(object, struct sim_port, object), process->id, crashed);
        }
    }
}

void sim_process_end(struct sim_process *process, enum exit_cause cause) {
    struct sim_thread *self = sim.current;
    bool own = self != NULL && self->process == process;
    struct coroutine *coroutine = own ? self->coroutine : NULL;
    list_for_each_safe(node, &sim.threads) {
        struct sim_thread *thread = list_entry(node, struct sim_thread, node);
        if (thread->process == process) {
            thread_end(thread);
        }
    }
    process->cause = cause;
    if (process->keep) {
        orphan_ports(process, cause == EXIT_FAULT || cause == EXIT_HANG);
    } else {
        sim_table_destroy(process->table);
        process->table = NULL;
    }
    sim_unmap_all(process, NULL);
    process->dead = true;
    if (process->made) {
        sim_process_ended(process);
    }
    if (own) {
        coroutine_leave(coroutine, true);
    }
}

_Noreturn void sim_die(enum exit_cause cause) {
    sim_process_end(sim.current->process, cause);
    abort();
}

// ---- the machine

void sim_reset(uint64_t seed) {
    while (!list_empty(&sim.processes) && sim.processes.head.next != NULL) {
        struct sim_process *process = list_entry(sim.processes.head.next, struct sim_process, node);
        if (process->made) {
            // It is freed with its last reference: when its maker's table goes, at the latest.
            sim_process_ref(process);
            if (!process->dead) {
                sim_process_end(process, EXIT_KILLED);
            }
            list_remove(&process->node);
            sim_object_unref(&process->object);
            continue;
        }
        if (!process->dead) {
            process->keep = false;
            sim_process_end(process, EXIT_KILLED);
        } else if (process->table != NULL) {
            sim_table_destroy(process->table);
        }
        list_remove(&process->node);
        free(process);
    }
    sim = (struct sim){.random = seed, .preempt = 64, .now = 1};
    list_init(&sim.threads);
    list_init(&sim.processes);
    list_init(&sim.timers);
    list_init(&sim.ports);
}
