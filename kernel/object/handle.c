// SPDX-License-Identifier: MIT
//
// Handles: looking them up, making and closing them.
//
// A look-up takes no lock. It reads the slot's tag (value, rights, round), then the object, then
// the tag again, and believes them when both tags are the same and hold the wanted value. That is
// right for three reasons.
//
// All live tags of a slot are different: the generation in the value tells 2,048 uses apart, the
// round 65,536 laps of that, and no look-up lasts as long as 134 million uses of a slot.
//
// Publishing writes the object before the tag, freeing the tag before the object, each with
// release. So between two equal live tags the object was that tag's.
//
// The object's memory stays readable until the kernel entry ends (mm/reap.h), even if the handle
// is closed and the last reference dropped meanwhile. Then the caller works on a dead object, as if
// its call had come a moment earlier; whoever stores the pointer uses object_try_ref.
//
// Changes are made under two locks, outer to inner: the table's (its slots) and the object's tree
// lock (the links, `dead`, `revoking`, the going of a live tag). While the tree lock is held, an
// entry whose tag is live is linked in the tree of its object; so deriving a node that is in no
// table needs the tree lock alone.
#include "handle_internal.h"

#include <ipc/port.h>
#include <sched/cpu.h>

#define DESCRIBE_SCAN 1024 // slots that handle_describe_next looks at before it restarts

status_t handle_lookup(struct handle_table *table, handle_t value, uint8_t type, uint32_t rights,
                       struct handle_entry *out) {
    return handle_lookup_inline(table, value, type, rights, out);
}

bool handle_entry_live(const struct handle_entry *entry) {
    assert(spin_held(&entry->object->tree_lock));
    return __atomic_load_n(&entry->node->tag, __ATOMIC_RELAXED) == entry->tag &&
           entry->node->object == entry->object && !entry->node->dead;
}

static void count_handle(struct object *object) {
    assert(spin_held(&object->tree_lock));
    object_ref(object);
    __atomic_fetch_add(&object->handles, 1, __ATOMIC_RELAXED);
}

// What handle_info tells of a slot's past. Like the object, written before the tag is published.
static void set_origin(struct handle *node, uint32_t depth, uint64_t parent_process) {
    __atomic_store_n(&node->depth, depth, __ATOMIC_RELEASE);
    __atomic_store_n(&node->parent_process, parent_process, __ATOMIC_RELEASE);
}

// What handles_gone of one object closes may be the last handle of the next, and so on along a
// chain that a program chooses. So it does not recurse: a CPU that is in a handles_gone puts others
// off until that one has returned. An object that is put off keeps a reference.
static struct closing {
    bool busy;
    struct list put_off; // struct object.reap.node
} closing[CPU_MAX];

static void tell_put_off(struct closing *here) {
    assert(here->busy);
    struct list_node *node;
    while ((node = list_pop_front(&here->put_off)) != NULL) {
        struct object *object = list_entry(node, struct object, reap.node);
        __atomic_store_n(&object->gone_put_off, false, __ATOMIC_RELEASE);
        object->ops->handles_gone(object);
        object_unref(object);
    }
}

void handle_release(struct object *object, uint32_t count) {
    assert(count != 0);
    assert(spin_none_held());
    uint32_t before = __atomic_fetch_sub(&object->handles, count, __ATOMIC_ACQ_REL);
    struct closing *here = &closing[cpu_this()->index];
    assert(before >= count);
    if (before != count || object->ops->handles_gone == NULL) {
        object_unref_many(object, count);
    } else if (!here->busy) {
        here->busy = true;
        list_init(&here->put_off);
        object->ops->handles_gone(object);
        tell_put_off(here);
        here->busy = false;
        object_unref_many(object, count);
    } else if (!__atomic_exchange_n(&object->gone_put_off, true, __ATOMIC_ACQ_REL)) {
        list_push_back(&here->put_off, &object->reap.node);
        object_unref_many(object, count - 1);
    } else {
        object_unref_many(object, count);
    }
}

// ---- First handles

static void port_link(struct handle_table *table, struct object *object) {
    assert(spin_held(&table->lock));
    if (object->type == OBJECT_PORT) {
        struct port *port = port_from(object);
        assert(port->table == NULL);
        port->table = table;
        list_push_back(&table->ports, &port->table_node);
    }
}

