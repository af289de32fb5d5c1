// SPDX-License-Identifier: MIT
//
// What procd knows: records of its vault, and the little beside them that a successor makes anew.
#pragma once

#include <abi/libos.h>
#include <abi/terminal.h>
#include <proto/proc_server.h>
#include <server/server.h>

// Bounds. Records are 200 and 440 bytes a process: the vault has room for all of them from the
// beginning, but slots are used from the lowest on, so that only as much of it is touched as there
// ever were processes at once.
#ifndef PROCESSES_MAX // the simulator has smaller ones, so that it can begin anew very often
#define PROCESSES_MAX 1024
#define THREADS_MAX 2048 // threads of Linux processes beside the first of each
#define WAITS_MAX 1024   // as many processes may wait at once
#endif
#define INDEX_BUCKETS 1024   // a power of two
#define PID_MAX (1 << 22)    // as on Linux: ids are below
#define PID_RESERVED 300     // after a wrap, ids below this one are not given again
#define GROUPS_MAX 32        // supplementary groups of a process
#define LIMITS_MAX 16        // resources
#define HOST_NAME_BYTES 72   // with its zero, whole words; 64 are used at most
#define CHECKPOINT_RECORDS 6 // changed records after which a long piece of work commits

enum table {
    TABLE_STATE,
    TABLE_PROCESSES,
    TABLE_TRAITS,
    TABLE_THREADS,
    TABLE_TERMINALS,
    TABLE_GROUPS,
    TABLES
};

// The one record of the first table.
struct state {
    struct vault_head head;
    int32_t next_pid;
    uint32_t wrapped; // ids came round once: a new one may be in use
    handle_t job;     // of all Linux processes
    handle_t client;  // channel to this service: processes get duplicates
    handle_t endpoint;
    handle_t libos;   // vmo of its image, NONE when the boot archive has none
    handle_t mounted; // channel to vfsd, NONE as long as it has not given one
    handle_t tty;     // channel to open terminals by, for processes without one; NONE: they can't
    char host_name[HOST_NAME_BYTES];
};

enum process_state {
    PROCESS_MAKING = 1, // by spawn: its thread is not started yet
    PROCESS_LIVE = 2,   // also an embryo, which the kernel alone knows whether it was started
    PROCESS_ZOMBIE = 3,
};

enum process_flags_own {
    FLAG_STOPPED = 1 << 0,
    FLAG_EXECED = 1 << 1,
    FLAG_NEWS_STOPPED = 1 << 2,   // not waited for yet
    FLAG_NEWS_CONTINUED = 1 << 3, //
    FLAG_DUE = 1 << 4,            // its parent is to get a SIGCHLD
};

// A process. A slot is its index; its credentials and limits have the same index in TABLE_TRAITS.
struct process {
    struct vault_head head;
    int32_t pid;
    int32_t parent; // pid, 0: a first process when it has a `spawner`, else nobody's
    int32_t pgid, sid;
    uint32_t state;      // enum process_state
    uint32_t flags;      // FLAG_
    int32_t stop_signal; // that stopped it last
    uint32_t news;       // counts what its parent was told: tells one SIGCHLD from the next
    uint32_t threads;    // beside the first, as far as their ids are ours
    uint32_t spare;
    uint64_t id;                // of the kernel
    uint64_t spawner;           // kernel id of the native process that began it, 0: none
    uint64_t key;               // by which it was spawned, 0: none
    handle_t process;           // all rights; NONE when it has ended, like the others
    handle_t thread;            // MAKING: the one to be started
    handle_t identity, signals; // vmos of its pages
    // The call that made it, then the one that stopped it: by these a retry is known.
    uint64_t maker_thread, maker_call;
    uint64_t stopper_thread, stopper_call;
    uint64_t begin[3]; // MAKING: pc, stack and block of the thread
    int64_t status;    // ZOMBIE: as wait(2)
    int64_t cpu_ns;
    uint64_t memory_pages;
    int64_t started_ns;
    uint64_t terminal; // rdev of the controlling one, 0: none
    char comm[16];
};
static_assert(sizeof(struct process) == 200, "the bounds above say so");

enum id_index { ID_UID, ID_EUID, ID_SUID, ID_FSUID, ID_GID, ID_EGID, ID_SGID, ID_FSGID, IDS };

