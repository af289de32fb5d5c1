// SPDX-License-Identifier: MIT
//
// Processes: a handle table and threads in an aspace. Death goes in this order: threads stopped and
// off every CPU; robust futexes; the table closed or (KEEP) kept, its ports orphaned; ENDED is set
// and the exit packet posted; then memory in the background.
#pragma once

#include <abi/info.h>
#include <base.h>
#include <ds/list.h>
#include <object/handle.h>
#include <object/job.h>
#include <object/object.h>
#include <object/source.h>

struct aspace;
struct thread;

enum process_state { PROCESS_NEW, PROCESS_STARTED, PROCESS_DYING, PROCESS_ENDED };

struct process {
    struct object object;
    struct job *job;            // the same as object.job
    struct aspace *aspace;      // holds a reference; dropped at the end
    struct handle_table *table; // holds a reference; null once closed or passed on
    uint64_t id;
    uint64_t provider; // provider stamp of what it makes
    bool keep;
    uint8_t priority; // of new threads
    bool filled;      // process_clone has begun to fill it; guarded by `lock`
    char label[LABEL_BYTES];
    struct source source; // SIGNAL_PROCESS_ENDED

    struct spinlock lock;  // RANK_PROCESS, guards:
    uint8_t state;         // enum process_state
    struct list threads;   // struct thread.process_node
    uint64_t cookie;       // of new threads
    uint32_t thread_count; // not yet off every CPU
    uint32_t suspends;
    uint32_t cause; // enum exit_cause
    int64_t status;
    vaddr_t fault_pc, fault_addr;
    bool succeeded;                          // a successor has the table
    void (*on_end)(struct process *process); // what the kernel does at its end; null: nothing
    struct list_node job_node;               // guarded by job->lock
};

// Internal flag of process_create: the new process counts one open handle, and has a reference, for
// the caller, who gives both back with process_unhold. Without it a process that others find in its
// job and kill would be without any handle, and give its kept table up.
#define PROCESS_HELD (1u << 31)

[[nodiscard]] status_t process_create(struct job *job, struct aspace *aspace,
                                      struct process *predecessor, uint32_t flags,
                                      const struct process_options *options, struct process **out);
void process_unhold(struct process *process);
// Has a function called once when the process has ended, with no lock held. Returns false, and does
// not, when it has ended already.
[[nodiscard]] bool process_watch_end(struct process *process,
                                     void (*on_end)(struct process *process));
// Begins a process's death; the first cause stays. Threads die on their way out of the kernel.
void process_kill(struct process *process, enum exit_cause cause, int64_t status);
// The calling thread met an exception that nothing handles: its process dies of it.
void process_fault(struct thread *thread, uint32_t vector, vaddr_t addr);
// The last thread has left its CPU: does the rest. Called once, no lock held.
void process_end(struct process *process);
[[nodiscard]] status_t process_suspend(struct process *process);
[[nodiscard]] status_t process_resume(struct process *process);
[[nodiscard]] status_t process_discard(struct process *process);
// See the native call; the thread's memory is readable until this kernel entry ends. No lock held.
[[nodiscard]] status_t process_interrupt(struct process *process, uint64_t id, uint32_t bits);
void process_describe(struct process *process, struct process_info *info);
// The process's aspace with a reference, or null once it has ended.
struct aspace *process_aspace_ref(struct process *process);
// See the native call. BAD_STATE, LIMIT, NO_MEMORY, FAULT. No lock held.
[[nodiscard]] status_t process_clone(struct process *embryo, vaddr_t share_end);
// The process with the lowest id above `cursor`, of the job or of its descendants, with a
// reference; null: there is none.
struct process *job_next_process(struct job *job, uint64_t cursor);
// Kills every process of the job and its descendants.
void job_kill(struct job *job, int64_t status);

static inline struct process *process_from(struct object *object) {
    return container_of(object, struct process, object);
}