// Turns a taken slot into a handle without a parent. The caller's reference becomes the handle's.
static handle_t fill_top(struct handle *node, struct object *object, uint32_t rights) {
    assert(spin_held(&node->table->lock));
    assert(node->kind == HANDLE_TABLE_ENTRY);
    set_origin(node, 0, 0);
    __atomic_fetch_add(&object->handles, 1, __ATOMIC_RELAXED);
    port_link(node->table, object);
    spin_lock(&object->tree_lock);
    handle_t value = handle_slot_publish(node, object, rights);
    handle_tree_add_top(object, node);
    spin_unlock(&object->tree_lock);
    return value;
}

status_t handle_insert(struct handle_table *table, struct object *object, uint32_t rights,
                       handle_t *out) {
    assert(object->refs != 0);
    struct handle *node;
    spin_lock(&table->lock);
    status_t status = handle_slot_take(table, 0, false, &node);
    if (status == OK) {
        *out = fill_top(node, object, rights);
    }
    spin_unlock(&table->lock);
    if (status != OK) {
        object_unref(object);
    }
    return status;
}

// ---- Relatives

// How a new node stands to the one that it comes from.
enum relation {
    DERIVED,   // its child, one deeper
    DELIVERED, // the child of a message node, as deep: that was derived on the way
    COPIED,    // beside it
    MOVED,     // in its place
};

static void fill(struct handle *node, struct object *object, uint32_t rights) {
    assert(spin_held(&object->tree_lock));
    if (node->kind == HANDLE_TABLE_ENTRY) {
        (void)handle_slot_publish(node, object, rights);
        return;
    }
    node->rights = (uint16_t)rights;
    node->revoking = false;
    node->dead = false;
    __atomic_store_n(&node->object, object, __ATOMIC_RELEASE);
}

static void link_as(enum relation relation, struct object *object, struct handle *from,
                    struct handle *node) {
    assert(spin_held(&object->tree_lock));
    assert(from->object == object && !from->dead);
    switch (relation) {
    case DERIVED:
    case DELIVERED:
        handle_tree_add_child(object, from, node);
        break;
    case COPIED:
        handle_tree_add_sibling(object, from, node);
        break;
    case MOVED:
        handle_tree_replace(object, from, node);
        handle_slot_withdraw(from);
        break;
    }
}

// Makes a taken slot, or a node that is in no table, a relative of what was seen, if that is still
// there. BAD_HANDLE, BUSY.
static status_t relate(struct handle *node, const struct handle_entry *seen, uint32_t rights,
                       enum relation relation) {
    assert(node->kind != HANDLE_FREE);
    struct object *object = seen->object;
    struct handle *from = seen->node;
    bool derived = relation == DERIVED;
    spin_lock(&object->tree_lock);
    status_t status = handle_entry_live(seen) ? OK : ERR_BAD_HANDLE;
    if (status == OK && derived && from->revoking) {
        status = ERR_BUSY;
    }
    if (status == OK) {
        set_origin(node, from->depth + derived,
                   derived ? from->table->process : from->parent_process);
        if (node->kind == HANDLE_MAPPING) {
            object_ref(object);
        } else if (relation != MOVED) {
            count_handle(object);
        }
        fill(node, object, rights);
        link_as(relation, object, from, node);
    }
    spin_unlock(&object->tree_lock);
    return status;
}

// Takes a slot of a table, which is locked, for a relative of what was seen; see handle_slot_take.
// A copy has the number of the original.
static status_t add_relative(struct handle_table *table, uint32_t index, bool from_reserve,
                             const struct handle_entry *seen, uint32_t rights,
                             enum relation relation, handle_t *out) {
    assert(spin_held(&table->lock));
    struct handle *node;
    status_t status = handle_slot_take(table, index, from_reserve, &node);
    if (status != OK) {
        return status;
    }
    if (relation == COPIED) {
        __atomic_store_n(&node->value, (uint32_t)seen->tag | HANDLE_NOT_LIVE, __ATOMIC_RELAXED);
    }
    status = relate(node, seen, rights, relation);
    if (status == OK) {
        *out = node->value & ~HANDLE_NOT_LIVE; // it may have been revoked since
    } else {
        handle_slot_put(node, from_reserve);
    }
    return status;
}

