// SPDX-License-Identifier: MIT
//
// The look-up of a handle, inlined: every native call begins with one, and IPC consists of little
// else. Others call handle_lookup.
#pragma once

#include <object/handle.h>

#define HANDLE_NOT_LIVE (1u << 31) // in handle.value: the slot is free, or its handle dead

// The node at an index, or null where there is no chunk. No lock.
static inline struct handle *handle_slot_at(const struct handle_table *table, uint32_t index) {
    uint32_t number = index / HANDLE_CHUNK;
    // In this order: whoever sees the limit of the full directory sees the full directory.
    if (number >= __atomic_load_n(&table->chunk_limit, __ATOMIC_ACQUIRE)) {
        return NULL;
    }
    struct handle **chunks = __atomic_load_n(&table->chunks, __ATOMIC_ACQUIRE);
    struct handle *chunk = __atomic_load_n(&chunks[number], __ATOMIC_ACQUIRE);
    return chunk != NULL ? &chunk[index % HANDLE_CHUNK] : NULL;
}

// Looks a handle up, see handle_lookup; handle.c argues why no lock is needed.
__attribute__((always_inline)) static inline status_t
handle_lookup_inline(struct handle_table *table, handle_t value, uint8_t type, uint32_t rights,
                     struct handle_entry *entry) {
    struct handle *node = handle_slot_at(table, HANDLE_INDEX(value));
    if (unlikely(node == NULL || (value & HANDLE_NOT_LIVE) != 0)) {
        return ERR_BAD_HANDLE;
    }
    entry->node = node;
    entry->tag = __atomic_load_n(&node->tag, __ATOMIC_ACQUIRE);
    entry->object = __atomic_load_n(&node->object, __ATOMIC_ACQUIRE);
    if (unlikely((uint32_t)entry->tag != value || entry->object == NULL ||
                 __atomic_load_n(&node->tag, __ATOMIC_RELAXED) != entry->tag)) {
        return ERR_BAD_HANDLE;
    }
    if (unlikely(type != 0 && entry->object->type != type)) {
        return ERR_WRONG_TYPE;
    }
    return likely((handle_entry_rights(entry) & rights) == rights) ? OK : ERR_ACCESS_DENIED;
}
