// SPDX-License-Identifier: MIT
//
// The life of a process. It ends when its last started thread has died; process_end then runs once,
// in that thread's last kernel entry, when no instruction of the process will run any more.
//
// A table that is kept (PROCESS_KEEP) stays with the ended process: its ports are orphaned, so that
// calls which the dead server had taken are held for a successor, and everything else in it simply
// stays. The successor takes the table over with process_create; process_discard, or the last
// handle of the ended process going away, closes it, and only then do clients see that the service
// is gone.
#include <ipc/call.h>
#include "handle_internal.h"

#include <ipc/port.h>
#include <mm/aspace.h>
#include <mm/slab.h>
#include <object/id.h>
#include <object/process.h>
#include <sched/sched.h>

// Handles closed between two looks for interrupts.
#define CLEAR_BATCH 64

static struct slab_cache process_cache = SLAB_CACHE(struct process, "process");

static void table_close(struct handle_table *table) {
    assert(table->object.refs != 0);
    while (!handle_table_clear(table, CLEAR_BATCH)) {
        arch_interrupt_window();
    }
    object_unref(&table->object);
}

// Takes the table away from the process, if it still has one that is of no use to it.
static struct handle_table *table_take(struct process *process) {
    spin_lock(&process->lock);
    struct handle_table *table = NULL;
    if (process->state == PROCESS_NEW || process->state == PROCESS_ENDED) {
        table = process->table;
        process->table = NULL;
    }
    spin_unlock(&process->lock);
    return table;
}

static bool process_destroy(struct object *object) {
    struct process *process = process_from(object);
    struct job *job = process->job;
    assert(process->thread_count == 0);
    assert(list_empty(&process->threads));
    assert(process->state == PROCESS_NEW || process->state == PROCESS_ENDED);
    struct handle_table *table = table_take(process);
    if (table != NULL) {
        table_close(table);
    }
    if (process->aspace != NULL) {
        object_unref(aspace_object(process->aspace));
    }
    if (list_node_linked(&process->job_node)) { // process_create did not fail
        spin_lock(&job->lock);
        list_remove(&process->job_node);
        spin_unlock(&job->lock);
    }
    if (process->id != 0) {
        id_free(process->id);
    }
    job_uncharge(job, RESOURCE_PROCESSES, 1);
    return true;
}

// Nobody can start, inspect or succeed it any more: a process that never ran ends, and a kept table
// that waits for a successor is given up.
static void process_handles_gone(struct object *object) {
    assert(spin_none_held());
    struct process *process = process_from(object);
    spin_lock(&process->lock);
    bool unborn = process->state == PROCESS_NEW;
    if (unborn) {
        process->state = PROCESS_DYING;
        process->cause = EXIT_KILLED;
    }
    spin_unlock(&process->lock);
    if (unborn) {
        process_end(process);
    }
    struct handle_table *table = table_take(process);
    if (table != NULL) {
        table_close(table);
    }
}

static const struct object_ops process_ops = {
    .name = "process",
    .type = OBJECT_PROCESS,
    .packet_kind = PACKET_EXIT,
    .cache = &process_cache,
    .handles_gone = process_handles_gone,
    .destroy = process_destroy,
};

// Takes over the kept table of an ended process.
static status_t table_inherit(struct process *predecessor, struct handle_table **out) {
    spin_lock(&predecessor->lock);
    assert(predecessor->thread_count == 0 || predecessor->state != PROCESS_ENDED);
    bool fit = predecessor->state == PROCESS_ENDED && predecessor->keep &&
               predecessor->table != NULL && !predecessor->succeeded;
    if (fit) {
        *out = predecessor->table;
        predecessor->table = NULL;
        predecessor->succeeded = true;
    }
    spin_unlock(&predecessor->lock);
    return fit ? OK : ERR_BAD_STATE;
}

