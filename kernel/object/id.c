// SPDX-License-Identifier: MIT
//
// Ids. One table for all kinds: a directory of pages of slots, which are never freed. Free slots
// are linked by their index and reused in the order in which they were freed.
//
// A look-up takes no lock. It reads the slot's id, then what the id names, then the id again. Ids
// are not reused within a boot (40 bits of generation a slot), so when both reads give the wanted
// id, the slot named that same thing all the while between them. The order of the writes makes that
// hold: id_alloc writes the thing before the id, id_free the id before the thing, each with
// release.
#include <object/id.h>

#include <mm/slab.h>
#include <sched/spinlock.h>

#define ID_SLOT(id) ((uint32_t)(id) & (ID_SLOTS - 1))
#define ID_FREE ((uint64_t)1 << 63) // the slot is free; the rest is the id of its next use
#define KIND_MASK ((uintptr_t)7)
#define SLOTS_A_PAGE ((uint32_t)(PAGE_SIZE / sizeof(struct id_slot)))

static struct spinlock lock = SPINLOCK_INIT(RANK_ID); // guards all but what look-ups read
static struct id_slot *directory[ID_SLOTS / (PAGE_SIZE / sizeof(struct id_slot))];
static uint32_t fresh = 1;             // slots from here on were never used
static uint32_t free_first, free_last; // 0 for none

static struct id_slot *slot_at(uint32_t index) {
    struct id_slot *page = __atomic_load_n(&directory[index / SLOTS_A_PAGE], __ATOMIC_ACQUIRE);
    return page != NULL ? &page[index % SLOTS_A_PAGE] : NULL;
}

// The next slot that was never used. Null: no memory or no slot left.
static struct id_slot *take_fresh(void) {
    assert(spin_held(&lock));
    assert(fresh <= ID_SLOTS);
    if (fresh == ID_SLOTS) {
        return NULL;
    }
    if (slot_at(fresh) == NULL) {
        void *page;
        if (kpages_alloc(NULL, PAGE_SIZE, &page) != OK) {
            return NULL;
        }
        __atomic_store_n(&directory[fresh / SLOTS_A_PAGE], page, __ATOMIC_RELEASE);
    }
    struct id_slot *slot = slot_at(fresh);
    __atomic_store_n(&slot->id, ID_FREE | fresh, __ATOMIC_RELAXED);
    fresh++;
    return slot;
}

static struct id_slot *take_slot(void) {
    assert(spin_held(&lock));
    assert((free_first == 0) == (free_last == 0));
    if (free_first == 0) {
        return take_fresh();
    }
    struct id_slot *slot = slot_at(free_first);
    free_first = (uint32_t)slot->word;
    if (free_first == 0) {
        free_last = 0;
    }
    return slot;
}

uint64_t id_alloc(enum id_kind kind, void *pointer) {
    assert(kind >= ID_PROCESS && kind <= ID_CALL);
    assert(((uintptr_t)pointer & KIND_MASK) == 0);
    spin_lock(&lock);
    struct id_slot *slot = take_slot();
    uint64_t id = 0;
    if (slot != NULL) {
        assert((slot->id & ID_FREE) != 0);
        id = slot->id & ~ID_FREE;
        __atomic_store_n(&slot->word, (uintptr_t)pointer | kind, __ATOMIC_RELEASE);
        __atomic_store_n(&slot->id, id, __ATOMIC_RELEASE);
    }
    spin_unlock(&lock);
    return id;
}

void id_free(uint64_t id) {
    assert((id & ~ID_MASK) == 0);
    assert(ID_SLOT(id) != 0);
    uint32_t index = ID_SLOT(id);
    spin_lock(&lock);
    struct id_slot *slot = slot_at(index);
    assert(slot != NULL && slot->id == id);
    __atomic_store_n(&slot->id, ID_FREE | ((id + ID_STEP) & ID_MASK), __ATOMIC_RELEASE);
    __atomic_store_n(&slot->word, 0, __ATOMIC_RELEASE);
    if (free_last != 0) {
        __atomic_store_n(&slot_at(free_last)->word, index, __ATOMIC_RELEASE);
    } else {
        free_first = index;
    }
    free_last = index;
    spin_unlock(&lock);
}

void *id_lookup(enum id_kind kind, uint64_t id) {
    struct id_slot *slot = slot_at(ID_SLOT(id));
    if (slot == NULL || (id & ~ID_MASK) != 0 ||
        __atomic_load_n(&slot->id, __ATOMIC_ACQUIRE) != id) {
        return NULL;
    }
    uintptr_t word = __atomic_load_n(&slot->word, __ATOMIC_ACQUIRE);
    if (__atomic_load_n(&slot->id, __ATOMIC_RELAXED) != id || (word & KIND_MASK) != kind) {
        return NULL;
    }
    return (void *)(word & ~KIND_MASK);
}

struct id_slot *id_slot(uint64_t id) {
    struct id_slot *slot = slot_at(ID_SLOT(id));
    assert(slot != NULL && slot->id == id);
    return slot;
}
