// SPDX-License-Identifier: MIT
//
// The service's own records: their check, and what is believed of them at adoption.
//
// A record that is all zero is free and whole; any other carries a check over its contents and its
// place. So a used record whose `used` was wiped out is noticed as well.

#include "vault_internal.h"

#include <sys/calls.h>

uint32_t record_check(const struct vault_head *record, uint32_t bytes, uint32_t seed) {
    const size_t skip = offsetof(struct vault_head, used);
    return crc32c(seed + 1, (const uint8_t *)record + skip, bytes - skip);
}

static bool is_zero(const void *record, uint32_t bytes) {
    const uint64_t *words = record;
    for (uint32_t i = 0; i < bytes / 8; i++) {
        if (words[i] != 0) {
            return false;
        }
    }
    return true;
}

static bool handles_fit(const struct vault_table *table, const uint8_t *record) {
    for (uint32_t i = 0; i < VAULT_FIELDS_MAX && table->handles[i].offset != 0; i++) {
        handle_t handle;
        struct handle_info info;
        memcpy(&handle, record + table->handles[i].offset, sizeof(handle));
        if (handle != HANDLE_NONE &&
            (sys_handle_info(handle, &info) != OK || info.type != table->handles[i].type)) {
            return false;
        }
    }
    return true;
}

// Why a record is to be dropped, null when it is good.
static const char *judge(const struct vault_table *table, uint32_t seed, uint32_t index,
                         const struct vault_head *head) {
    if (is_zero(head, table->record_bytes)) {
        return NULL;
    }
    if (head->used > 1 || head->check != record_check(head, table->record_bytes, seed)) {
        return "check";
    }
    if (head->used == 0) {
        return NULL;
    }
    if (table->check != NULL && !table->check(index, head)) {
        return "values";
    }
    return handles_fit(table, (const uint8_t *)head) ? NULL : "handles";
}

void tables_adopt(struct vault *vault) {
    for (uint32_t t = 0; t < vault->layout->table_count; t++) {
        const struct vault_table *table = &vault->layout->tables[t];
        for (uint32_t i = 0; i < vault_touched(vault, t); i++) {
            struct vault_head *head =
                (struct vault_head *)(vault->tables[t] + (size_t)table->record_bytes * i);
            const char *why = judge(table, t << 24 | i, i, head);
            if (why != NULL) {
                vault_drop(vault, &head->used, table->name, i, why);
                uint32_t check = record_check(head, table->record_bytes, t << 24 | i);
                vault_store(&head->check, &check, sizeof(check));
            }
        }
    }
}
