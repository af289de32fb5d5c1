// SPDX-License-Identifier: MIT
//
// Ids that can be turned back into pointers: processes, threads, and the calls that tokens name.
// An id is slot | generation << ID_SLOT_BITS, never 0, unique over a boot for 2^40 uses of a slot.
// Look-up takes no lock; what it finds stays readable until the kernel entry ends.
#pragma once

#include <base.h>

#define ID_SLOT_BITS 20
#define ID_SLOTS (1u << ID_SLOT_BITS)
#define ID_STEP ((uint64_t)ID_SLOTS)      // one generation
#define ID_MASK (((uint64_t)1 << 60) - 1) // slot and generation

struct id_slot {
    uint64_t id;
    uintptr_t word; // live: pointer | kind; free: index of the next free slot, 0 for none
};

enum id_kind { ID_PROCESS = 1, ID_THREAD = 2, ID_CALL = 3 };

// Gives an id for `pointer`, which is aligned to 8 bytes. Returns 0 when there is no memory or no
// slot left.
[[nodiscard]] uint64_t id_alloc(enum id_kind kind, void *pointer);
// Frees the id; the slot's generation grows.
void id_free(uint64_t id);
// What the id names, or null when it was freed or is of another kind. Any number may be asked
// about.
void *id_lookup(enum id_kind kind, uint64_t id);
// Replaces the generation bits of a live id, so that the old one goes stale. Returns the new id.
// Takes no lock: the caller serialises it with id_renew and id_free of the same id. Slots are never
// freed, so that IPC may remember where its id stands.
static inline uint64_t id_renew(struct id_slot *slot) {
    uint64_t renewed = (slot->id + ID_STEP) & ID_MASK;
    __atomic_store_n(&slot->id, renewed, __ATOMIC_RELEASE);
    return renewed;
}
// Where a live id stands.
struct id_slot *id_slot(uint64_t id);
