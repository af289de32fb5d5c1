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

status_t handle_lookup_entry(struct handle_table *table, handle_t value, uint8_t type,
                             uint32_t rights, struct handle_entry *entry) {
    return handle_lookup_inline(table, value, type, rights, entry);
}

bool handle_entry_live(const struct handle_entry *entry) {
    assert(spin_held(&entry->object->tree_lock));
    return __atomic_load_n(&entry->node->tag, __ATOMIC_RELAXED) == entry->tag;
}

status_t handle_lookup_rights(struct handle_table *table, handle_t value, uint8_t type,
                              uint32_t rights, struct object **out, uint32_t *have) {
    struct handle_entry entry;
    status_t status = handle_lookup_inline(table, value, type, rights, &entry);
    if (likely(status == OK)) {
        *out = entry.object;
        *have = handle_tag_rights(entry.tag);
    }
    return status;
}

status_t handle_lookup(struct handle_table *table, handle_t value, uint8_t type, uint32_t rights,
                       struct object **out) {
    uint32_t have;
    return handle_lookup_rights(table, value, type, rights, out, &have);
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

status_t handle_insert_pair(struct handle_table *table, struct object *a, uint32_t rights_a,
                            struct object *b, uint32_t rights_b, int64_t *out) {
    struct handle *node_a;
    struct handle *node_b;
    spin_lock(&table->lock);
    status_t status = handle_slot_take(table, 0, false, &node_a);
    if (status == OK) {
        status = handle_slot_take(table, 0, false, &node_b);
        if (status == OK) {
            *out = fill_top(node_a, a, rights_a);
            *out |= (int64_t)fill_top(node_b, b, rights_b) << 32;
        } else {
            handle_slot_put(node_a, false);
        }
    }
    spin_unlock(&table->lock);
    if (status != OK) {
        object_unref(a);
        object_unref(b);
    }
    return status;
}

// ---- Deriving

// Whether new nodes may be derived from a linked node. Tree lock held.
static status_t may_derive(const struct handle *parent) {
    assert(!parent->dead);
    return parent->revoking ? ERR_BUSY : OK;
}

// Links and publishes a taken slot as a child of what was looked up, if that still is there.
static status_t fill_child(struct handle *node, const struct handle_entry *parent, uint32_t rights,
                           handle_t *out) {
    assert(spin_held(&node->table->lock));
    struct object *object = parent->object;
    spin_lock(&object->tree_lock);
    status_t status = handle_entry_live(parent) ? may_derive(parent->node) : ERR_BAD_HANDLE;
    if (status == OK) {
        count_handle(object);
        set_origin(node, parent->node->depth + 1, node->table->process);
        *out = handle_slot_publish(node, object, rights);
        handle_tree_add_child(object, parent->node, node);
    }
    spin_unlock(&object->tree_lock);
    return status;
}

status_t handle_derive(struct handle_table *table, handle_t value, uint32_t rights, handle_t *out) {
    struct handle_entry parent;
    status_t status = handle_lookup_entry(table, value, 0, RIGHT_DUPLICATE | rights, &parent);
    if (status != OK) {
        return status;
    }
    struct handle *node;
    spin_lock(&table->lock);
    status = handle_slot_take(table, 0, false, &node);
    if (status == OK) {
        status = fill_child(node, &parent, rights, out);
        if (status != OK) {
            handle_slot_put(node, false);
        }
    }
    spin_unlock(&table->lock);
    return status;
}

// Fills in a node that is in no table, and counts it. Tree lock held; the caller links it.
static void fill_node(struct handle *node, struct object *object, uint32_t rights, uint32_t depth,
                      uint64_t parent_process) {
    assert(spin_held(&object->tree_lock));
    *node = (struct handle){
        .object = object,
        .rights = (uint16_t)rights,
        .parent_process = parent_process,
        .depth = depth,
        .kind = node->kind,
    };
    if (node->kind == HANDLE_MESSAGE) {
        count_handle(object);
    } else {
        object_ref(object);
    }
}

status_t handle_derive_node(struct handle_table *table, handle_t value, uint8_t type, uint32_t need,
                            uint32_t keep, struct handle *node) {
    struct handle_entry entry;
    assert(node->kind == HANDLE_MAPPING || node->kind == HANDLE_MESSAGE);
    status_t status = handle_lookup_entry(table, value, type, need, &entry);
    if (status != OK) {
        return status;
    }
    struct object *object = entry.object;
    spin_lock(&object->tree_lock);
    status = handle_entry_live(&entry) ? may_derive(entry.node) : ERR_BAD_HANDLE;
    if (status == OK) {
        fill_node(node, object, handle_tag_rights(entry.tag) & keep, entry.node->depth + 1,
                  table->process);
        handle_tree_add_child(object, entry.node, node);
    }
    spin_unlock(&object->tree_lock);
    return status;
}

bool handle_copy_node(struct handle *from, struct handle *node) {
    struct object *object = __atomic_load_n(&from->object, __ATOMIC_ACQUIRE);
    if (object == NULL) {
        return false;
    }
    spin_lock(&object->tree_lock);
    bool alive = from->object == object && !from->dead;
    if (alive) {
        node->kind = from->kind;
        fill_node(node, object, from->rights, from->depth, from->parent_process);
        handle_tree_add_sibling(object, from, node);
    }
    spin_unlock(&object->tree_lock);
    return alive;
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

status_t handle_install(struct handle_table *table, struct handle *node, bool from_reserve,
                        handle_t *out) {
    struct handle *entry;
    struct object *object = __atomic_load_n(&node->object, __ATOMIC_ACQUIRE);
    assert(node->kind == HANDLE_MESSAGE);
    if (object == NULL) {
        return ERR_BAD_HANDLE;
    }
    spin_lock(&table->lock);
    status_t status = handle_slot_take(table, 0, from_reserve, &entry);
    if (status == OK) {
        spin_lock(&object->tree_lock);
        if (node->object == object) {
            count_handle(object);
            set_origin(entry, node->depth, node->parent_process);
            *out = handle_slot_publish(entry, object, node->rights);
            handle_tree_add_child(object, node, entry);
        } else {
            status = ERR_BAD_HANDLE;
        }
        spin_unlock(&object->tree_lock);
        if (status != OK) {
            handle_slot_put(entry, from_reserve);
        }
    }
    spin_unlock(&table->lock);
    return status;
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
    struct handle_entry entry;
    status_t status = handle_lookup_entry(table, value, 0, 0, &entry);
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
    struct handle_entry entry;
    status_t status = handle_lookup_entry(table, value, 0, 0, &entry);
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

// Puts a taken slot of another table in the place of a handle. Both tables are locked.
static status_t replace_entry(const struct handle_entry *old, struct handle *node, handle_t *out) {
    assert(spin_held(&old->node->table->lock) && spin_held(&node->table->lock));
    struct object *object = old->object;
    spin_lock(&object->tree_lock);
    bool live = handle_entry_live(old);
    if (live) {
        set_origin(node, old->node->depth, old->node->parent_process);
        *out = handle_slot_publish(node, object, handle_tag_rights(old->tag));
        handle_tree_replace(object, old->node, node);
        handle_slot_withdraw(old->node);
    }
    spin_unlock(&object->tree_lock);
    if (!live) {
        handle_slot_put(node, false);
        return ERR_BAD_HANDLE;
    }
    handle_port_unlink(object);
    port_link(node->table, object);
    handle_slot_put(old->node, false);
    return OK;
}

status_t handle_move(struct handle_table *from, handle_t value, struct handle_table *to,
                     uint32_t index, handle_t *out) {
    struct handle_entry entry;
    status_t status = handle_lookup_entry(from, value, 0, 0, &entry);
    if (status != OK) {
        return status;
    }
    struct handle *node;
    spin_lock_pair(&from->lock, &to->lock);
    status = handle_slot_take(to, index, false, &node);
    if (status == OK) {
        status = replace_entry(&entry, node, out);
    }
    spin_unlock_pair(&from->lock, &to->lock);
    return status;
}

// ---- Describing

static status_t describe(struct handle *node, handle_t value, struct handle_info *info) {
    struct handle seen = {.tag = __atomic_load_n(&node->tag, __ATOMIC_ACQUIRE)};
    const struct object *object = __atomic_load_n(&node->object, __ATOMIC_ACQUIRE);
    *info = (struct handle_info){
        .handle = value,
        .rights = seen.rights,
        .depth = __atomic_load_n(&node->depth, __ATOMIC_ACQUIRE),
        .parent = __atomic_load_n(&node->parent_process, __ATOMIC_ACQUIRE),
    };
    if (seen.value != value || object == NULL ||
        __atomic_load_n(&node->tag, __ATOMIC_RELAXED) != seen.tag) {
        return ERR_BAD_HANDLE;
    }
    info->type = object->type;
    info->id = object->id;
    info->provider = object->provider;
    return OK;
}

status_t handle_describe(struct handle_table *table, handle_t value, struct handle_info *info) {
    struct handle *node = handle_slot_at(table, HANDLE_INDEX(value));
    if (node == NULL || (value & HANDLE_NOT_LIVE) != 0) {
        return ERR_BAD_HANDLE;
    }
    return describe(node, value, info);
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
        if ((value & HANDLE_NOT_LIVE) == 0 && describe(node, value, info) == OK) {
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

// Makes a taken slot of another table a copy of what was looked up, with the same number and beside
// it in the tree. Both tables are locked.
static bool copy_entry(const struct handle_entry *from, struct handle *node) {
    assert(spin_held(&from->node->table->lock) && spin_held(&node->table->lock));
    struct object *object = from->object;
    spin_lock(&object->tree_lock);
    bool live = handle_entry_live(from);
    if (live) {
        count_handle(object);
        set_origin(node, from->node->depth, from->node->parent_process);
        __atomic_store_n(&node->value, (uint32_t)from->tag | HANDLE_NOT_LIVE, __ATOMIC_RELAXED);
        (void)handle_slot_publish(node, object, handle_tag_rights(from->tag));
        handle_tree_add_sibling(object, from->node, node);
    }
    spin_unlock(&object->tree_lock);
    return live;
}

status_t handle_copy_next(struct handle_table *from, struct handle_table *to, uint32_t *cursor) {
    struct handle_info info = {0};
    struct handle_entry entry;
    status_t status = handle_describe_next(from, *cursor, &info);
    *cursor = info.handle;
    if (status != OK) {
        return status == STATUS_RESTART ? OK : status;
    }
    if (!is_inherited(&info) || handle_lookup_entry(from, info.handle, 0, 0, &entry) != OK) {
        return OK;
    }
    struct handle *node;
    spin_lock_pair(&from->lock, &to->lock);
    status = handle_slot_take(to, HANDLE_INDEX(info.handle), false, &node);
    if (status == OK && !copy_entry(&entry, node)) {
        handle_slot_put(node, false);
    }
    spin_unlock_pair(&from->lock, &to->lock);
    return status == ERR_ALREADY_EXISTS ? OK : status;
}
