// SPDX-License-Identifier: MIT
#include "state.h"

#include <abi/objects.h>
#include <sys/calls.h>

static bool state_check(uint32_t index, const void *record) {
    const struct state *state = record;
    (void)index;
    return state->next_pid > 0 && state->next_pid < PID_MAX && state->wrapped <= 1;
}

static bool process_check(uint32_t index, const void *record) {
    const struct process *process = record;
    (void)index;
    return process->pid > 0 && process->pid < PID_MAX && process->parent >= 0 &&
           process->pgid > 0 && process->sid > 0 && process->state >= PROCESS_MAKING &&
           process->state <= PROCESS_ZOMBIE &&
           (process->state == PROCESS_ZOMBIE) == (process->process == HANDLE_NONE);
}

static bool traits_check(uint32_t index, const void *record) {
    const struct traits *traits = record;
    (void)index;
    return traits->group_count <= GROUPS_MAX;
}

static bool thread_check(uint32_t index, const void *record) {
    const struct thread_id *thread = record;
    (void)index;
    return thread->tid > 0 && thread->tid < PID_MAX && thread->owner > 0;
}

static const struct vault_table tables[TABLES] = {
    [TABLE_STATE] = {.name = "state",
                     .record_bytes = sizeof(struct state),
                     .count = 1,
                     .handles = {{offsetof(struct state, job), OBJECT_JOB},
                                 {offsetof(struct state, client), OBJECT_CHANNEL},
                                 {offsetof(struct state, endpoint), OBJECT_ENDPOINT},
                                 {offsetof(struct state, libos), OBJECT_VMO},
                                 {offsetof(struct state, mounted), OBJECT_CHANNEL},
                                 {offsetof(struct state, tty), OBJECT_CHANNEL}},
                     .check = state_check},
    [TABLE_PROCESSES] = {.name = "processes",
                         .record_bytes = sizeof(struct process),
                         .count = PROCESSES_MAX,
                         .handles = {{offsetof(struct process, process), OBJECT_PROCESS},
                                     {offsetof(struct process, thread), OBJECT_THREAD},
                                     {offsetof(struct process, identity), OBJECT_VMO},
                                     {offsetof(struct process, signals), OBJECT_VMO}},
                         .check = process_check,
                         .sparse = true},
    [TABLE_TRAITS] = {.name = "traits",
                      .record_bytes = sizeof(struct traits),
                      .count = PROCESSES_MAX,
                      .check = traits_check,
                      .sparse = true},
    [TABLE_THREADS] = {.name = "threads",
                       .record_bytes = sizeof(struct thread_id),
                       .count = THREADS_MAX,
                       .check = thread_check,
                       .sparse = true},
    [TABLE_TERMINALS] = {.name = "terminals",
                         .record_bytes = sizeof(struct terminals),
                         .count = 1,
                         .handles = {{offsetof(struct terminals, table), OBJECT_VMO},
                                     {offsetof(struct terminals, leaders), OBJECT_EVENT}}},
    [TABLE_GROUPS] = {.name = "groups",
                      .record_bytes = sizeof(struct groups),
                      .count = 1,
                      .handles = {{offsetof(struct groups, table), OBJECT_VMO}}},
};

const struct vault_layout procd_layout = {
    .service = 0x434f5250, // "PROC"
    .version = 1,
    .undo_bytes = 8192,
    .calls_max = WAITS_MAX,
    .forwarded_max = 64,
    .table_count = TABLES,
    .tables = tables,
};

const struct state *state_of(const struct procd *procd) {
    return vault_record(&procd->server.vault, TABLE_STATE, 0);
}

uint32_t process_slot(const struct procd *procd, const struct process *process) {
    return (uint32_t)(process - procd->processes);
}

const struct traits *traits_of(const struct procd *procd, const struct process *process) {
    return vault_record(&procd->server.vault, TABLE_TRAITS, process_slot(procd, process));
}

void process_note(struct procd *procd, const struct process *process) {
    uint16_t place = (uint16_t)(process_slot(procd, process) + 1);
    procd->by_pid[(uint32_t)process->pid % INDEX_BUCKETS] = place;
    procd->by_id[process->id % INDEX_BUCKETS] = place;
}

