// SPDX-License-Identifier: MIT
//
// Building and parsing the messages of channel_call and port_reply_wait, which stand in the thread
// block. A parser copies out of the block and checks against the size that the kernel reports: the
// block is this thread's own, so what it has checked stays so until the next call.
#pragma once

#include <abi/block.h>
#include <abi/status.h>
#include <stdbool.h>
#include <sys/string.h>
#include <sys/thread.h>

// Starts a message in the calling thread's block: no body, no handles, no windows.
static inline struct message *message_begin(uint32_t op) {
    struct message *message = &thread_block()->message;
    memset(message, 0, offsetof(struct message, body));
    message->op = op;
    return message;
}

// Adds bytes to the body. Returns whether they fitted; if not, nothing was added.
static inline bool message_put(struct message *message, const void *data, size_t bytes) {
    size_t at = message->body_bytes;
    if (at > MESSAGE_BODY_BYTES || bytes > MESSAGE_BODY_BYTES - at) {
        return false;
    }
    memcpy(&message->body[at], data, bytes);
    message->body_bytes = (uint16_t)(at + bytes);
    return true;
}

static inline bool message_put_u64(struct message *message, uint64_t value) {
    return message_put(message, &value, sizeof(value));
}

// Adds a handle: the receiver gets a handle of its own, this one stays. Returns whether there was
// room.
static inline bool message_put_handle(struct message *message, handle_t handle) {
    if (message->handle_count == MESSAGE_HANDLES) {
        return false;
    }
    message->handles[message->handle_count++] = handle;
    return true;
}

// Opens ranges of the caller's memory to the server while the call lasts.
static inline void message_window_in(struct message *message, const void *data, size_t bytes) {
    message->in = (struct window){.addr = (uint64_t)data, .bytes = bytes};
}

static inline void message_window_out(struct message *message, void *data, size_t bytes) {
    message->out = (struct window){.addr = (uint64_t)data, .bytes = bytes};
}

// Takes a body apart from its beginning. After a read that did not fit all further ones fail, too.
struct message_reader {
    const struct message *message;
    uint32_t at;
    bool failed;
};

static inline struct message_reader message_read(void) {
    return (struct message_reader){.message = &thread_block()->message};
}

static inline bool message_get(struct message_reader *reader, void *data, size_t bytes) {
    uint32_t have = reader->message->body_bytes;
    have = have <= MESSAGE_BODY_BYTES ? have : MESSAGE_BODY_BYTES;
    if (reader->failed || reader->at > have || bytes > have - reader->at) {
        reader->failed = true;
        return false;
    }
    memcpy(data, &reader->message->body[reader->at], bytes);
    reader->at += (uint32_t)bytes;
    return true;
}

static inline bool message_get_u64(struct message_reader *reader, uint64_t *value) {
    return message_get(reader, value, sizeof(*value));
}

// Whether the body was read exactly to its end, without a failure.
static inline bool message_complete(const struct message_reader *reader) {
    return !reader->failed && reader->at == reader->message->body_bytes;
}
