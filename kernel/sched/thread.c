// SPDX-License-Identifier: MIT
//
// The life of a thread: created with its pinned block, started, asked to stop or to end from
// anywhere, and ended by itself on its way out of the kernel. Nobody else ever tears a thread down:
// thread_kill only sets PENDING_KILL and makes sure that the thread comes by the exit path soon. So
// death needs no unwinding and never meets a thread in the middle of something.
#include <ipc/call.h>
#include <ipc/port.h>
#include <mm/aspace.h>
#include <mm/page.h>
#include <mm/slab.h>
#include <object/id.h>
#include <object/process.h>
#include <sched/futex.h>
#include <sched/sched.h>
#include <sched/thread.h>

static struct slab_cache thread_cache = SLAB_CACHE(struct thread, "thread");

static bool thread_destroy(struct object *object) {
    struct thread *thread = thread_from(object);
    assert(thread->state == THREAD_DEAD && thread->call == NULL);
    arch_thread_destroy(thread);
    if (thread->id != 0) { // thread_create did not fail
        id_free(thread->id);
    }
    job_uncharge(object->job, RESOURCE_THREADS, 1);
    object_unref(&thread->process->object);
    return true;
}

// A thread that never ran still owns its block and its call when its handles go.
static void thread_handles_gone(struct object *object) {
    struct thread *thread = thread_from(object);
    if (__atomic_load_n(&thread->state, __ATOMIC_ACQUIRE) == THREAD_NEW) {
        thread_drop_new(thread);
    }
}

static const struct object_ops thread_ops = {
    .name = "thread",
    .type = OBJECT_THREAD,
    .cache = &thread_cache,
    .offset = offsetof(struct thread, object),
    .handles_gone = thread_handles_gone,
    .destroy = thread_destroy,
};

static void thread_init(struct thread *thread, uint8_t priority) {
    spin_init(&thread->lock, RANK_THREAD);
    source_init(&thread->source, &thread->object, 0);
    thread->priority = priority;
    thread->timer.expire = thread_timer_expired;
}

struct thread *thread_create_idle(struct cpu *cpu) {
    struct object *object;
    if (object_create(&thread_ops, NULL, 0, &object) != OK) {
        return NULL;
    }
    struct thread *thread = thread_from(object);
    thread_init(thread, PRIORITY_IDLE);
    thread->state = THREAD_RUNNING;
    thread->on_cpu = true;
    thread->last_cpu = cpu->index;
    return thread;
}

// Releases what a thread holds beyond its struct, as far as thread_build came: its block, its call
// and its aspace.
static void thread_release(struct thread *thread) {
    spin_lock(&thread->lock);
    assert(!thread->released);
    thread->released = true;
    spin_unlock(&thread->lock);
    call_thread_gone(thread);
    if (thread->block != NULL) {
        struct page *page = page_from_phys(virt_to_phys(thread->block));
        aspace_unpin_block(thread->aspace, thread->block_addr, page);
    }
    if (thread->aspace != NULL) {
        object_unref(aspace_object(thread->aspace));
    }
}

static status_t thread_build(struct thread *thread, struct process *process, vaddr_t block_addr) {
    assert(thread->aspace == NULL && thread->call == NULL);
    thread->aspace = process_aspace_ref(process);
    if (thread->aspace == NULL) {
        return ERR_BAD_STATE;
    }
    thread->entry = aspace_entry(thread->aspace);
    struct page *page;
    status_t status = aspace_pin_block(thread->aspace, block_addr, &page);
    if (status != OK) {
        return status;
    }
    thread->block = page_to_virt(page);
    thread->block_addr = block_addr;
    status = call_create(process->job, &thread->call);
    if (status != OK) {
        return status;
    }
    thread->id = id_alloc(ID_THREAD, thread);
    thread->block->latched = 0; // of a clone: what it was is another thread's
    thread->block->self = block_addr;
    thread->block->thread = thread->id;
    thread->block->process = process->id;
    return thread->id != 0 ? OK : ERR_NO_MEMORY;
}

// Adds the thread to its process, unless that has begun to die.
static status_t thread_join_process(struct thread *thread, struct process *process) {
    assert(thread->state == THREAD_NEW);
    spin_lock(&process->lock);
    bool alive = process->state == PROCESS_NEW || process->state == PROCESS_STARTED;
    if (alive) {
        thread->cookie = process->cookie;
        object_ref(&thread->object);
        list_push_back(&process->threads, &thread->process_node);
    }
    spin_unlock(&process->lock);
    return alive ? OK : ERR_BAD_STATE;
}