status_t handle_derive(struct handle_table *table, handle_t value, uint32_t rights, handle_t *out) {
    struct handle_entry parent;
    status_t status = handle_lookup(table, value, 0, RIGHT_DUPLICATE | rights, &parent);
    if (status == OK) {
        spin_lock(&table->lock);
        status = add_relative(table, 0, false, &parent, rights, DERIVED, out);
        spin_unlock(&table->lock);
    }
    return status;
}

status_t handle_derive_node(struct handle_table *table, handle_t value, uint8_t type, uint32_t need,
                            uint32_t keep, struct handle *node) {
    assert(node->object == NULL);
    assert(node->kind == HANDLE_MAPPING || node->kind == HANDLE_MESSAGE);
    struct handle_entry parent;
    status_t status = handle_lookup(table, value, type, need, &parent);
    return status == OK ? relate(node, &parent, handle_entry_rights(&parent) & keep, DERIVED)
                        : status;
}

// What there is to see of a mapping or message node; false when revoke has taken its object.
static bool see_node(struct handle *node, struct handle_entry *seen) {
    assert(node->kind == HANDLE_MAPPING || node->kind == HANDLE_MESSAGE);
    *seen =
        (struct handle_entry){node, __atomic_load_n(&node->object, __ATOMIC_ACQUIRE), node->tag};
    return seen->object != NULL;
}

bool handle_copy_node(struct handle *from, struct handle *node) {
    assert(node->object == NULL);
    struct handle_entry seen;
    node->kind = from->kind;
    return see_node(from, &seen) && relate(node, &seen, from->rights, COPIED) == OK;
}

status_t handle_install(struct handle_table *table, struct handle *node, bool from_reserve,
                        handle_t *out) {
    struct handle_entry seen;
    if (!see_node(node, &seen)) {
        return ERR_BAD_HANDLE;
    }
    spin_lock(&table->lock);
    status_t status = add_relative(table, 0, from_reserve, &seen, node->rights, DELIVERED, out);
    spin_unlock(&table->lock);
    return status;
}

void handle_node_drop(struct handle *node) {
    assert(node->kind == HANDLE_MAPPING || node->kind == HANDLE_MESSAGE);
    struct object *object = __atomic_load_n(&node->object, __ATOMIC_ACQUIRE);
    if (object == NULL) {
        return;
    }
    // Revoke may be about to kill a message node and take its object: the lock decides.
    spin_lock(&object->tree_lock);
    bool owner = node->object == object;
    if (owner) {
        if (!node->dead) {
            handle_tree_remove(object, node);
        }
        __atomic_store_n(&node->object, NULL, __ATOMIC_RELEASE);
    }
    spin_unlock(&object->tree_lock);
    if (owner && node->kind == HANDLE_MESSAGE) {
        handle_release(object, 1);
    } else if (owner) {
        object_unref(object);
    }
}

// ---- Closing and moving

// Takes what was looked up out of its tree, if it still is there, so that look-ups fail. The table
// is locked.
static bool unlink_entry(const struct handle_entry *entry) {
    assert(spin_held(&entry->node->table->lock));
    struct object *object = entry->object;
    spin_lock(&object->tree_lock);
    bool live = handle_entry_live(entry);
    if (live) {
        handle_tree_remove(object, entry->node);
        handle_slot_withdraw(entry->node);
    }
    spin_unlock(&object->tree_lock);
    if (live) {
        handle_port_unlink(object);
    }
    return live;
}

status_t handle_close(struct handle_table *table, handle_t value) {
    assert(spin_none_held());
    struct handle_entry entry;
    status_t status = handle_lookup(table, value, 0, 0, &entry);
    if (status != OK) {
        return status;
    }
    spin_lock(&table->lock);
    bool closed = unlink_entry(&entry);
    if (closed) {
        handle_slot_put(entry.node, false);
    }
    spin_unlock(&table->lock);
    if (!closed) {
        return ERR_BAD_HANDLE;
    }
    handle_release(entry.object, 1);
    return OK;
}

