// SPDX-License-Identifier: MIT
//
// Filling an embryo: a process that was created with an aspace of its own and has no thread. It
// gets a copy of the caller's memory and handles and one thread, which goes on where the caller's
// aspace entry says. Whoever made the embryo decides what it is (job, label, cookie); who fills it
// decides what is in it.
//
// Once begun, the filling can't be repeated: after a failure the embryo stays half full, and is
// good for nothing but to be killed or closed. It may be killed at any time; the references taken
// at the beginning keep its aspace and table until this is over.
#include <arch/cpu.h>
#include <mm/aspace.h>
#include <sched/current.h>

#define HANDLES_BATCH 64

static status_t begin(struct process *embryo, struct aspace **aspace, struct handle_table **table) {
    spin_lock(&embryo->lock);
    bool fit = embryo->state == PROCESS_NEW && !embryo->filled && list_empty(&embryo->threads) &&
               embryo->aspace != self_aspace() && aspace_entry(self_aspace())->child != 0;
    if (fit) {
        embryo->filled = true;
        *aspace = embryo->aspace;
        *table = embryo->table;
        object_ref(aspace_object(*aspace));
        object_ref(&(*table)->object);
    }
    spin_unlock(&embryo->lock);
    return fit ? OK : ERR_BAD_STATE;
}

static status_t copy_handles(struct handle_table *from, struct handle_table *to) {
    assert(from != to);
    status_t status = OK;
    uint32_t cursor = 0;
    for (uint32_t i = 1; status == OK; i++) {
        status = handle_copy_next(from, to, &cursor);
        if (i % HANDLES_BATCH == 0) {
            arch_interrupt_window();
        }
    }
    return status == ERR_NOT_FOUND ? OK : status;
}

// The block's page was copied with the memory.
static status_t start_thread(struct process *embryo) {
    assert(embryo->filled);
    struct thread *self = thread_self();
    struct thread *child;
    status_t status = thread_create(embryo, self->block_addr, &child);
    if (status != OK) {
        return status;
    }
    status = arch_thread_clone(child, self->entry->child);
    if (status == OK) {
        child->prepared = true;
        status = thread_start(child, self->entry->child, 0, 0, 0);
    }
    if (status != OK) {
        thread_drop_new(child);
    }
    object_unref(&child->object);
    return status;
}

status_t process_clone(struct process *embryo, vaddr_t share_end) {
    struct aspace *aspace;
    struct handle_table *table;
    status_t status = begin(embryo, &aspace, &table);
    if (status != OK) {
        return status;
    }
    status = aspace_copy(self_aspace(), aspace, share_end);
    status = status == OK ? copy_handles(self_table(), table) : status;
    status = status == OK ? start_thread(embryo) : status;
    object_unref(&table->object);
    object_unref(aspace_object(aspace));
    return status;
}
