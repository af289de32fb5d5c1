// SPDX-License-Identifier: MIT
//
// What works on every object: information, waiting for signals, bindings to ports.

#include "roles.h"

#include <sys/message.h>

#define ALL_SIGNALS 0x7fffffffu

TEST(objects_get_job) {
    handle_t job = job_with(100, 0, 7, 3);
    struct job_usage usage = job_usage_of(job);
    CHECK_EQ(usage.memory_pages, 0);
    CHECK_EQ(usage.processes, 0);
    CHECK_EQ(usage.limits.memory_pages, 100);
    CHECK_EQ(usage.limits.handles, JOB_UNLIMITED);
    CHECK_EQ(usage.limits.threads, 7);
    CHECK_EQ(usage.limits.processes, 3);
    drop(job);
}

TEST(objects_get_vmo) {
    handle_t vmo = expect_handle(sys_vmo_create(HANDLE_NONE, 3 * PAGE_SIZE + 1, VMO_RESIZABLE));
    struct vmo_info info;
    CHECK_EQ(sys_object_get(vmo, &info, sizeof(info)), OK);
    CHECK_EQ(info.size_bytes, 4 * PAGE_SIZE);
    CHECK_EQ(info.resident_pages, 0);
    CHECK_EQ(info.flags, VMO_RESIZABLE);
    CHECK_EQ(info.mappings, 0);
    int64_t addr = sys_aspace_map(HANDLE_NONE, vmo, 0, 0, 2 * PAGE_SIZE, MAP_READ | MAP_WRITE);
    REQUIRE(addr > 0);
    *(char *)addr = 1;
    CHECK_EQ(sys_object_get(vmo, &info, sizeof(info)), OK);
    CHECK_EQ(info.resident_pages, 1);
    CHECK_EQ(info.mappings, 1);
    pages_unmap((void *)addr, 2);
    drop(vmo);
}

TEST(objects_get_process_and_thread) {
    struct spawned child;
    REQUIRE(child_simple(&child, "sleep", NULL));
    sleep_for(MILLISECONDS(20)); // it comes as far as its sleep
    struct process_info process;
    struct thread_info thread;
    CHECK_EQ(sys_object_get(child.process, &process, sizeof(process)), OK);
    CHECK_EQ(sys_object_get(child.thread, &thread, sizeof(thread)), OK);
    CHECK(strcmp(process.label, "sleep") == 0);
    CHECK_EQ(process.cause, EXIT_RUNNING);
    CHECK_EQ(process.threads, 1);
    CHECK(process.handles >= 3);
    CHECK(process.memory_pages > 3);
    CHECK_EQ(process.suspended, 0);
    CHECK_EQ(thread.process, process.id);
    CHECK(thread.id != 0 && thread.id != process.id);
    child_kill(&child);
}

TEST(objects_get_system) {
    struct system_info a = system_counters();
    struct system_info b = system_counters();
    CHECK(a.total_pages > 1000 && a.free_pages < a.total_pages);
    CHECK(a.cpus >= 1 && a.cpus <= 32);
    CHECK(a.objects > 0 && a.handles > 0 && a.processes >= 2 && a.threads >= 2);
    CHECK(a.now > 0 && b.now >= a.now);
    CHECK(b.entries > a.entries);
}

