// SPDX-License-Identifier: MIT
//
// Handle tables: where the slots of handles come from and go.
//
// Slots come in chunks of one page, found through a directory. A table starts with a directory of a
// few entries inside its struct and moves once to a full one; the small one stays readable, so a
// look-up that still has it finds everything that was in it. Chunks and directory are freed with
// the table, after a grace period.
//
// A slot that becomes free goes to the end of the queue of free ones, and the generation in its
// next handle grows: a stale handle is refused until the slot has been used 2,048 times. `round`
// counts those laps for the look-up's sake, see handle.c.
//
// Invariants, under the lock: free_count >= reserved; each of the `used` slots is charged to the
// job. So a reserved slot can always be taken.
#include "handle_internal.h"

#include <ipc/port.h>
#include <mm/slab.h>
#include <object/job.h>

#define GENERATION_STEP (1u << HANDLE_INDEX_BITS)
#define CHUNK_LIMIT (HANDLE_TABLE_MAX / HANDLE_CHUNK)
#define CHUNK_BYTES (HANDLE_CHUNK * sizeof(struct handle))
#define DIRECTORY_BYTES (CHUNK_LIMIT * sizeof(struct handle *))
#define DESTROY_BATCH 64 // handles closed or chunks freed in a step of destruction
#define CLEAR_SCAN 16    // slots looked at for each handle that may be closed

static struct slab_cache table_cache = SLAB_CACHE(struct handle_table, "handle_table");
static uint64_t live; // atomic: slots in use, all tables together

uint64_t handle_count(void) {
    return __atomic_load_n(&live, __ATOMIC_RELAXED);
}

// ---- Chunks

uint32_t handle_next_chunk(uint32_t index) {
    return (index / HANDLE_CHUNK + 1) * HANDLE_CHUNK;
}

uint32_t handle_index_limit(const struct handle_table *table) {
    return __atomic_load_n(&table->chunk_limit, __ATOMIC_RELAXED) * HANDLE_CHUNK;
}

static status_t directory_grow(struct handle_table *table) {
    assert(table->chunks == table->first_chunks);
    void *memory;
    status_t status = kpages_alloc(table->object.job, DIRECTORY_BYTES, &memory);
    if (status == OK) {
        memcpy(memory, table->first_chunks, sizeof(table->first_chunks));
        __atomic_store_n(&table->chunks, memory, __ATOMIC_RELEASE);
        __atomic_store_n(&table->chunk_limit, CHUNK_LIMIT, __ATOMIC_RELEASE);
    }
    return status;
}

// Adds chunk `number`, which is missing, and its slots to the free ones.
static status_t chunk_add(struct handle_table *table, uint32_t number) {
    assert(spin_held(&table->lock));
    assert(number < CHUNK_LIMIT);
    if (number >= table->chunk_limit) {
        status_t status = directory_grow(table);
        if (status != OK) {
            return status;
        }
    }
    void *memory;
    status_t status = kpages_alloc(table->object.job, CHUNK_BYTES, &memory);
    if (status != OK) {
        return status;
    }
    struct handle *chunk = memory;
    for (uint32_t i = 0; i < HANDLE_CHUNK; i++) {
        chunk[i].table = table;
        chunk[i].value = HANDLE_NOT_LIVE | (number * HANDLE_CHUNK + i);
        if (number + i != 0) {
            list_push_back(&table->free, &chunk[i].free_node);
            table->free_count++;
        }
    }
    __atomic_store_n(&table->chunks[number], chunk, __ATOMIC_RELEASE);
    return OK;
}

// Makes sure that `count` slots are free beside the reserved ones.
static status_t ensure_free(struct handle_table *table, uint32_t count) {
    assert(spin_held(&table->lock) && table->free_count >= table->reserved);
    while (table->free_count - table->reserved < count) {
        while (table->next_chunk < table->chunk_limit && table->chunks[table->next_chunk] != NULL) {
            table->next_chunk++;
        }
        status_t status =
            table->next_chunk < CHUNK_LIMIT ? chunk_add(table, table->next_chunk) : ERR_LIMIT;
        if (status != OK) {
            return status;
        }
    }
    return OK;
}

