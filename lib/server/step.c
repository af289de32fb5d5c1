// SPDX-License-Identifier: MIT
//
// Steps: all of a handler's changes, or none.
//
// The stores of a step, in this order: undo_tail = 0, begun = committed + 1; then for each change
// the undo entry, undo_tail, and the new bytes; then the checks of the changed records, the reply
// record, and `committed`. A kill between any two of them leaves either begun == committed, and the
// step has happened or never began; or an undo log whose entries up to undo_tail restore all that
// was changed. Restoring twice does no harm, so a kill during the undoing is nothing special.

#include "vault_internal.h"

#include <sys/calls.h>
#include <sys/log.h>

void step_begin(struct vault *vault) {
    vault->open = true;
    vault->started = false;
    vault->overflow = false;
    vault->tail = 0;
    vault->change_count = 0;
    vault->record_count = vault->made_count = vault->close_count = 0;
    vault->reply = NULL;
}

void step_start(struct vault *vault) {
    if (!vault->started) {
        vault->started = true;
        vault_store_64(&vault->state->undo_tail, vault_seal(0));
        vault_store_64(&vault->state->begun, vault_seal(vault->committed + 1));
    }
}

static void overflow(struct vault *vault, const char *what) {
    if (vault->strict) {
        panic("vault: a step has too many %s", what);
    }
    vault->overflow = true;
}

// ---- the undo log

static uint32_t entry_bytes(uint32_t data_bytes) {
    return (uint32_t)sizeof(struct undo_entry) + ((data_bytes + 7) & ~7u);
}

static uint32_t entry_check(const struct undo_entry *entry, const void *data) {
    // The step and the place are mixed into the seed, so that one piece is checked and not two.
    uint32_t seed = (entry->step * 31 + entry->offset) * 31 + entry->bytes;
    return crc32c(seed, data, entry->bytes);
}

// Logs the bytes at a place before they change. Returns false, and the step is lost, when the log
// is full.
static bool undo_log(struct vault *vault, const void *place, uint32_t bytes) {
    if (vault->change_count == VAULT_STEP_CHANGES ||
        entry_bytes(bytes) > vault->layout->undo_bytes - vault->tail) {
        overflow(vault, "changes");
        return false;
    }
    struct undo_entry *to = (struct undo_entry *)(vault->undo + vault->tail);
    struct undo_entry entry = {
        .offset = (uint32_t)vault_offset(vault, place),
        .bytes = bytes,
        .step = (uint32_t)(vault->committed + 1),
    };
    entry.check = entry_check(&entry, place);
    vault_store(to->data, place, bytes);
    vault_store(to, &entry, sizeof(entry));
    vault->change_count++;
    vault->tail += entry_bytes(bytes);
    vault_store_64(&vault->state->undo_tail, vault_seal(vault->tail));
    return true;
}

// Whether an entry may be applied: it is of this step, whole, and lies within one record.
static bool entry_valid(const struct vault *vault, const struct undo_entry *entry, uint64_t step) {
    struct record_place found;
    return entry->step == (uint32_t)step && entry->check == entry_check(entry, entry->data) &&
           vault_locate(vault, entry->offset, entry->bytes, &found);
}

bool undo_apply(struct vault *vault, uint64_t step, uint32_t tail) {
    // The places of the entries: the log can be read forwards only, and is undone backwards.
    uint32_t places[VAULT_STEP_CHANGES];
    uint32_t count = 0;
    uint32_t at = 0;
    while (tail - at >= sizeof(struct undo_entry) && count < VAULT_STEP_CHANGES) {
        const struct undo_entry *entry = (const struct undo_entry *)(vault->undo + at);
        uint32_t left = tail - at - (uint32_t)sizeof(*entry);
        if (entry->bytes > left || entry_bytes(entry->bytes) > tail - at) {
            break;
        }
        places[count++] = at;
        at += entry_bytes(entry->bytes);
    }
    bool good = at == tail;
    while (count-- > 0) {
        const struct undo_entry *entry = (const struct undo_entry *)(vault->undo + places[count]);
        if (entry_valid(vault, entry, step)) {
            vault_store(vault->base + entry->offset, entry->data, entry->bytes);
        } else {
            good = false;
        }
    }
    return good;
}

// ---- changes

