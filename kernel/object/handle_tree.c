// SPDX-License-Identifier: MIT
//
// Derivation trees. Closing a handle splices its children into its place, in constant time however
// many there are, so nothing that a child stores may depend on who its parent is. Only the ends of
// a row of siblings know more than their neighbours. A link whose bit 0 is set is not a neighbour:
//
//   next of the last sibling:   its parent | 1          (1 for nodes without a parent)
//   prev of the first sibling:  the last sibling | 1    (so the row's other end is one step away)
//
// So from a first or last sibling the parent is found in two steps, and that is all that linking
// and unlinking ever need. A middle one's parent is not known; nobody asks.
#include "handle_internal.h"

#define THREAD ((uintptr_t)1)

static bool is_thread(uintptr_t link) {
    return (link & THREAD) != 0;
}

static struct handle *node_of(uintptr_t link) {
    return (struct handle *)(link & ~THREAD);
}

static uintptr_t link_to(const struct handle *node) {
    return (uintptr_t)node;
}

static uintptr_t thread_to(const struct handle *node) {
    return (uintptr_t)node | THREAD;
}

// Where the first node of the row is named whose last node threads to `parent`.
static struct handle **head_of(struct object *object, struct handle *parent) {
    return parent != NULL ? &parent->first_child : &object->first_node;
}

// The same from the links on both sides of a place in the row, of which at least one is a thread.
static struct handle **row_head(struct object *object, uintptr_t prev, uintptr_t next) {
    assert(is_thread(prev) || is_thread(next));
    uintptr_t end = is_thread(next) ? next : node_of(prev)->next;
    return head_of(object, node_of(end));
}

// Puts a row of nodes, linked among themselves, in a place of another row.
static void link_row(struct object *object, uintptr_t prev, struct handle *first,
                     struct handle *last, uintptr_t next) {
    assert(spin_held(&object->tree_lock));
    first->prev = prev;
    last->next = next;
    if (is_thread(prev)) {
        *row_head(object, prev, next) = first;
    } else {
        node_of(prev)->next = link_to(first);
    }
    if (is_thread(next)) {
        (*row_head(object, prev, next))->prev = thread_to(last);
    } else {
        node_of(next)->prev = link_to(last);
    }
}

// Closes the gap that a node leaves.
static void close_gap(struct object *object, uintptr_t prev, uintptr_t next) {
    assert(spin_held(&object->tree_lock));
    if (is_thread(prev) && is_thread(next)) {
        *row_head(object, prev, next) = NULL;
        return;
    }
    if (is_thread(prev)) {
        *row_head(object, prev, next) = node_of(next);
    } else {
        node_of(prev)->next = next;
    }
    if (is_thread(next)) {
        (*row_head(object, prev, next))->prev = thread_to(node_of(prev));
    } else {
        node_of(next)->prev = prev;
    }
}

static void add_first(struct object *object, struct handle *parent, struct handle *node) {
    struct handle **head = head_of(object, parent);
    assert(spin_held(&object->tree_lock));
    node->first_child = NULL;
    if (*head != NULL) {
        link_row(object, (*head)->prev, node, node, link_to(*head));
    } else {
        node->prev = thread_to(node);
        node->next = thread_to(parent);
        *head = node;
    }
}

void handle_tree_add_top(struct object *object, struct handle *node) {
    add_first(object, NULL, node);
}

void handle_tree_add_child(struct object *object, struct handle *parent, struct handle *node) {
    assert(parent->object == object && !parent->dead);
    add_first(object, parent, node);
}

void handle_tree_add_sibling(struct object *object, struct handle *sibling, struct handle *node) {
    assert(spin_held(&object->tree_lock) && sibling->object == object && !sibling->dead);
    node->first_child = NULL;
    link_row(object, link_to(sibling), node, node, sibling->next);
}

void handle_tree_remove(struct object *object, struct handle *node) {
    assert(spin_held(&object->tree_lock) && node->object == object && !node->dead);
    struct handle *first = node->first_child;
    if (first == NULL) {
        close_gap(object, node->prev, node->next);
    } else {
        link_row(object, node->prev, first, node_of(first->prev), node->next);
    }
    node->first_child = NULL;
    node->next = 0;
    node->prev = 0;
}

void handle_tree_replace(struct object *object, struct handle *node, struct handle *other) {
    assert(spin_held(&object->tree_lock) && node->object == object && !node->dead);
    other->first_child = node->first_child;
    if (other->first_child != NULL) {
        node_of(other->first_child->prev)->next = thread_to(other);
    }
    link_row(object, node->prev, other, other, node->next);
    node->first_child = NULL;
    node->next = 0;
    node->prev = 0;
}
