// SPDX-License-Identifier: MIT
//
// AVL trees: the heights of a node's two subtrees differ by at most one, so a tree of n nodes is at
// most 1.44 log2(n) high. `balance` is the height of the larger side minus that of the smaller one.
// Insertion and removal walk from the place of change towards the root, correcting balances, until
// a subtree's height comes out as it was before.
//
// A side is 0 or 1 and its opposite is 1 - side, so each case and its mirror image share their
// code; `sign(side)` is what one more level on that side adds to the balance.
#include <ds/tree.h>

static int sign(int side) {
    return side == 0 ? -1 : 1;
}

static int side_of(const struct tree_node *parent, const struct tree_node *node) {
    return parent->child[1] == node;
}

// Makes `replacement` (maybe null) the child of `parent` (null: the root) where `node` was.
static void replace_child(struct tree *tree, struct tree_node *parent, struct tree_node *node,
                          struct tree_node *replacement) {
    if (parent == NULL) {
        tree->root = replacement;
    } else {
        parent->child[side_of(parent, node)] = replacement;
    }
    if (replacement != NULL) {
        replacement->parent = parent;
    }
}

// Lifts the child on the given side above its parent, and corrects both balances. Returns the
// child.
static struct tree_node *rotate(struct tree *tree, struct tree_node *node, int side) {
    struct tree_node *top = node->child[side];
    struct tree_node *middle = top->child[1 - side];
    replace_child(tree, node->parent, node, top);
    top->child[1 - side] = node;
    node->parent = top;
    node->child[side] = middle;
    if (middle != NULL) {
        middle->parent = node;
    }
    // With heights written out, for the side 1 (the other is its mirror image):
    //   node' = node - 1 - max(top, 0)      top' = top - 1 + min(node', 0)
    int s = sign(side);
    int lower = s * node->balance - 1 - (s * top->balance > 0 ? s * top->balance : 0);
    int upper = s * top->balance - 1 + (lower < 0 ? lower : 0);
    node->balance = (int8_t)(s * lower);
    top->balance = (int8_t)(s * upper);
    return top;
}

// Corrects a node whose balance has become 2 or -2. Returns the new root of its subtree.
static struct tree_node *rebalance(struct tree *tree, struct tree_node *node) {
    int side = node->balance > 0;
    struct tree_node *child = node->child[side];
    if (child->balance * sign(side) < 0) {
        rotate(tree, child, 1 - side);
    }
    return rotate(tree, node, side);
}

void tree_insert_at(struct tree *tree, struct tree_node *parent, int side, struct tree_node *node) {
    *node = (struct tree_node){.parent = parent, .linked = true};
    if (parent == NULL) {
        tree->root = node;
        return;
    }
    parent->child[side] = node;
    // Invariant: the subtree of `node` has grown by one level.
    while (parent != NULL) {
        parent->balance += (int8_t)sign(side_of(parent, node));
        if (parent->balance == 0) {
            return;
        }
        if (parent->balance == 2 || parent->balance == -2) {
            rebalance(tree, parent);
            return;
        }
        node = parent;
        parent = node->parent;
    }
}

// The subtree of `parent` on the given side has lost one level: corrects everything above.
static void shrink(struct tree *tree, struct tree_node *parent, int side) {
    while (parent != NULL) {
        parent->balance -= (int8_t)sign(side);
        if (parent->balance == 2 || parent->balance == -2) {
            parent = rebalance(tree, parent);
        }
        if (parent->balance != 0) {
            return;
        }
        struct tree_node *child = parent;
        parent = child->parent;
        if (parent != NULL) {
            side = side_of(parent, child);
        }
    }
}

static struct tree_node *leftmost(struct tree_node *node) {
    while (node->child[0] != NULL) {
        node = node->child[0];
    }
    return node;
}

// Puts `other`, which is unlinked already, in the place of `node`.
static void take_place(struct tree *tree, struct tree_node *node, struct tree_node *other) {
    replace_child(tree, node->parent, node, other);
    other->balance = node->balance;
    for (int side = 0; side < 2; side++) {
        other->child[side] = node->child[side];
        if (other->child[side] != NULL) {
            other->child[side]->parent = other;
        }
    }
}

void tree_remove(struct tree *tree, struct tree_node *node) {
    // A node with two children gives its place to its successor, which has at most one.
    struct tree_node *victim = node;
    if (node->child[0] != NULL && node->child[1] != NULL) {
        victim = leftmost(node->child[1]);
    }
    struct tree_node *parent = victim->parent;
    struct tree_node *only = victim->child[victim->child[0] == NULL];
    int side = parent != NULL ? side_of(parent, victim) : 0;
    replace_child(tree, parent, victim, only);
    if (victim != node) {
        take_place(tree, node, victim);
        if (parent == node) {
            parent = victim;
        }
    }
    shrink(tree, parent, side);
    *node = (struct tree_node){0};
}

struct tree_node *tree_first(const struct tree *tree) {
    return tree->root != NULL ? leftmost(tree->root) : NULL;
}

// The first node of the larger subtree, or the first ancestor on that side.
struct tree_node *tree_next(const struct tree_node *node) {
    if (node->child[1] != NULL) {
        return leftmost(node->child[1]);
    }
    struct tree_node *parent = node->parent;
    while (parent != NULL && parent->child[1] == node) {
        node = parent;
        parent = node->parent;
    }
    return parent;
}