struct traits {
    struct vault_head head;
    uint32_t ids[IDS]; // enum id_index
    uint32_t group_count;
    uint32_t groups[GROUPS_MAX];
    int32_t nice;
    uint64_t limits[LIMITS_MAX][2]; // soft, hard
    uint64_t spare2;
};
static_assert(sizeof(struct traits) == 440, "the bounds above say so");

struct thread_id {
    struct vault_head head;
    int32_t tid;
    int32_t owner; // pid
};

// For ttyd; unused until it asks.
struct terminals {
    struct vault_head head;
    handle_t table;       // vmo of struct process_table
    handle_t leaders;     // event
    uint64_t last_signal; // id of the last order that was done
};

// For file servers; unused until somebody asks.
struct groups {
    struct vault_head head;
    handle_t table; // vmo of struct group_table
    uint32_t spare;
};

struct procd {
    struct server server;            // first
    struct group_table *groups;      // null: nobody has asked for it
    struct process_table *table;     // null: nobody has asked for it
    const struct process *processes; // the records
    const struct thread_id *threads; // likewise
    uint32_t process_top;            // slots from here on are free
    uint32_t thread_top;
    // Slot + 1 of what was noted last with these low bits of its id: of processes by their pid and
    // by the kernel's id, of threads. It may be another's or nobody's by now.
    uint16_t by_pid[INDEX_BUCKETS], by_id[INDEX_BUCKETS], by_tid[INDEX_BUCKETS];
    bool news_due;                            // some process may have FLAG_DUE
    struct signal_page *pages[PROCESSES_MAX]; // mapped when needed first
};

extern const struct vault_layout procd_layout;

// ---- Records. Those of free slots are never returned.

const struct state *state_of(const struct procd *procd);
// The process of a slot below process_top, null when it is free.
static inline const struct process *process_at(const struct procd *procd, uint32_t slot) {
    const struct process *process = &procd->processes[slot];
    return process->head.used ? process : NULL;
}
uint32_t process_slot(const struct procd *procd, const struct process *process);
const struct traits *traits_of(const struct procd *procd, const struct process *process);
// By pid, zombies too; null when there is none.
const struct process *process_find(const struct procd *procd, int32_t pid);
// A live one by its id of the kernel, likewise.
const struct process *process_by_id(const struct procd *procd, uint64_t id);
// Who has sent a packet: a live process, or null when it was no Linux process.
const struct process *process_caller(const struct procd *procd, const struct packet *packet);
// The thread id of a slot below thread_top, null when it is free.
static inline const struct thread_id *thread_at(const struct procd *procd, uint32_t slot) {
    const struct thread_id *thread = &procd->threads[slot];
    return thread->head.used ? thread : NULL;
}
// A thread of a process beside its first; null when there is none of this id.
const struct thread_id *thread_id_find(const struct procd *procd, const struct process *process,
                                       int32_t tid);

// Notes the ids of a process, of a thread, so that it is found quickly.
void process_note(struct procd *procd, const struct process *process);
void thread_note(struct procd *procd, const struct thread_id *thread);

// Walks all processes; the body may free the one that it is given. No `break`.
#define for_each_process(procd, each, slot)                                                        \
    for (uint32_t slot = 0; slot < (procd)->process_top; slot++)                                   \
        for (const struct process *(each) = process_at(procd, slot); (each) != NULL; (each) = NULL)

// The cookie of a process's threads, by which file servers know their rights: the low half is the
// user, the high half the group; root has no group there, but a bit, so that no Linux process has
// the cookie 0 of native ones.
#define COOKIE_ROOT ((uint64_t)1 << 63)
uint64_t traits_cookie(const struct traits *traits);
static inline bool is_native(const struct packet *packet) {
    return packet->cookie == 0;
}
static inline bool process_alive(const struct process *process) {
    return process->state != PROCESS_ZOMBIE;
}
static inline bool is_stopped(const struct process *process) {
    return (process->flags & FLAG_STOPPED) != 0;
}

// ---- Changes, within a step

// A free slot for a process or thread id: its index, or -1. Lowest first.
int32_t process_slot_find(struct procd *procd);
int32_t thread_slot_find(struct procd *procd);
// An id that no process, thread, group or session has. Changes the state.
int32_t pid_take(struct procd *procd);

#define process_set(procd, process, field, value)                                                  \
    vault_set(&(procd)->server.vault, &(process)->field, value)
void process_flag(struct procd *procd, const struct process *process, uint32_t clear, uint32_t set);
