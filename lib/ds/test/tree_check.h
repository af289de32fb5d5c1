// SPDX-License-Identifier: MIT
//
// Looks through a whole tree.
#pragma once

#include <ds/tree.h>

// Height of a subtree, or -1 when something in it is wrong.
static inline int checked_height(const struct tree_node *node, const struct tree_node *parent) {
    if (node == NULL) {
        return 0;
    }
    if (node->parent != parent || !node->linked) {
        return -1;
    }
    int smaller = checked_height(node->child[0], node);
    int larger = checked_height(node->child[1], node);
    int balance = larger - smaller;
    if (smaller < 0 || larger < 0 || balance != node->balance || balance < -1 || balance > 1) {
        return -1;
    }
    return 1 + (smaller > larger ? smaller : larger);
}

// Whether the tree is well formed: links and balances.
static inline bool tree_valid(const struct tree *tree) {
    return checked_height(tree->root, NULL) >= 0;
}
