// SPDX-License-Identifier: MIT

#include "terminals.h"

#include <abi/rights.h>
#include <sys/calls.h>

#include "process.h"
#include "signal.h"

#define TABLE_BYTES ((sizeof(struct process_table) + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1))
#define LEADER_ENDED 1u
// Orders of ttyd stand in signal pages under this thread and their id: no thread has it.
#define ORDER_THREAD UINT64_MAX

static_assert(PROCESS_TABLE_MAX >= PROCESSES_MAX, "each process has an entry");

static const struct terminals *terminals_of(struct procd *procd) {
    return vault_record(&procd->server.vault, TABLE_TERMINALS, 0);
}

static status_t table_map(struct procd *procd) {
    int64_t addr = sys_aspace_map(HANDLE_NONE, terminals_of(procd)->table, 0, 0, TABLE_BYTES,
                                  MAP_READ | MAP_WRITE);
    if (addr < 0) {
        return (status_t)addr;
    }
    procd->table = (struct process_table *)addr;
    return OK;
}

// ---- the table

// Writes what the records say of a slot. Returns whether a session leader has gone.
static bool entry_write(struct process_entry *entry, const struct process *process, uint32_t user) {
    bool live = process != NULL && process_alive(process);
    bool led = entry->process != 0 && entry->pid == entry->sid;
    bool gone = led && (!live || process->id != entry->process);
    if (!live) {
        __atomic_store_n(&entry->process, 0, __ATOMIC_RELEASE);
        return gone;
    }
    entry->pid = process->pid;
    entry->user = user;
    __atomic_store_n(&entry->sid, process->sid, __ATOMIC_RELAXED);
    __atomic_store_n(&entry->pgid, process->pgid, __ATOMIC_RELAXED);
    __atomic_store_n(&entry->process, process->id, __ATOMIC_RELEASE);
    return gone;
}

// Writes the entry of a slot. Returns whether a session leader has gone.
static bool slot_write(struct procd *procd, uint32_t slot) {
    const struct process *process = slot < procd->process_top ? process_at(procd, slot) : NULL;
    uint32_t user = process != NULL ? (uint32_t)traits_cookie(traits_of(procd, process)) : 0;
    return entry_write(&procd->table->entries[slot], process, user);
}

static void table_written(struct procd *procd, bool gone) {
    __atomic_store_n(&procd->table->top, procd->process_top, __ATOMIC_RELEASE);
    if (gone) {
        (void)sys_event_signal(terminals_of(procd)->leaders, 0, LEADER_ENDED);
    }
}

void terminals_committed(struct server *server) {
    struct procd *procd = (struct procd *)server;
    bool gone = false;
    uint32_t table, slot;
    if (procd->table == NULL) {
        return;
    }
    for (uint32_t i = 0; step_changed(&server->vault, i, &table, &slot); i++) {
        if (table == TABLE_PROCESSES || table == TABLE_TRAITS) {
            gone |= slot_write(procd, slot);
        }
    }
    table_written(procd, gone);
}

// Writes all of the table.
static void table_write(struct procd *procd) {
    uint32_t top = procd->process_top;
    top = top > procd->table->top ? top : procd->table->top;
    bool gone = false;
    for (uint32_t slot = 0; slot < top && slot < PROCESS_TABLE_MAX; slot++) {
        gone |= slot_write(procd, slot);
    }
    table_written(procd, gone);
}

status_t terminals_start(struct procd *procd) {
    if (terminals_of(procd)->head.used == 0) {
        return OK;
    }
    status_t status = table_map(procd);
    if (status == OK) {
        table_write(procd);
        // A predecessor may have written the table and not said so.
        (void)sys_event_signal(terminals_of(procd)->leaders, 0, LEADER_ENDED);
    }
    return status;
}

// Makes table and event, within a step.
static status_t terminals_make(struct procd *procd) {
    struct vault *vault = &procd->server.vault;
    const struct terminals *record = terminals_of(procd);
    int64_t table = sys_vmo_create(HANDLE_NONE, TABLE_BYTES, 0);
    if (table < 0) {
        return (status_t)table;
    }
    step_made(vault, (handle_t)table);
    int64_t leaders = sys_event_create();
    if (leaders < 0) {
        return (status_t)leaders;
    }
    step_made(vault, (handle_t)leaders);
    vault_set(vault, &record->head.used, 1);
    vault_set(vault, &record->table, (handle_t)table);
    vault_set(vault, &record->leaders, (handle_t)leaders);
    return table_map(procd);
}

