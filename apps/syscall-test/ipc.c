// SPDX-License-Identifier: MIT
//
// Calls: messages, handles, windows, tokens, the stamp.

#include "clients.h"
#include "roles.h"

#include <sys/start.h>

TEST(ipc_call_is_answered) {
    struct service service = service_create();
    struct request request = request_of(service.client, 0x1234);
    request_start(&request);
    uint64_t token = call_take(service.port);
    const struct thread_block *block = thread_block();
    CHECK_EQ(block->packet.key, SERVICE_KEY);
    CHECK_EQ(block->packet.flags, 0);
    CHECK_EQ(block->packet.deliveries, 1);
    CHECK_EQ(block->message.op, 1);
    CHECK_EQ(block->message.body_bytes, 8);
    CHECK_EQ(call_value(), 0x1234);
    CHECK_EQ(call_answer(service.port, token, 0x5678), OK);
    CHECK_EQ(request_join(&request), OK);
    CHECK_EQ(request_reply_value(&request), 0x5678);
    service_close(&service);
}

static uint8_t sized_body[MESSAGE_BODY_BYTES];

static int64_t call_with_sizes(void *argument) {
    handle_t channel = *(handle_t *)argument;
    for (uint32_t bytes = 0; bytes <= MESSAGE_BODY_BYTES; bytes += 8) {
        struct message *message = message_begin(bytes);
        message_put(message, sized_body, bytes);
        status_t status = sys_channel_call(channel, INSTANT_NEVER, 0);
        bool same = message->body_bytes == bytes && memcmp(message->body, sized_body, bytes) == 0;
        if (status != OK || !same || message->op != bytes + 1) {
            return bytes + 1;
        }
    }
    return 0;
}

TEST(ipc_bodies_of_each_size) {
    struct service service = service_create();
    struct task task;
    for (size_t i = 0; i < sizeof(sized_body); i++) {
        sized_body[i] = (uint8_t)(i + 1);
    }
    task_start(&task, call_with_sizes, &service.client);
    struct message *message = &thread_block()->message;
    for (uint32_t bytes = 0; bytes <= MESSAGE_BODY_BYTES; bytes += 8) {
        uint64_t token = call_take(service.port);
        CHECK_EQ(message->body_bytes, bytes);
        CHECK_EQ(memcmp(message->body, sized_body, bytes), 0);
        message->op = bytes + 1;
        message->handle_count = 0;
        CHECK_EQ(sys_port_reply_wait(service.port, token, 0, 0), ERR_TIMED_OUT);
    }
    CHECK_EQ(task_join(&task), 0);
    service_close(&service);
}

TEST(ipc_stamp_tells_who_calls) {
    struct service service = service_create();
    struct packet first = {0};
    for (uint64_t i = 0; i < 3; i++) {
        struct request request = request_of(service.client, i);
        request.deadline = in(SECONDS(500));
        request_start(&request);
        CHECK_EQ(sys_thread_set_cookie(suite.job, request.task.thread.handle, 77 + i), OK);
        struct thread_info info;
        CHECK_EQ(sys_object_get(request.task.thread.handle, &info, sizeof(info)), OK);
        uint64_t token = call_take(service.port);
        first = thread_block()->packet;
        CHECK_EQ(first.process, thread_block()->process);
        CHECK_EQ(first.thread, info.id);
        CHECK_EQ(first.call_number, 1);
        CHECK_EQ(first.acked, 0);
        CHECK(first.cookie == 77 + i || first.cookie == 0); // set before the call or after it
        CHECK_EQ(first.sub, 0);
        CHECK_EQ(first.deadline, request.deadline);
        CHECK_EQ(call_answer(service.port, token, 0), OK);
        CHECK_EQ(request_join(&request), OK);
    }
    service_close(&service);
}

static int64_t call_three_times(void *argument) {
    for (uint64_t i = 0; i < 3; i++) {
        message_put_u64(message_begin(1), i);
        if (sys_channel_call(*(handle_t *)argument, INSTANT_NEVER, 0) != OK) {
            return 1;
        }
    }
    return 0;
}

