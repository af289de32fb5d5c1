// SPDX-License-Identifier: MIT

#include "clients.h"

struct request request_of(handle_t channel, uint64_t value) {
    return (struct request){.channel = channel, .op = 1, .value = value, .deadline = INSTANT_NEVER};
}

static int64_t request_main(void *argument) {
    struct request *request = argument;
    struct message *message = message_begin(request->op);
    message_put_u64(message, request->value);
    message->accept_count = request->accept_count;
    for (uint32_t i = 0; i < request->handle_count; i++) {
        message_put_handle(message, request->handles[i]);
    }
    message_window_in(message, request->in, request->in_bytes);
    message_window_out(message, request->out, request->out_bytes);
    int64_t status = sys_channel_call(request->channel, request->deadline, request->flags);
    request->reply = *message;
    return status;
}

void request_start(struct request *request) {
    task_start(&request->task, request_main, request);
}

bool request_blocks(struct request *request) {
    request_start(request);
    bool blocked = task_blocks(&request->task);
    CHECK(blocked);
    return blocked;
}

int64_t request_join(struct request *request) {
    return task_join(&request->task);
}

uint64_t request_reply_value(const struct request *request) {
    uint64_t value = 0;
    CHECK_EQ(request->reply.body_bytes, sizeof(value));
    memcpy(&value, request->reply.body, sizeof(value));
    return value;
}

uint64_t call_take(handle_t port) {
    status_t status = packet_take(port);
    CHECK_EQ(status, OK);
    const struct packet *packet = &thread_block()->packet;
    if (status != OK) {
        return 0;
    }
    CHECK_EQ(packet->kind, PACKET_CALL);
    return packet->kind == PACKET_CALL ? packet->token : 0;
}

uint64_t call_value(void) {
    struct message_reader reader = message_read();
    uint64_t value = 0;
    CHECK(message_get_u64(&reader, &value));
    return value;
}

status_t call_answer(handle_t port, uint64_t token, uint64_t value) {
    message_put_u64(message_begin(0), value);
    status_t status = sys_port_reply_wait(port, token, 0, 0);
    return status == ERR_TIMED_OUT ? OK : status;
}

static int64_t server_main(void *argument) {
    const struct server *server = argument;
    const struct packet *packet = &thread_block()->packet;
    int64_t count = 0;
    uint64_t token = 0;
    for (;;) {
        status_t status = sys_port_reply_wait(server->port, token, INSTANT_NEVER, 0);
        if (status != OK) {
            return status;
        }
        if (packet->kind != PACKET_CALL) {
            return count;
        }
        count++;
        token = packet->token;
        uint64_t value = call_value();
        message_put_u64(message_begin(0), value + 1);
    }
}

void server_start(struct server *server, handle_t port) {
    server->port = port;
    task_start(&server->task, server_main, server);
}

int64_t server_join(struct server *server) {
    return task_join(&server->task);
}