status_t handle_renew(struct handle_table *table, handle_t value, struct object *object,
                      uint32_t rights) {
    assert(spin_none_held());
    struct handle_entry entry;
    status_t status = handle_lookup(table, value, 0, 0, &entry);
    if (status == OK) {
        spin_lock(&table->lock);
        if (unlink_entry(&entry)) {
            entry.node->round++; // the value comes again, so the tag has to differ
            entry.node->revoking = false;
            (void)fill_top(entry.node, object, rights);
        } else {
            status = ERR_BAD_HANDLE;
        }
        spin_unlock(&table->lock);
    }
    if (status != OK) {
        object_unref(object);
        return status;
    }
    handle_release(entry.object, 1);
    return OK;
}

status_t handle_move(struct handle_table *from, handle_t value, struct handle_table *to,
                     uint32_t index, handle_t *out) {
    struct handle_entry old;
    status_t status = handle_lookup(from, value, 0, 0, &old);
    if (status != OK) {
        return status;
    }
    spin_lock_pair(&from->lock, &to->lock);
    status = add_relative(to, index, false, &old, handle_entry_rights(&old), MOVED, out);
    if (status == OK) {
        handle_port_unlink(old.object);
        port_link(to, old.object);
        handle_slot_put(old.node, false);
    }
    spin_unlock_pair(&from->lock, &to->lock);
    return status;
}

// ---- Describing

status_t handle_describe(struct handle_table *table, handle_t value, struct handle_info *info) {
    struct handle_entry entry;
    status_t status = handle_lookup(table, value, 0, 0, &entry);
    if (status != OK) {
        return status;
    }
    *info = (struct handle_info){
        .handle = value,
        .type = entry.object->type,
        .id = entry.object->id,
        .provider = entry.object->provider,
        .rights = handle_entry_rights(&entry),
        .depth = __atomic_load_n(&entry.node->depth, __ATOMIC_ACQUIRE),
        .parent = __atomic_load_n(&entry.node->parent_process, __ATOMIC_ACQUIRE),
    };
    // Depth and parent are this handle's if the slot still is.
    return __atomic_load_n(&entry.node->tag, __ATOMIC_RELAXED) == entry.tag ? OK : ERR_BAD_HANDLE;
}

status_t handle_describe_next(struct handle_table *table, uint32_t cursor,
                              struct handle_info *info) {
    uint32_t index = HANDLE_INDEX(cursor) + 1;
    for (uint32_t scan = 0; scan < DESCRIBE_SCAN; scan++) {
        if (index >= handle_index_limit(table)) {
            return ERR_NOT_FOUND;
        }
        struct handle *node = handle_slot_at(table, index);
        if (node == NULL) {
            index = handle_next_chunk(index);
            continue;
        }
        uint32_t value = __atomic_load_n(&node->value, __ATOMIC_RELAXED);
        bool used = __atomic_load_n(&node->object, __ATOMIC_RELAXED) != NULL;
        if (used && handle_describe(table, value, info) == OK) {
            return OK;
        }
        index++;
    }
    info->handle = index - 1;
    return STATUS_RESTART;
}

// ---- Copying

static bool is_inherited(const struct handle_info *info) {
    const uint32_t rights = RIGHT_DUPLICATE | RIGHT_TRANSFER;
    return (info->rights & rights) == rights && info->type != OBJECT_JOB &&
           info->type != OBJECT_PROCESS && info->type != OBJECT_THREAD &&
           info->type != OBJECT_ASPACE;
}

status_t handle_copy_next(struct handle_table *from, struct handle_table *to, uint32_t *cursor) {
    struct handle_info info = {0};
    struct handle_entry entry;
    status_t status = handle_describe_next(from, *cursor, &info);
    *cursor = info.handle;
    if (status != OK) {
        return status == STATUS_RESTART ? OK : status;
    }
    if (!is_inherited(&info) || handle_lookup(from, info.handle, 0, 0, &entry) != OK) {
        return OK;
    }
    handle_t out;
    spin_lock_pair(&from->lock, &to->lock);
    status = add_relative(to, HANDLE_INDEX(info.handle), false, &entry, handle_entry_rights(&entry),
                          COPIED, &out);
    spin_unlock_pair(&from->lock, &to->lock);
    // Left out: its index is taken, or it has just been closed.
    return status == ERR_ALREADY_EXISTS || status == ERR_BAD_HANDLE ? OK : status;
}