TEST(ipc_call_numbers_go_up) {
    struct service service = service_create();
    struct task task;
    task_start(&task, call_three_times, &service.client);
    for (uint64_t i = 0; i < 3; i++) {
        uint64_t token = call_take(service.port);
        CHECK_EQ(thread_block()->packet.call_number, i + 1);
        CHECK_EQ(thread_block()->packet.acked, i);
        CHECK_EQ(call_answer(service.port, token, 0), OK);
    }
    CHECK_EQ(task_join(&task), 0);
    service_close(&service);
}

TEST(ipc_calls_queue_in_order) {
    enum { CALLS = 10 };
    struct service service = service_create();
    static struct request requests[CALLS];
    for (uint64_t i = 0; i < CALLS; i++) {
        requests[i] = request_of(service.client, i);
        REQUIRE(request_blocks(&requests[i]));
    }
    uint64_t tokens[CALLS];
    for (uint64_t i = 0; i < CALLS; i++) {
        tokens[i] = call_take(service.port);
        CHECK_EQ(call_value(), i);
    }
    // Answered in another order.
    for (uint64_t i = 0; i < CALLS; i++) {
        uint64_t place = i * 7 % CALLS;
        CHECK_EQ(call_answer(service.port, tokens[place], 100 + place), OK);
    }
    for (uint64_t i = 0; i < CALLS; i++) {
        CHECK_EQ(request_join(&requests[i]), OK);
        CHECK_EQ(request_reply_value(&requests[i]), 100 + i);
    }
    service_close(&service);
}

TEST(ipc_server_waits_first) {
    struct service service = service_create();
    struct server server;
    server_start(&server, service.port);
    REQUIRE(task_blocks(&server.task));
    for (uint64_t i = 0; i < 100; i++) {
        message_put_u64(message_begin(1), i);
        CHECK_EQ(sys_channel_call(service.client, INSTANT_NEVER, 0), OK);
        CHECK_EQ(call_value(), i + 1);
    }
    drop(service.client);
    service.client = HANDLE_NONE;
    CHECK_EQ(server_join(&server), 100);
    service_close(&service);
}

TEST(ipc_several_servers_on_one_port) {
    enum { SERVERS = 3, CLIENTS = 6, CALLS = 50 };
    struct service service = service_create();
    struct server servers[SERVERS];
    struct task clients[CLIENTS];
    for (size_t i = 0; i < SERVERS; i++) {
        server_start(&servers[i], service.port);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        task_start(&clients[i], call_three_times, &service.client);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        CHECK_EQ(task_join(&clients[i]), 0);
    }
    int64_t answered = 0;
    drop(service.server);
    drop(service.client);
    drop(service.port); // every waiting server finds out
    for (size_t i = 0; i < SERVERS; i++) {
        int64_t result = server_join(&servers[i]);
        CHECK(result >= 0 || result == ERR_BAD_STATE || result == ERR_BAD_HANDLE);
        answered += result > 0 ? result : 0;
    }
    CHECK(answered <= CLIENTS * 3);
}

// ---- bad messages

TEST(ipc_bad_messages_are_refused) {
    struct service service = service_create();
    struct message *message = message_begin(1);
    message->body_bytes = MESSAGE_BODY_BYTES + 1;
    CHECK_EQ(sys_channel_call(service.client, 0, 0), ERR_INVALID_ARGUMENT);
    message->body_bytes = UINT16_MAX;
    CHECK_EQ(sys_channel_call(service.client, 0, 0), ERR_INVALID_ARGUMENT);
    message = message_begin(1);
    message->handle_count = MESSAGE_HANDLES + 1;
    CHECK_EQ(sys_channel_call(service.client, 0, 0), ERR_INVALID_ARGUMENT);
    message->handle_count = 0;
    message->accept_count = 255;
    CHECK_EQ(sys_channel_call(service.client, 0, 0), ERR_INVALID_ARGUMENT);
    message = message_begin(1);
    message->in = (struct window){.addr = UINT64_MAX - 10, .bytes = 100};
    CHECK_EQ(sys_channel_call(service.client, 0, 0), ERR_INVALID_ARGUMENT);
    message = message_begin(1);
    message->out = (struct window){.addr = 4096, .bytes = UINT64_MAX};
    CHECK_EQ(sys_channel_call(service.client, 0, 0), ERR_INVALID_ARGUMENT);
    message = message_begin(1);
    CHECK_EQ(sys_channel_call(service.client, 1, 0), ERR_TIMED_OUT);
    CHECK_EQ(sys_port_reply_wait(service.port, 0, 0, 0), ERR_TIMED_OUT); // nothing stayed behind
    service_close(&service);
}

