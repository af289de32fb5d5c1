// SPDX-License-Identifier: MIT
//
// Threads that make one call, and threads that serve, for the tests of calls.
#pragma once

#include "suite.h"

#include <sys/message.h>

// One call that a thread makes, and what came of it.
struct request {
    handle_t channel;
    uint32_t op;
    uint64_t value; // the body
    instant_t deadline;
    uint32_t flags;
    uint8_t accept_count;
    uint8_t handle_count;
    handle_t handles[MESSAGE_HANDLES];
    const void *in;
    size_t in_bytes;
    void *out;
    size_t out_bytes;
    struct task task;
    struct message reply; // when the result is OK
};

// A request with no deadline that carries `value`.
struct request request_of(handle_t channel, uint64_t value);
void request_start(struct request *request);
// Starts it and waits until it is blocked; returns whether it is.
bool request_blocks(struct request *request);
// Waits for the end; returns the status of the call.
int64_t request_join(struct request *request);
uint64_t request_reply_value(const struct request *request);

// Takes the next packet and expects a call; returns its token, 0 when something else came.
uint64_t call_take(handle_t port);
// The body of the message just taken.
uint64_t call_value(void);
// Answers a call with a value, without waiting for the next packet. One that is there already is
// taken, and lost: only for when there can be none.
status_t call_answer(handle_t port, uint64_t token, uint64_t value);

// A thread that answers each call with its value plus one until the client end is closed.
struct server {
    handle_t port;
    struct task task;
};

void server_start(struct server *server, handle_t port);
// Returns how many calls it has answered.
int64_t server_join(struct server *server);
