// SPDX-License-Identifier: MIT
//
// After adoption, and before this instance makes a handle of its own, every handle of the table is
// known: the start record names it, or a record of the vault does, or it was left over by a
// predecessor that was killed between making or receiving it and committing that. The last kind is
// closed.

#include "vault_internal.h"

#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>

#define INDEX_MASK 0xfffffu              // of a handle, see <abi/types.h>
#define SET_BYTES ((INDEX_MASK + 1) / 8) // touched only where there are handles

static void set_add(uint8_t *set, handle_t handle) {
    set[(handle & INDEX_MASK) / 8] |= (uint8_t)(1u << handle % 8);
}

static bool set_has(const uint8_t *set, handle_t handle) {
    return (set[(handle & INDEX_MASK) / 8] & 1u << handle % 8) != 0;
}

static void add_start(uint8_t *set) {
    struct start_named_handle named;
    for (uint32_t i = 0; start_handle_at(i, &named); i++) {
        set_add(set, named.handle);
    }
}

static void add_replies(const struct vault *vault, uint8_t *set) {
    for (uint32_t i = 0; i < vault->reply_count; i++) {
        const struct reply_record *record = &vault->replies[i];
        for (uint32_t j = 0; record->head.used != 0 && j < record->head.handle_count; j++) {
            set_add(set, record->head.handles[j]);
        }
    }
}

static void add_table(const struct vault *vault, uint32_t number, uint8_t *set) {
    const struct vault_table *table = &vault->layout->tables[number];
    for (uint32_t i = 0; i < vault_touched(vault, number); i++) {
        const uint8_t *record = vault_record(vault, number, i);
        bool used = ((const struct vault_head *)record)->used != 0;
        for (uint32_t j = 0; used && j < VAULT_FIELDS_MAX && table->handles[j].offset != 0; j++) {
            handle_t handle;
            memcpy(&handle, record + table->handles[j].offset, sizeof(handle));
            set_add(set, handle);
        }
    }
}

void server_sweep(struct vault *vault) {
    uint8_t *set = server_memory(SET_BYTES);
    if (set == NULL) {
        log_printf("no memory to sweep the handle table");
        return;
    }
    add_start(set);
    add_replies(vault, set);
    for (uint32_t i = 0; i < vault->layout->table_count; i++) {
        add_table(vault, i, set);
    }
    struct handle_info info = {.handle = HANDLE_NONE};
    while (sys_handle_next(HANDLE_NONE, info.handle, &info) == OK) {
        if (!set_has(set, info.handle)) {
            // Whatever it was, this instance does not know it: nothing is lost if it can't be
            // closed.
            (void)!sys_handle_close(info.handle);
        }
    }
    server_memory_free(set, SET_BYTES);
}
