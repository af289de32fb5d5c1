// SPDX-License-Identifier: MIT
//
// Looks through a whole derivation tree, laid out as handle_tree.c says.
#pragma once

#include <object/handle.h>

static inline bool tree_is_thread(uintptr_t link) {
    return (link & 1) != 0;
}

static inline struct handle *tree_node_of(uintptr_t link) {
    return (struct handle *)(link & ~(uintptr_t)1);
}

// The node after `node` in a walk over everything, parents before children; null at the end, and
// `*valid` false when a link on the way is wrong.
static inline const struct handle *tree_walk(const struct object *object, const struct handle *node,
                                             bool *valid) {
    if (node->first_child != NULL) {
        *valid &= tree_is_thread(node->first_child->prev);
        return node->first_child;
    }
    while (tree_is_thread(node->next)) {
        const struct handle *parent = tree_node_of(node->next);
        const struct handle *first = parent != NULL ? parent->first_child : object->first_node;
        *valid &= first != NULL && first->prev == ((uintptr_t)node | 1);
        if (parent == NULL || !*valid) {
            return NULL;
        }
        node = parent;
    }
    *valid &= tree_node_of(node->next)->prev == (uintptr_t)node;
    return tree_node_of(node->next);
}

// Whether all links agree; counts the nodes.
static inline bool handle_tree_valid(const struct object *object, uint32_t *count) {
    const struct handle *node = object->first_node;
    bool valid = node == NULL || tree_is_thread(node->prev);
    for (*count = 0; node != NULL && valid; ++*count) {
        valid = node->object == object && !node->dead;
        node = tree_walk(object, node, &valid);
    }
    return valid;
}