// ---- handles

TEST(ipc_handles_travel) {
    struct service service = service_create();
    handle_t event = expect_handle(sys_event_create());
    struct request request = request_of(service.client, 0);
    request.handle_count = MESSAGE_HANDLES;
    request.handles[0] = event;
    request.handles[1] = narrowed(event, RIGHT_WAIT | RIGHT_TRANSFER);
    request.handles[2] = event;
    request.handles[3] = narrowed(event, RIGHT_SIGNAL | RIGHT_TRANSFER);
    request_start(&request);
    uint64_t token = call_take(service.port);
    struct message message = thread_block()->message;
    CHECK_EQ(message.handle_count, MESSAGE_HANDLES);
    const uint32_t rights[] = {RIGHTS_EVENT, RIGHT_WAIT | RIGHT_TRANSFER, RIGHTS_EVENT,
                               RIGHT_SIGNAL | RIGHT_TRANSFER};
    for (size_t i = 0; i < MESSAGE_HANDLES; i++) {
        struct handle_info info;
        CHECK_EQ(sys_handle_info(message.handles[i], &info), OK);
        CHECK_EQ(info.type, OBJECT_EVENT);
        CHECK_EQ(info.rights, rights[i]);
        CHECK(message.handles[i] != request.handles[i]);
        drop(message.handles[i]);
    }
    CHECK_EQ(call_answer(service.port, token, 0), OK);
    CHECK_EQ(request_join(&request), OK);
    drop(request.handles[1]);
    drop(request.handles[3]);
    drop(event);
    service_close(&service);
}

TEST(ipc_handles_come_back) {
    struct service service = service_create();
    struct request request = request_of(service.client, 0);
    request.accept_count = 2;
    request_start(&request);
    uint64_t token = call_take(service.port);
    handle_t event = expect_handle(sys_event_create());
    handle_t weak = narrowed(event, RIGHT_WAIT);
    struct message *message = message_begin(0);
    message_put_handle(message, weak);
    CHECK_EQ(sys_port_reply_wait(service.port, token, 0, 0), ERR_ACCESS_DENIED);
    message = message_begin(0);
    message_put_handle(message, event);
    message_put_handle(message, event);
    message_put_handle(message, event);
    CHECK_EQ(sys_port_reply_wait(service.port, token, 0, 0), ERR_INVALID_ARGUMENT);
    message = message_begin(0);
    message_put_handle(message, event);
    message_put_handle(message, 0x7fffffff);
    CHECK_EQ(sys_port_reply_wait(service.port, token, 0, 0), ERR_BAD_HANDLE);
    message = message_begin(0);
    message_put_handle(message, event);
    message_put_handle(message, event);
    CHECK_EQ(sys_port_reply_wait(service.port, token, 0, 0), ERR_TIMED_OUT);
    CHECK_EQ(request_join(&request), OK);
    CHECK_EQ(request.reply.handle_count, 2);
    for (size_t i = 0; i < 2; i++) {
        CHECK(handle_is_live(request.reply.handles[i]));
        drop(request.reply.handles[i]);
    }
    drop(weak);
    drop(event);
    service_close(&service);
}

TEST(ipc_handles_that_may_not_travel) {
    struct service service = service_create();
    handle_t event = expect_handle(sys_event_create());
    handle_t kept = narrowed(event, RIGHTS_EVENT & ~RIGHT_TRANSFER);
    const struct {
        handle_t handle;
        int64_t wanted;
    } cases[] = {
        {kept, ERR_ACCESS_DENIED},           {service.port, ERR_ACCESS_DENIED},
        {service.server, ERR_ACCESS_DENIED}, {0x7fffffff, ERR_BAD_HANDLE},
        {HANDLE_NONE, ERR_BAD_HANDLE},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct message *message = message_begin(1);
        message_put_handle(message, event);
        message_put_handle(message, cases[i].handle);
        CHECK_EQ(sys_channel_call(service.client, 0, 0), cases[i].wanted);
    }
    drop(kept);
    drop(event);
    service_close(&service);
}

