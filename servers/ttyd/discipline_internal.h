// SPDX-License-Identifier: MIT
//
// Between the files of the line discipline.
#pragma once

#include "discipline.h"

static inline bool iflag(const struct discipline *state, uint32_t flag) {
    return (state->settings.iflag & flag) != 0;
}
static inline bool oflag(const struct discipline *state, uint32_t flag) {
    return (state->settings.oflag & flag) != 0;
}
static inline bool lflag(const struct discipline *state, uint32_t flag) {
    return (state->settings.lflag & flag) != 0;
}
// Whether a character is the special one of this index. 0 is none.
static inline bool is_special(const struct discipline *state, uint8_t c, enum terminal_cc index) {
    return c != 0 && state->settings.cc[index] == c;
}
static inline bool is_control(uint8_t c) {
    return c < 32 || c == 127;
}
// In UTF-8: not the first byte of a character.
static inline bool is_continuation(const struct discipline *state, uint8_t c) {
    return iflag(state, IFLAG_IUTF8) && (c & 0xc0) == 0x80;
}
static inline uint8_t cell_char(const struct discipline_view *view, uint32_t position) {
    return (uint8_t)view->cells[position % LINE_CELLS];
}
static inline void cell_set(struct discipline_view *view, uint32_t position, uint16_t value) {
    uint32_t index = position % LINE_CELLS;
    view->cells[index] = value;
    view->touched |= 1U << index / (LINE_CELLS / 16);
}

// A byte for the line, as it is; dropped when the ring is full.
void output_raw(struct discipline_view *view, uint8_t c);
// Room of the ring, in bytes.
uint32_t output_room(const struct discipline_view *view);
// A character for the line, as the output flags have it.
void output_char(struct discipline_view *view, uint8_t c);

// Echo of a character that was typed: a control character as ^X with ECHOCTL.
void echo_char(struct discipline_view *view, uint8_t c);
// Echo of a character as the output flags have it.
void echo_raw(struct discipline_view *view, uint8_t c);
// Ends the output of what ECHOPRT erases.
void echo_finish_erasing(struct discipline_view *view);
// VERASE, VWERASE and VKILL.
void edit_erase(struct discipline_view *view, uint8_t c);