// ---- Slots

// Finds a free slot that is not reserved; `index` 0 stands for any.
static status_t find_free(struct handle_table *table, uint32_t index, struct handle **out) {
    assert(spin_held(&table->lock));
    status_t status = OK;
    if (index != 0 && handle_slot_at(table, index) == NULL) {
        status = chunk_add(table, index / HANDLE_CHUNK);
    }
    if (status == OK && index != 0 && handle_slot_at(table, index)->kind != HANDLE_FREE) {
        status = ERR_ALREADY_EXISTS;
    }
    if (status == OK) {
        status = ensure_free(table, 1);
    }
    if (status == OK) {
        *out = index != 0 ? handle_slot_at(table, index)
                          : list_entry(list_first(&table->free), struct handle, free_node);
    }
    return status;
}

status_t handle_slot_take(struct handle_table *table, uint32_t index, bool from_reserve,
                          struct handle **out) {
    assert(spin_held(&table->lock));
    if (index >= HANDLE_TABLE_MAX) {
        return ERR_OUT_OF_RANGE;
    }
    if (from_reserve) {
        assert(table->reserved > 0 && index == 0);
        table->reserved--;
        table->used--;
    } else {
        status_t status = job_charge(table->object.job, RESOURCE_HANDLES, 1);
        if (status != OK) {
            return status;
        }
    }
    struct handle *node;
    status_t status = find_free(table, index, &node);
    if (status != OK) {
        assert(!from_reserve);
        job_uncharge(table->object.job, RESOURCE_HANDLES, 1);
        return status;
    }
    list_remove(&node->free_node);
    table->free_count--;
    table->used++;
    node->kind = HANDLE_TABLE_ENTRY;
    node->revoking = false;
    node->dead = false;
    __atomic_fetch_add(&live, 1, __ATOMIC_RELAXED);
    *out = node;
    return OK;
}

handle_t handle_slot_publish(struct handle *node, struct object *object, uint32_t rights) {
    assert(spin_held(&object->tree_lock));
    assert((node->value & HANDLE_NOT_LIVE) != 0 && node->kind == HANDLE_TABLE_ENTRY);
    struct handle next = {.tag = node->tag};
    next.value &= ~HANDLE_NOT_LIVE;
    next.rights = (uint16_t)rights;
    __atomic_store_n(&node->object, object, __ATOMIC_RELEASE);
    __atomic_store_n(&node->tag, next.tag, __ATOMIC_RELEASE);
    return next.value;
}

void handle_slot_withdraw(struct handle *node) {
    assert(spin_held(&node->object->tree_lock));
    assert((node->value & HANDLE_NOT_LIVE) == 0);
    __atomic_store_n(&node->tag, node->tag | HANDLE_NOT_LIVE, __ATOMIC_RELEASE);
}

// The tag of a slot's next use, from that of a use that is over.
static uint64_t next_tag(const struct handle *node) {
    struct handle next = {.tag = node->tag};
    next.rights = 0;
    next.value = (next.value + GENERATION_STEP) | HANDLE_NOT_LIVE;
    if (next.value < node->value) {
        next.round++;
    }
    return next.tag;
}

void handle_slot_put(struct handle *node, bool to_reserve) {
    struct handle_table *table = node->table;
    assert(spin_held(&table->lock) && node->kind == HANDLE_TABLE_ENTRY);
    assert(table->used != 0);
    assert((node->value & HANDLE_NOT_LIVE) != 0);
    __atomic_store_n(&node->tag, next_tag(node), __ATOMIC_RELEASE);
    __atomic_store_n(&node->object, NULL, __ATOMIC_RELEASE);
    node->kind = HANDLE_FREE;
    list_push_back(&table->free, &node->free_node);
    table->free_count++;
    if (to_reserve) {
        table->reserved++;
    } else {
        table->used--;
        job_uncharge(table->object.job, RESOURCE_HANDLES, 1);
    }
    __atomic_fetch_sub(&live, 1, __ATOMIC_RELAXED);
}

