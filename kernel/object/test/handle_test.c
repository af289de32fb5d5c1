// SPDX-License-Identifier: MIT
//
// Handles, case by case: errors, generations, reservations, limits, revoking in steps, ports,
// memory that runs out.
//
// host-sources: lib/test/test.c lib/test/test/host_main.c kernel/test/host/host.c
// host-sources: kernel/test/host/host_source.c kernel/test/host/host_memory.c
// host-sources: kernel/test/host/host_reap.c kernel/sched/spinlock.c kernel/object/object.c
// host-sources: kernel/object/job.c kernel/object/handle.c kernel/object/handle_table.c
// host-sources: kernel/object/handle_tree.c kernel/object/handle_revoke.c
#include "../handle_internal.h"
#include "fixture.h"

#include <ipc/port.h>

static struct handle_table *begin(void) {
    struct handle_table *table = NULL;
    fixture_begin(1);
    CHECK_EQ(handle_table_create(job_root, &table), OK);
    return table;
}

static handle_t insert(struct handle_table *table, uint8_t type, uint32_t rights,
                       uint32_t *destroyed) {
    handle_t value = HANDLE_NONE;
    CHECK_EQ(handle_insert(table, &thing_create(type, destroyed)->object, rights, &value), OK);
    return value;
}

static handle_t derive(struct handle_table *table, handle_t from, uint32_t rights) {
    handle_t value = HANDLE_NONE;
    CHECK_EQ(handle_derive(table, from, rights, &value), OK);
    return value;
}

TEST(handle_first_handles_are_small_numbers) {
    struct handle_table *table = begin();
    for (handle_t i = 1; i <= 10; i++) {
        CHECK_EQ(insert(table, OBJECT_EVENT, RIGHTS_SOME, NULL), i);
    }
    table_close(table);
    fixture_end();
}

TEST(handle_lookup_errors) {
    struct handle_table *table = begin();
    struct handle_entry entry;
    handle_t value = insert(table, OBJECT_VMO, RIGHT_READ | RIGHT_MAP, NULL);
    CHECK_EQ(handle_lookup(table, value, 0, 0, &entry), OK);
    CHECK_EQ(handle_lookup(table, value, OBJECT_VMO, RIGHT_READ, &entry), OK);
    CHECK_EQ(handle_entry_rights(&entry), RIGHT_READ | RIGHT_MAP);
    CHECK_EQ(handle_lookup(table, value, OBJECT_EVENT, 0, &entry), ERR_WRONG_TYPE);
    CHECK_EQ(handle_lookup(table, value, OBJECT_VMO, RIGHT_READ | RIGHT_WRITE, &entry),
             ERR_ACCESS_DENIED);
    CHECK_EQ(handle_lookup(table, HANDLE_NONE, 0, 0, &entry), ERR_BAD_HANDLE);
    CHECK_EQ(handle_lookup(table, value + 1, 0, 0, &entry), ERR_BAD_HANDLE);
    CHECK_EQ(handle_lookup(table, value | 1u << 20, 0, 0, &entry), ERR_BAD_HANDLE);
    CHECK_EQ(handle_lookup(table, value | 1u << 31, 0, 0, &entry), ERR_BAD_HANDLE);
    // The value that a free slot holds inside, and everything past the chunks.
    CHECK_EQ(handle_lookup(table, (value + 1) | 1u << 31, 0, 0, &entry), ERR_BAD_HANDLE);
    CHECK_EQ(handle_lookup(table, 64, 0, 0, &entry), ERR_BAD_HANDLE);
    CHECK_EQ(handle_lookup(table, HANDLE_TABLE_MAX, 0, 0, &entry), ERR_BAD_HANDLE);
    CHECK_EQ(handle_lookup(table, UINT32_MAX, 0, 0, &entry), ERR_BAD_HANDLE);
    table_close(table);
    fixture_end();
}

