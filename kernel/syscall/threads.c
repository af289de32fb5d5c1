// SPDX-License-Identifier: MIT
//
// Native calls of the group "threads", and robust_list.
#include <abi/flags.h>
#include <arch/clock.h>
#include <kernel/syscall_handlers.h>
#include <mm/user.h>
#include <sched/current.h>
#include <sched/sched.h>

int64_t sys_thread_create(struct process *process, vaddr_t block) {
    struct thread *thread;
    status_t status = thread_create(process, block, &thread);
    if (status != OK) {
        return status;
    }
    // On failure the reference is dropped, and with it the thread, which the process's list still
    // holds.
    object_ref(&thread->object);
    int64_t handle = self_insert(&thread->object, RIGHTS_THREAD);
    if (handle < 0) {
        thread_drop_new(thread);
    }
    object_unref(&thread->object);
    return handle;
}

int64_t sys_thread_exit(vaddr_t clear, vaddr_t unmap, size_t size) {
    struct thread *self = thread_self();
    if (clear != 0 && user_store32(clear, 0) == OK) {
        self->exit_clear = clear;
    }
    self->exit_unmap = unmap;
    self->exit_unmap_size = size;
    __atomic_fetch_or(&self->pending, PENDING_KILL, __ATOMIC_SEQ_CST);
    return STATUS_RESUMED;
}

// Whether `job` is the thread's job or one of its ancestors.
static bool job_covers(const struct job *job, const struct job *of) {
    while (of != NULL && of != job) {
        of = of->parent;
    }
    return of != NULL;
}

int64_t sys_thread_set_cookie(struct job *job, struct thread *thread, uint64_t cookie) {
    if (!job_covers(job, thread->process->job)) {
        return ERR_ACCESS_DENIED;
    }
    if (__atomic_load_n(&thread->state, __ATOMIC_ACQUIRE) == THREAD_DEAD) {
        return ERR_BAD_STATE;
    }
    __atomic_store_n(&thread->cookie, cookie, __ATOMIC_RELAXED);
    return OK;
}

int64_t sys_process_set_cookie(struct job *job, struct process *process, uint64_t cookie) {
    if (!job_covers(job, process->job)) {
        return ERR_ACCESS_DENIED;
    }
    spin_lock(&process->lock);
    bool alive = process->state <= PROCESS_STARTED;
    process->cookie = cookie;
    list_for_each(node, &process->threads) {
        struct thread *thread = list_entry(node, struct thread, process_node);
        __atomic_store_n(&thread->cookie, cookie, __ATOMIC_RELAXED);
    }
    spin_unlock(&process->lock);
    return alive ? OK : ERR_BAD_STATE;
}

// A restarting wait: when it runs again the deadline has passed, or an interruption is latched.
int64_t sys_thread_sleep(instant_t deadline, uint32_t flags) {
    if (deadline == 0) {
        cpu_this()->slice_end = 0;
        cpu_this()->reschedule = true;
        return OK;
    }
    if (clock_now() >= deadline) {
        return OK;
    }
    status_t status =
        thread_park(thread_self(), WAIT_SLEEP, NULL, deadline, (flags & WAIT_INTERRUPTIBLE) != 0);
    return status == OK ? STATUS_PARKED : status;
}

int64_t sys_thread_set_priority(struct thread *thread, uint32_t priority) {
    if (priority > PRIORITY_MAX || priority == PRIORITY_IDLE) {
        return ERR_OUT_OF_RANGE;
    }
    if (priority > MAX(thread_self()->priority, thread->priority)) {
        return ERR_ACCESS_DENIED;
    }
    sched_set_priority(thread, (uint8_t)priority);
    return OK;
}

// What was latched while `masked` was set is seen on the way out, with the new registers.
int64_t sys_thread_resume(const struct registers *registers) {
    struct thread *self = thread_self();
    status_t status = arch_thread_set_registers(self, registers);
    if (status != OK) {
        return status;
    }
    __atomic_store_n(&self->block->masked, 0, __ATOMIC_SEQ_CST);
    __atomic_fetch_or(&self->pending, PENDING_UPCALL, __ATOMIC_SEQ_CST);
    return STATUS_RESUMED;
}

int64_t sys_robust_list(vaddr_t head, uint32_t tid) {
    thread_self()->robust_head = head;
    thread_self()->robust_tid = tid;
    return OK;
}