static status_t job_add_process(struct job *job, struct process *process) {
    assert(!list_node_linked(&process->job_node) && process->id != 0);
    spin_lock(&job->lock);
    bool alive = !__atomic_load_n(&job->killed, __ATOMIC_RELAXED);
    if (alive) {
        list_push_back(&job->processes, &process->job_node);
    }
    spin_unlock(&job->lock);
    return alive ? OK : ERR_BAD_STATE;
}

status_t process_create(struct job *job, struct aspace *aspace, struct process *predecessor,
                        uint32_t flags, const struct process_options *options,
                        struct process **out) {
    status_t status = job_charge(job, RESOURCE_PROCESSES, 1);
    if (status != OK) {
        return status;
    }
    struct object *object;
    status = object_create(&process_ops, job, options->provider, &object);
    if (status != OK) {
        job_uncharge(job, RESOURCE_PROCESSES, 1);
        return status;
    }
    struct process *process = process_from(object);
    spin_init(&process->lock, RANK_PROCESS); // before others can find it by its id
    source_init(&process->source, object, 0);
    list_init(&process->threads);
    process->job = job;
    process->aspace = aspace;
    process->provider = options->provider;
    process->cookie = options->cookie;
    process->keep = (flags & PROCESS_KEEP) != 0;
    process->priority = PRIORITY_PROGRAM;
    memcpy(process->label, options->label, LABEL_BYTES);
    process->label[LABEL_BYTES - 1] = '\0';
    object_ref(aspace_object(aspace));
    process->id = id_alloc(ID_PROCESS, process);
    status = process->id == 0      ? ERR_NO_MEMORY
             : predecessor != NULL ? table_inherit(predecessor, &process->table)
                                   : handle_table_create(job, &process->table);
    if (status == OK) {
        process->table->process = process->id;
        if ((flags & PROCESS_HELD) != 0) {
            object_ref(object);
            object->handles = 1;
        }
        status = job_add_process(job, process);
    }
    if (status != OK) {
        // It was never seen, and takes itself apart. A killed job gives its services up: so the
        // predecessor's table does not go back.
        object->handles = 0;
        object_unref_many(object, object->refs);
        return status;
    }
    *out = process;
    return OK;
}

// process->lock held.
static void begin_death(struct process *process, enum exit_cause cause, int64_t status) {
    assert(spin_held(&process->lock) && process->state <= PROCESS_STARTED);
    __atomic_store_n(&process->state, PROCESS_DYING, __ATOMIC_RELEASE);
    __atomic_store_n(&process->cause, cause, __ATOMIC_RELAXED);
    process->status = status;
    list_for_each(node, &process->threads) {
        thread_kill(list_entry(node, struct thread, process_node));
    }
}

void process_unhold(struct process *process) {
    assert(process->object.handles != 0);
    handle_release(&process->object, 1);
}

bool process_watch_end(struct process *process, void (*on_end)(struct process *process)) {
    spin_lock(&process->lock);
    assert(process->on_end == NULL);
    bool alive = process->state != PROCESS_ENDED;
    if (alive) {
        process->on_end = on_end;
    }
    spin_unlock(&process->lock);
    return alive;
}

void process_kill(struct process *process, enum exit_cause cause, int64_t status) {
    assert(spin_none_held());
    spin_lock(&process->lock);
    bool unborn = process->state == PROCESS_NEW;
    if (unborn || process->state == PROCESS_STARTED) {
        begin_death(process, cause, status);
    }
    spin_unlock(&process->lock);
    if (unborn) {
        process_end(process);
    }
}

void process_fault(struct thread *thread, uint32_t vector, vaddr_t addr) {
    assert(thread == cpu_this_thread());
    assert(spin_none_held());
    struct process *process = thread->process;
    struct registers regs;
    arch_thread_get_registers(thread, &regs);
    spin_lock(&process->lock);
    bool first = process->state == PROCESS_STARTED;
    if (first) {
        process->fault_pc = regs.rip;
        process->fault_addr = addr;
        begin_death(process, EXIT_FAULT, vector);
    }
    spin_unlock(&process->lock);
    if (first) {
        call_blame_current(thread);
    }
}

