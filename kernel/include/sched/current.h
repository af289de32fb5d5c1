// SPDX-License-Identifier: MIT
//
// The calling thread's own things, for handlers of native calls. Only in an entry from user mode.
#pragma once

#include <object/handle.h>
#include <object/process.h>
#include <sched/thread.h>

static inline struct process *self_process(void) {
    return thread_self()->process;
}

static inline struct handle_table *self_table(void) {
    return thread_self()->process->table;
}

static inline struct job *self_job(void) {
    return thread_self()->process->job;
}

static inline struct aspace *self_aspace(void) {
    return thread_self()->aspace;
}

// The provider stamp of what the caller makes.
static inline uint64_t self_provider(void) {
    return thread_self()->process->provider;
}

// Looks up a handle of the caller, of the given type (0: any) and with the given rights.
[[nodiscard]] static inline status_t self_lookup(handle_t handle, uint8_t type, uint32_t rights,
                                                 struct handle_entry *out) {
    return handle_lookup(self_table(), handle, type, rights, out);
}

// Gives the caller the first handle of a new object, taking over its reference. Returns the handle,
// or LIMIT, NO_MEMORY.
static inline int64_t self_insert(struct object *object, uint32_t rights) {
    handle_t handle;
    status_t status = handle_insert(self_table(), object, rights, &handle);
    return status == OK ? (int64_t)handle : status;
}

// The same for two objects: both or none. Returns the pair.
int64_t self_insert_pair(struct object *first, uint32_t first_rights, struct object *second,
                         uint32_t second_rights);

// Lets the present native call run again, with argument `index` changed: progress of a long one.
static inline int64_t self_restart_with(unsigned index, uint64_t value) {
    arch_thread_set_argument(&thread_self()->arch, index, value);
    return STATUS_RESTART;
}