static int64_t give(struct procd *procd, handle_t handle, uint32_t rights, handle_t *out) {
    int64_t copy = sys_handle_duplicate(handle, rights | RIGHT_TRANSFER);
    if (copy >= 0) {
        step_made(&procd->server.vault, (handle_t)copy);
        *out = (handle_t)copy;
    }
    return copy < 0 ? copy : OK;
}

int64_t proc_do_terminals(void *server, const struct packet *packet,
                          struct proc_terminals_reply *reply, handle_t handles_out[2]) {
    struct procd *procd = server;
    if (process_caller(procd, packet) != NULL) {
        return ERR_NOT_PERMITTED;
    }
    const struct terminals *record = terminals_of(procd);
    int64_t status = record->head.used == 0 ? terminals_make(procd) : OK;
    status =
        status == OK ? give(procd, record->table, RIGHT_READ | RIGHT_MAP, &handles_out[0]) : status;
    status = status == OK ? give(procd, record->leaders, RIGHT_WAIT, &handles_out[1]) : status;
    if (status == OK) {
        table_write(procd);
        reply->last_signal = record->last_signal;
    }
    return status;
}

int64_t proc_do_give_terminals(void *server, const struct packet *packet,
                               const handle_t handles_in[1]) {
    struct procd *procd = server;
    struct vault *vault = &procd->server.vault;
    const struct state *state = state_of(procd);
    if (process_caller(procd, packet) != NULL) {
        return ERR_NOT_PERMITTED;
    }
    if (state->tty != HANDLE_NONE) {
        step_close(vault, state->tty);
    }
    vault_set(vault, &state->tty, handles_in[0]);
    return 0;
}

// ---- signals

static bool is_target(const struct process *process, int32_t target) {
    return target > 0 ? process->pgid == target : process->pid == -target;
}

// Sends a signal to a group (target above 0) or a process.
static void send_all(struct procd *procd, int32_t target, const struct signal *signal) {
    uint32_t sent = 0;
    for_each_process(procd, process, slot) {
        if (is_target(process, target)) {
            // A full queue concerns real-time signals only, and these are none.
            (void)!signal_send(procd, process, signal);
            if (++sent % CHECKPOINT_RECORDS == 0) {
                server_checkpoint(&procd->server);
            }
        }
    }
    news_deliver(procd);
}

int64_t proc_do_terminal_signal(void *server, const struct packet *packet,
                                const struct proc_terminal_signal_request *request) {
    struct procd *procd = server;
    const struct terminals *record = terminals_of(procd);
    if (process_caller(procd, packet) != NULL) {
        return ERR_NOT_PERMITTED;
    }
    if (request->number < 1 || request->number > SIGNAL_COUNT || request->target == 0 ||
        request->target == INT32_MIN || record->head.used == 0) {
        return ERR_INVALID_ARGUMENT;
    }
    if (request->id <= record->last_signal) {
        return 0;
    }
    const struct signal signal = {
        .number = request->number,
        .code = CODE_KERNEL,
        .thread = ORDER_THREAD,
        .call_number = request->id,
    };
    send_all(procd, request->target, &signal);
    vault_set(&procd->server.vault, &record->last_signal, request->id);
    return 0;
}

int64_t proc_do_background(void *server, const struct packet *packet,
                           const struct proc_background_request *request) {
    struct procd *procd = server;
    const struct process *caller = process_caller(procd, packet);
    if (caller == NULL) {
        return ERR_NO_PROCESS;
    }
    if (request->number != LINUX_SIGTTIN && request->number != LINUX_SIGTTOU) {
        return ERR_INVALID_ARGUMENT;
    }
    if (group_orphaned(procd, caller->pgid, NULL)) {
        return ERR_BAD_STATE;
    }
    const struct signal signal = {
        .number = request->number,
        .code = CODE_KERNEL,
        .thread = packet->thread,
        .call_number = packet->call_number,
    };
    send_all(procd, caller->pgid, &signal);
    return 0;
}
