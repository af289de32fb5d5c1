// SPDX-License-Identifier: MIT
//
// Intrusive balanced binary search trees (AVL). The user keeps the key in its own struct and does
// the descent itself through tree_node.child, then calls tree_insert_at; so no comparison function
// pointers. The caller does all locking. Zeroed memory is an empty tree and an unlinked node.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tree_node {
    struct tree_node *parent;
    struct tree_node *child[2]; // 0 smaller, 1 larger
    int8_t balance;             // height of child[1] minus height of child[0]
    bool linked;
};

struct tree {
    struct tree_node *root;
};

// Links `node` as child `side` of `parent` (null: as the root of an empty tree), where the user's
// descent ended, and rebalances.
void tree_insert_at(struct tree *tree, struct tree_node *parent, int side, struct tree_node *node);
// Unlinks and rebalances.
void tree_remove(struct tree *tree, struct tree_node *node);
// In order: the smallest, and the next larger one. Null at the end.
struct tree_node *tree_first(const struct tree *tree);
struct tree_node *tree_next(const struct tree_node *node);

#define tree_entry(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
