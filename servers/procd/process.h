// SPDX-License-Identifier: MIT
//
// The life of a Linux process: made by fork or spawn, ended by the kernel's notice, waited for.
#pragma once

#include "state.h"

// Packets of the end of processes have this key: with the pid, not the slot, so that one that comes
// late meets nobody else.
#define KEY_ENDED ((uint64_t)1 << 32)

// What calls wait for.
static inline uint64_t condition_continued(int32_t pid) {
    return (uint64_t)2 << 32 | (uint32_t)pid;
}
// Any child of a parent; for first processes: any of a spawner.
uint64_t condition_children(const struct process *child);
// One first process: whoever is native may wait for it.
static inline uint64_t condition_first(int32_t pid) {
    return (uint64_t)3 << 32 | (uint32_t)pid;
}
static inline bool is_first(const struct process *process) {
    return process->parent == 0 && process->spawner != 0;
}
// Wakes those who wait for this child.
void process_wake(struct procd *procd, const struct process *child);

struct process_wish {
    const struct process *parent; // whose ids it inherits; null: the caller is its spawner
    // Of a first process:
    int32_t pid; // 0: any
    uint64_t terminal;
    uint64_t key;
};

// Fills a record and makes the process for it, with its pages mapped and no thread, within a step:
// all is taken away again if the step is undone. The aspace is the caller's to close, also after a
// failure, when it is one.
//   LIMIT      too many processes
//   NO_MEMORY
[[nodiscard]] status_t process_make(struct procd *procd, const struct packet *packet,
                                    const struct process_wish *wish, const struct process **out,
                                    handle_t *aspace);

// The error that callers know for one of the kernel; others than LIMIT and NO_MEMORY are told to
// the log and count as LIMIT.
status_t process_failed(const char *what, status_t status);

// Forgets a process: its record is free, its handles are closed. An embryo ends by that.
void process_free(struct procd *procd, const struct process *process);
// A child's state has changed: wakes those who wait for it and marks that its parent is to get a
// SIGCHLD, which news_deliver sends once the change is committed.
void news_note(struct procd *procd, const struct process *process);
void news_deliver(struct procd *procd);

// A packet with KEY_ENDED.
void process_notice(struct procd *procd, const struct packet *packet);
// After a death that has cut a step off, or when the kernel counts other processes than the
// records: makes kernel and records agree. The kernel is right about who lives.
void process_reconcile(struct procd *procd);
// Kills the processes of a job that no record knows, but for this one.
void process_kill_unknown(struct procd *procd, handle_t job);

// Operations.
int64_t proc_do_fork(void *server, const struct packet *packet,
                     const struct proc_fork_request *request, struct proc_fork_reply *reply,
                     handle_t handles_out[1]);
int64_t proc_do_fork_failed(void *server, const struct packet *packet,
                            const struct proc_fork_failed_request *request);
int64_t proc_do_wait(void *server, const struct packet *packet,
                     const struct proc_wait_request *request, struct proc_wait_reply *reply);
