// SPDX-License-Identifier: MIT
//
// Native calls of the group "processes", but for job_create and handle_give (syscall/handles.c).
#include <kernel/syscall_handlers.h>
#include <mm/aspace.h>
#include <mm/user.h>
#include <sched/current.h>

int64_t sys_job_child(struct job *job, uint32_t job_rights, uint64_t cursor, vaddr_t info) {
    struct process *process = job_next_process(job, cursor);
    if (process == NULL) {
        return ERR_NOT_FOUND;
    }
    struct process_info record;
    process_describe(process, &record);
    status_t status = copy_out(info, &record, sizeof(record));
    if (status != OK) {
        object_unref(&process->object);
        return status;
    }
    return self_insert(&process->object,
                       RIGHT_READ | RIGHT_WAIT | (job_rights & (RIGHT_KILL | RIGHT_MANAGE)));
}

static int64_t kill_process(struct process *process, int64_t status, uint32_t flags) {
    if (__atomic_load_n(&process->state, __ATOMIC_ACQUIRE) == PROCESS_ENDED) {
        return ERR_BAD_STATE;
    }
    process_kill(process, (flags & KILL_HANG) != 0 ? EXIT_HANG : EXIT_KILLED, status);
    return OK;
}

static int64_t kill_thread(struct thread *thread) {
    if (__atomic_load_n(&thread->state, __ATOMIC_ACQUIRE) == THREAD_DEAD) {
        return ERR_BAD_STATE;
    }
    thread_kill(thread);
    thread_drop_new(thread); // if it never ran, there is nobody to do it
    return OK;
}

int64_t sys_task_kill(struct object *task, int64_t status, uint32_t flags) {
    switch (task->type) {
    case OBJECT_JOB:
        job_kill(job_from(task), status);
        return OK;
    case OBJECT_PROCESS:
        return kill_process(process_from(task), status, flags);
    case OBJECT_THREAD:
        return kill_thread(thread_from(task));
    default:
        return ERR_WRONG_TYPE;
    }
}

int64_t sys_process_create(struct job *job, uint32_t job_rights, struct aspace *aspace,
                           struct process *predecessor, uint32_t flags,
                           const struct process_options *options) {
    if ((options->cookie | options->provider) != 0 && (job_rights & RIGHT_IDENTITY) == 0) {
        return ERR_ACCESS_DENIED;
    }
    struct process *process;
    status_t status =
        process_create(job, aspace, predecessor, flags | PROCESS_HELD, options, &process);
    if (status != OK) {
        return status;
    }
    int64_t handle = self_insert(&process->object, RIGHTS_PROCESS);
    process_unhold(process);
    return handle;
}

int64_t sys_process_aspace(struct process *process) {
    struct aspace *aspace = process_aspace_ref(process);
    return aspace == NULL ? ERR_BAD_STATE : self_insert(aspace_object(aspace), RIGHT_READ);
}

int64_t sys_process_exit(int64_t status) {
    process_kill(self_process(), EXIT_VOLUNTARY, status);
    return STATUS_RESUMED; // PENDING_KILL is set: the exit path ends this thread
}