TEST(handle_generations) {
    struct handle_table *table = begin();
    struct handle_entry entry;
    // Leaves one free slot, so that each insertion uses the same one.
    for (int i = 1; i < HANDLE_CHUNK - 1; i++) {
        insert(table, OBJECT_EVENT, RIGHTS_SOME, NULL);
    }
    handle_t first = insert(table, OBJECT_EVENT, RIGHTS_SOME, NULL);
    handle_t value = first;
    for (uint32_t generation = 1; generation < 2048; generation++) {
        REQUIRE_EQ(handle_close(table, value), OK);
        REQUIRE_EQ(handle_lookup(table, value, 0, 0, &entry), ERR_BAD_HANDLE);
        value = insert(table, OBJECT_EVENT, RIGHTS_SOME, NULL);
        REQUIRE_EQ(value, first | generation << HANDLE_INDEX_BITS);
        REQUIRE_EQ(handle_lookup(table, first, 0, 0, &entry), ERR_BAD_HANDLE);
    }
    // The next lap: the value comes again, but not the tag.
    const struct handle *node = handle_slot_at(table, HANDLE_INDEX(first));
    CHECK_EQ(node->round, 0);
    CHECK_EQ(handle_close(table, value), OK);
    CHECK_EQ(insert(table, OBJECT_EVENT, RIGHTS_SOME, NULL), first);
    CHECK_EQ(node->round, 1);
    table_close(table);
    fixture_end();
}

TEST(handle_free_slots_age) {
    struct handle_table *table = begin();
    handle_t seen[HANDLE_CHUNK];
    for (int i = 1; i < HANDLE_CHUNK; i++) {
        seen[i] = insert(table, OBJECT_EVENT, RIGHTS_SOME, NULL);
        CHECK_EQ(handle_close(table, seen[i]), OK);
        CHECK_EQ(seen[i], (handle_t)i);
    }
    table_close(table);
    fixture_end();
}

TEST(handle_derive_rights) {
    struct handle_table *table = begin();
    uint32_t destroyed = 0;
    handle_t out;
    handle_t top = insert(table, OBJECT_VMO, RIGHTS_SOME, &destroyed);
    handle_t mute = derive(table, top, RIGHT_READ);
    CHECK_EQ(handle_derive(table, mute, RIGHT_READ, &out), ERR_ACCESS_DENIED);
    CHECK_EQ(handle_derive(table, top, RIGHT_READ | RIGHT_KILL, &out), ERR_ACCESS_DENIED);
    CHECK_EQ(handle_derive(table, top, 1u << 30, &out), ERR_ACCESS_DENIED);
    CHECK_EQ(handle_derive(table, top + 100, 0, &out), ERR_BAD_HANDLE);
    CHECK_EQ(handle_close(table, top), OK);
    CHECK_EQ(handle_close(table, top), ERR_BAD_HANDLE);
    host_reap_all();
    CHECK_EQ(destroyed, 0);
    CHECK_EQ(handle_close(table, mute), OK);
    host_reap_all();
    CHECK_EQ(destroyed, 1);
    table_close(table);
    fixture_end();
}

TEST(handle_describe) {
    struct handle_table *table = begin();
    struct handle_info info;
    table->process = 77;
    struct thing *thing = thing_create(OBJECT_VMO, NULL);
    thing->object.provider = 5;
    handle_t top;
    REQUIRE_EQ(handle_insert(table, &thing->object, RIGHTS_SOME, &top), OK);
    handle_t child = derive(table, top, RIGHT_READ | RIGHT_DUPLICATE);
    handle_t grandchild = derive(table, child, 0);
    CHECK_EQ(handle_describe(table, grandchild, &info), OK);
    CHECK(info.handle == grandchild && info.type == OBJECT_VMO && info.rights == 0 &&
          info.depth == 2 && info.id == thing->object.id && info.provider == 5 &&
          info.parent == 77);
    CHECK_EQ(handle_describe(table, top, &info), OK);
    CHECK(info.depth == 0 && info.parent == 0 && info.rights == RIGHTS_SOME);
    CHECK_EQ(handle_close(table, child), OK);
    CHECK_EQ(handle_describe(table, child, &info), ERR_BAD_HANDLE);
    CHECK_EQ(handle_describe_next(table, 0, &info), OK);
    CHECK_EQ(info.handle, top);
    CHECK_EQ(handle_describe_next(table, info.handle, &info), OK);
    CHECK_EQ(info.handle, grandchild);
    CHECK_EQ(handle_describe_next(table, info.handle, &info), ERR_NOT_FOUND);
    table_close(table);
    fixture_end();
}