// Threads that were created and never started go with their process.
static void drop_new_threads(struct process *process) {
    for (;;) {
        struct thread *thread = NULL;
        spin_lock(&process->lock);
        list_for_each(node, &process->threads) {
            struct thread *candidate = list_entry(node, struct thread, process_node);
            if (candidate->state == THREAD_NEW && object_try_ref(&candidate->object)) {
                thread = candidate;
                break;
            }
        }
        spin_unlock(&process->lock);
        if (thread == NULL) {
            return;
        }
        thread_drop_new(thread);
        object_unref(&thread->object);
    }
}

static void orphan_ports(struct process *process, struct handle_table *table) {
    assert(process->keep && table->process == process->id);
    bool crashed = process->cause == EXIT_FAULT || process->cause == EXIT_HANG;
    struct list orphans;
    list_init(&orphans);
    spin_lock(&table->lock);
    list_for_each(node, &table->ports) {
        struct port *port = list_entry(node, struct port, table_node);
        port_orphan(port, process->id, crashed, &orphans);
    }
    spin_unlock(&table->lock);
    call_free_orphans(&orphans);
}

void process_end(struct process *process) {
    assert(spin_none_held());
    assert(process->state == PROCESS_DYING && process->thread_count == 0);
    drop_new_threads(process);
    struct handle_table *table = process->table;
    if (process->keep) {
        orphan_ports(process, table);
    }
    spin_lock(&process->lock);
    // Before the look at `killed`: job_kill marks the job and then looks at the state.
    __atomic_store_n(&process->state, PROCESS_ENDED, __ATOMIC_SEQ_CST);
    // A kept table that nobody can succeed to (all handles of the process are gone, or its job was
    // killed) is given up too.
    bool keep = process->keep && __atomic_load_n(&process->object.handles, __ATOMIC_SEQ_CST) != 0 &&
                !__atomic_load_n(&process->job->killed, __ATOMIC_SEQ_CST);
    struct aspace *aspace = process->aspace;
    process->aspace = NULL;
    if (!keep) {
        process->table = NULL;
    }
    void (*on_end)(struct process * process) = process->on_end;
    spin_unlock(&process->lock);
    if (!keep) {
        table_close(table);
    }
    if (cpu_this()->thread->process == process) {
        aspace_switch(NULL);
    }
    object_unref(aspace_object(aspace));
    source_update(&process->source, 0, SIGNAL_PROCESS_ENDED | SIGNAL_PROCESS_LEFT_ASPACE);
    if (on_end != NULL) {
        on_end(process);
    }
}

status_t process_suspend(struct process *process) {
    status_t status = OK;
    spin_lock(&process->lock);
    if (process->state >= PROCESS_DYING || process == thread_self()->process) {
        status = ERR_BAD_STATE;
    } else if (process->suspends == UINT32_MAX) {
        status = ERR_LIMIT;
    } else if (process->suspends++ == 0) {
        list_for_each(node, &process->threads) {
            struct thread *thread = list_entry(node, struct thread, process_node);
            if (thread->state != THREAD_NEW) {
                thread_suspend(thread);
            }
        }
    }
    spin_unlock(&process->lock);
    return status;
}

status_t process_resume(struct process *process) {
    status_t status = OK;
    spin_lock(&process->lock);
    if (process->state >= PROCESS_DYING || process->suspends == 0) {
        status = ERR_BAD_STATE;
    } else if (--process->suspends == 0) {
        list_for_each(node, &process->threads) {
            thread_resume_one(list_entry(node, struct thread, process_node));
        }
    }
    spin_unlock(&process->lock);
    return status;
}

status_t process_discard(struct process *process) {
    assert(spin_none_held());
    spin_lock(&process->lock);
    bool fit = process->state == PROCESS_ENDED && process->table != NULL;
    spin_unlock(&process->lock);
    struct handle_table *table = fit ? table_take(process) : NULL;
    if (table == NULL) {
        return ERR_BAD_STATE;
    }
    table_close(table);
    return OK;
}

