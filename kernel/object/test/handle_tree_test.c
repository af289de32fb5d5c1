// SPDX-License-Identifier: MIT
//
// Derivation trees by themselves: every tree of a few nodes, every order of removing them, against
// a table of parents.
//
// host-sources: lib/test/test.c lib/test/test/host_main.c kernel/test/host/host.c
// host-sources: kernel/sched/spinlock.c kernel/object/handle_tree.c
#include "../../test/host/host.h"
#include "../handle_internal.h"
#include "tree_check.h"

#include <test/host.h>
#include <test/test.h>

#define NODES 6
#define NO_PARENT (-1)
#define UNLINKED (-2)

static struct object object;
static struct handle nodes[NODES + 1]; // the last is for replacing
static int parents[NODES];

static int index_of(const struct handle *node) {
    return node == NULL ? NO_PARENT : (int)(node - nodes);
}

// The parent by walking to the end of the row.
static int parent_of(const struct handle *node) {
    while ((node->next & 1) == 0) {
        node = (const struct handle *)node->next;
    }
    return index_of((const struct handle *)(node->next & ~(uintptr_t)1));
}

static void begin(void) {
    host_cpus_init(1);
    object = (struct object){0};
    object.tree_lock = (struct spinlock)SPINLOCK_INIT(RANK_TREE);
    spin_lock(&object.tree_lock);
    for (int i = 0; i < NODES; i++) {
        nodes[i] = (struct handle){.object = &object};
        parents[i] = UNLINKED;
    }
}

static void add(int node, int parent) {
    parents[node] = parent;
    if (parent == NO_PARENT) {
        handle_tree_add_top(&object, &nodes[node]);
    } else {
        handle_tree_add_child(&object, &nodes[parent], &nodes[node]);
    }
}

static void take(int node) {
    for (int i = 0; i < NODES; i++) {
        if (parents[i] == node) {
            parents[i] = parents[node];
        }
    }
    parents[node] = UNLINKED;
    handle_tree_remove(&object, &nodes[node]);
}

static bool same(void) {
    uint32_t linked = 0;
    uint32_t count;
    for (int i = 0; i < NODES; i++) {
        linked += parents[i] != UNLINKED;
        if (parents[i] != UNLINKED && parent_of(&nodes[i]) != parents[i]) {
            return false;
        }
    }
    return handle_tree_valid(&object, &count) && count == linked;
}

// Numbers in mixed radix: parent of node i is one of -1 ... i-1, in (i + 1) ways.
static void build(int shape) {
    for (int i = 0; i < NODES; i++) {
        add(i, shape % (i + 1) - 1);
        shape /= i + 1;
    }
}

static void order_of(int number, int *order) {
    for (int i = 0; i < NODES; i++) {
        order[i] = i;
    }
    for (int i = NODES - 1; i > 0; i--) {
        int j = number % (i + 1);
        number /= i + 1;
        int swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
}

TEST(tree_every_shape_and_order) {
    enum { SHAPES = 720, ORDERS = 720 };
    for (int shape = 0; shape < SHAPES; shape++) {
        for (int i = 0; i < ORDERS; i++) {
            int order[NODES];
            begin();
            build(shape);
            REQUIRE(same());
            order_of(i, order);
            for (int k = 0; k < NODES; k++) {
                take(order[k]);
                REQUIRE(same());
            }
            REQUIRE(object.first_node == NULL);
        }
    }
}

TEST(tree_siblings_everywhere) {
    for (int shape = 0; shape < 120; shape++) {
        for (int beside = 0; beside < NODES - 1; beside++) {
            begin();
            int rest = shape;
            for (int i = 0; i < NODES - 1; i++) {
                add(i, rest % (i + 1) - 1);
                rest /= i + 1;
            }
            parents[NODES - 1] = parents[beside];
            handle_tree_add_sibling(&object, &nodes[beside], &nodes[NODES - 1]);
            REQUIRE(same());
            CHECK(nodes[beside].next == (uintptr_t)&nodes[NODES - 1]);
            take(beside);
            REQUIRE(same());
        }
    }
}

TEST(tree_replace_everywhere) {
    for (int shape = 0; shape < 720; shape++) {
        for (int victim = 0; victim < NODES; victim++) {
            begin();
            build(shape);
            struct handle *other = &nodes[NODES];
            *other = (struct handle){.object = &object};
            handle_tree_replace(&object, &nodes[victim], other);
            for (int i = 0; i < NODES; i++) {
                int parent = parents[i] == victim ? NODES : parents[i];
                REQUIRE_EQ(parent_of(i == victim ? other : &nodes[i]), parent);
            }
            uint32_t count;
            REQUIRE(handle_tree_valid(&object, &count) && count == NODES);
            handle_tree_replace(&object, other, &nodes[victim]);
            REQUIRE(same());
        }
    }
}

TEST(tree_valid_sees_damage) {
    uint32_t count;
    begin();
    build(719);
    uintptr_t good = nodes[3].prev;
    nodes[3].prev = (uintptr_t)&nodes[0];
    CHECK(!handle_tree_valid(&object, &count));
    nodes[3].prev = good;
    CHECK(handle_tree_valid(&object, &count));
    nodes[2].dead = true;
    CHECK(!handle_tree_valid(&object, &count));
}
