// SPDX-License-Identifier: MIT

#include "protocol_answer.h"

#include <stdbool.h>
#include <sys/calls.h>

status_t protocol_check(const struct operation_info *info, const struct packet *packet,
                        const struct message *message) {
    bool plain = message->body_bytes == info->request_bytes;
    bool whole = info->in_inline && packet->in_bytes <= INLINE_MAX &&
                 message->body_bytes == info->request_bytes + packet->in_bytes;
    if ((!plain && !whole) || message->handle_count != info->handles_in ||
        message->accept_count < info->handles_out) {
        return ERR_PROTOCOL;
    }
    if (packet->in_bytes > info->in_max_bytes || packet->out_bytes > info->out_max_bytes) {
        return ERR_PROTOCOL;
    }
    return (packet->flags & PACKET_TRUNCATED) != 0 ? ERR_LIMIT : OK;
}

int64_t protocol_refuse(struct message *message, status_t status) {
    for (size_t i = 0; i < message->handle_count && i < MESSAGE_HANDLES; i++) {
        if (message->handles[i] != HANDLE_NONE) {
            (void)sys_handle_close(message->handles[i]);
        }
    }
    protocol_answer(message, NULL, status, NULL, NULL);
    return status;
}

// The parts of an answer that are the same in all.
static void answer_begin(struct message *message, int32_t result, uint16_t body_bytes) {
    message->op = (uint32_t)result;
    message->body_bytes = body_bytes;
    message->handle_count = 0;
    message->accept_count = 0;
    message->in = (struct window){0, 0};
    message->out = (struct window){0, 0};
}

static void answer_touch(struct message *message, int64_t result) {
    struct protocol_touch touch = {
        .offset = (uint32_t)result,
        .out = (uint32_t)((uint64_t)result >> 32 & 1),
    };
    answer_begin(message, ERR_TOUCH, sizeof(touch));
    __builtin_memcpy(message->body, &touch, sizeof(touch));
}

void protocol_answer(struct message *message, const struct operation_info *info, int64_t result,
                     const void *reply, const handle_t *handles) {
    if ((result & ~(int64_t)UINT32_MAX & ~(INT64_C(1) << 32)) == PROTOCOL_TOUCH) {
        answer_touch(message, result);
        return;
    }
    if (result < 0 || result > INT32_MAX) {
        bool status = result < 0 && result >= -STATUS_LAST;
        answer_begin(message, status ? (int32_t)result : ERR_PROTOCOL, 0);
        return;
    }
    answer_begin(message, (int32_t)result, info->reply_bytes);
    if (info->reply_bytes > 0) {
        __builtin_memcpy(message->body, reply, info->reply_bytes);
    }
    message->handle_count = info->handles_out;
    for (size_t i = 0; i < info->handles_out; i++) {
        message->handles[i] = handles[i];
    }
}