status_t thread_create(struct process *process, vaddr_t block_addr, struct thread **out) {
    assert(spin_none_held());
    if (!IS_ALIGNED(block_addr, PAGE_SIZE)) {
        return ERR_INVALID_ARGUMENT;
    }
    if (__atomic_load_n(&process->state, __ATOMIC_ACQUIRE) >= PROCESS_DYING) {
        return ERR_BAD_STATE;
    }
    status_t status = job_charge(process->job, RESOURCE_THREADS, 1);
    if (status != OK) {
        return status;
    }
    struct object *object;
    status = object_create(&thread_ops, process->job, process->provider, &object);
    if (status != OK) {
        job_uncharge(process->job, RESOURCE_THREADS, 1);
        return status;
    }
    struct thread *thread = thread_from(object);
    thread_init(thread, process->priority);
    object_ref(&process->object);
    thread->process = process;
    thread->last_cpu = cpu_this()->index;
    status = thread_build(thread, process, block_addr);
    if (status == OK) {
        status = thread_join_process(thread, process);
    }
    if (status != OK) {
        thread_release(thread);
        __atomic_store_n(&thread->state, THREAD_DEAD, __ATOMIC_RELEASE);
        object_unref(object);
        return status;
    }
    *out = thread;
    return OK;
}

static bool must_die(const struct thread *thread) {
    return (__atomic_load_n(&thread->pending, __ATOMIC_SEQ_CST) & PENDING_KILL) != 0;
}

status_t thread_start(struct thread *thread, vaddr_t pc, vaddr_t sp, uint64_t arg0, uint64_t arg1) {
    struct process *process = thread->process;
    if (!arch_user_address(pc) || !arch_user_address(sp)) {
        return ERR_INVALID_ARGUMENT;
    }
    bool first = false;
    spin_lock(&process->lock);
    status_t status = OK;
    if (process->state > PROCESS_STARTED || thread->state != THREAD_NEW) {
        status = ERR_BAD_STATE;
    } else {
        first = process->state == PROCESS_NEW;
        process->state = PROCESS_STARTED;
        process->thread_count++;
        if (!thread->prepared) {
            arch_thread_init(thread, pc, sp, arg0, arg1);
        }
        spin_lock(&thread->lock);
        if (process->suspends != 0) {
            thread->suspends = 1;
            __atomic_fetch_or(&thread->pending, PENDING_SUSPEND, __ATOMIC_SEQ_CST);
        }
        if (process->suspends != 0 && !must_die(thread)) {
            thread->state = THREAD_SUSPENDED;
        } else {
            thread->state = THREAD_READY;
            sched_enqueue(thread);
        }
        spin_unlock(&thread->lock);
    }
    spin_unlock(&process->lock);
    if (first) {
        source_update(&process->source, 0, SIGNAL_PROCESS_STARTED);
    }
    return status;
}

void thread_drop_new(struct thread *thread) {
    assert(spin_none_held());
    struct process *process = thread->process;
    spin_lock(&process->lock);
    bool mine = thread->state == THREAD_NEW;
    if (mine) {
        __atomic_store_n(&thread->state, THREAD_DEAD, __ATOMIC_RELEASE);
        list_remove(&thread->process_node);
    }
    spin_unlock(&process->lock);
    if (mine) {
        thread_release(thread);
        source_update(&thread->source, 0, SIGNAL_THREAD_ENDED);
        object_unref(&thread->object); // the process's list held it
    }
}

void thread_die(struct thread *self) {
    assert(spin_none_held() && self->state == THREAD_RUNNING);
    struct process *process = self->process;
    assert(self == cpu_this()->thread);
    if (self->waiters != NULL || self->waiter.source != NULL) {
        source_wait_cleanup(self);
    }
    if (__atomic_load_n(&process->cause, __ATOMIC_RELAXED) == EXIT_HANG) {
        call_blame_current(self);
    }
    ports_pass_on(process->table);
    futex_release_robust(self);
    thread_release(
        self); // before the unmapping: the block may lie in the range; process holds the aspace
    if (self->exit_clear != 0) {
        futex_wake_address(process->aspace, self->exit_clear, 1);
    }
    while (self->exit_unmap_size != 0 &&
           aspace_unmap_step(process->aspace, self->exit_unmap, &self->exit_unmap_size) == OK) {
    }
    spin_lock(&self->lock);
    self->state = THREAD_DEAD;
    cpu_this()->parked = true;
    spin_unlock(&self->lock);
    source_update(&self->source, 0, SIGNAL_THREAD_ENDED);

    spin_lock(&process->lock);
    list_remove(&self->process_node);
    bool last = --process->thread_count == 0;
    if (last && process->state == PROCESS_STARTED) {
        process->state = PROCESS_DYING;
        process->cause = EXIT_VOLUNTARY;
    }
    spin_unlock(&process->lock);
    if (last) {
        process_end(process);
    }
    object_unref(&self->object); // the process's list held it; memory stays until this entry ends
}

