// SPDX-License-Identifier: MIT
//
// Handles: names with rights, and the tree that revoking walks.

#include "roles.h"

#include <sys/message.h>
#include <sys/start.h>

TEST(handles_close_once) {
    handle_t event = expect_handle(sys_event_create());
    CHECK_EQ(sys_handle_close(event), OK);
    CHECK_EQ(sys_handle_close(event), ERR_BAD_HANDLE);
    CHECK_EQ(sys_handle_close(HANDLE_NONE), ERR_BAD_HANDLE);
}

TEST(handles_are_not_reused_at_once) {
    handle_t seen[200];
    for (size_t i = 0; i < COUNT(seen); i++) {
        seen[i] = expect_handle(sys_event_create());
        CHECK_EQ(seen[i] >> 31, 0);
        drop(seen[i]);
        for (size_t j = 0; j < i; j++) {
            REQUIRE(seen[i] != seen[j]);
        }
    }
}

TEST(handles_outlive_their_parent) {
    handle_t event = expect_handle(sys_event_create());
    handle_t child = narrowed(event, RIGHT_SIGNAL | RIGHT_DUPLICATE);
    handle_t grandchild = narrowed(child, RIGHT_SIGNAL);
    drop(event);
    CHECK_EQ(sys_event_signal(child, 0, 1), 0);
    drop(child);
    CHECK_EQ(sys_event_signal(grandchild, 0, 2), 1);
    drop(grandchild);
}

TEST(handles_duplicate_only_narrows) {
    handle_t event = expect_handle(sys_event_create());
    handle_t weak = narrowed(event, RIGHT_DUPLICATE | RIGHT_WAIT);
    CHECK_EQ(sys_event_signal(weak, 0, 1), ERR_ACCESS_DENIED);
    CHECK_EQ(sys_handle_duplicate(weak, RIGHT_SIGNAL), ERR_ACCESS_DENIED);
    CHECK_EQ(sys_handle_duplicate(weak, RIGHT_WAIT | RIGHT_SIGNAL), ERR_ACCESS_DENIED);
    CHECK_EQ(sys_handle_duplicate(event, 0x80000000), ERR_ACCESS_DENIED);
    CHECK_EQ(sys_handle_duplicate(event, RIGHT_KILL), ERR_ACCESS_DENIED);
    handle_t none = narrowed(weak, 0);
    CHECK_EQ(sys_handle_duplicate(none, 0), ERR_ACCESS_DENIED);
    CHECK_EQ(sys_object_wait(none, 1, 0, 0), ERR_ACCESS_DENIED);
    drop(none);
    drop(weak);
    drop(event);
}

TEST(handles_info_tells) {
    handle_t event = expect_handle(sys_event_create());
    handle_t other = expect_handle(sys_event_create());
    handle_t child = narrowed(event, RIGHT_WAIT | RIGHT_DUPLICATE);
    handle_t grandchild = narrowed(child, RIGHT_WAIT);
    struct handle_info a;
    struct handle_info b;
    struct handle_info c;
    struct handle_info d;
    CHECK_EQ(sys_handle_info(event, &a), OK);
    CHECK_EQ(sys_handle_info(child, &b), OK);
    CHECK_EQ(sys_handle_info(grandchild, &c), OK);
    CHECK_EQ(sys_handle_info(other, &d), OK);
    CHECK_EQ(a.type, OBJECT_EVENT);
    CHECK_EQ(a.handle, event);
    CHECK_EQ(a.rights, RIGHTS_EVENT);
    CHECK_EQ(b.rights, RIGHT_WAIT | RIGHT_DUPLICATE);
    CHECK_EQ(a.depth, 0);
    CHECK_EQ(b.depth, 1);
    CHECK_EQ(c.depth, 2);
    CHECK_EQ(a.id, b.id);
    CHECK_EQ(a.id, c.id);
    CHECK(a.id != d.id);
    drop(grandchild);
    drop(child);
    drop(other);
    drop(event);
}

TEST(handles_next_walks_the_table) {
    handle_t mine[40];
    for (size_t i = 0; i < COUNT(mine); i++) {
        mine[i] = expect_handle(sys_event_create());
    }
    uint32_t found = 0;
    uint32_t steps = 0;
    struct handle_info info = {0};
    while (sys_handle_next(HANDLE_NONE, info.handle, &info) == OK) {
        REQUIRE(++steps < 10000);
        struct handle_info same;
        CHECK_EQ(sys_handle_info(info.handle, &same), OK);
        CHECK_EQ(same.id, info.id);
        for (size_t i = 0; i < COUNT(mine); i++) {
            found += mine[i] == info.handle ? 1 : 0;
        }
    }
    CHECK_EQ(found, COUNT(mine));
    CHECK_EQ(sys_handle_next(HANDLE_NONE, info.handle, &info), ERR_NOT_FOUND);
    CHECK_EQ(sys_handle_next(HANDLE_NONE, 0xffffffff, &info), ERR_NOT_FOUND);
    for (size_t i = 0; i < COUNT(mine); i++) {
        drop(mine[i]);
    }
}

