// SPDX-License-Identifier: MIT
//
// Who may do what: permission bits, owners, the sticky bit. Programs' own restraints (umask, limits
// of file size) are the libos's business.

#include "tmpfs.h"

#include <abi/groups.h>
#include <sys/calls.h>

#define TABLE_BYTES ((sizeof(struct group_table) + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1))
#define READS_MAX 4 // of a list that changes all the time

// Of this instance: the mapping of the table that the record names. Null: not given yet, then
// nobody has more groups than one.
static const struct group_table *table;

static status_t table_map(handle_t vmo) {
    int64_t addr = sys_aspace_map(HANDLE_NONE, vmo, 0, 0, TABLE_BYTES, MAP_READ);
    if (addr < 0) {
        return (status_t)addr;
    }
    if (table != NULL) {
        // Fails only for what aspace_map did not return.
        (void)!sys_aspace_unmap(HANDLE_NONE, (vaddr_t)table, TABLE_BYTES);
    }
    table = (const struct group_table *)addr;
    return OK;
}

status_t access_start(struct tmpfs *fs) {
    const struct state *state = vault_record(vault_of(fs), TABLE_STATE, 0);
    return state->groups != HANDLE_NONE ? table_map(state->groups) : OK;
}

int64_t tmpfs_groups(void *context, const struct packet *packet, const handle_t handles_in[1]) {
    struct tmpfs *fs = context;
    const struct state *state = vault_record(vault_of(fs), TABLE_STATE, 0);
    if (packet->cookie != 0) {
        return ERR_NOT_PERMITTED;
    }
    status_t status = table_map(handles_in[0]);
    if (status != OK) {
        return status == ERR_NO_MEMORY ? status : ERR_LIMIT;
    }
    if (state->groups != HANDLE_NONE) {
        step_close(vault_of(fs), state->groups);
    }
    vault_set(vault_of(fs), &state->groups, handles_in[0]);
    return 0;
}

// Whether the valid list of an entry has the group. One that changes under the reader is read
// again; who changes its groups all the time may be told that it has none.
static bool list_has(const struct group_entry *entry, uint32_t gid) {
    for (uint32_t read = 0; read < READS_MAX; read++) {
        uint32_t sequence = __atomic_load_n(&entry->sequence, __ATOMIC_ACQUIRE);
        uint32_t side = sequence & 1;
        uint32_t count = __atomic_load_n(&entry->counts[side], __ATOMIC_RELAXED);
        bool found = false;
        for (uint32_t i = 0; i < count && i < GROUPS_OF_PROCESS; i++) {
            found |= __atomic_load_n(&entry->groups[side][i], __ATOMIC_RELAXED) == gid;
        }
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (__atomic_load_n(&entry->sequence, __ATOMIC_RELAXED) == sequence) {
            return found;
        }
    }
    return false;
}

bool access_group(struct caller caller, uint32_t gid) {
    if (caller.gid == gid || table == NULL) {
        return caller.gid == gid;
    }
    uint32_t top = __atomic_load_n(&table->top, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < top && i < GROUP_ENTRIES; i++) {
        const struct group_entry *entry = &table->entries[i];
        if (__atomic_load_n(&entry->process, __ATOMIC_ACQUIRE) == caller.process) {
            return list_has(entry, gid);
        }
    }
    return false;
}

// The cookie is set by procd alone. Until it names a record of credentials, it holds them: the low
// half is the user, the high half the group but for its highest bit, which says that a Linux
// process calls also when both are 0.
struct caller caller_of(const struct packet *packet) {
    return (struct caller){.uid = (uint32_t)packet->cookie,
                           .gid = (uint32_t)(packet->cookie >> 32) & INT32_MAX,
                           .process = packet->process};
}

bool access_owner(struct caller caller, const struct inode *inode) {
    return caller.uid == 0 || caller.uid == inode->uid;
}

bool access_allowed(struct caller caller, const struct inode *inode, uint32_t bits) {
    if (caller.uid == 0) {
        // Root may search every directory, but runs only what somebody may run.
        return (bits & ACCESS_SEARCH) == 0 || is_directory(inode) || (inode->mode & 0111) != 0;
    }
    uint32_t shift = caller.uid == inode->uid ? 6 : access_group(caller, inode->gid) ? 3 : 0;
    return (inode->mode >> shift & bits) == bits;
}

status_t access_remove(struct tmpfs *fs, struct caller caller, uint32_t directory, uint32_t inode) {
    const struct inode *parent = inode_get(fs, directory);
    if (!access_allowed(caller, parent, ACCESS_WRITE | ACCESS_SEARCH)) {
        return ERR_FORBIDDEN;
    }
    bool sticky = (parent->mode & MODE_STICKY) != 0;
    if (sticky && !access_owner(caller, parent) && !access_owner(caller, inode_get(fs, inode))) {
        return ERR_NOT_PERMITTED;
    }
    return inode != 0 && cover_anywhere(fs, inode) ? ERR_BUSY : OK;
}
