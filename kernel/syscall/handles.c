// SPDX-License-Identifier: MIT
//
// Native calls on handles, and two of the group "processes": job_create and handle_give.
#include <abi/rights.h>
#include <ipc/channel.h>
#include <ipc/port.h>
#include <kernel/syscall_handlers.h>
#include <object/id.h>
#include <syscall/syscall.h>

int64_t self_insert_pair(struct object *first, uint32_t first_rights, struct object *second,
                         uint32_t second_rights) {
    int64_t low = self_insert(first, first_rights);
    if (low < 0) {
        object_unref(second);
        return low;
    }
    int64_t high = self_insert(second, second_rights);
    if (high < 0) {
        (void)handle_close(self_table(),
                           (handle_t)low); // unless a thread has guessed and closed it
        return high;
    }
    return low | high << 32;
}

int64_t sys_handle_duplicate(handle_t handle, uint32_t rights) {
    handle_t out;
    status_t status = handle_derive(self_table(), handle, rights, &out);
    return status == OK ? (int64_t)out : status;
}

// The table of a process, with a reference, if it is in `state` (PROCESS_ANY: in any). Null: it has
// none.
#define PROCESS_ANY UINT8_MAX
static struct handle_table *table_of(struct process *process, uint8_t state) {
    spin_lock(&process->lock);
    struct handle_table *table =
        state == PROCESS_ANY || process->state == state ? process->table : NULL;
    if (table != NULL && !object_try_ref(&table->object)) {
        table = NULL;
    }
    spin_unlock(&process->lock);
    return table;
}

int64_t sys_handle_next(struct process *process, uint32_t cursor, struct handle_info *info) {
    struct handle_table *table = table_of(process, PROCESS_ANY);
    if (table == NULL) {
        return ERR_NOT_FOUND;
    }
    status_t status = handle_describe_next(table, cursor, info);
    object_unref(&table->object);
    return status == STATUS_RESTART ? self_restart_with(1, info->handle) : status;
}

int64_t sys_object_alive(uint64_t id) {
    struct process *process = id_lookup(ID_PROCESS, id);
    if (process != NULL) {
        return __atomic_load_n(&process->state, __ATOMIC_ACQUIRE) != PROCESS_ENDED;
    }
    struct thread *thread = id_lookup(ID_THREAD, id);
    return thread != NULL && __atomic_load_n(&thread->state, __ATOMIC_ACQUIRE) != THREAD_DEAD;
}

// The new job's handle has all rights, but IDENTITY only where the parent's has it: else whoever
// may create jobs could set the credentials of what runs in them.
int64_t sys_job_create(struct job *parent, uint32_t parent_rights,
                       const struct job_limits *limits) {
    struct job *job;
    status_t status = job_create(parent, limits, &job);
    if (status != OK) {
        return status;
    }
    return self_insert(&job->object, RIGHTS_JOB & (parent_rights | ~(uint32_t)RIGHT_IDENTITY));
}

// Whether no server has taken anything from the port yet.
static bool port_unused(struct port *port) {
    spin_lock(&port->lock);
    bool unused = list_empty(&port->taken) && list_empty(&port->held) &&
                  list_empty(&port->waiters) && !port->orphaned && !port->dead;
    spin_unlock(&port->lock);
    return unused;
}

// Server ends and ports have no TRANSFER right: they stay with the server that began to use them.
static bool may_give(struct object *object, uint32_t rights) {
    switch (object->type) {
    case OBJECT_PORT:
        return port_unused(port_from(object));
    case OBJECT_ENDPOINT:
        return port_unused(endpoint_from(object)->port);
    default:
        return (rights & RIGHT_TRANSFER) != 0;
    }
}

int64_t sys_handle_give(struct process *process, handle_t handle, uint32_t index) {
    struct handle_entry entry;
    status_t status = self_lookup(handle, OBJECT_NONE, 0, &entry);
    if (status != OK) {
        return status;
    }
    if (!may_give(entry.object, handle_entry_rights(&entry))) {
        return ERR_ACCESS_DENIED;
    }
    struct handle_table *table = table_of(process, PROCESS_NEW);
    if (table == NULL) {
        return ERR_BAD_STATE;
    }
    handle_t out;
    status = handle_move(self_table(), handle, table, index, &out);
    object_unref(&table->object);
    return status == OK ? (int64_t)out : status;
}
