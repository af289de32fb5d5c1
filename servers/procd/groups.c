// SPDX-License-Identifier: MIT
//
// The table is written as identity pages are (pages.c): within the step, before its commit. What a
// death leaves ahead of the records is written anew when the step is found undone.

#include "groups.h"

#include <abi/groups.h>
#include <abi/rights.h>
#include <sys/calls.h>
#include <sys/string.h>

#define TABLE_BYTES ((sizeof(struct group_table) + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1))

static_assert(GROUP_ENTRIES >= PROCESSES_MAX, "each process has an entry");
static_assert(GROUPS_OF_PROCESS == GROUPS_MAX, "each group has a place");

static const struct groups *record_of(struct procd *procd) {
    return vault_record(&procd->server.vault, TABLE_GROUPS, 0);
}

static status_t table_map(struct procd *procd) {
    int64_t addr = sys_aspace_map(HANDLE_NONE, record_of(procd)->table, 0, 0, TABLE_BYTES,
                                  MAP_READ | MAP_WRITE);
    procd->groups = addr < 0 ? NULL : (struct group_table *)addr;
    return addr < 0 ? (status_t)addr : OK;
}

status_t groups_start(struct procd *procd) {
    return record_of(procd)->head.used != 0 ? table_map(procd) : OK;
}

static void list_write(struct group_entry *entry, const struct traits *traits) {
    uint32_t sequence = entry->sequence + 1;
    uint32_t side = sequence & 1;
    entry->counts[side] = traits->group_count;
    memcpy(entry->groups[side], traits->groups, sizeof(entry->groups[side]));
    __atomic_store_n(&entry->sequence, sequence, __ATOMIC_RELEASE);
    server_point();
}

static bool list_is(const struct group_entry *entry, const struct traits *traits) {
    uint32_t side = entry->sequence & 1;
    return entry->counts[side] == traits->group_count &&
           memcmp(entry->groups[side], traits->groups, sizeof(traits->groups)) == 0;
}

void groups_publish(struct procd *procd, const struct process *process) {
    struct group_table *table = procd->groups;
    uint32_t slot = process_slot(procd, process);
    if (table == NULL) {
        return;
    }
    struct group_entry *entry = &table->entries[slot];
    const struct traits *traits = traits_of(procd, process);
    bool own = slot < table->top && entry->process == process->id;
    if (own ? list_is(entry, traits) : traits->group_count == 0) {
        return;
    }
    if (!own) {
        __atomic_store_n(&entry->process, 0, __ATOMIC_RELEASE);
    }
    list_write(entry, traits);
    __atomic_store_n(&entry->process, process->id, __ATOMIC_RELEASE);
    if (slot >= table->top) {
        __atomic_store_n(&table->top, slot + 1, __ATOMIC_RELEASE);
    }
}

// Makes the table, within a step.
static status_t table_make(struct procd *procd) {
    struct vault *vault = &procd->server.vault;
    int64_t made = sys_vmo_create(HANDLE_NONE, TABLE_BYTES, 0);
    if (made < 0) {
        return (status_t)made;
    }
    step_made(vault, (handle_t)made);
    vault_set(vault, &record_of(procd)->head.used, 1);
    vault_set(vault, &record_of(procd)->table, (handle_t)made);
    status_t status = table_map(procd);
    for_each_process(procd, process, slot) {
        if (status == OK && process_alive(process)) {
            groups_publish(procd, process);
        }
    }
    return status;
}

int64_t proc_do_groups(void *server, const struct packet *packet, handle_t handles_out[1]) {
    struct procd *procd = server;
    if (!is_native(packet)) {
        return ERR_NOT_PERMITTED;
    }
    status_t status = record_of(procd)->head.used == 0 ? table_make(procd) : OK;
    int64_t copy = status != OK ? status
                                : sys_handle_duplicate(record_of(procd)->table,
                                                       RIGHT_READ | RIGHT_MAP | RIGHT_TRANSFER);
    if (copy < 0) {
        return copy == ERR_NO_MEMORY ? copy : ERR_LIMIT;
    }
    step_made(&procd->server.vault, (handle_t)copy);
    handles_out[0] = (handle_t)copy;
    return 0;
}