void process_describe(struct process *process, struct process_info *info) {
    *info = (struct process_info){
        .id = process->id,
        .job = process->job->object.id,
        .provider = process->provider,
    };
    memcpy(info->label, process->label, LABEL_BYTES);
    spin_lock(&process->lock);
    bool ended = process->state == PROCESS_ENDED;
    info->status = process->status;
    info->cause = ended ? process->cause : EXIT_RUNNING;
    info->threads = process->thread_count;
    info->fault_pc = process->fault_pc;
    info->fault_addr = process->fault_addr;
    info->suspended = process->suspends;
    info->memory_pages = process->aspace == NULL ? 0 : aspace_resident_pages(process->aspace);
    info->handles = process->table == NULL ? 0 : process->table->used;
    list_for_each(node, &process->threads) {
        const struct thread *thread = list_entry(node, struct thread, process_node);
        info->cpu_time += sched_cpu_time(thread);
    }
    spin_unlock(&process->lock);
}

status_t process_interrupt(struct process *process, uint64_t id, uint32_t bits) {
    assert(spin_none_held());
    struct thread *thread = NULL;
    if (id != 0) {
        thread = id_lookup(ID_THREAD, id);
    } else {
        spin_lock(&process->lock);
        list_for_each(node, &process->threads) {
            struct thread *candidate = list_entry(node, struct thread, process_node);
            // One that is not started yet is the last choice.
            if (thread == NULL || thread->state == THREAD_NEW) {
                thread = candidate;
            }
        }
        spin_unlock(&process->lock);
    }
    bool found = thread != NULL && thread->process == process;
    return found ? thread_interrupt(thread, bits) : ERR_NOT_FOUND;
}

struct aspace *process_aspace_ref(struct process *process) {
    spin_lock(&process->lock);
    struct aspace *aspace = process->aspace;
    if (aspace != NULL) {
        object_ref(aspace_object(aspace));
    }
    spin_unlock(&process->lock);
    return aspace;
}

// Whether job_kill has to do something about a process: it lives, or its kept table does, which may
// hold the only handle to it, so that nobody else could ever give it up.
static bool is_left(const struct process *process) {
    uint8_t state = __atomic_load_n(&process->state, __ATOMIC_SEQ_CST);
    return state < PROCESS_DYING || (state == PROCESS_ENDED && process->table != NULL);
}

// The walk through a job's tree: looks at one job, with its parent's lock held if it is nested, and
// goes on to its children. Locks nest from parent to child, at most JOB_DEPTH_MAX deep.
static struct process *walk(struct job *job, uint64_t cursor, bool kill, bool nested,
                            struct process *best) {
    assert(!nested || spin_held(&job->parent->lock));
    if (nested) {
        spin_lock_nested(&job->lock);
    } else {
        spin_lock(&job->lock);
    }
    if (kill) {
        __atomic_store_n(&job->killed, true, __ATOMIC_SEQ_CST);
    }
    list_for_each(node, &job->processes) {
        struct process *process = list_entry(node, struct process, job_node);
        assert(process->job == job);
        if (process->id > cursor && (best == NULL || process->id < best->id) &&
            (!kill || is_left(process)) && object_try_ref(&process->object)) {
            if (best != NULL) {
                object_unref(&best->object);
            }
            best = process;
        }
    }
    list_for_each(node, &job->children) {
        best = walk(list_entry(node, struct job, node), cursor, kill, true, best);
    }
    spin_unlock(&job->lock);
    return best;
}

struct process *job_next_process(struct job *job, uint64_t cursor) {
    return walk(job, cursor, false, false, NULL);
}

void job_kill(struct job *job, int64_t status) {
    assert(spin_none_held());
    struct process *process;
    while ((process = walk(job, 0, true, false, NULL)) != NULL) {
        process_kill(process, EXIT_KILLED, status);
        (void)process_discard(process); // BAD_STATE: there is nothing to give up
        object_unref(&process->object);
        arch_interrupt_window();
    }
}