// Makes a thread that may run in user mode come through the exit path. thread->lock held.
static void thread_nudge(struct thread *thread) {
    assert(spin_held(&thread->lock));
    if (thread->state == THREAD_RUNNING) {
        struct cpu *cpu = cpus[__atomic_load_n(&thread->last_cpu, __ATOMIC_RELAXED)];
        if (cpu != cpu_this()) {
            cpu_mail(cpu, MAIL_RESCHEDULE);
        }
    }
}

void thread_kill(struct thread *thread) {
    __atomic_fetch_or(&thread->pending, PENDING_KILL, __ATOMIC_SEQ_CST);
    spin_lock(&thread->lock);
    bool blocked = thread->state == THREAD_BLOCKED;
    if (thread->state == THREAD_SUSPENDED) {
        thread->state = THREAD_READY;
        sched_enqueue(thread);
    }
    thread_nudge(thread);
    spin_unlock(&thread->lock);
    if (blocked) {
        thread_abort_wait(thread, 0, STATUS_RESTART);
    }
}

void thread_suspend(struct thread *thread) {
    assert(spin_held(&thread->process->lock));
    spin_lock(&thread->lock);
    thread->suspends++;
    __atomic_fetch_or(&thread->pending, PENDING_SUSPEND, __ATOMIC_SEQ_CST);
    // A server that waits would otherwise be handed a call while it is stopped. Only this wait: by
    // now the thread may have been resumed, and wait for the answer to a call.
    bool serving = thread->state == THREAD_BLOCKED && thread->wait_kind == WAIT_PORT;
    uint64_t seq = thread->wait_seq;
    thread_nudge(thread);
    spin_unlock(&thread->lock);
    if (serving) {
        thread_abort_wait(thread, seq, STATUS_RESTART);
    }
}

void thread_resume_one(struct thread *thread) {
    assert(spin_held(&thread->process->lock));
    spin_lock(&thread->lock);
    if (thread->suspends != 0 && --thread->suspends == 0) {
        __atomic_fetch_and(&thread->pending, ~(uint32_t)PENDING_SUSPEND, __ATOMIC_SEQ_CST);
        if (thread->state == THREAD_SUSPENDED) {
            thread->state = THREAD_READY;
            sched_enqueue(thread);
        }
    }
    spin_unlock(&thread->lock);
}

void thread_stop_self(struct thread *self) {
    assert(spin_none_held());
    assert(self == cpu_this()->thread);
    spin_lock(&self->lock);
    uint32_t pending = __atomic_load_n(&self->pending, __ATOMIC_RELAXED);
    // A kill that came before this lock found the thread running, and wakes nobody.
    if ((pending & (PENDING_SUSPEND | PENDING_KILL)) == PENDING_SUSPEND) {
        self->state = THREAD_SUSPENDED;
        cpu_this()->parked = true;
    }
    spin_unlock(&self->lock);
}

status_t thread_interrupt(struct thread *thread, uint32_t bits) {
    assert(spin_none_held());
    if (__atomic_load_n(&thread->state, __ATOMIC_ACQUIRE) == THREAD_DEAD ||
        !object_try_ref(&thread->object)) {
        return ERR_BAD_STATE;
    }
    // The block is written under the lock: a thread that dies unpins it only after it is DEAD.
    spin_lock(&thread->lock);
    bool alive = thread->state != THREAD_DEAD && !thread->released;
    if (alive) {
        __atomic_fetch_or(&thread->block->latched, bits, __ATOMIC_SEQ_CST);
        __atomic_fetch_or(&thread->pending, PENDING_UPCALL, __ATOMIC_SEQ_CST);
        thread_nudge(thread);
    }
    spin_unlock(&thread->lock);
    if (alive) {
        thread_abort_wait(thread, 0, ERR_INTERRUPTED);
    }
    object_unref(&thread->object);
    return alive ? OK : ERR_BAD_STATE;
}

void thread_describe(struct thread *thread, struct thread_info *info) {
    static_assert(THREAD_NEW == (int)THREAD_INFO_NEW && THREAD_READY == (int)THREAD_INFO_READY &&
                      THREAD_RUNNING == (int)THREAD_INFO_RUNNING &&
                      THREAD_BLOCKED == (int)THREAD_INFO_BLOCKED &&
                      THREAD_SUSPENDED == (int)THREAD_INFO_SUSPENDED &&
                      THREAD_DEAD == (int)THREAD_INFO_DEAD,
                  "the states are told as they are");
    *info = (struct thread_info){
        .id = thread->id,
        .process = thread->process->id,
        .cpu_time = sched_cpu_time(thread),
        .cookie = __atomic_load_n(&thread->cookie, __ATOMIC_RELAXED),
        .call_number = thread->call_number,
    };
    spin_lock(&thread->lock);
    info->state = thread->state;
    if (thread->state == THREAD_BLOCKED) {
        info->waits = thread->wait_kind;
        info->waits_on = thread->wait_object == NULL ? 0 : thread->wait_object->id;
    }
    spin_unlock(&thread->lock);
}
