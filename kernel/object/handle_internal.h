// SPDX-License-Identifier: MIT
//
// What the files of the handle code share: derivation trees (handle_tree.c) and slots
// (handle_table.c).
#pragma once

#include <object/handle_lookup.h>

// ---- Derivation trees. object->tree_lock is held.

// Links a node that has no parent.
void handle_tree_add_top(struct object *object, struct handle *node);
// Links a child of `parent`.
void handle_tree_add_child(struct object *object, struct handle *parent, struct handle *node);
// Links a node beside `sibling`, under the same parent.
void handle_tree_add_sibling(struct object *object, struct handle *sibling, struct handle *node);
// Unlinks a node; its children take its place.
void handle_tree_remove(struct object *object, struct handle *node);
// Puts the unlinked `other` in the place of `node`, children and all.
void handle_tree_replace(struct object *object, struct handle *node, struct handle *other);

// ---- Slots of a table.

// The first index of the chunk after that of `index`, and the end of those that can be in use. No
// lock.
uint32_t handle_next_chunk(uint32_t index);
uint32_t handle_index_limit(const struct handle_table *table);

// Takes a free slot, the one at `index` or (0) any, and charges it; with `from_reserve` one that
// was promised, which can't fail. table->lock held. ALREADY_EXISTS, OUT_OF_RANGE, LIMIT, NO_MEMORY.
[[nodiscard]] status_t handle_slot_take(struct handle_table *table, uint32_t index,
                                        bool from_reserve, struct handle **out);
// Makes a taken slot a live handle: look-ups find it. Tree lock and table->lock held.
handle_t handle_slot_publish(struct handle *node, struct object *object, uint32_t rights);
// Makes look-ups of a live handle fail from now on. Tree lock held.
void handle_slot_withdraw(struct handle *node);
// Frees a slot that is not live. With `to_reserve` it becomes a promised one again. table->lock
// held.
void handle_slot_put(struct handle *node, bool to_reserve);

// Whether what a look-up saw still holds; then it does as long as the object's tree lock is held.
bool handle_entry_live(const struct handle_entry *entry);
// Drops `count` references that were open handles; the last one tells the object's type. No lock
// held.
void handle_release(struct object *object, uint32_t count);
// The port is no longer named in its table. table->lock held.
void handle_port_unlink(struct object *object);
