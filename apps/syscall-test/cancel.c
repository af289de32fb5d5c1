// SPDX-License-Identifier: MIT
//
// Calls that end before their answer: deadlines, interruptions, dead callers.

#include "clients.h"
#include "roles.h"

#include <sys/start.h>

// A deadline that a call on a busy machine is taken before.
#define TAKEN_BY_THEN MILLISECONDS(150)

// Expects a packet of this kind for this call.
static void expect_notice(handle_t port, uint16_t kind, uint64_t token) {
    REQUIRE_EQ(packet_take(port), OK);
    CHECK_EQ(thread_block()->packet.kind, kind);
    CHECK_EQ(thread_block()->packet.token, token);
}

TEST(ipc_deadline_withdraws_an_untaken_call) {
    struct service service = service_create();
    struct request request = request_of(service.client, 1);
    request.deadline = in(MILLISECONDS(3));
    request_start(&request);
    CHECK_EQ(request_join(&request), ERR_TIMED_OUT);
    CHECK(now() >= request.deadline);
    CHECK_EQ(sys_port_reply_wait(service.port, 0, 0, 0), ERR_TIMED_OUT);
    service_close(&service);
}

TEST(ipc_deadline_asks_the_server_of_a_taken_call) {
    struct service service = service_create();
    struct request request = request_of(service.client, 1);
    request.deadline = in(TAKEN_BY_THEN);
    request_start(&request);
    uint64_t token = call_take(service.port);
    expect_notice(service.port, PACKET_CANCELLED, token);
    CHECK(now() >= request.deadline);
    CHECK(task_blocks(&request.task)); // it goes on waiting for the answer
    CHECK_EQ(call_answer(service.port, token, 55), OK);
    CHECK_EQ(request_join(&request), OK);
    CHECK_EQ(request_reply_value(&request), 55);
    service_close(&service);
}

TEST(ipc_answer_beats_the_deadline) {
    struct service service = service_create();
    struct request request = request_of(service.client, 1);
    request.deadline = in(SECONDS(100));
    request_start(&request);
    uint64_t token = call_take(service.port);
    CHECK_EQ(call_answer(service.port, token, 5), OK);
    CHECK_EQ(request_join(&request), OK);
    CHECK_EQ(sys_port_reply_wait(service.port, 0, 0, 0), ERR_TIMED_OUT);
    service_close(&service);
}

TEST(ipc_abandoned_call_goes_on_without_its_caller) {
    static uint8_t window[16];
    struct service service = service_create();
    struct request request = request_of(service.client, 1);
    request.deadline = in(TAKEN_BY_THEN);
    request.flags = WAIT_ABANDON;
    request.in = window;
    request.in_bytes = sizeof(window);
    request_start(&request);
    uint64_t token = call_take(service.port);
    CHECK_EQ(request_join(&request), ERR_TIMED_OUT);
    expect_notice(service.port, PACKET_CANCELLED, token);
    CHECK((thread_block()->packet.flags & PACKET_ORPHAN) != 0);
    uint8_t byte;
    CHECK_EQ(sys_call_read(token, 0, &byte, 1), ERR_CALLER_GONE);
    CHECK_EQ(call_answer(service.port, token, 0), OK);
    CHECK_EQ(call_answer(service.port, token, 0), ERR_STALE_TOKEN);
    service_close(&service);
}

TEST(ipc_abandoning_thread_can_call_again) {
    struct service service = service_create();
    struct service other = service_create();
    struct server server;
    server_start(&server, other.port);
    for (int i = 0; i < 5; i++) {
        struct request request = request_of(service.client, 1);
        request.flags = WAIT_ABANDON | WAIT_INTERRUPTIBLE;
        request_start(&request);
        uint64_t token = call_take(service.port);
        CHECK_EQ(sys_thread_interrupt(request.task.thread.handle, 1), OK);
        CHECK_EQ(request_join(&request), ERR_INTERRUPTED);
        expect_notice(service.port, PACKET_CANCELLED, token);
        CHECK_EQ(call_answer(service.port, token, 0), OK);
        message_put_u64(message_begin(1), 41);
        CHECK_EQ(sys_channel_call(other.client, INSTANT_NEVER, 0), OK);
        CHECK_EQ(call_value(), 42);
    }
    drop(other.client);
    other.client = HANDLE_NONE;
    CHECK_EQ(server_join(&server), 5);
    service_close(&other);
    service_close(&service);
}

