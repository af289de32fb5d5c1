// SPDX-License-Identifier: MIT
//
// Random work on handles of a few objects in a few tables, in mappings and messages, against a
// naive model that knows each node's parent.
//
// host-sources: lib/test/test.c lib/test/test/host_main.c kernel/test/host/host.c
// host-sources: kernel/test/host/host_source.c kernel/test/host/host_memory.c
// host-sources: kernel/test/host/host_reap.c kernel/sched/spinlock.c kernel/object/object.c
// host-sources: kernel/object/job.c kernel/object/handle.c kernel/object/handle_table.c
// host-sources: kernel/object/handle_tree.c kernel/object/handle_revoke.c
#include "../handle_internal.h"
#include "fixture.h"
#include "tree_check.h"

#define TABLES 3
#define OBJECTS 4
#define MODEL_NODES 400
#define STEPS 100000
#define NO_NODE (-1)

// A node of the model. `node` is the real one when it is in no table.
struct model_node {
    uint8_t kind; // HANDLE_FREE: unused
    int object;
    int table;
    handle_t value;
    uint32_t rights;
    int parent;
    struct handle *node;
};

static struct model_node model[MODEL_NODES];
static struct handle_table *tables[TABLES];
static struct thing *things[OBJECTS];
static uint32_t destroyed;
static uint64_t random_state;
static uint32_t revoked_mappings;

static int pick(uint32_t bound) {
    return (int)test_random_below(&random_state, bound);
}

void mapping_revoked(struct handle *node) {
    revoked_mappings++;
    handle_node_drop(node);
}

// ---- The model

static int model_add(uint8_t kind, int object, int parent, uint32_t rights) {
    for (int i = 0; i < MODEL_NODES; i++) {
        if (model[i].kind == HANDLE_FREE) {
            model[i] = (struct model_node){
                .kind = kind, .object = object, .parent = parent, .rights = rights};
            return i;
        }
    }
    return NO_NODE;
}

// A random node of a kind, or NO_NODE.
static int model_pick(uint8_t kind) {
    for (int tries = 0; tries < 40; tries++) {
        int i = pick(MODEL_NODES);
        if (model[i].kind == kind) {
            return i;
        }
    }
    return NO_NODE;
}

static bool model_below(int node, int ancestor) {
    for (int i = model[node].parent; i != NO_NODE; i = model[i].parent) {
        if (i == ancestor) {
            return true;
        }
    }
    return false;
}

static void model_remove(int node) {
    for (int i = 0; i < MODEL_NODES; i++) {
        if (model[i].kind != HANDLE_FREE && model[i].parent == node) {
            model[i].parent = model[node].parent;
        }
    }
    model[node].kind = HANDLE_FREE;
}

static uint32_t model_count(int object, bool open) {
    uint32_t count = 0;
    for (int i = 0; i < MODEL_NODES; i++) {
        count += model[i].kind != HANDLE_FREE && model[i].object == object &&
                 (!open || model[i].kind != HANDLE_MAPPING);
    }
    return count;
}

// ---- Comparing

static struct handle *real(int i) {
    return model[i].kind == HANDLE_TABLE_ENTRY
               ? handle_slot_at(tables[model[i].table], HANDLE_INDEX(model[i].value))
               : model[i].node;
}

static struct handle *real_parent(const struct handle *node) {
    while ((node->next & 1) == 0) {
        node = (const struct handle *)node->next;
    }
    return (struct handle *)(node->next & ~(uintptr_t)1);
}

static bool same_node(int i) {
    struct handle *node = real(i);
    struct handle *parent = model[i].parent != NO_NODE ? real(model[i].parent) : NULL;
    if (node->object != &things[model[i].object]->object || node->dead || node->revoking ||
        node->kind != model[i].kind || real_parent(node) != parent) {
        return false;
    }
    if (model[i].kind != HANDLE_TABLE_ENTRY) {
        return node->rights == model[i].rights;
    }
    struct handle_entry entry;
    return handle_lookup(tables[model[i].table], model[i].value, 0, 0, &entry) == OK &&
           entry.object == node->object && handle_entry_rights(&entry) == model[i].rights;
}