// Fills the caller's table up to its job's limit.
static void fill_table(void) {
    handle_t event = expect_handle(sys_event_create());
    while (sys_handle_duplicate(event, RIGHT_WAIT) > 0) {
    }
}

// A full table: a call that accepts a handle can't be made, and a handle that arrives finds no
// place. Ends with the status of the call it made, as a positive number.
ROLE(full_table) {
    struct service service = service_create();
    struct message *message = message_begin(1);
    message_put_handle(message, service.client);
    if (sys_channel_call(start_handle("channel"), INSTANT_NEVER, 0) != OK) {
        return 1000;
    }
    fill_table();
    message = message_begin(1);
    message->accept_count = 1;
    status_t status = sys_channel_call(start_handle("channel"), INSTANT_NEVER, 0);
    if (packet_take(service.port) != OK) {
        return 1001;
    }
    const struct thread_block *block = thread_block();
    bool truncated = (block->packet.flags & PACKET_TRUNCATED) != 0 &&
                     block->message.handle_count == 1 && block->message.handles[0] == HANDLE_NONE;
    reply_empty(service.port, block->packet.token, truncated ? 77 : 0);
    return -status;
}

TEST(ipc_handles_and_full_tables) {
    struct service service = service_create();
    struct child_options options = {.role = "full_table",
                                    .job = job_with(0, 100, 0, 0),
                                    .handle_count = 1,
                                    .handles = {{"channel", service.client, RIGHTS_CHANNEL}}};
    struct spawned child;
    REQUIRE(child_start(&child, &options));
    uint64_t token = call_take(service.port);
    handle_t client = thread_block()->message.handles[0];
    reply_empty(service.port, token, 0);
    struct message *message = message_begin(1);
    message_put_handle(message, client);
    CHECK_EQ(sys_channel_call(client, in(PATIENCE), 0), OK);
    CHECK_EQ(thread_block()->message.op, 77);
    CHECK_EQ(child_finish(&child), -ERR_LIMIT);
    drop(client);
    drop(options.job);
    service_close(&service);
}

// ---- windows

TEST(ipc_windows_are_read_and_written) {
    static uint8_t in_memory[3 * PAGE_SIZE];
    static uint8_t out_memory[3 * PAGE_SIZE];
    static uint8_t buffer[3 * PAGE_SIZE];
    struct service service = service_create();
    for (size_t i = 0; i < sizeof(in_memory); i++) {
        in_memory[i] = (uint8_t)(i * 31 + 7);
    }
    struct request request = request_of(service.client, 0);
    request.in = in_memory;
    request.in_bytes = sizeof(in_memory);
    request.out = out_memory;
    request.out_bytes = sizeof(out_memory);
    request_start(&request);
    uint64_t token = call_take(service.port);
    CHECK_EQ(thread_block()->packet.in_bytes, sizeof(in_memory));
    CHECK_EQ(thread_block()->packet.out_bytes, sizeof(out_memory));
    CHECK_EQ(sys_call_read(token, 0, buffer, sizeof(buffer)), sizeof(buffer));
    CHECK_EQ(memcmp(buffer, in_memory, sizeof(buffer)), 0);
    CHECK_EQ(sys_call_read(token, sizeof(in_memory) - 5, buffer, 100), 5);
    CHECK_EQ(sys_call_read(token, sizeof(in_memory), buffer, 100), 0);
    CHECK_EQ(sys_call_read(token, sizeof(in_memory) + 1, buffer, 1), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_call_read(token, UINT64_MAX, buffer, 1), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_call_read(token, 0, buffer, COPY_MAX_BYTES + 1), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_call_write(token, 4090, in_memory, 20), 20);
    CHECK_EQ(memcmp(out_memory + 4090, in_memory, 20), 0);
    CHECK_EQ(out_memory[4089], 0);
    CHECK_EQ(out_memory[4110], 0);
    CHECK_EQ(sys_call_write(token, sizeof(out_memory) - 5, in_memory, 100), 5);
    CHECK_EQ(sys_call_write(token, sizeof(out_memory) + 1, in_memory, 1), ERR_OUT_OF_RANGE);
    memset(out_memory, 0, sizeof(out_memory));
    CHECK_EQ(call_answer(service.port, token, 0), OK);
    CHECK_EQ(request_join(&request), OK);
    CHECK_EQ(sys_call_read(token, 0, buffer, 1), ERR_STALE_TOKEN);
    CHECK_EQ(sys_call_write(token, 0, buffer, 1), ERR_STALE_TOKEN);
    service_close(&service);
}

