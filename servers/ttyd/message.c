// SPDX-License-Identifier: MIT
//
// What the host says on the console's line beside what is typed (TTY_OPEN_SIZES): the size of its
// window. Messages are not trusted: one that is none costs its mark, and the rest is typed.

#include "ttyd.h"

// Reads decimal digits. Returns behind them.
static uint32_t take_number(const uint8_t *bytes, uint32_t at, uint32_t count, uint16_t *value) {
    uint32_t number = 0;
    for (; at < count && bytes[at] >= '0' && bytes[at] <= '9' && number <= UINT16_MAX; at++) {
        number = number * 10 + (uint32_t)(bytes[at] - '0');
    }
    *value = number <= UINT16_MAX ? (uint16_t)number : 0;
    return at;
}

struct line_message line_message_take(const uint8_t *bytes, uint32_t count) {
    struct line_message message = {.bytes = 1};
    uint32_t room = count < LINE_MESSAGE_MAX ? count : LINE_MESSAGE_MAX;
    if (room > 1 && bytes[1] == LINE_MARK) {
        return (struct line_message){.bytes = 2, .typed = true};
    }
    uint32_t at = take_number(bytes, 1, room, &message.size.rows);
    if (at < room && bytes[at] == ';') {
        at = take_number(bytes, at + 1, room, &message.size.columns);
    }
    if (at == room) {
        message.bytes = room < LINE_MESSAGE_MAX ? 0 : 1;
    } else if (bytes[at] == LINE_MARK && message.size.rows != 0 && message.size.columns != 0) {
        message.bytes = at + 1;
        message.has_size = true;
    }
    return message;
}