TEST(handles_next_walks_another_table) {
    handle_t event = expect_handle(sys_event_create());
    struct handle_info wanted;
    CHECK_EQ(sys_handle_info(event, &wanted), OK);
    struct child_options options = {.role = "exit",
                                    .handle_count = 1,
                                    .handles = {{"event", event, RIGHT_WAIT | RIGHT_TRANSFER}}};
    struct spawned child;
    REQUIRE(child_prepare(&child, &options));
    struct handle_info info = {0};
    uint32_t found = 0;
    while (sys_handle_next(child.process, info.handle, &info) == OK) {
        found += info.id == wanted.id && info.rights == (RIGHT_WAIT | RIGHT_TRANSFER) ? 1 : 0;
    }
    CHECK_EQ(found, 1);
    child_kill(&child);
    drop(event);
}

TEST(handles_alive_tells_processes_and_threads) {
    struct thread_block *block = thread_block();
    CHECK_EQ(sys_object_alive(block->process), 1);
    CHECK_EQ(sys_object_alive(block->thread), 1);
    CHECK_EQ(sys_object_alive(0), 0);
    CHECK_EQ(sys_object_alive(UINT64_MAX), 0);
    CHECK_EQ(sys_object_alive(block->thread + (1UL << 40)), 0);
    struct spawned child;
    REQUIRE(child_simple(&child, "exit", "3"));
    struct process_info info = child_wait(&child);
    spawned_close(&child);
    for (int i = 0; i < 100 && sys_object_alive(info.id) != 0; i++) {
        sleep_for(MILLISECONDS(10));
    }
    CHECK_EQ(sys_object_alive(info.id), 0);
}

// ---- revoking

TEST(handles_revoke_kills_descendants_only) {
    handle_t root = expect_handle(sys_event_create());
    handle_t a = narrowed(root, RIGHTS_EVENT);
    handle_t sibling = narrowed(root, RIGHTS_EVENT);
    handle_t b = narrowed(a, RIGHTS_EVENT);
    handle_t c = narrowed(b, RIGHTS_EVENT);
    handle_t d = narrowed(a, RIGHTS_EVENT);
    CHECK_EQ(sys_handle_revoke(a), OK);
    CHECK(handle_is_live(root) && handle_is_live(a) && handle_is_live(sibling));
    CHECK(!handle_is_live(b) && !handle_is_live(c) && !handle_is_live(d));
    CHECK_EQ(sys_handle_close(b), ERR_BAD_HANDLE);
    handle_t again = narrowed(a, RIGHT_WAIT);
    CHECK_EQ(sys_handle_revoke(root), OK);
    CHECK(!handle_is_live(a) && !handle_is_live(sibling) && !handle_is_live(again));
    CHECK_EQ(sys_handle_revoke(root), OK);
    drop(root);
}

TEST(handles_revoke_reaches_past_a_closed_one) {
    handle_t root = expect_handle(sys_event_create());
    handle_t middle = narrowed(root, RIGHTS_EVENT);
    handle_t first = narrowed(middle, RIGHTS_EVENT);
    handle_t second = narrowed(middle, RIGHTS_EVENT);
    handle_t deep = narrowed(second, RIGHTS_EVENT);
    drop(middle);
    CHECK_EQ(sys_handle_revoke(root), OK);
    CHECK(!handle_is_live(first) && !handle_is_live(second) && !handle_is_live(deep));
    drop(root);
}

TEST(handles_revoke_needs_the_right) {
    handle_t root = expect_handle(sys_event_create());
    handle_t weak = narrowed(root, RIGHT_WAIT);
    CHECK_EQ(sys_handle_revoke(weak), ERR_ACCESS_DENIED);
    drop(weak);
    drop(root);
}