TEST(ipc_windows_on_bad_memory) {
    struct service service = service_create();
    uint8_t *pages = pages_map(2);
    pages_unmap(pages + PAGE_SIZE, 1);
    uint8_t buffer[64];
    struct request request = request_of(service.client, 0);
    request.in = pages + PAGE_SIZE - 10;
    request.in_bytes = 100;
    request.out = (void *)&call_answer; // text
    request.out_bytes = 100;
    request_start(&request);
    uint64_t token = call_take(service.port);
    CHECK_EQ(sys_call_read(token, 0, buffer, sizeof(buffer)), 10);
    CHECK_EQ(sys_call_read(token, 10, buffer, sizeof(buffer)), ERR_FAULT);
    CHECK_EQ(sys_call_write(token, 0, buffer, sizeof(buffer)), ERR_FAULT);
    CHECK_EQ(call_answer(service.port, token, 0), OK);
    CHECK_EQ(request_join(&request), OK);
    request = request_of(service.client, 0);
    request.in = (void *)0xffff800000000000;
    request.in_bytes = 100;
    request.out = (void *)0xffffffff80000000;
    request.out_bytes = 100;
    request_start(&request);
    token = call_take(service.port);
    CHECK_EQ(sys_call_read(token, 0, buffer, sizeof(buffer)), ERR_FAULT);
    CHECK_EQ(sys_call_write(token, 0, buffer, sizeof(buffer)), ERR_FAULT);
    CHECK_EQ(call_answer(service.port, token, 0), OK);
    CHECK_EQ(request_join(&request), OK);
    pages_unmap(pages, 1);
    service_close(&service);
}

// ---- tokens

TEST(ipc_tokens_go_stale) {
    struct service service = service_create();
    struct request request = request_of(service.client, 0);
    request_start(&request);
    uint64_t token = call_take(service.port);
    const uint64_t wrong[] = {1, token + 1, token ^ 1UL << 40, UINT64_MAX, token << 1};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        CHECK_EQ(call_answer(service.port, wrong[i], 0), ERR_STALE_TOKEN);
    }
    struct service other = service_create();
    CHECK_EQ(call_answer(other.port, token, 0), ERR_STALE_TOKEN);
    service_close(&other);
    CHECK_EQ(call_answer(service.port, token, 0), OK);
    CHECK_EQ(call_answer(service.port, token, 0), ERR_STALE_TOKEN);
    CHECK_EQ(request_join(&request), OK);
    service_close(&service);
}

TEST(ipc_bad_replies_leave_the_caller_waiting) {
    struct service service = service_create();
    struct request request = request_of(service.client, 0);
    request_start(&request);
    uint64_t token = call_take(service.port);
    struct message *message = message_begin(0);
    message->body_bytes = MESSAGE_BODY_BYTES + 1;
    CHECK_EQ(sys_port_reply_wait(service.port, token, 0, 0), ERR_INVALID_ARGUMENT);
    message = message_begin(0);
    message_put_handle(message, service.client); // the caller accepts none
    CHECK_EQ(sys_port_reply_wait(service.port, token, 0, 0), ERR_INVALID_ARGUMENT);
    CHECK(task_blocks(&request.task));
    CHECK_EQ(call_answer(service.port, token, 9), OK);
    CHECK_EQ(request_join(&request), OK);
    CHECK_EQ(request_reply_value(&request), 9);
    service_close(&service);
}

// ---- signals and closing

