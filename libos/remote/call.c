// SPDX-License-Identifier: MIT
//
// Calls to servers, for all generated client stubs: the libos's own in place of lib/proto's
// protocol_call.c. Windows may be the program's memory, so pages are touched by the access
// functions; and an interruption only ends a call that may block, and only when a signal is there.

#include <proto/protocol_call.h>

#include <core/access.h>
#include <core/signal.h>
#include <core/thread.h>
#include <sys/calls.h>
#include <sys/string.h>

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
        memcpy(message->body, call->request, info->request_bytes);
    }
    window_write_inline(message, call);
}

// Checks the answer and copies it out. Returns its result.
static int64_t reply_read(const struct message *message, const struct protocol_call *call) {
    const struct operation_info *info = call->info;
    int64_t result = (int32_t)message->op;
    bool fits = result < 0 ? message->handle_count == 0
                           : message->body_bytes == info->reply_bytes &&
                                 message->handle_count == info->handles_out;
    if (!fits) {
        for (size_t i = 0; i < message->handle_count && i < MESSAGE_HANDLES; i++) {
            (void)!sys_handle_close(message->handles[i]);
        }
        return ERR_PROTOCOL;
    }
    if (result >= 0 && info->reply_bytes > 0) {
        memcpy(call->reply, message->body, info->reply_bytes);
    }
    for (size_t i = 0; result >= 0 && i < info->handles_out; i++) {
        call->handles_out[i] = message->handles[i];
    }
    return result;
}

// Brings the page that an ERR_TOUCH answer names, without changing it.
static bool window_touch(const struct message *message, const struct protocol_call *call) {
    struct protocol_touch touch;
    if (message->body_bytes != sizeof(touch)) {
        return false;
    }
    memcpy(&touch, message->body, sizeof(touch));
    if (touch.offset >= (touch.out != 0 ? call->out_bytes : call->in_bytes)) {
        return false;
    }
    const uint8_t *base = touch.out != 0 ? call->out : call->in;
    uint32_t *word = (uint32_t *)((uint64_t)(base + touch.offset) & ~3UL);
    uint32_t value;
    if (access_load32(word, &value) != OK) {
        return false;
    }
    return touch.out == 0 || access_cas32(word, &value, value) == OK;
}

int64_t protocol_call(const struct protocol_call *call) {
    const struct operation_info *info = call->info;
    struct linux_thread *self = thread_current();
    if (call->in_bytes > info->in_max_bytes || call->out_bytes > info->out_max_bytes) {
        return ERR_OUT_OF_RANGE;
    }
    for (;;) {
        struct message *message = &self->block->message;
        request_write(message, call);
        int64_t result = sys_channel_call(call->channel, call->deadline,
                                          info->may_block ? WAIT_INTERRUPTIBLE : 0);
        result = result < 0 ? result : reply_read(message, call);
        if (info->may_block && (result == ERR_INTERRUPTED || result == ERR_NOT_DONE)) {
            if (signal_interrupts(self)) {
                return ERR_INTERRUPTED;
            }
        } else if (result != ERR_TOUCH) {
            return result;
        } else if (!window_touch(message, call)) {
            return ERR_FAULT;
        }
    }
}