TEST(ipc_interruption_withdraws_an_untaken_call) {
    struct service service = service_create();
    struct request request = request_of(service.client, 1);
    request.flags = WAIT_INTERRUPTIBLE;
    REQUIRE(request_blocks(&request));
    CHECK_EQ(sys_thread_interrupt(request.task.thread.handle, 1), OK);
    CHECK_EQ(request_join(&request), ERR_INTERRUPTED);
    CHECK_EQ(sys_port_reply_wait(service.port, 0, 0, 0), ERR_TIMED_OUT);
    service_close(&service);
}

TEST(ipc_interruption_asks_the_server_of_a_taken_call) {
    struct service service = service_create();
    struct request request = request_of(service.client, 1);
    request.flags = WAIT_INTERRUPTIBLE;
    request_start(&request);
    uint64_t token = call_take(service.port);
    CHECK(task_blocks(&request.task));
    CHECK_EQ(sys_thread_interrupt(request.task.thread.handle, 1), OK);
    expect_notice(service.port, PACKET_CANCELLED, token);
    CHECK_EQ(sys_thread_interrupt(request.task.thread.handle, 2), OK); // is not told twice
    CHECK_EQ(sys_port_reply_wait(service.port, 0, 0, 0), ERR_TIMED_OUT);
    CHECK_EQ(call_answer(service.port, token, 3), OK);
    CHECK_EQ(request_join(&request), OK);
    service_close(&service);
}

TEST(ipc_other_calls_are_not_interrupted) {
    struct service service = service_create();
    struct request request = request_of(service.client, 1);
    REQUIRE(request_blocks(&request));
    CHECK_EQ(sys_thread_interrupt(request.task.thread.handle, 1), OK);
    uint64_t token = call_take(service.port);
    CHECK_EQ(thread_block()->packet.flags, 0);
    CHECK_EQ(call_answer(service.port, token, 3), OK);
    CHECK_EQ(request_join(&request), OK);
    service_close(&service);
}

// A latched interruption ends the call before it begins.
static int64_t call_latched(void *argument) {
    __atomic_store_n(&thread_block()->latched, 1, __ATOMIC_SEQ_CST);
    message_begin(1);
    return sys_channel_call(*(handle_t *)argument, INSTANT_NEVER, WAIT_INTERRUPTIBLE);
}

TEST(ipc_latched_interruption_ends_a_call_at_once) {
    struct service service = service_create();
    struct task task;
    task_start(&task, call_latched, &service.client);
    CHECK_EQ(task_join(&task), ERR_INTERRUPTED);
    CHECK_EQ(sys_port_reply_wait(service.port, 0, 0, 0), ERR_TIMED_OUT);
    service_close(&service);
}

TEST(ipc_dead_caller_of_an_untaken_call) {
    struct service service = service_create();
    struct request request = request_of(service.client, 1);
    REQUIRE(request_blocks(&request));
    CHECK_EQ(sys_task_kill(request.task.thread.handle, 0, 0), OK);
    CHECK_EQ(request_join(&request), ERR_BAD_STATE);
    CHECK_EQ(sys_port_reply_wait(service.port, 0, 0, 0), ERR_TIMED_OUT);
    service_close(&service);
}

TEST(ipc_dead_caller_of_a_taken_call) {
    struct service service = service_create();
    struct request request = request_of(service.client, 1);
    request.in = &service;
    request.in_bytes = sizeof(service);
    request_start(&request);
    uint64_t token = call_take(service.port);
    CHECK(task_blocks(&request.task));
    CHECK_EQ(sys_task_kill(request.task.thread.handle, 0, 0), OK);
    expect_notice(service.port, PACKET_CANCELLED, token);
    CHECK((thread_block()->packet.flags & PACKET_ORPHAN) != 0);
    CHECK_EQ(request_join(&request), ERR_BAD_STATE);
    uint8_t byte;
    CHECK_EQ(sys_call_read(token, 0, &byte, 1), ERR_CALLER_GONE);
    CHECK_EQ(call_answer(service.port, token, 0), OK);
    service_close(&service);
}