// Makes a record part of the step: its head is logged, because its check will change.
static bool record_join(struct vault *vault, const struct record_place *found) {
    struct vault_head *head = found->head;
    for (uint32_t i = 0; i < vault->record_count; i++) {
        if (vault->records[i].head == head) {
            return true;
        }
    }
    if (vault->record_count == VAULT_STEP_RECORDS) {
        overflow(vault, "records");
        return false;
    }
    if (!undo_log(vault, head, sizeof(*head))) {
        return false;
    }
    if (found->index >= vault->touched[found->table]) {
        vault->touched[found->table] = found->index + 1;
        vault_store_64(&vault->state->touched[found->table], vault_seal(found->index + 1));
    }
    vault->records[vault->record_count++] = *found;
    return true;
}

void vault_set_bytes(struct vault *vault, const void *place, const void *data, size_t bytes) {
    struct record_place found;
    if (!vault->open || !vault_locate(vault, vault_offset(vault, place), bytes, &found) ||
        found.within < offsetof(struct vault_head, used)) {
        panic("vault: a change outside of a step, or outside of the records");
    }
    if (vault->overflow) {
        return;
    }
    step_start(vault);
    if (!record_join(vault, &found)) {
        return;
    }
    bool in_head = found.within + bytes <= sizeof(struct vault_head);
    if (!in_head && !undo_log(vault, place, (uint32_t)bytes)) {
        return;
    }
    vault_store((void *)(uintptr_t)place, data, bytes);
    die_stage(vault->die, DIE_MID_STEP);
}

static void handle_note(struct vault *vault, handle_t *list, uint32_t *count, handle_t handle) {
    if (*count == VAULT_STEP_HANDLES) {
        overflow(vault, "handles");
    } else if (handle != HANDLE_NONE) {
        list[(*count)++] = handle;
    }
}

void step_made(struct vault *vault, handle_t handle) {
    handle_note(vault, vault->made, &vault->made_count, handle);
}

void step_close(struct vault *vault, handle_t handle) {
    handle_note(vault, vault->closing, &vault->close_count, handle);
}

static void close_all(const handle_t *handles, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        // One that was revoked meanwhile is gone already.
        (void)!sys_handle_close(handles[i]);
    }
}

// ---- the end of a step

// Records that are free after the step are found again.
static void records_free(struct vault *vault) {
    for (uint32_t i = 0; i < vault->record_count; i++) {
        const struct record_place *at = &vault->records[i];
        if (at->head->used == 0 && at->index < vault->next_free[at->table]) {
            vault->next_free[at->table] = at->index;
        }
    }
}

static void records_seal(struct vault *vault) {
    for (uint32_t i = 0; i < vault->record_count; i++) {
        const struct record_place *at = &vault->records[i];
        uint32_t check = record_check(at->head, vault->layout->tables[at->table].record_bytes,
                                      at->table << 24 | at->index);
        vault_store(&at->head->check, &check, sizeof(check));
    }
}

status_t step_commit(struct vault *vault, const struct step_reply *reply) {
    if (vault->overflow) {
        step_undo(vault);
        return ERR_NO_SPACE;
    }
    if (vault->started || reply != NULL) {
        step_start(vault);
        records_seal(vault);
        if (reply != NULL) {
            reply_write(vault, reply);
        }
        die_stage(vault->die, DIE_BEFORE_COMMIT);
        vault->committed++;
        vault_store_64(&vault->state->committed, vault_seal(vault->committed));
        die_stage(vault->die, DIE_AFTER_COMMIT);
        records_free(vault);
    }
    vault->open = false;
    close_all(vault->closing, vault->close_count);
    return OK;
}

void step_undo(struct vault *vault) {
    vault->open = false;
    if (vault->started) {
        if (!undo_apply(vault, vault->committed + 1, vault->tail)) {
            panic("vault: the undo log of this very step fails its check");
        }
        vault_store_64(&vault->state->begun, vault->state->committed);
        records_free(vault);
    }
    close_all(vault->made, vault->made_count);
}

bool step_changed(const struct vault *vault, uint32_t number, uint32_t *table, uint32_t *index) {
    if (number >= vault->record_count) {
        return false;
    }
    *table = vault->records[number].table;
    *index = vault->records[number].index;
    return true;
}
