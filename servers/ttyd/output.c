// SPDX-License-Identifier: MIT
//
// The way out: what programs write and what is echoed becomes bytes for the line, in a ring.

#include "discipline_internal.h"

#define TAB_COLUMNS 8

uint32_t output_pending(const struct discipline *state) {
    return state->out_head - state->out_tail;
}

uint32_t output_room(const struct discipline_view *view) {
    uint32_t used = view->state->out_head - view->floor;
    return used < OUT_BYTES ? OUT_BYTES - used : 0;
}

void output_raw(struct discipline_view *view, uint8_t c) {
    if (output_room(view) != 0) {
        view->out[view->state->out_head % OUT_BYTES] = c;
        view->state->out_head++;
    }
}

static uint8_t to_upper(uint8_t c) {
    bool lower = (c >= 'a' && c <= 'z') || (c >= 0xdf && c != 0xf7);
    return lower ? (uint8_t)(c - 32) : c;
}

// A carriage return, or what OCRNL makes of it.
static void output_return(struct discipline_view *view) {
    struct discipline *state = view->state;
    if (oflag(state, OFLAG_ONOCR) && state->column == 0) {
        return;
    }
    bool newline = oflag(state, OFLAG_OCRNL);
    if (!newline || oflag(state, OFLAG_ONLRET)) {
        state->column = state->canon_column = 0;
    }
    output_raw(view, newline ? '\n' : '\r');
}

static void output_newline(struct discipline_view *view) {
    struct discipline *state = view->state;
    if (oflag(state, OFLAG_ONLRET | OFLAG_ONLCR)) {
        state->column = 0;
    }
    if (oflag(state, OFLAG_ONLCR)) {
        output_raw(view, '\r');
    }
    state->canon_column = state->column;
    output_raw(view, '\n');
}

static void output_tab(struct discipline_view *view) {
    struct discipline *state = view->state;
    uint32_t spaces = TAB_COLUMNS - state->column % TAB_COLUMNS;
    state->column += spaces;
    if ((state->settings.oflag & OFLAG_XTABS) != OFLAG_XTABS) {
        output_raw(view, '\t');
        return;
    }
    while (spaces-- > 0) {
        output_raw(view, ' ');
    }
}

void output_char(struct discipline_view *view, uint8_t c) {
    struct discipline *state = view->state;
    switch (c) {
    case '\n':
        output_newline(view);
        return;
    case '\r':
        output_return(view);
        return;
    case '\t':
        output_tab(view);
        return;
    case '\b':
        state->column -= state->column > 0;
        break;
    default:
        if (!is_control(c)) {
            c = oflag(state, OFLAG_OLCUC) ? to_upper(c) : c;
            state->column += !is_continuation(state, c);
        }
        break;
    }
    output_raw(view, c);
}

bool discipline_writable(const struct discipline *state) {
    return state->stopped == 0 && output_pending(state) < OUT_WRITES;
}

uint32_t discipline_write(struct discipline_view *view, const uint8_t *from, uint32_t bytes) {
    struct discipline *state = view->state;
    uint32_t done = 0;
    while (done < bytes && discipline_writable(state) && output_room(view) >= OUT_CHAR_BYTES) {
        uint8_t c = from[done++];
        if (oflag(state, OFLAG_OPOST)) {
            output_char(view, c);
        } else {
            output_raw(view, c);
        }
    }
    return done;
}

uint32_t output_take(struct discipline_view *view, uint8_t *to, uint32_t bytes) {
    struct discipline *state = view->state;
    uint32_t count = state->stopped != 0 ? 0 : output_pending(state);
    count = count < bytes ? count : bytes;
    for (uint32_t i = 0; i < count; i++) {
        to[i] = view->out[(state->out_tail + i) % OUT_BYTES];
    }
    state->out_tail += count;
    return count;
}

void output_drop(struct discipline *state) {
    state->out_tail = state->out_head;
}

void discipline_stop(struct discipline *state, bool stopped) {
    if (stopped && state->stopped == 0) {
        state->stop_column = state->column;
        state->stop_canon_column = state->canon_column;
    }
    state->stopped = stopped;
}

void discipline_send(struct discipline_view *view, uint8_t byte) {
    output_raw(view, byte);
}

// ---- echo

void echo_raw(struct discipline_view *view, uint8_t c) {
    if (oflag(view->state, OFLAG_OPOST) && c != 0xff) {
        output_char(view, c);
        return;
    }
    // Linux counts the column of 0xff here, and of nothing else without OPOST.
    view->state->column += c == 0xff;
    output_raw(view, c);
}

void echo_char(struct discipline_view *view, uint8_t c) {
    if (lflag(view->state, LFLAG_ECHOCTL) && is_control(c) && c != '\t') {
        output_raw(view, '^');
        output_raw(view, c ^ 0100);
        view->state->column += 2;
    } else {
        echo_raw(view, c);
    }
}

void echo_finish_erasing(struct discipline_view *view) {
    if (view->state->erasing != 0) {
        echo_raw(view, '/');
        view->state->erasing = 0;
    }
}