TEST(objects_get_wants_the_exact_size) {
    struct system_info info;
    CHECK_EQ(sys_object_get(suite.system, &info, sizeof(info) - 1), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_object_get(suite.system, &info, sizeof(info) + 8), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_object_get(suite.system, &info, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_object_get(suite.system, &info, SIZE_MAX), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_object_get(suite.job, &info, sizeof(info)), ERR_INVALID_ARGUMENT);
}

TEST(objects_get_refuses_others) {
    struct service service = service_create();
    handle_t timer = expect_handle(sys_timer_create());
    uint8_t buffer[64];
    CHECK_EQ(sys_object_get(service.port, buffer, sizeof(buffer)), ERR_NOT_SUPPORTED);
    CHECK_EQ(sys_object_get(service.client, buffer, sizeof(buffer)), ERR_NOT_SUPPORTED);
    CHECK_EQ(sys_object_get(timer, buffer, sizeof(buffer)), ERR_NOT_SUPPORTED);
    drop(timer);
    service_close(&service);
}

// ---- waiting

TEST(objects_wait_polls) {
    handle_t event = expect_handle(sys_event_create());
    CHECK_EQ(sys_object_wait(event, ALL_SIGNALS, 0, 0), ERR_TIMED_OUT);
    CHECK_EQ(sys_event_signal(event, 0, 6), 0);
    CHECK_EQ(sys_object_wait(event, 2, 0, 0), 6);
    CHECK_EQ(sys_object_wait(event, 1, 0, 0), ERR_TIMED_OUT);
    CHECK_EQ(sys_event_signal(event, 2, 0), 6);
    CHECK_EQ(sys_object_wait(event, 2, 0, 0), ERR_TIMED_OUT);
    drop(event);
}

TEST(objects_wait_ends_at_its_deadline) {
    handle_t event = expect_handle(sys_event_create());
    instant_t start = now();
    CHECK_EQ(sys_object_wait(event, 1, start + MILLISECONDS(5), 0), ERR_TIMED_OUT);
    duration_t took = now() - start;
    CHECK(took >= MILLISECONDS(5));
    CHECK(took < PATIENCE);
    drop(event);
}

// A wait that another thread ends.
struct wait {
    handle_t handle;
    uint32_t signals;
    uint32_t flags;
    instant_t deadline;
};

static int64_t wait_for(void *argument) {
    const struct wait *wait = argument;
    return sys_object_wait(wait->handle, wait->signals, wait->deadline, wait->flags);
}

TEST(objects_wait_is_woken) {
    handle_t event = expect_handle(sys_event_create());
    struct wait wait = {.handle = event, .signals = 4, .deadline = INSTANT_NEVER};
    struct task tasks[4];
    for (size_t i = 0; i < COUNT(tasks); i++) {
        task_start(&tasks[i], wait_for, &wait);
    }
    for (size_t i = 0; i < COUNT(tasks); i++) {
        CHECK(task_blocks(&tasks[i]));
    }
    CHECK_EQ(sys_event_signal(event, 0, 1), 0); // not wanted
    CHECK(task_blocks(&tasks[0]));
    CHECK_EQ(sys_event_signal(event, 0, 4), 1);
    for (size_t i = 0; i < COUNT(tasks); i++) {
        CHECK_EQ(task_join(&tasks[i]), 5);
    }
    drop(event);
}

TEST(objects_wait_is_interrupted) {
    handle_t event = expect_handle(sys_event_create());
    struct wait deaf = {.handle = event, .signals = 1};
    struct wait wait = {
        .handle = event, .signals = 1, .deadline = INSTANT_NEVER, .flags = WAIT_INTERRUPTIBLE};
    struct task task;
    task_start(&task, wait_for, &wait);
    CHECK(task_blocks(&task));
    CHECK_EQ(sys_thread_interrupt(task.thread.handle, 1), OK);
    CHECK_EQ(task_join(&task), ERR_INTERRUPTED);
    deaf.deadline = in(MILLISECONDS(200));
    task_start(&task, wait_for, &deaf);
    CHECK(task_blocks(&task));
    CHECK_EQ(sys_thread_interrupt(task.thread.handle, 1), OK);
    CHECK_EQ(task_join(&task), ERR_TIMED_OUT);
    drop(event);
}

TEST(objects_wait_survives_its_handle) {
    handle_t event = expect_handle(sys_event_create());
    handle_t second = narrowed(event, RIGHTS_EVENT);
    struct wait wait = {.handle = event, .signals = 1, .deadline = INSTANT_NEVER};
    struct task task;
    task_start(&task, wait_for, &wait);
    CHECK(task_blocks(&task));
    drop(event);
    CHECK_EQ(sys_event_signal(second, 0, 1), 0);
    // The wait is looked at again by its handle, which is gone; or it had seen the signal before.
    int64_t result = task_join(&task);
    CHECK(result == ERR_BAD_HANDLE || result == 1);
    drop(second);
}

TEST(objects_wait_for_edges) {
    handle_t event = expect_handle(sys_event_create());
    struct wait_item item = {.handle = event, .signals = 1, .edge = WAIT_EDGE};
    CHECK_EQ(sys_object_wait_many(&item, 1, 0, 0), ERR_TIMED_OUT);
    CHECK_EQ(sys_event_signal(event, 0, 1), 0);
    CHECK_EQ(sys_object_wait_many(&item, 1, 0, 0), 1);
    CHECK_EQ(item.observed, 1);
    CHECK(item.edge != WAIT_EDGE && (item.edge & WAIT_EDGE) != 0);
    uint32_t first = item.edge;
    CHECK_EQ(sys_object_wait_many(&item, 1, 0, 0), ERR_TIMED_OUT); // no news
    CHECK_EQ(sys_event_signal(event, 0, 1), 1);
    CHECK_EQ(sys_object_wait_many(&item, 1, 0, 0), 1); // set again while it was set
    CHECK(item.edge != first);
    CHECK_EQ(sys_event_signal(event, 1, 0), 1);
    CHECK_EQ(sys_event_signal(event, 0, 2), 0);
    uint32_t second = item.edge;
    CHECK_EQ(sys_object_wait_many(&item, 1, 0, 0), ERR_TIMED_OUT); // news, but not for us
    CHECK_EQ(item.edge, second);
    struct wait_item both[2] = {item, {.handle = event, .signals = 2}};
    CHECK_EQ(sys_object_wait_many(both, 2, 0, 0), 1);
    CHECK_EQ(both[0].observed, 0);
    CHECK_EQ(both[1].observed, 2);
    CHECK_EQ(both[1].edge, 0);
    drop(event);
}

TEST(objects_wait_many_finds_all) {
    struct wait_item items[3];
    handle_t events[3];
    for (size_t i = 0; i < COUNT(items); i++) {
        events[i] = expect_handle(sys_event_create());
        items[i] = (struct wait_item){.handle = events[i], .signals = 1u << i};
    }
    CHECK_EQ(sys_object_wait_many(items, 3, 0, 0), ERR_TIMED_OUT);
    CHECK_EQ(sys_event_signal(events[0], 0, 1), 0);
    CHECK_EQ(sys_event_signal(events[1], 0, 1), 0); // not wanted
    CHECK_EQ(sys_event_signal(events[2], 0, 7), 0);
    CHECK_EQ(sys_object_wait_many(items, 3, 0, 0), 2);
    CHECK_EQ(items[0].observed, 1);
    CHECK_EQ(items[2].observed, 7);
    for (size_t i = 0; i < COUNT(items); i++) {
        drop(events[i]);
    }
}

static int64_t wait_for_many(void *argument) {
    struct wait_item *items = argument;
    return sys_object_wait_many(items, WAIT_MANY_MAX, INSTANT_NEVER, 0);
}

TEST(objects_wait_many_takes_its_maximum) {
    static struct wait_item items[WAIT_MANY_MAX + 1];
    handle_t event = expect_handle(sys_event_create());
    handle_t last = expect_handle(sys_event_create());
    for (size_t i = 0; i < COUNT(items); i++) {
        items[i] = (struct wait_item){.handle = event, .signals = 1};
    }
    items[WAIT_MANY_MAX - 1].handle = last;
    struct task task;
    task_start(&task, wait_for_many, items);
    CHECK(task_blocks(&task));
    CHECK_EQ(sys_event_signal(last, 0, 1), 0);
    CHECK_EQ(task_join(&task), 1);
    CHECK_EQ(items[WAIT_MANY_MAX - 1].observed, 1);
    CHECK_EQ(sys_object_wait_many(items, WAIT_MANY_MAX + 1, 0, 0), ERR_LIMIT);
    CHECK_EQ(sys_object_wait_many(items, UINT32_MAX, 0, 0), ERR_LIMIT);
    drop(last);
    drop(event);
}

TEST(objects_wait_many_checks_each_item) {
    handle_t event = expect_handle(sys_event_create());
    handle_t weak = narrowed(event, RIGHT_SIGNAL);
    handle_t vmo = expect_handle(sys_vmo_create(HANDLE_NONE, PAGE_SIZE, 0));
    struct wait_item items[2] = {{.handle = event, .signals = 1}, {.handle = weak, .signals = 1}};
    CHECK_EQ(sys_object_wait_many(items, 2, 0, 0), ERR_ACCESS_DENIED);
    items[1].handle = 0x7fffffff;
    CHECK_EQ(sys_object_wait_many(items, 2, 0, 0), ERR_BAD_HANDLE);
    items[1].handle = vmo; // has no signals, and no right to wait for them
    int64_t result = sys_object_wait_many(items, 2, 0, 0);
    CHECK(result == ERR_NOT_SUPPORTED || result == ERR_ACCESS_DENIED);
    drop(vmo);
    drop(weak);
    drop(event);
}

// ---- bindings

// Checks that a signal packet with this key and these bits comes next.
static void expect_signal(handle_t port, uint64_t key, uint32_t signals) {
    const struct packet *packet = &thread_block()->packet;
    REQUIRE_EQ(packet_take(port), OK);
    CHECK_EQ(packet->kind, PACKET_SIGNAL);
    CHECK_EQ(packet->key, key);
    CHECK_EQ(packet->signals & signals, signals);
}

static void expect_nothing(handle_t port) {
    CHECK_EQ(sys_port_reply_wait(port, 0, 0, 0), ERR_TIMED_OUT);
}

TEST(objects_bind_posts_packets) {
    handle_t port = expect_handle(sys_port_create());
    handle_t event = expect_handle(sys_event_create());
    CHECK_EQ(sys_object_bind(event, port, 11, 3), OK);
    expect_nothing(port);
    CHECK_EQ(sys_event_signal(event, 0, 4), 0); // not wanted
    expect_nothing(port);
    CHECK_EQ(sys_event_signal(event, 0, 1), 4);
    CHECK_EQ(sys_event_signal(event, 0, 2), 5);
    expect_signal(port, 11, 3); // both in one packet
    expect_nothing(port);
    CHECK_EQ(sys_event_signal(event, 0, 1), 7); // set anew
    expect_signal(port, 11, 1);
    CHECK_EQ(sys_object_bind(event, HANDLE_NONE, 11, 0), OK);
    CHECK_EQ(sys_event_signal(event, 7, 0), 7);
    CHECK_EQ(sys_event_signal(event, 0, 3), 0);
    expect_nothing(port);
    drop(event);
    drop(port);
}

TEST(objects_bind_is_a_level) {
    handle_t port = expect_handle(sys_port_create());
    handle_t event = expect_handle(sys_event_create());
    CHECK_EQ(sys_event_signal(event, 0, 1), 0);
    CHECK_EQ(sys_object_bind(event, port, 12, 1), OK);
    expect_signal(port, 12, 1); // it was set already
    drop(event);
    drop(port);
}

TEST(objects_bind_checks) {
    handle_t port = expect_handle(sys_port_create());
    handle_t event = expect_handle(sys_event_create());
    CHECK_EQ(sys_object_bind(event, HANDLE_NONE, 1, 0), ERR_NOT_FOUND);
    CHECK_EQ(sys_object_bind(event, port, 1, 1), OK);
    CHECK_EQ(sys_object_bind(event, port, 1, 1), ERR_ALREADY_EXISTS);
    uint64_t key = 2;
    int64_t result = OK;
    while (result == OK && key < 1000) {
        result = sys_object_bind(event, port, key++, 1);
    }
    CHECK_EQ(result, ERR_LIMIT);
    CHECK(key > 8);
    CHECK_EQ(sys_object_bind(event, HANDLE_NONE, 1, 0), OK);
    CHECK_EQ(sys_object_bind(event, port, 1, 1), OK);
    drop(event);
    drop(port);
}

TEST(objects_bind_ends_with_the_object) {
    handle_t port = expect_handle(sys_port_create());
    handle_t event = expect_handle(sys_event_create());
    CHECK_EQ(sys_object_bind(event, port, 1, 1), OK);
    CHECK_EQ(sys_event_signal(event, 0, 1), 0);
    drop(event);
    // The packet may be taken or be gone: what counts is that nobody stumbles over it.
    status_t status = sys_port_reply_wait(port, 0, in(MILLISECONDS(10)), 0);
    CHECK(status == OK || status == ERR_TIMED_OUT);
    drop(port);
}

TEST(objects_bind_ends_with_the_port) {
    handle_t port = expect_handle(sys_port_create());
    handle_t event = expect_handle(sys_event_create());
    CHECK_EQ(sys_object_bind(event, port, 1, 1), OK);
    drop(port);
    CHECK_EQ(sys_event_signal(event, 0, 1), 0);
    CHECK_EQ(sys_object_wait(event, 1, 0, 0), 1);
    drop(event);
}

TEST(objects_bind_tells_exits) {
    handle_t port = expect_handle(sys_port_create());
    struct child_options options = {.role = "exit", .argument = "42"};
    struct spawned child;
    REQUIRE(child_prepare(&child, &options));
    CHECK_EQ(sys_object_bind(child.process, port, 21, SIGNAL_PROCESS_ENDED), OK);
    CHECK_EQ(spawn_start(&child), OK);
    REQUIRE_EQ(packet_take(port), OK);
    const struct packet *packet = &thread_block()->packet;
    CHECK_EQ(packet->kind, PACKET_EXIT);
    CHECK_EQ(packet->key, 21);
    CHECK_EQ(packet->status, 42);
    CHECK_EQ(child_finish(&child), 42);
    drop(port);
}

TEST(objects_bind_tells_timers) {
    handle_t port = expect_handle(sys_port_create());
    handle_t timer = expect_handle(sys_timer_create());
    CHECK_EQ(sys_object_bind(timer, port, 31, SIGNAL_TIMER_EXPIRED), OK);
    CHECK_EQ(sys_timer_set(timer, in(MILLISECONDS(2)), 0, 0), OK);
    REQUIRE_EQ(packet_take(port), OK);
    const struct packet *packet = &thread_block()->packet;
    CHECK_EQ(packet->kind, PACKET_TIMER);
    CHECK_EQ(packet->key, 31);
    CHECK_EQ(packet->count, 1);
    CHECK_EQ(sys_timer_ack(timer), 1);
    drop(timer);
    drop(port);
}

TEST(objects_port_waits_for_many_sources) {
    enum { EVENTS = 50 };
    handle_t port = expect_handle(sys_port_create());
    handle_t events[EVENTS];
    for (uint64_t i = 0; i < EVENTS; i++) {
        events[i] = expect_handle(sys_event_create());
        CHECK_EQ(sys_object_bind(events[i], port, i, 1), OK);
    }
    for (uint64_t i = 0; i < EVENTS; i++) {
        CHECK_EQ(sys_event_signal(events[i], 0, 1), 0);
    }
    for (uint64_t i = 0; i < EVENTS; i++) {
        expect_signal(port, i, 1); // in the order in which they were set
    }
    for (uint64_t i = 0; i < EVENTS; i++) {
        drop(events[i]);
    }
    drop(port);
}