TEST(handle_walk_of_a_sparse_table_restarts) {
    struct handle_table *table = begin();
    struct handle_info info;
    handle_t last = HANDLE_NONE;
    for (int i = 0; i < 5000; i++) {
        last = insert(table, OBJECT_EVENT, RIGHTS_SOME, NULL);
    }
    for (handle_t value = 1; value < last; value++) {
        REQUIRE_EQ(handle_close(table, value), OK);
    }
    uint32_t cursor = 0;
    uint32_t restarts = 0;
    status_t status;
    while ((status = handle_describe_next(table, cursor, &info)) == STATUS_RESTART) {
        cursor = info.handle;
        restarts++;
    }
    CHECK_EQ(status, OK);
    CHECK_EQ(info.handle, last);
    CHECK_EQ(restarts, 4);
    table_close(table);
    fixture_end();
}

TEST(handle_table_is_bounded) {
    struct handle_table *table = begin();
    uint32_t destroyed = 0;
    handle_t value;
    for (int i = 1; i < HANDLE_TABLE_MAX; i++) {
        REQUIRE_EQ(insert(table, OBJECT_EVENT, RIGHTS_SOME, NULL), (handle_t)i);
    }
    CHECK_EQ(handle_insert(table, &thing_create(OBJECT_EVENT, &destroyed)->object, 0, &value),
             ERR_LIMIT);
    host_reap_all();
    CHECK_EQ(destroyed, 1);
    CHECK_EQ(handle_reserve(table, 1), ERR_LIMIT);
    CHECK_EQ(handle_close(table, 30000), OK);
    CHECK_EQ(handle_reserve(table, 1), OK);
    handle_unreserve(table, 1);
    CHECK_EQ(job_root->counters[RESOURCE_HANDLES].used, HANDLE_TABLE_MAX - 2);
    table_close(table);
    fixture_end();
}

TEST(handle_job_limit) {
    struct handle_table *table;
    struct job *job;
    handle_t value;
    const struct job_limits limits = {.memory_pages = 100, .handles = 3};
    fixture_begin(1);
    REQUIRE_EQ(job_create(job_root, &limits, &job), OK);
    REQUIRE_EQ(handle_table_create(job, &table), OK);
    CHECK_EQ(handle_reserve(table, 4), ERR_LIMIT);
    CHECK_EQ(handle_reserve(table, 2), OK);
    handle_t top = insert(table, OBJECT_VMO, RIGHTS_SOME, NULL);
    CHECK_EQ(handle_derive(table, top, 0, &value), ERR_LIMIT);
    // The reserved slots are there whatever happens.
    struct handle message = {.kind = HANDLE_MESSAGE};
    CHECK_EQ(handle_derive_node(table, top, 0, RIGHT_TRANSFER, RIGHTS_ALL, &message), OK);
    CHECK_EQ(handle_install(table, &message, false, &value), ERR_LIMIT);
    CHECK_EQ(handle_install(table, &message, true, &value), OK);
    handle_unreserve(table, 1);
    CHECK_EQ(job->counters[RESOURCE_HANDLES].used, 2);
    handle_node_drop(&message);
    object_unref(&job->object);
    table_close(table);
    fixture_end();
}

TEST(handle_reservation_survives_a_full_table) {
    struct handle_table *table = begin();
    handle_t top = insert(table, OBJECT_VMO, RIGHTS_SOME, NULL);
    struct handle message = {.kind = HANDLE_MESSAGE};
    handle_t value;
    REQUIRE_EQ(handle_derive_node(table, top, 0, RIGHT_TRANSFER, RIGHTS_ALL, &message), OK);
    REQUIRE_EQ(handle_reserve(table, 4), OK);
    host_fail_after = 0;
    while (handle_derive(table, top, 0, &value) == OK) {
    }
    CHECK_EQ(table->free_count, 4);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(handle_install(table, &message, true, &value), OK);
    }
    CHECK_EQ(table->free_count, 0);
    CHECK_EQ(table->reserved, 0);
    host_fail_after = HOST_FAIL_NEVER;
    handle_node_drop(&message);
    table_close(table);
    fixture_end();
}