TEST(ipc_server_signals_its_clients) {
    struct service service = service_create();
    CHECK_EQ(sys_object_wait(service.client, 0x7fffffff, 0, 0), ERR_TIMED_OUT);
    CHECK_EQ(sys_channel_signal(service.server, 0, 5), OK);
    CHECK_EQ(sys_object_wait(service.client, 4, 0, 0), 5);
    CHECK_EQ(sys_channel_signal(service.server, 4, 2), OK);
    CHECK_EQ(sys_object_wait(service.client, 3, 0, 0), 3);
    CHECK_EQ(sys_channel_signal(service.server, 0, 0x80000000), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_channel_signal(service.server, 0x80000000, 0), ERR_INVALID_ARGUMENT);
    service_close(&service);
}

TEST(ipc_last_client_handle_is_told) {
    struct service service = service_create();
    handle_t second = narrowed(service.client, RIGHTS_CHANNEL);
    drop(service.client);
    CHECK_EQ(sys_port_reply_wait(service.port, 0, 0, 0), ERR_TIMED_OUT);
    drop(second);
    REQUIRE_EQ(packet_take(service.port), OK);
    CHECK_EQ(thread_block()->packet.kind, PACKET_PEER_CLOSED);
    CHECK_EQ(thread_block()->packet.key, SERVICE_KEY);
    service.client = HANDLE_NONE;
    service_close(&service);
}

TEST(ipc_closed_server_end_ends_calls) {
    struct service service = service_create();
    struct request queued = request_of(service.client, 1);
    struct request taken = request_of(service.client, 2);
    REQUIRE(request_blocks(&taken));
    uint64_t token = call_take(service.port);
    REQUIRE(request_blocks(&queued));
    drop(service.server);
    CHECK_EQ(request_join(&queued), ERR_PEER_CLOSED);
    CHECK_EQ(request_join(&taken), ERR_PEER_CLOSED);
    CHECK_EQ(call_answer(service.port, token, 0), ERR_STALE_TOKEN);
    CHECK_EQ(sys_object_wait(service.client, SIGNAL_CHANNEL_PEER_CLOSED, 0, 0),
             SIGNAL_CHANNEL_PEER_CLOSED);
    message_begin(1);
    CHECK_EQ(sys_channel_call(service.client, INSTANT_NEVER, 0), ERR_PEER_CLOSED);
    service.server = HANDLE_NONE;
    service_close(&service);
}

TEST(ipc_closed_port_ends_calls) {
    struct service service = service_create();
    struct request request = request_of(service.client, 1);
    REQUIRE(request_blocks(&request));
    drop(service.port);
    service.port = HANDLE_NONE;
    // Whether the port or the server end went first: the service is gone.
    drop(service.server);
    service.server = HANDLE_NONE;
    CHECK_EQ(request_join(&request), ERR_PEER_CLOSED);
    service_close(&service);
}

TEST(ipc_channels_of_one_port_are_apart) {
    struct service service = service_create();
    int64_t pair = sys_channel_create(service.port, 222, 0);
    REQUIRE(pair > 0);
    struct request a = request_of(service.client, 1);
    struct request b = request_of(handle_pair_first(pair), 2);
    REQUIRE(request_blocks(&a));
    REQUIRE(request_blocks(&b));
    drop(service.server); // ends a's call alone
    CHECK_EQ(request_join(&a), ERR_PEER_CLOSED);
    uint64_t token = call_take(service.port);
    CHECK_EQ(thread_block()->packet.key, 222);
    CHECK_EQ(call_answer(service.port, token, 0), OK);
    CHECK_EQ(request_join(&b), OK);
    drop(handle_pair_first(pair));
    drop(handle_pair_second(pair));
    service.server = HANDLE_NONE;
    service_close(&service);
}

// ---- waiting on a port

TEST(ipc_port_wait_ends) {
    struct service service = service_create();
    instant_t start = now();
    CHECK_EQ(sys_port_reply_wait(service.port, 0, start + MILLISECONDS(3), 0), ERR_TIMED_OUT);
    CHECK(now() - start >= MILLISECONDS(3));
    service_close(&service);
}

