// SPDX-License-Identifier: MIT
//
// Revoking: kills what is derived from a handle, in whatever table, mapping or message it is.
//
// A step takes the tree's lock once and kills a number of nodes, always the first child, whose own
// children come up in its place. The rest happens without that lock, because it is inner to the
// locks that are needed: slots are freed under their table's lock, mappings taken away under their
// aspace's. Killed entries and mappings hang on a private list meanwhile. Their memory stays: a
// table is not destroyed before its dead slots were freed, and mappings are freed after a grace
// period. A message node is finished at once and not touched again, since its owner may use it for
// another handle.
//
// `revoking` on the handle refuses derivations from it between steps. Below it they go on; a step
// kills more nodes, and faster, than others can derive in the gap to the next one, so revoking
// ends.
#include "handle_internal.h"

#define REVOKE_BATCH 64

struct casualties {
    struct handle *list; // dead entries and mappings, linked by `next`
    uint32_t handles;    // references to drop that counted as open handles
};

// Tree lock held.
static void kill_node(struct object *object, struct handle *node, struct casualties *casualties) {
    assert(spin_held(&object->tree_lock) && node->kind != HANDLE_FREE);
    handle_tree_remove(object, node);
    node->dead = true;
    if (node->kind == HANDLE_MESSAGE) {
        __atomic_store_n(&node->object, NULL, __ATOMIC_RELEASE);
        casualties->handles++;
        return;
    }
    if (node->kind == HANDLE_TABLE_ENTRY) {
        handle_slot_withdraw(node);
    }
    node->next = (uintptr_t)casualties->list;
    casualties->list = node;
}

static void free_dead_slot(struct object *object, struct handle *node) {
    assert(node->dead && node->kind == HANDLE_TABLE_ENTRY);
    struct handle_table *table = node->table;
    spin_lock(&table->lock);
    handle_port_unlink(object);
    handle_slot_put(node, false);
    spin_unlock(&table->lock);
}

static void clean_up(struct object *object, struct casualties *casualties) {
    assert(spin_none_held());
    struct handle *node = casualties->list;
    while (node != NULL) {
        struct handle *next = (struct handle *)node->next;
        if (node->kind == HANDLE_MAPPING) {
            mapping_revoked(node);
        } else {
            free_dead_slot(object, node);
            casualties->handles++;
        }
        node = next;
    }
    // Last: what the type does now may wait for these slots to be free.
    if (casualties->handles != 0) {
        handle_release(object, casualties->handles);
    }
}

status_t handle_revoke(struct handle_table *table, handle_t value) {
    assert(spin_none_held());
    struct handle_entry entry;
    status_t status = handle_lookup(table, value, 0, RIGHT_DUPLICATE, &entry);
    if (status != OK) {
        return status;
    }
    struct casualties casualties = {0};
    struct handle *node = entry.node;
    struct object *object = entry.object;
    spin_lock(&object->tree_lock);
    if (handle_entry_live(&entry)) {
        for (int i = 0; i < REVOKE_BATCH && node->first_child != NULL; i++) {
            kill_node(object, node->first_child, &casualties);
        }
        node->revoking = node->first_child != NULL;
        status = node->revoking ? STATUS_RESTART : OK;
    } else {
        status = ERR_BAD_HANDLE;
    }
    spin_unlock(&object->tree_lock);
    clean_up(object, &casualties);
    return status;
}
