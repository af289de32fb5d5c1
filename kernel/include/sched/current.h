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

// Looks up a handle of the caller, of the given type (0: any) and with the given rights.
[[nodiscard]] static inline status_t self_lookup(handle_t handle, uint8_t type, uint32_t rights,
                                                 struct object **out) {
    return handle_lookup(self_table(), handle, type, rights, out);
}