TEST(handle_revoke_in_steps) {
    struct handle_table *table = begin();
    struct thing *thing = thing_create(OBJECT_VMO, NULL);
    handle_t out;
    handle_t top;
    REQUIRE_EQ(handle_insert(table, &thing->object, RIGHTS_SOME, &top), OK);
    handle_t root = derive(table, top, RIGHTS_SOME);
    handle_t beside = derive(table, top, RIGHTS_SOME);
    handle_t chain = root;
    for (int i = 0; i < 150; i++) {
        chain = derive(table, chain, RIGHTS_SOME);
    }
    CHECK_EQ(handle_revoke(table, root), STATUS_RESTART);
    struct handle node = {.kind = HANDLE_MESSAGE};
    CHECK_EQ(handle_derive(table, root, 0, &out), ERR_BUSY);
    CHECK_EQ(handle_derive_node(table, root, 0, 0, 0, &node), ERR_BUSY);
    CHECK_EQ(handle_derive(table, beside, 0, &out), OK);
    CHECK_EQ(handle_revoke(table, root), STATUS_RESTART);
    CHECK_EQ(handle_revoke(table, root), OK);
    CHECK_EQ(handle_derive(table, chain, 0, &out), ERR_BAD_HANDLE);
    CHECK_EQ(handle_derive(table, root, 0, &out), OK);
    CHECK_EQ(thing->object.handles, 5);
    handle_t mute = derive(table, top, 0);
    CHECK_EQ(handle_revoke(table, mute), ERR_ACCESS_DENIED);
    CHECK_EQ(handle_revoke(table, chain), ERR_BAD_HANDLE);
    table_close(table);
    fixture_end();
}

TEST(handle_revoked_message_is_empty) {
    struct handle_table *table = begin();
    struct thing *thing = thing_create(OBJECT_VMO, NULL);
    handle_t top;
    handle_t out;
    struct handle message = {.kind = HANDLE_MESSAGE};
    struct handle copy = {.kind = HANDLE_MESSAGE};
    REQUIRE_EQ(handle_insert(table, &thing->object, RIGHTS_SOME, &top), OK);
    REQUIRE_EQ(handle_derive_node(table, top, OBJECT_VMO, 0, RIGHT_READ, &message), OK);
    CHECK_EQ(message.rights, RIGHT_READ);
    CHECK_EQ(thing->object.handles, 2);
    REQUIRE_EQ(handle_reserve(table, 1), OK);
    CHECK_EQ(handle_revoke(table, top), OK);
    CHECK_EQ(thing->object.handles, 1);
    CHECK(message.object == NULL);
    CHECK_EQ(handle_install(table, &message, true, &out), ERR_BAD_HANDLE);
    CHECK_EQ(table->reserved, 1);
    CHECK(!handle_copy_node(&message, &copy));
    handle_node_drop(&message);
    // The node serves again.
    CHECK_EQ(handle_derive_node(table, top, OBJECT_VMO, 0, RIGHT_READ, &message), OK);
    CHECK_EQ(handle_close(table, top), OK);
    CHECK_EQ(thing->gone, 0);
    CHECK_EQ(handle_install(table, &message, true, &out), OK);
    handle_node_drop(&message);
    CHECK_EQ(thing->gone, 0);
    CHECK_EQ(handle_close(table, out), OK);
    table_close(table);
    fixture_end();
}

TEST(handle_gone_once) {
    struct handle_table *table = begin();
    struct thing *thing = thing_create(OBJECT_VMO, NULL);
    handle_t top;
    struct handle mapping = {.kind = HANDLE_MAPPING};
    object_ref(&thing->object);
    REQUIRE_EQ(handle_insert(table, &thing->object, RIGHTS_SOME, &top), OK);
    REQUIRE_EQ(handle_derive_node(table, top, OBJECT_VMO, RIGHT_MAP, RIGHTS_ALL, &mapping), OK);
    CHECK_EQ(handle_close(table, top), OK);
    CHECK_EQ(thing->gone, 1); // mappings are no open handles
    CHECK_EQ(thing->object.refs, 2);
    struct handle split = {0};
    CHECK(handle_copy_node(&mapping, &split));
    CHECK_EQ(split.kind, HANDLE_MAPPING);
    handle_node_drop(&mapping);
    handle_node_drop(&split);
    CHECK_EQ(thing->gone, 1);
    CHECK_EQ(thing->object.refs, 1);
    object_unref(&thing->object);
    table_close(table);
    fixture_end();
}

// An object whose table holds the last handle of the next one, like a process that was never
// started.
struct link {
    struct object object;
    struct handle_table *table;
};

static uint32_t links_gone;
static uint32_t nesting;
static uint32_t deepest;

static void link_gone(struct object *object) {
    struct link *link = container_of(object, struct link, object);
    links_gone++;
    nesting++;
    deepest = MAX(deepest, nesting);
    table_close(link->table);
    nesting--;
}