static bool same(void) {
    uint32_t used[TABLES] = {0};
    for (int i = 0; i < MODEL_NODES; i++) {
        if (model[i].kind != HANDLE_FREE && !same_node(i)) {
            return false;
        }
        if (model[i].kind == HANDLE_TABLE_ENTRY) {
            used[model[i].table]++;
        }
    }
    uint64_t all = 0;
    for (int i = 0; i < TABLES; i++) {
        all += used[i];
        if (tables[i]->used - tables[i]->reserved != used[i]) {
            return false;
        }
    }
    for (int i = 0; i < OBJECTS; i++) {
        uint32_t count;
        if (things[i] != NULL &&
            (!handle_tree_valid(&things[i]->object, &count) || count != model_count(i, false) ||
             things[i]->object.handles != model_count(i, true) || things[i]->object.refs != count ||
             things[i]->gone != (model_count(i, true) == 0))) {
            return false;
        }
    }
    return handle_count() == all;
}

// ---- Operations

static void do_insert(void) {
    int object = pick(OBJECTS);
    int i = things[object] == NULL ? model_add(HANDLE_TABLE_ENTRY, object, NO_NODE, RIGHTS_SOME)
                                   : NO_NODE;
    if (i == NO_NODE) {
        return;
    }
    things[object] = thing_create(OBJECT_EVENT, &destroyed);
    model[i].table = pick(TABLES);
    CHECK_EQ(handle_insert(tables[model[i].table], &things[object]->object, RIGHTS_SOME,
                           &model[i].value),
             OK);
}

static void do_derive(void) {
    int from = model_pick(HANDLE_TABLE_ENTRY);
    if (from == NO_NODE) {
        return;
    }
    uint32_t rights = RIGHTS_SOME & (uint32_t)test_random(&random_state);
    handle_t value;
    status_t status = handle_derive(tables[model[from].table], model[from].value, rights, &value);
    bool allowed =
        (model[from].rights & RIGHT_DUPLICATE) != 0 && (rights & ~model[from].rights) == 0;
    CHECK_EQ(status, allowed ? OK : ERR_ACCESS_DENIED);
    if (status != OK) {
        return;
    }
    int i = model_add(HANDLE_TABLE_ENTRY, model[from].object, from, rights);
    if (i == NO_NODE) {
        CHECK_EQ(handle_close(tables[model[from].table], value), OK);
        return;
    }
    model[i].table = model[from].table;
    model[i].value = value;
}

static void do_derive_node(void) {
    int from = model_pick(HANDLE_TABLE_ENTRY);
    uint8_t kind = pick(2) == 0 ? HANDLE_MAPPING : HANDLE_MESSAGE;
    uint32_t keep = (uint32_t)test_random(&random_state);
    if (from == NO_NODE) {
        return;
    }
    struct handle *node = calloc(1, sizeof(*node));
    node->kind = kind;
    status_t status = handle_derive_node(tables[model[from].table], model[from].value, OBJECT_EVENT,
                                         RIGHT_MAP, keep, node);
    CHECK_EQ(status, (model[from].rights & RIGHT_MAP) != 0 ? OK : ERR_ACCESS_DENIED);
    int i = status == OK ? model_add(kind, model[from].object, from, model[from].rights & keep)
                         : NO_NODE;
    if (i == NO_NODE) {
        handle_node_drop(node);
        free(node);
        return;
    }
    model[i].node = node;
}

static void do_copy_node(void) {
    int from = model_pick(pick(2) == 0 ? HANDLE_MAPPING : HANDLE_MESSAGE);
    int i = from != NO_NODE ? model_add(model[from].kind, model[from].object, model[from].parent,
                                        model[from].rights)
                            : NO_NODE;
    if (i == NO_NODE) {
        return;
    }
    model[i].node = calloc(1, sizeof(*model[i].node));
    CHECK(handle_copy_node(model[from].node, model[i].node));
}

static void do_install(void) {
    int from = model_pick(HANDLE_MESSAGE);
    bool reserved = pick(2) == 0;
    int i = from != NO_NODE
                ? model_add(HANDLE_TABLE_ENTRY, model[from].object, from, model[from].rights)
                : NO_NODE;
    if (i == NO_NODE) {
        return;
    }
    model[i].table = pick(TABLES);
    struct handle_table *table = tables[model[i].table];
    if (reserved) {
        CHECK_EQ(handle_reserve(table, 3), OK);
        host_fail_after = 0;
    }
    CHECK_EQ(handle_install(table, model[from].node, reserved, &model[i].value), OK);
    if (reserved) {
        host_fail_after = HOST_FAIL_NEVER;
        handle_unreserve(table, 2);
    }
}

