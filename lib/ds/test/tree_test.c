// SPDX-License-Identifier: MIT
//
// AVL trees against an array of flags: every insertion order of a few keys, then random work.
//
// host-sources: lib/ds/tree.c lib/test/test.c lib/test/test/host_main.c
#include "tree_check.h"

#include <ds/tree.h>
#include <test/host.h>
#include <test/test.h>

#include <string.h>

#define KEYS 400

struct item {
    int key;
    struct tree_node node;
};

static struct item items[KEYS];
static bool present[KEYS];

static struct item *item_of(struct tree_node *node) {
    return node != NULL ? tree_entry(node, struct item, node) : NULL;
}

static void reset(struct tree *tree) {
    memset(items, 0, sizeof(items));
    memset(present, 0, sizeof(present));
    tree->root = NULL;
    for (int i = 0; i < KEYS; i++) {
        items[i].key = i;
    }
}

static void insert(struct tree *tree, int key) {
    struct tree_node *parent = NULL;
    struct tree_node *node = tree->root;
    int side = 0;
    while (node != NULL) {
        parent = node;
        side = key > item_of(node)->key;
        node = node->child[side];
    }
    tree_insert_at(tree, parent, side, &items[key].node);
    present[key] = true;
}

static void take(struct tree *tree, int key) {
    tree_remove(tree, &items[key].node);
    present[key] = false;
}

// Whether both walks show exactly the keys that are present.
static bool same(const struct tree *tree, int keys) {
    struct tree_node *up = tree_first(tree);
    for (int i = 0; i < keys; i++) {
        if (present[i] != items[i].node.linked) {
            return false;
        }
        if (present[i]) {
            if (up == NULL || item_of(up)->key != i) {
                return false;
            }
            up = tree_next(up);
        }
    }
    return up == NULL && tree_valid(tree);
}

// Writes the `number`th order of `count` keys.
static void order_of(int number, int count, int *order) {
    for (int i = 0; i < count; i++) {
        order[i] = i;
    }
    for (int i = count - 1; i > 0; i--) {
        int j = number % (i + 1);
        number /= i + 1;
        int swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
}

TEST(tree_all_small_orders) {
    enum { SMALL = 6, ORDERS = 720 };
    struct tree tree;
    for (int i = 0; i < ORDERS; i++) {
        int first[SMALL];
        int second[SMALL];
        order_of(i, SMALL, first);
        for (int j = 0; j < ORDERS; j++) {
            order_of(j, SMALL, second);
            reset(&tree);
            for (int k = 0; k < SMALL; k++) {
                insert(&tree, first[k]);
            }
            REQUIRE(same(&tree, SMALL));
            for (int k = 0; k < SMALL; k++) {
                take(&tree, second[k]);
                REQUIRE(same(&tree, SMALL));
            }
        }
    }
}

TEST(tree_rising_keys_stay_low) {
    struct tree tree;
    reset(&tree);
    for (int i = 0; i < KEYS; i++) {
        insert(&tree, i);
    }
    CHECK(same(&tree, KEYS));
    int height = 0;
    for (struct tree_node *node = tree.root; node != NULL; node = node->child[node->balance > 0]) {
        height++;
    }
    CHECK(height <= 12);
}

TEST(tree_random_work) {
    struct tree tree;
    uint64_t random = test_seed();
    reset(&tree);
    for (int step = 0; step < 50000; step++) {
        int key = (int)test_random_below(&random, KEYS);
        if (present[key]) {
            take(&tree, key);
        } else {
            insert(&tree, key);
        }
        REQUIRE(tree_valid(&tree));
        if (step % 97 == 0) {
            REQUIRE(same(&tree, KEYS));
        }
    }
    for (int key = 0; key < KEYS; key++) {
        if (present[key]) {
            take(&tree, key);
        }
    }
    CHECK(tree.root == NULL);
}