TEST(handles_revoke_unmaps) {
    handle_t root = expect_handle(sys_vmo_create(HANDLE_NONE, PAGE_SIZE, 0));
    handle_t child = narrowed(root, RIGHTS_VMO);
    int64_t kept = sys_aspace_map(HANDLE_NONE, root, 0, 0, PAGE_SIZE, MAP_READ | MAP_WRITE);
    int64_t lost = sys_aspace_map(HANDLE_NONE, child, 0, 0, PAGE_SIZE, MAP_READ | MAP_WRITE);
    REQUIRE(kept > 0 && lost > 0);
    *(uint32_t *)lost = 77;
    CHECK_EQ(*(uint32_t *)kept, 77);
    drop(child); // the mapping hangs on the root from here on
    CHECK_EQ(*(uint32_t *)lost, 77);
    CHECK_EQ(sys_handle_revoke(root), OK);
    CHECK(!kernel_can_write((vaddr_t)lost));
    CHECK(!kernel_can_write((vaddr_t)kept));
    struct mapping_info info;
    status_t status = sys_aspace_query(HANDLE_NONE, (vaddr_t)lost, &info);
    CHECK(status == ERR_NOT_FOUND || info.addr > (vaddr_t)lost);
    drop(root);
}

// Waits until its event is taken away.
ROLE(wait_for_loss) {
    handle_t event = start_handle("event");
    instant_t end = in(PATIENCE);
    while (now() < end) {
        struct handle_info info;
        status_t status = sys_handle_info(event, &info);
        if (status != OK) {
            return status == ERR_BAD_HANDLE ? 0 : 1;
        }
        sleep_for(MILLISECONDS(1));
    }
    return 2;
}

TEST(handles_revoke_reaches_other_processes) {
    handle_t root = expect_handle(sys_event_create());
    struct child_options options = {
        .role = "wait_for_loss", .handle_count = 1, .handles = {{"event", root, RIGHTS_EVENT}}};
    struct spawned children[3];
    for (size_t i = 0; i < COUNT(children); i++) {
        REQUIRE(child_start(&children[i], &options));
    }
    sleep_for(MILLISECONDS(20));
    CHECK_EQ(sys_handle_revoke(root), OK);
    for (size_t i = 0; i < COUNT(children); i++) {
        CHECK_EQ(child_finish(&children[i]), 0);
    }
    drop(root);
}

static int64_t send_handle(void *argument) {
    handle_t *handles = argument; // channel, handle to send
    struct message *message = message_begin(1);
    message_put_handle(message, handles[1]);
    return sys_channel_call(handles[0], INSTANT_NEVER, 0);
}

TEST(handles_revoke_reaches_messages) {
    struct service service = service_create();
    handle_t root = expect_handle(sys_event_create());
    handle_t child = narrowed(root, RIGHTS_EVENT);
    handle_t arguments[] = {service.client, child};
    struct task task;
    task_start(&task, send_handle, arguments);
    REQUIRE(task_blocks(&task));
    CHECK_EQ(sys_handle_revoke(root), OK);
    REQUIRE_EQ(packet_take(service.port), OK);
    struct thread_block *block = thread_block();
    CHECK_EQ(block->message.handle_count, 1);
    CHECK_EQ(block->message.handles[0], HANDLE_NONE);
    CHECK((block->packet.flags & PACKET_TRUNCATED) != 0);
    reply_empty(service.port, block->packet.token, 0);
    CHECK_EQ(task_join(&task), OK);
    drop(root);
    service_close(&service);
}

// Enough handles that revoking them takes many steps.
TEST(handles_revoke_long_trees) {
    enum { HANDLES = 5000 };
    handle_t root = expect_handle(sys_event_create());
    handle_t chain = root;
    handle_t last = root;
    for (int i = 0; i < HANDLES; i++) {
        last = narrowed(i % 2 == 0 ? chain : root, RIGHTS_EVENT);
        chain = i % 2 == 0 ? last : chain;
    }
    uint64_t handles_before = system_counters().handles;
    instant_t start = now();
    CHECK_EQ(sys_handle_revoke(root), OK);
    test_figure("revoke: %ld ns a handle", (now() - start) / HANDLES);
    CHECK(handles_before - system_counters().handles >= HANDLES);
    CHECK(!handle_is_live(last) && !handle_is_live(chain));
    drop(root);
}

// Makes handles until the limit is reached; tells how many, or 0 when the error was another.
ROLE(fill_table) {
    handle_t event = expect_handle(sys_event_create());
    int64_t count = 1;
    int64_t result;
    while ((result = sys_handle_duplicate(event, RIGHTS_EVENT)) > 0) {
        count++;
    }
    return result == ERR_LIMIT ? count : 0;
}

TEST(handles_table_has_a_limit) {
    struct child_options options = {.role = "fill_table", .job = job_with(0, 200, 0, 0)};
    struct spawned child;
    REQUIRE(child_start(&child, &options));
    int64_t made = child_finish(&child);
    CHECK(made > 100 && made < 200);
    CHECK_EQ(job_usage_of(options.job).handles, 0);
    drop(options.job);
}