static void do_close(void) {
    int i = model_pick(HANDLE_TABLE_ENTRY);
    if (i != NO_NODE) {
        CHECK_EQ(handle_close(tables[model[i].table], model[i].value), OK);
        CHECK_EQ(handle_close(tables[model[i].table], model[i].value), ERR_BAD_HANDLE);
        model_remove(i);
    }
}

static void do_drop_node(void) {
    int i = model_pick(pick(2) == 0 ? HANDLE_MAPPING : HANDLE_MESSAGE);
    if (i != NO_NODE) {
        handle_node_drop(model[i].node);
        handle_node_drop(model[i].node);
        free(model[i].node);
        model_remove(i);
    }
}

static void do_move(void) {
    int i = model_pick(HANDLE_TABLE_ENTRY);
    if (i != NO_NODE) {
        int to = pick(TABLES);
        uint32_t index = pick(2) == 0 ? 0 : (uint32_t)pick(500);
        struct handle *there = index != 0 ? handle_slot_at(tables[to], index) : NULL;
        bool taken = there != NULL && there->kind != HANDLE_FREE;
        handle_t value;
        status_t status =
            handle_move(tables[model[i].table], model[i].value, tables[to], index, &value);
        CHECK_EQ(status, taken ? ERR_ALREADY_EXISTS : OK);
        if (status == OK) {
            CHECK(index == 0 || HANDLE_INDEX(value) == index);
            model[i].table = to;
            model[i].value = value;
        }
    }
}

static void do_revoke(void) {
    int root = model_pick(HANDLE_TABLE_ENTRY);
    if (root == NO_NODE) {
        return;
    }
    uint32_t mappings = 0;
    uint32_t seen = revoked_mappings;
    status_t status;
    do {
        status = handle_revoke(tables[model[root].table], model[root].value);
    } while (status == STATUS_RESTART);
    if ((model[root].rights & RIGHT_DUPLICATE) == 0) {
        CHECK_EQ(status, ERR_ACCESS_DENIED);
        return;
    }
    CHECK_EQ(status, OK);
    bool below[MODEL_NODES];
    for (int i = 0; i < MODEL_NODES; i++) {
        below[i] = model[i].kind != HANDLE_FREE && model_below(i, root);
    }
    for (int i = 0; i < MODEL_NODES; i++) {
        if (below[i] && model[i].kind == HANDLE_TABLE_ENTRY) {
            CHECK_EQ(handle_close(tables[model[i].table], model[i].value), ERR_BAD_HANDLE);
        } else if (below[i]) {
            mappings += model[i].kind == HANDLE_MAPPING;
            struct handle copy = {.kind = model[i].kind};
            CHECK(!handle_copy_node(model[i].node, &copy));
            handle_node_drop(model[i].node);
            free(model[i].node);
        }
    }
    CHECK_EQ(revoked_mappings - seen, mappings);
    for (int i = 0; i < MODEL_NODES; i++) {
        if (below[i]) {
            model[i].kind = HANDLE_FREE;
        }
    }
}

// Lets go of objects without nodes; the model must agree that they are dead.
static void reap_things(void) {
    for (int i = 0; i < OBJECTS; i++) {
        if (things[i] != NULL && model_count(i, false) == 0) {
            uint32_t before = destroyed;
            things[i] = NULL;
            host_reap_all();
            CHECK_EQ(destroyed, before + 1);
        }
    }
}

static void step(void) {
    static void (*const operations[])(void) = {
        do_insert,    do_derive,  do_derive,  do_derive, do_derive_node, do_derive_node,
        do_copy_node, do_install, do_install, do_close,  do_drop_node,   do_move,
    };
    if (pick(40) == 0) {
        do_revoke();
    } else {
        operations[pick(ARRAY_SIZE(operations))]();
    }
    reap_things();
}

TEST(handle_random_work) {
    fixture_begin(1);
    random_state = test_seed();
    for (int i = 0; i < TABLES; i++) {
        REQUIRE_EQ(handle_table_create(job_root, &tables[i]), OK);
    }
    for (int i = 0; i < STEPS && !test_failed(); i++) {
        step();
        if (i % 16 == 0) {
            CHECK(same());
        }
    }
    for (int i = 0; i < MODEL_NODES; i++) {
        if (model[i].kind == HANDLE_MAPPING || model[i].kind == HANDLE_MESSAGE) {
            handle_node_drop(model[i].node);
            free(model[i].node);
        }
    }
    for (int i = 0; i < TABLES; i++) {
        table_close(tables[i]);
    }
    fixture_end();
}