status_t handle_reserve(struct handle_table *table, uint32_t count) {
    assert(count != 0);
    status_t status = job_charge(table->object.job, RESOURCE_HANDLES, count);
    if (status != OK) {
        return status;
    }
    spin_lock(&table->lock);
    status = ensure_free(table, count);
    if (status == OK) {
        table->reserved += count;
        table->used += count;
    }
    spin_unlock(&table->lock);
    if (status != OK) {
        job_uncharge(table->object.job, RESOURCE_HANDLES, count);
    }
    return status;
}

void handle_unreserve(struct handle_table *table, uint32_t count) {
    spin_lock(&table->lock);
    assert(count <= table->reserved);
    assert(count <= table->used);
    table->reserved -= count;
    table->used -= count;
    spin_unlock(&table->lock);
    job_uncharge(table->object.job, RESOURCE_HANDLES, count);
}

// ---- Tables

// Under the lock: a revoke that freed the last slot has left it.
static bool is_empty(struct handle_table *table) {
    spin_lock(&table->lock);
    bool empty = table->used == table->reserved;
    spin_unlock(&table->lock);
    return empty;
}

bool handle_table_clear(struct handle_table *table, uint32_t budget) {
    assert(spin_none_held());
    bool empty = is_empty(table);
    for (uint32_t scan = budget * CLEAR_SCAN; !empty && budget > 0 && scan > 0; scan--) {
        if (table->sweep >= handle_index_limit(table)) {
            table->sweep = 0;
            break;
        }
        const struct handle *node = handle_slot_at(table, table->sweep);
        if (node == NULL) {
            table->sweep = handle_next_chunk(table->sweep);
            continue;
        }
        uint32_t value = __atomic_load_n(&node->value, __ATOMIC_ACQUIRE);
        if (table->sweep != 0 && (value & HANDLE_NOT_LIVE) == 0 &&
            handle_close(table, value) == OK) {
            budget--;
            empty = is_empty(table);
        }
        table->sweep++;
    }
    return empty || is_empty(table);
}

// Frees chunks from the end of the directory. Returns true when none is left.
static bool free_chunks(struct handle_table *table, struct job *job) {
    assert(table->used == 0);
    for (uint32_t i = 0; i < DESTROY_BATCH && table->chunk_limit > 0; i++) {
        struct handle *chunk = table->chunks[--table->chunk_limit];
        if (chunk != NULL) {
            kpages_free(job, chunk, CHUNK_BYTES);
        }
    }
    return table->chunk_limit == 0;
}

static bool table_destroy(struct object *object) {
    struct handle_table *table = container_of(object, struct handle_table, object);
    struct job *job = object->job;
    if (!handle_table_clear(table, DESTROY_BATCH) || !free_chunks(table, job)) {
        return false;
    }
    assert(table->used == 0 && list_empty(&table->ports));
    if (table->chunks != table->first_chunks) {
        kpages_free(job, table->chunks, DIRECTORY_BYTES);
    }
    return true;
}

status_t handle_table_create(struct job *job, struct handle_table **out) {
    static const struct object_ops ops = {
        .name = "handle_table", .cache = &table_cache, .destroy = table_destroy};
    struct object *object;
    status_t status = object_create(&ops, job, 0, &object);
    if (status != OK) {
        return status;
    }
    struct handle_table *table = container_of(object, struct handle_table, object);
    spin_init(&table->lock, RANK_TABLE);
    list_init(&table->free);
    list_init(&table->ports);
    table->chunks = table->first_chunks;
    table->chunk_limit = HANDLE_CHUNKS_INLINE;
    *out = table;
    return OK;
}

void handle_port_unlink(struct object *object) {
    struct port *port = port_from(object);
    if (object->type == OBJECT_PORT && port->table != NULL) {
        list_remove(&port->table_node);
        port->table = NULL;
    }
}
