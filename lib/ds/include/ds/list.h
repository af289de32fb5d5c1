// SPDX-License-Identifier: MIT
//
// Intrusive doubly linked lists. A struct list is a ring with itself as the sentinel; a node that
// stands in no list points to null, so list_node_linked tells. The caller does all locking.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list_node {
    struct list_node *next;
    struct list_node *prev;
};

struct list {
    struct list_node head;
};

#define LIST_INIT(name)                                                                            \
    {                                                                                              \
        { &(name).head, &(name).head }                                                             \
    }
#define list_entry(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static inline void list_init(struct list *list) {
    list->head.next = &list->head;
    list->head.prev = &list->head;
}

static inline bool list_empty(const struct list *list) {
    return list->head.next == &list->head;
}

static inline bool list_node_linked(const struct list_node *node) {
    return node->next != NULL;
}

static inline void list_insert_between(struct list_node *node, struct list_node *prev,
                                       struct list_node *next) {
    node->prev = prev;
    node->next = next;
    prev->next = node;
    next->prev = node;
}

static inline void list_push_back(struct list *list, struct list_node *node) {
    list_insert_between(node, list->head.prev, &list->head);
}

static inline void list_push_front(struct list *list, struct list_node *node) {
    list_insert_between(node, &list->head, list->head.next);
}

// Inserts `node` right before `next`, which stands in a list (or is its sentinel).
static inline void list_insert_before(struct list_node *next, struct list_node *node) {
    list_insert_between(node, next->prev, next);
}

// Takes the node out of the list it stands in.
static inline void list_remove(struct list_node *node) {
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = NULL;
    node->prev = NULL;
}

// The first node, or null.
static inline struct list_node *list_first(const struct list *list) {
    return list_empty(list) ? NULL : list->head.next;
}

static inline struct list_node *list_last(const struct list *list) {
    return list_empty(list) ? NULL : list->head.prev;
}

// Takes the first node out and returns it, or null.
static inline struct list_node *list_pop_front(struct list *list) {
    struct list_node *node = list_first(list);
    if (node != NULL) {
        list_remove(node);
    }
    return node;
}

#define list_for_each(node, list)                                                                  \
    for (struct list_node *node = (list)->head.next; node != &(list)->head; node = node->next)

// The loop may remove `node`.
#define list_for_each_safe(node, list)                                                             \
    for (struct list_node *node = (list)->head.next, *node##_next = node->next;                    \
         node != &(list)->head; node = node##_next, node##_next = node->next)