static bool link_destroy(struct object *object) {
    free(container_of(object, struct link, object));
    object_fini(job_root);
    return true;
}

TEST(handle_gone_does_not_nest) {
    static const struct object_ops ops = {
        .name = "link", .handles_gone = link_gone, .destroy = link_destroy};
    enum { LINKS = 5000 };
    struct handle_table *table = begin();
    handle_t value = HANDLE_NONE;
    struct object *inner = NULL;
    for (int i = 0; i < LINKS; i++) {
        struct link *link = calloc(1, sizeof(*link));
        object_init(&link->object, &ops, OBJECT_PROCESS, job_root, 0);
        REQUIRE_EQ(handle_table_create(job_root, &link->table), OK);
        if (inner != NULL) {
            REQUIRE_EQ(handle_insert(link->table, inner, RIGHT_READ, &value), OK);
        }
        inner = &link->object;
    }
    links_gone = deepest = 0;
    REQUIRE_EQ(handle_insert(table, inner, RIGHT_READ, &value), OK);
    CHECK_EQ(handle_close(table, value), OK);
    CHECK_EQ(links_gone, LINKS);
    CHECK_EQ(deepest, 1);
    table_close(table);
    fixture_end();
}

TEST(handle_ports_follow_their_table) {
    struct handle_table *first = begin();
    struct handle_table *second;
    REQUIRE_EQ(handle_table_create(job_root, &second), OK);
    struct port *port = calloc(1, sizeof(*port));
    static const struct object_ops ops = {.name = "port", .destroy = thing_destroy};
    object_init(&port->object, &ops, OBJECT_PORT, job_root, 0);
    handle_t value;
    REQUIRE_EQ(handle_insert(first, &port->object, RIGHT_READ, &value), OK);
    CHECK(port->table == first && list_first(&first->ports) == &port->table_node);
    CHECK_EQ(handle_move(first, value, second, 9, &value), OK);
    CHECK_EQ(value, 9);
    CHECK(port->table == second && list_empty(&first->ports) && !list_empty(&second->ports));
    object_ref(&port->object);
    CHECK_EQ(handle_close(second, value), OK);
    CHECK(port->table == NULL && list_empty(&second->ports));
    object_fini(job_root);
    free(port);
    table_close(first);
    table_close(second);
    fixture_end();
}

TEST(handle_move_to_chosen_places) {
    struct handle_table *from = begin();
    struct handle_table *to;
    REQUIRE_EQ(handle_table_create(job_root, &to), OK);
    handle_t top = insert(from, OBJECT_VMO, RIGHTS_SOME, NULL);
    handle_t child = derive(from, top, RIGHTS_SOME);
    handle_t out;
    CHECK_EQ(handle_move(from, top + 50, to, 0, &out), ERR_BAD_HANDLE);
    CHECK_EQ(handle_move(from, top, to, HANDLE_TABLE_MAX, &out), ERR_OUT_OF_RANGE);
    CHECK_EQ(handle_move(from, top, to, HANDLE_TABLE_MAX - 1, &out), OK);
    CHECK_EQ(out, HANDLE_TABLE_MAX - 1);
    CHECK_EQ(handle_move(from, child, to, HANDLE_TABLE_MAX - 1, &child), ERR_ALREADY_EXISTS);
    CHECK_EQ(handle_move(from, top, to, 1, &top), ERR_BAD_HANDLE);
    CHECK_EQ(from->used, 1);
    CHECK_EQ(to->used, 1);
    // The child in the other table still hangs on the moved parent.
    CHECK_EQ(handle_revoke(to, out), OK);
    CHECK_EQ(handle_close(from, child), ERR_BAD_HANDLE);
    table_close(from);
    table_close(to);
    fixture_end();
}