ROLE(call_once) {
    message_put_u64(message_begin(1), 0xca11);
    status_t status = sys_channel_call(start_handle("channel"), INSTANT_NEVER, 0);
    return status == OK ? (int64_t)call_value() : -status;
}

TEST(ipc_calls_between_processes) {
    struct service service = service_create();
    struct child_options options = {.role = "call_once",
                                    .cookie = 31337,
                                    .handle_count = 1,
                                    .handles = {{"channel", service.client, RIGHTS_CHANNEL}}};
    struct spawned child;
    REQUIRE(child_start(&child, &options));
    uint64_t token = call_take(service.port);
    struct packet packet = thread_block()->packet;
    struct process_info info;
    CHECK_EQ(sys_object_get(child.process, &info, sizeof(info)), OK);
    CHECK_EQ(packet.process, info.id);
    CHECK_EQ(packet.cookie, 31337);
    CHECK_EQ(call_value(), 0xca11);
    CHECK_EQ(call_answer(service.port, token, 12), OK);
    CHECK_EQ(child_finish(&child), 12);
    service_close(&service);
}

// Two threads call, before the change and after it; then one that did not exist before it.
static int64_t call_twice(void *argument) {
    (void)argument;
    for (uint64_t value = 1; value <= 2; value++) {
        message_put_u64(message_begin(1), value);
        CHECK_EQ(sys_channel_call(start_handle("channel"), INSTANT_NEVER, 0), OK);
    }
    return 0;
}

ROLE(call_by_threads) {
    static struct task other, late;
    task_start(&other, call_twice, NULL);
    (void)call_twice(NULL);
    (void)task_join(&other);
    task_start(&late, call_twice, NULL);
    return task_join(&late);
}

// Answers a call and takes the next one, which must bear the new cookie.
static uint64_t take_changed(handle_t port, uint64_t answered) {
    message_put_u64(message_begin(0), 0);
    CHECK_EQ(sys_port_reply_wait(port, answered, in(PATIENCE), 0), OK);
    CHECK_EQ(thread_block()->packet.kind, PACKET_CALL);
    CHECK_EQ(thread_block()->packet.cookie, 0xc00c1e);
    return thread_block()->packet.token;
}

TEST(ipc_cookie_of_a_process_is_that_of_all_its_threads) {
    struct service service = service_create();
    struct child_options options = {.role = "call_by_threads",
                                    .cookie = 31337,
                                    .handle_count = 1,
                                    .handles = {{"channel", service.client, RIGHTS_CHANNEL}}};
    struct spawned child;
    REQUIRE(child_start(&child, &options));
    uint64_t first[2];
    for (uint32_t i = 0; i < COUNT(first); i++) {
        first[i] = call_take(service.port);
        CHECK_EQ(thread_block()->packet.cookie, 31337);
    }
    handle_t other = job_with(0, 0, 0, 0);
    CHECK_EQ(sys_process_set_cookie(other, child.process, 1), ERR_ACCESS_DENIED);
    drop(other);
    CHECK_EQ(sys_process_set_cookie(suite.job, child.process, 0xc00c1e), OK);
    // Each answer waits for the next call where one may come: an answer alone would take it, too.
    uint64_t second[2] = {take_changed(service.port, first[0]),
                          take_changed(service.port, first[1])};
    CHECK_EQ(call_answer(service.port, second[0], 0), OK);
    uint64_t late = take_changed(service.port, second[1]);
    CHECK_EQ(call_answer(service.port, take_changed(service.port, late), 0), OK);
    CHECK_EQ(child_wait(&child).cause, EXIT_VOLUNTARY);
    CHECK_EQ(sys_process_set_cookie(suite.job, child.process, 2), ERR_BAD_STATE);
    spawned_close(&child);
    service_close(&service);
}

TEST(ipc_killed_process_leaves_an_orphan) {
    struct service service = service_create();
    struct child_options options = {.role = "call_once",
                                    .handle_count = 1,
                                    .handles = {{"channel", service.client, RIGHTS_CHANNEL}}};
    struct spawned child;
    REQUIRE(child_start(&child, &options));
    uint64_t token = call_take(service.port);
    child_kill(&child);
    expect_notice(service.port, PACKET_CANCELLED, token);
    CHECK_EQ(call_answer(service.port, token, 0), OK);
    service_close(&service);
}
