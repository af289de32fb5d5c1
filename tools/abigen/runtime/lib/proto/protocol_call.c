// SPDX-License-Identifier: MIT
//
// The client's half of every protocol. The message is built in the thread block, where the kernel
// picks it up, and the answer replaces it there. A server is not trusted: an answer that does not
// fit the operation is ERR_PROTOCOL, and no handle of it stays in our table.

#include "protocol_call.h"

#include <stdbool.h>
#include <sys/calls.h>
#include <sys/thread.h>

static void request_write(struct message *message, const struct protocol_call *call) {
    const struct operation_info *info = call->info;
    message->op = info->op;
    message->body_bytes = info->request_bytes;
    message->handle_count = info->handles_in;
    message->accept_count = info->handles_out;
    message->in = (struct window){(uint64_t)call->in, call->in_bytes};
    message->out = (struct window){(uint64_t)call->out, call->out_bytes};
    for (size_t i = 0; i < info->handles_in; i++) {
        message->handles[i] = call->handles_in[i];
    }
    if (info->request_bytes > 0) {
        __builtin_memcpy(message->body, call->request, info->request_bytes);
    }
    window_write_inline(message, call);
}

static void handles_close(const struct message *message) {
    for (size_t i = 0; i < message->handle_count && i < MESSAGE_HANDLES; i++) {
        (void)sys_handle_close(message->handles[i]);
    }
}

// Checks the answer and copies it out. Returns its result.
static int64_t reply_read(const struct message *message, const struct protocol_call *call) {
    const struct operation_info *info = call->info;
    int64_t result = (int32_t)message->op;
    bool fits = result < 0 ? result >= -STATUS_LAST && message->handle_count == 0
                           : message->body_bytes == info->reply_bytes &&
                                 message->handle_count == info->handles_out;
    if (!fits) {
        handles_close(message);
        return ERR_PROTOCOL;
    }
    if (result >= 0 && info->reply_bytes > 0) {
        __builtin_memcpy(call->reply, message->body, info->reply_bytes);
    }
    for (size_t i = 0; result >= 0 && i < info->handles_out; i++) {
        call->handles_out[i] = message->handles[i];
    }
    return result;
}

// Brings the page that an ERR_TOUCH answer names. Changes nothing in it, also when other threads
// write there at the same time.
static bool window_touch(const struct message *message, const struct protocol_call *call) {
    struct protocol_touch touch;
    if (message->body_bytes != sizeof(touch)) {
        return false;
    }
    __builtin_memcpy(&touch, message->body, sizeof(touch));
    if (touch.offset >= (touch.out ? call->out_bytes : call->in_bytes)) {
        return false;
    }
    if (touch.out) {
        (void)__atomic_fetch_or((uint8_t *)call->out + touch.offset, 0, __ATOMIC_RELAXED);
    } else {
        (void)*((const volatile uint8_t *)call->in + touch.offset);
    }
    return true;
}

int64_t protocol_call(const struct protocol_call *call) {
    const struct operation_info *info = call->info;
    if (call->in_bytes > info->in_max_bytes || call->out_bytes > info->out_max_bytes) {
        return ERR_OUT_OF_RANGE;
    }
    for (;;) {
        struct message *message = &thread_block()->message;
        request_write(message, call);
        status_t status = sys_channel_call(call->channel, call->deadline,
                                           info->may_block ? WAIT_INTERRUPTIBLE : 0);
        if (status < 0) {
            return status;
        }
        int64_t result = reply_read(message, call);
        if (result != ERR_TOUCH) {
            return result;
        }
        if (!window_touch(message, call)) {
            return ERR_PROTOCOL;
        }
    }
}