TEST(handle_renew_keeps_the_number) {
    struct handle_table *table = begin();
    uint32_t destroyed = 0;
    struct handle_entry entry;
    struct thing *second = thing_create(OBJECT_VMO, &destroyed);
    handle_t value = insert(table, OBJECT_EVENT, RIGHTS_SOME, &destroyed);
    handle_t child = derive(table, value, RIGHT_READ);
    CHECK_EQ(handle_renew(table, value, &second->object, RIGHT_READ), OK);
    CHECK_EQ(handle_lookup(table, value, OBJECT_VMO, RIGHT_READ, &entry), OK);
    CHECK(entry.object == &second->object);
    CHECK_EQ(handle_lookup(table, value, 0, RIGHT_WRITE, &entry), ERR_ACCESS_DENIED);
    CHECK_EQ(handle_slot_at(table, HANDLE_INDEX(value))->round, 1);
    CHECK_EQ(handle_lookup(table, child, OBJECT_EVENT, RIGHT_READ, &entry), OK);
    CHECK_EQ(handle_close(table, child), OK);
    host_reap_all();
    CHECK_EQ(destroyed, 1);
    CHECK_EQ(handle_renew(table, child, &thing_create(OBJECT_VMO, &destroyed)->object, 0),
             ERR_BAD_HANDLE);
    host_reap_all();
    CHECK_EQ(destroyed, 2);
    CHECK_EQ(table->used, 1);
    table_close(table);
    fixture_end();
}

// Every allocation on the way fails once; nothing may be lost or left behind.
TEST(handle_out_of_memory) {
    for (uint64_t fail = 0; fail < 8; fail++) {
        struct handle_table *table = begin();
        uint32_t destroyed = 0;
        uint32_t made = 0;
        handle_t value;
        host_fail_after = fail;
        for (int i = 0; i < 5 * HANDLE_CHUNK - 1; i++) {
            made += handle_insert(table, &thing_create(OBJECT_EVENT, &destroyed)->object,
                                  RIGHTS_SOME, &value) == OK;
        }
        // Four chunks, then the directory and a fifth chunk.
        uint64_t chunks = fail <= 4 ? fail : fail == 5 ? 4 : 5;
        uint64_t room = chunks == 0 ? 0 : chunks * HANDLE_CHUNK - 1;
        CHECK_EQ(made, room);
        CHECK_EQ(table->used, room);
        host_reap_all();
        CHECK_EQ(destroyed, 5 * HANDLE_CHUNK - 1 - room);
        table_close(table);
        fixture_end();
    }
}

// Copies every entry of one table into another; returns the last status.
static status_t copy_all(struct handle_table *from, struct handle_table *to) {
    uint32_t cursor = 0;
    status_t status = OK;
    while (status == OK) {
        status = handle_copy_next(from, to, &cursor);
    }
    return status;
}

TEST(handle_copies_are_siblings_with_equal_numbers) {
    struct handle_table *from = begin();
    struct handle_table *to;
    struct handle_info info;
    struct handle_info copied;
    REQUIRE_EQ(handle_table_create(job_root, &to), OK);
    handle_t taken = insert(to, OBJECT_EVENT, RIGHT_READ, NULL);
    handle_t root = insert(from, OBJECT_VMO, RIGHTS_SOME, NULL); // has the same number
    CHECK_EQ(taken, root);
    for (int i = 0; i < 3 * HANDLE_CHUNK; i++) {
        CHECK_EQ(handle_close(from, derive(from, root, RIGHT_READ)), OK);
    }
    handle_t child = derive(from, root, RIGHTS_SOME);
    handle_t bare = derive(from, root, RIGHTS_SOME & ~RIGHT_TRANSFER);
    handle_t job = insert(from, OBJECT_JOB, RIGHTS_SOME, NULL);
    CHECK(child > HANDLE_TABLE_MAX); // a later generation
    CHECK_EQ(copy_all(from, to), ERR_NOT_FOUND);
    CHECK_EQ(to->used, 2);
    CHECK_EQ(handle_describe(from, child, &info), OK);
    CHECK_EQ(handle_describe(to, child, &copied), OK);
    CHECK(memcmp(&info, &copied, sizeof(info)) == 0);
    CHECK_EQ(handle_describe(to, bare, &copied), ERR_BAD_HANDLE);
    CHECK_EQ(handle_describe(to, job, &copied), ERR_BAD_HANDLE);
    CHECK_EQ(handle_describe(to, taken, &copied), OK);
    CHECK_EQ(copied.type, OBJECT_EVENT);
    CHECK_EQ(handle_revoke(from, child), OK); // the copy is not derived from it
    CHECK_EQ(handle_describe(to, child, &copied), OK);
    CHECK_EQ(handle_revoke(from, root), OK);
    CHECK_EQ(handle_describe(to, child, &copied), ERR_BAD_HANDLE);
    table_close(from);
    table_close(to);
    fixture_end();
}
