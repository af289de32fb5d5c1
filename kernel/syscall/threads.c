// SPDX-License-Identifier: MIT
//
// Native calls of the group "threads".
#include <arch/clock.h>
#include <kernel/syscall_handlers.h>
#include <mm/aspace.h>
#include <sched/sched.h>
#include <syscall/syscall.h>

#define THREAD_RIGHTS                                                                              \
    (RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_WAIT | RIGHT_READ | RIGHT_MANAGE | RIGHT_KILL |      \
     RIGHT_INTERRUPT)

int64_t sys_thread_create(handle_t process, vaddr_t block) {
    struct process *target = self_process();
    if (process != HANDLE_NONE) {
        struct object *object;
        status_t status = self_lookup(process, OBJECT_PROCESS, RIGHT_CREATE, &object);
        if (status != OK) {
            return status;
        }
        target = process_from(object);
    }
    struct thread *thread;
    status_t status = thread_create(target, block, &thread);
    if (status != OK) {
        return status;
    }
    handle_t handle;
    // On failure the reference is dropped, and with it the thread, which the process's list still
    // holds.
    object_ref(&thread->object);
    status = handle_insert(self_table(), &thread->object, THREAD_RIGHTS, &handle);
    if (status != OK) {
        thread_drop_new(thread);
    }
    object_unref(&thread->object);
    return status == OK ? (int64_t)handle : status;
}

static status_t lookup_thread(handle_t handle, uint32_t rights, struct thread **out) {
    struct object *object;
    status_t status = self_lookup(handle, OBJECT_THREAD, rights, &object);
    if (status == OK) {
        *out = thread_from(object);
    }
    return status;
}

int64_t sys_thread_start(handle_t thread, vaddr_t pc, vaddr_t sp, uint64_t arg0, uint64_t arg1) {
    struct thread *target;
    status_t status = lookup_thread(thread, RIGHT_MANAGE, &target);
    return status != OK ? status : thread_start(target, pc, sp, arg0, arg1);
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

int64_t sys_thread_interrupt(handle_t thread, uint32_t bits) {
    struct thread *target;
    status_t status = lookup_thread(thread, RIGHT_INTERRUPT, &target);
    if (status != OK) {
        return status;
    }
    return bits == 0 ? ERR_INVALID_ARGUMENT : thread_interrupt(target, bits);
}

// Whether `job` is the thread's job or one of its ancestors.
static bool job_covers(const struct job *job, const struct job *of) {
    while (of != NULL && of != job) {
        of = of->parent;
    }
    return of != NULL;
}

int64_t sys_thread_set_cookie(handle_t job, handle_t thread, uint64_t cookie) {
    struct object *job_object;
    struct thread *target;
    status_t status = self_lookup(job, OBJECT_JOB, RIGHT_IDENTITY, &job_object);
    if (status == OK) {
        status = lookup_thread(thread, RIGHT_MANAGE, &target);
    }
    if (status != OK) {
        return status;
    }
    if (!job_covers(job_from(job_object), target->process->job)) {
        return ERR_ACCESS_DENIED;
    }
    if (__atomic_load_n(&target->state, __ATOMIC_ACQUIRE) == THREAD_DEAD) {
        return ERR_BAD_STATE;
    }
    __atomic_store_n(&target->cookie, cookie, __ATOMIC_RELAXED);
    return OK;
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

int64_t sys_thread_set_priority(handle_t thread, uint32_t priority) {
    struct thread *target;
    status_t status = lookup_thread(thread, RIGHT_MANAGE, &target);
    if (status != OK) {
        return status;
    }
    if (priority > PRIORITY_MAX || priority == PRIORITY_IDLE) {
        return ERR_OUT_OF_RANGE;
    }
    if (priority > MAX(thread_self()->priority, target->priority)) {
        return ERR_ACCESS_DENIED;
    }
    sched_set_priority(target, (uint8_t)priority);
    return OK;
}
