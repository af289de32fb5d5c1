// SPDX-License-Identifier: MIT
//
// Native calls of the group "processes", but for job_create and handle_give (syscall/handles.c).
#include <kernel/syscall_handlers.h>
#include <mm/aspace.h>
#include <syscall/syscall.h>

#define PROCESS_RIGHTS                                                                             \
    (RIGHT_DUPLICATE | RIGHT_TRANSFER | RIGHT_WAIT | RIGHT_READ | RIGHT_MANAGE | RIGHT_CREATE |    \
     RIGHT_KILL)

// Finds the process with the lowest id above `cursor` in the job's tree, with a reference. Locks
// nest from parent to child.
static struct process *job_next_process(struct job *job, uint64_t cursor, bool nested,
                                        struct process *best) {
    if (nested) {
        spin_lock_nested(&job->lock);
    } else {
        spin_lock(&job->lock);
    }
    list_for_each(node, &job->processes) {
        struct process *process = list_entry(node, struct process, job_node);
        if (process->id > cursor && (best == NULL || process->id < best->id) &&
            object_try_ref(&process->object)) {
            if (best != NULL) {
                object_unref(&best->object);
            }
            best = process;
        }
    }
    list_for_each(node, &job->children) {
        best = job_next_process(list_entry(node, struct job, node), cursor, true, best);
    }
    spin_unlock(&job->lock);
    return best;
}

int64_t sys_job_child(handle_t job, uint64_t cursor, vaddr_t info) {
    struct object *object;
    uint32_t have;
    status_t status =
        handle_lookup_rights(self_table(), job, OBJECT_JOB, RIGHT_READ, &object, &have);
    if (status != OK) {
        return status;
    }
    struct process *process = job_next_process(job_from(object), cursor, false, NULL);
    if (process == NULL) {
        return ERR_NOT_FOUND;
    }
    struct process_info record;
    process_describe(process, &record);
    status = copy_out(info, &record, sizeof(record));
    if (status != OK) {
        object_unref(&process->object);
        return status;
    }
    uint32_t rights = RIGHT_READ | RIGHT_WAIT | (have & (RIGHT_KILL | RIGHT_MANAGE));
    handle_t handle;
    status = handle_insert(self_table(), &process->object, rights, &handle);
    return status == OK ? (int64_t)handle : status;
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

int64_t sys_task_kill(handle_t task, int64_t status, uint32_t flags) {
    struct object *object;
    status_t found = self_lookup(task, 0, RIGHT_KILL, &object);
    if (found != OK) {
        return found;
    }
    switch (object->type) {
    case OBJECT_JOB:
        job_kill(job_from(object), status);
        return OK;
    case OBJECT_PROCESS:
        return kill_process(process_from(object), status, flags);
    case OBJECT_THREAD:
        return kill_thread(thread_from(object));
    default:
        return ERR_WRONG_TYPE;
    }
}

// The process to succeed to: null for HANDLE_NONE.
static status_t lookup_predecessor(handle_t handle, struct process **out) {
    *out = NULL;
    if (handle == HANDLE_NONE) {
        return OK;
    }
    struct object *object;
    status_t status = self_lookup(handle, OBJECT_PROCESS, RIGHT_MANAGE, &object);
    if (status == OK) {
        *out = process_from(object);
    }
    return status;
}

int64_t sys_process_create(handle_t job, handle_t aspace, handle_t predecessor, uint32_t flags,
                           vaddr_t options) {
    struct object *job_object;
    struct object *aspace_obj;
    struct process *before;
    uint32_t have;
    status_t status =
        handle_lookup_rights(self_table(), job, OBJECT_JOB, RIGHT_CREATE, &job_object, &have);
    if (status == OK) {
        status = self_lookup(aspace, OBJECT_ASPACE, RIGHT_MAP, &aspace_obj);
    }
    if (status == OK) {
        status = lookup_predecessor(predecessor, &before);
    }
    struct process_options record;
    if (status == OK) {
        status = copy_in(&record, options, sizeof(record));
    }
    if (status != OK) {
        return status;
    }
    if ((record.cookie | record.provider) != 0 && (have & RIGHT_IDENTITY) == 0) {
        return ERR_ACCESS_DENIED;
    }
    struct process *process;
    status = process_create(job_from(job_object), aspace_from(aspace_obj), before,
                            flags | PROCESS_HELD, &record, &process);
    if (status != OK) {
        return status;
    }
    handle_t handle;
    status = handle_insert(self_table(), &process->object, PROCESS_RIGHTS, &handle);
    process_unhold(process);
    return status == OK ? (int64_t)handle : status;
}

static status_t lookup_managed(handle_t handle, struct process **out) {
    struct object *object;
    status_t status = self_lookup(handle, OBJECT_PROCESS, RIGHT_MANAGE, &object);
    if (status == OK) {
        *out = process_from(object);
    }
    return status;
}

int64_t sys_process_suspend(handle_t process) {
    struct process *target;
    status_t status = lookup_managed(process, &target);
    if (status != OK) {
        return status;
    }
    return target == self_process() ? ERR_BAD_STATE : process_suspend(target);
}

int64_t sys_process_resume(handle_t process) {
    struct process *target;
    status_t status = lookup_managed(process, &target);
    return status != OK ? status : process_resume(target);
}

int64_t sys_process_discard(handle_t process) {
    struct process *target;
    status_t status = lookup_managed(process, &target);
    return status != OK ? status : process_discard(target);
}

int64_t sys_process_exit(int64_t status) {
    process_kill(self_process(), EXIT_VOLUNTARY, status);
    return STATUS_RESUMED; // PENDING_KILL is set: the exit path ends this thread
}