static int64_t wait_interruptibly(void *argument) {
    return sys_port_reply_wait(*(handle_t *)argument, 0, INSTANT_NEVER, WAIT_INTERRUPTIBLE);
}

TEST(ipc_port_wait_is_interrupted) {
    struct service service = service_create();
    struct task task;
    task_start(&task, wait_interruptibly, &service.port);
    CHECK(task_blocks(&task));
    CHECK_EQ(sys_thread_interrupt(task.thread.handle, 1), OK);
    CHECK_EQ(task_join(&task), ERR_INTERRUPTED);
    service_close(&service);
}

// ---- forwarding

TEST(ipc_forwarder_keeps_the_origin) {
    struct service outer = service_create();
    handle_t port = expect_handle(sys_port_create());
    int64_t pair = sys_channel_create(port, 5, CHANNEL_FORWARDER);
    REQUIRE(pair > 0);
    struct request origin = request_of(outer.client, 1);
    request_start(&origin);
    uint64_t token = call_take(outer.port);
    struct packet stamp = thread_block()->packet;
    message_begin(2);
    CHECK_EQ(sys_call_for(token, handle_pair_first(pair), 0, 0, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_call_for(token + 1, handle_pair_first(pair), 3, 0, 0), ERR_STALE_TOKEN);
    struct server server;
    server_start(&server, port);
    message_put_u64(message_begin(2), 70);
    CHECK_EQ(sys_call_for(token, handle_pair_first(pair), 3, INSTANT_NEVER, 0), OK);
    CHECK_EQ(call_value(), 71);
    const struct packet *seen = &((struct thread_block *)server.task.thread.region)->packet;
    CHECK_EQ(seen->process, stamp.process);
    CHECK_EQ(seen->thread, stamp.thread);
    CHECK_EQ(seen->call_number, stamp.call_number);
    CHECK_EQ(seen->sub, 3);
    CHECK((seen->flags & PACKET_FORWARDED) != 0);
    CHECK_EQ(call_answer(outer.port, token, 0), OK);
    CHECK_EQ(request_join(&origin), OK);
    drop(handle_pair_first(pair));
    CHECK_EQ(server_join(&server), 1);
    drop(handle_pair_second(pair));
    drop(port);
    service_close(&outer);
}

// A channel without the flag stamps the forwarder itself.
TEST(ipc_only_forwarders_forward) {
    struct service outer = service_create();
    struct service inner = service_create();
    struct request origin = request_of(outer.client, 1);
    request_start(&origin);
    uint64_t token = call_take(outer.port);
    struct server server;
    server_start(&server, inner.port);
    message_put_u64(message_begin(2), 70);
    CHECK_EQ(sys_call_for(token, inner.client, 3, INSTANT_NEVER, 0), OK);
    const struct packet *seen = &((struct thread_block *)server.task.thread.region)->packet;
    CHECK_EQ(seen->thread, thread_block()->thread);
    CHECK((seen->flags & PACKET_FORWARDED) == 0);
    CHECK_EQ(call_answer(outer.port, token, 0), OK);
    CHECK_EQ(request_join(&origin), OK);
    drop(inner.client);
    inner.client = HANDLE_NONE;
    CHECK_EQ(server_join(&server), 1);
    service_close(&inner);
    service_close(&outer);
}

// ---- cost

TEST(ipc_round_trip_cost) {
    enum { CALLS = 5000 };
    struct service service = service_create();
    struct server server;
    server_start(&server, service.port);
    REQUIRE(task_blocks(&server.task));
    struct system_info before = system_counters();
    for (uint64_t i = 0; i < CALLS; i++) {
        message_put_u64(message_begin(1), i);
        (void)!sys_channel_call(service.client, INSTANT_NEVER, 0);
    }
    struct system_info after = system_counters();
    test_figure("call and reply: %ld ns, %lu of %lu by the fast path",
                (after.now - before.now) / CALLS, after.fast_calls - before.fast_calls,
                after.calls - before.calls);
    CHECK_EQ(after.calls - before.calls, CALLS);
    drop(service.client);
    service.client = HANDLE_NONE;
    CHECK_EQ(server_join(&server), CALLS);
    service_close(&service);
}
