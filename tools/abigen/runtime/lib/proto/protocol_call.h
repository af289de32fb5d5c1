// SPDX-License-Identifier: MIT
//
// The one place where client stubs make their calls.
#pragma once

#include <abi/message.h>
#include <abi/protocol.h>

// A call about to be made. What the operation does not have stays zero.
struct protocol_call {
    const struct operation_info *info;
    handle_t channel;
    instant_t deadline;
    const void *request;
    void *reply;
    const void *in;
    size_t in_bytes;
    void *out;
    size_t out_bytes;
    const handle_t *handles_in; // stay the caller's
    handle_t *handles_out;      // new handles of the caller's, on success
};

// Puts a short window behind the request, where the operation allows that.
static inline void window_write_inline(struct message *message, const struct protocol_call *call) {
    const struct operation_info *info = call->info;
    if (info->in_inline && call->in_bytes > 0 && call->in_bytes <= INLINE_MAX &&
        call->in_bytes + info->request_bytes <= MESSAGE_BODY_BYTES) {
        __builtin_memcpy(message->body + info->request_bytes, call->in, call->in_bytes);
        message->body_bytes += (uint16_t)call->in_bytes;
    }
}

// Writes the request into the thread's block, calls, and reads the answer. Touches pages of the
// windows that the server asks for and calls again, until the deadline ends it. The call is
// interruptible when the operation may block. Returns the server's result, 0 or above, or
//   any status of the operation, or of sys_channel_call
//   ERR_OUT_OF_RANGE  a window is larger than the operation allows; nothing was sent
//   ERR_PROTOCOL      the answer is malformed; handles that came with it were closed
[[nodiscard]] int64_t protocol_call(const struct protocol_call *call);