// The process of a place of an index, null when there is none.
static const struct process *indexed(const struct procd *procd, uint16_t place) {
    return place != 0 && place <= procd->process_top ? process_at(procd, place - 1u) : NULL;
}

const struct process *process_find(const struct procd *procd, int32_t pid) {
    const struct process *likely = indexed(procd, procd->by_pid[(uint32_t)pid % INDEX_BUCKETS]);
    if (likely != NULL && likely->pid == pid) {
        return likely;
    }
    for_each_process(procd, process, slot) {
        if (process->pid == pid) {
            return process;
        }
    }
    return NULL;
}

const struct process *process_by_id(const struct procd *procd, uint64_t id) {
    const struct process *likely = indexed(procd, procd->by_id[id % INDEX_BUCKETS]);
    if (likely != NULL && likely->id == id && process_alive(likely)) {
        return likely;
    }
    for_each_process(procd, process, slot) {
        if (process->id == id && process_alive(process)) {
            return process;
        }
    }
    return NULL;
}

const struct process *process_caller(const struct procd *procd, const struct packet *packet) {
    return is_native(packet) ? NULL : process_by_id(procd, packet->process);
}

void thread_note(struct procd *procd, const struct thread_id *thread) {
    procd->by_tid[(uint32_t)thread->tid % INDEX_BUCKETS] = (uint16_t)(thread - procd->threads + 1);
}

const struct thread_id *thread_id_find(const struct procd *procd, const struct process *process,
                                       int32_t tid) {
    uint16_t place = procd->by_tid[(uint32_t)tid % INDEX_BUCKETS];
    const struct thread_id *likely =
        place != 0 && place <= procd->thread_top ? thread_at(procd, place - 1u) : NULL;
    if (likely != NULL && likely->tid == tid && likely->owner == process->pid) {
        return likely;
    }
    for (uint32_t slot = 0; slot < procd->thread_top; slot++) {
        const struct thread_id *thread = thread_at(procd, slot);
        if (thread != NULL && thread->tid == tid && thread->owner == process->pid) {
            return thread;
        }
    }
    return NULL;
}

uint64_t traits_cookie(const struct traits *traits) {
    uint64_t user = traits->ids[ID_FSUID];
    return user == 0 ? COOKIE_ROOT : (uint64_t)traits->ids[ID_FSGID] << 32 | user;
}

// ---- changes

// A free record, the lowest; `top` is raised over it.
static int32_t slot_find(struct procd *procd, enum table table, uint32_t *top) {
    int32_t slot = vault_find_free(&procd->server.vault, table);
    if (slot >= 0 && (uint32_t)slot >= *top) {
        *top = (uint32_t)slot + 1;
    }
    return slot;
}

int32_t process_slot_find(struct procd *procd) {
    return slot_find(procd, TABLE_PROCESSES, &procd->process_top);
}

int32_t thread_slot_find(struct procd *procd) {
    return slot_find(procd, TABLE_THREADS, &procd->thread_top);
}

static bool id_in_use(const struct procd *procd, int32_t id) {
    for_each_process(procd, process, slot) {
        if (process->pid == id || process->pgid == id || process->sid == id) {
            return true;
        }
    }
    for (uint32_t slot = 0; slot < procd->thread_top; slot++) {
        const struct thread_id *thread = thread_at(procd, slot);
        if (thread != NULL && thread->tid == id) {
            return true;
        }
    }
    return false;
}

int32_t pid_take(struct procd *procd) {
    const struct state *state = state_of(procd);
    struct vault *vault = &procd->server.vault;
    int32_t pid = state->next_pid;
    bool wrapped = state->wrapped != 0;
    // There are far more ids than can be in use.
    while (wrapped && id_in_use(procd, pid)) {
        pid = pid + 1 < PID_MAX ? pid + 1 : PID_RESERVED;
    }
    int32_t next = pid + 1;
    if (next >= PID_MAX) {
        next = PID_RESERVED;
        vault_set(vault, &state->wrapped, 1);
    }
    vault_set(vault, &state->next_pid, next);
    return pid;
}

void process_flag(struct procd *procd, const struct process *process, uint32_t clear,
                  uint32_t set) {
    uint32_t flags = (process->flags & ~clear) | set;
    if (flags != process->flags) {
        process_set(procd, process, flags, flags);
    }
}
