// SPDX-License-Identifier: MIT
//
// The way in: bytes from the line become characters in cells, lines and signals. The order of the
// tests in input_special is Linux's, and programs can see it.

#include "discipline_internal.h"

#include <sys/string.h>

enum linux_signal { SIGNAL_INT = 2, SIGNAL_QUIT = 3, SIGNAL_TSTP = 20 };

void discipline_init(struct discipline *state) {
    static const uint8_t cc[19] = {
        [CC_INTR] = 3,     [CC_QUIT] = 28,   [CC_ERASE] = 127, [CC_KILL] = 21, [CC_EOF] = 4,
        [CC_MIN] = 1,      [CC_START] = 17,  [CC_STOP] = 19,   [CC_SUSP] = 26, [CC_REPRINT] = 18,
        [CC_DISCARD] = 15, [CC_WERASE] = 23, [CC_LNEXT] = 22,
    };
    *state = (struct discipline){
        .settings =
            {
                .iflag = IFLAG_ICRNL | IFLAG_IXON,
                .oflag = OFLAG_OPOST | OFLAG_ONLCR,
                .cflag = CFLAG_B38400 | CFLAG_CS8 | CFLAG_CREAD | CFLAG_HUPCL,
                .lflag = LFLAG_ISIG | LFLAG_ICANON | LFLAG_ECHO | LFLAG_ECHOE | LFLAG_ECHOK |
                         LFLAG_ECHOCTL | LFLAG_ECHOKE | LFLAG_IEXTEN,
                .input_baud = 38400,
                .output_baud = 38400,
            },
    };
    memcpy(state->settings.cc, cc, sizeof(cc));
}

// ---- cells

static void put(struct discipline_view *view, uint16_t c) {
    cell_set(view, view->state->head, c);
    view->state->head++;
}

// With PARMRK the byte 0xff comes twice, since it begins marks.
static void put_marked(struct discipline_view *view, uint8_t c) {
    if (c == 0xff && iflag(view->state, IFLAG_PARMRK)) {
        put(view, c);
    }
    put(view, c);
}

bool discipline_takes(const struct discipline *state) {
    uint32_t most = LINE_CELLS - 1 - (iflag(state, IFLAG_PARMRK) ? 1 : 0);
    // A line that is too long must still be ended: what does not fit replaces its last character.
    bool endless = lflag(state, LFLAG_ICANON) && state->canon == state->tail;
    return state->head - state->tail < most || endless;
}

void discipline_drop_input(struct discipline *state) {
    state->tail = state->canon = state->head;
    state->erasing = 0;
}

// ---- one character

static void restart_by_any(struct discipline *state) {
    if (iflag(state, IFLAG_IXON) && iflag(state, IFLAG_IXANY)) {
        state->stopped = 0;
    }
}

// A character that becomes part of the input.
static void input_plain(struct discipline_view *view, uint8_t c) {
    struct discipline *state = view->state;
    if (lflag(state, LFLAG_ECHO)) {
        echo_finish_erasing(view);
        if (state->canon == state->head) {
            state->canon_column = state->column;
        }
        echo_char(view, c);
    }
    put_marked(view, c);
}

// A newline that was a carriage return: it moves the cursor also where a newline is echoed as ^J.
static void input_made_newline(struct discipline_view *view) {
    if (lflag(view->state, LFLAG_ECHO)) {
        echo_finish_erasing(view);
        echo_raw(view, '\n');
    }
    put(view, '\n');
}

static void end_line(struct discipline_view *view, uint8_t c) {
    put(view, CELL_END | c);
    view->state->canon = view->state->head;
}

static void reprint(struct discipline_view *view, uint8_t c) {
    const struct discipline *state = view->state;
    echo_finish_erasing(view);
    echo_char(view, c);
    echo_raw(view, '\n');
    for (uint32_t at = state->canon; at != state->head; at++) {
        echo_char(view, cell_char(view, at));
    }
}

static void take_literally_next(struct discipline_view *view) {
    struct discipline *state = view->state;
    state->literal_next = 1;
    if (lflag(state, LFLAG_ECHO)) {
        echo_finish_erasing(view);
        if (lflag(state, LFLAG_ECHOCTL)) {
            echo_raw(view, '^');
            echo_raw(view, '\b');
        }
    }
}

// A character that means something in canonical mode. Returns whether it did.
static bool input_canonical(struct discipline_view *view, uint8_t c) {
    struct discipline *state = view->state;
    bool extended = lflag(state, LFLAG_IEXTEN);
    if (is_special(state, c, CC_ERASE) || is_special(state, c, CC_KILL) ||
        (extended && is_special(state, c, CC_WERASE))) {
        edit_erase(view, c);
    } else if (extended && is_special(state, c, CC_LNEXT)) {
        take_literally_next(view);
    } else if (extended && lflag(state, LFLAG_ECHO) && is_special(state, c, CC_REPRINT)) {
        reprint(view, c);
    } else if (c == '\n') {
        if (lflag(state, LFLAG_ECHO | LFLAG_ECHONL)) {
            echo_raw(view, c);
        }
        end_line(view, c);
    } else if (is_special(state, c, CC_EOF)) {
        end_line(view, 0);
    } else if (is_special(state, c, CC_EOL) || (extended && is_special(state, c, CC_EOL2))) {
        if (lflag(state, LFLAG_ECHO)) {
            if (state->canon == state->head) {
                state->canon_column = state->column;
            }
            echo_char(view, c);
        }
        if (c == 0xff && iflag(state, IFLAG_PARMRK)) {
            put(view, c);
        }
        end_line(view, c);
    } else {
        return false;
    }
    return true;
}

static void input_signal(struct discipline_view *view, uint8_t c, uint8_t signal) {
    struct discipline *state = view->state;
    view->signal = signal;
    if (!lflag(state, LFLAG_NOFLSH)) {
        output_drop(state);
        discipline_drop_input(state);
        if (state->stopped != 0) {
            state->column = state->stop_column;
            state->canon_column = state->stop_canon_column;
        }
    }
    if (iflag(state, IFLAG_IXON)) {
        state->stopped = 0;
    }
    if (lflag(state, LFLAG_ECHO)) {
        echo_char(view, c);
    }
}

// Flow control and signals. Returns whether it was one of these.
static bool input_control(struct discipline_view *view, uint8_t c) {
    struct discipline *state = view->state;
    if (iflag(state, IFLAG_IXON) && is_special(state, c, CC_START)) {
        state->stopped = 0;
        return true;
    }
    if (iflag(state, IFLAG_IXON) && is_special(state, c, CC_STOP)) {
        discipline_stop(state, true);
        return true;
    }
    if (!lflag(state, LFLAG_ISIG)) {
        return false;
    }
    uint8_t signal = is_special(state, c, CC_INTR)   ? SIGNAL_INT
                     : is_special(state, c, CC_QUIT) ? SIGNAL_QUIT
                     : is_special(state, c, CC_SUSP) ? SIGNAL_TSTP
                                                     : 0;
    if (signal != 0) {
        input_signal(view, c, signal);
    }
    return signal != 0;
}

static void input_special(struct discipline_view *view, uint8_t c) {
    struct discipline *state = view->state;
    if (input_control(view, c)) {
        return;
    }
    restart_by_any(state);
    bool made_newline = false;
    if (c == '\r') {
        if (iflag(state, IFLAG_IGNCR)) {
            return;
        }
        made_newline = iflag(state, IFLAG_ICRNL);
        c = made_newline ? '\n' : c;
    } else if (c == '\n' && iflag(state, IFLAG_INLCR)) {
        c = '\r';
    }
    if (lflag(state, LFLAG_ICANON) && input_canonical(view, c)) {
        return;
    }
    if (made_newline) {
        input_made_newline(view);
    } else {
        input_plain(view, c);
    }
}

void discipline_input(struct discipline_view *view, uint8_t byte) {
    struct discipline *state = view->state;
    view->signal = 0;
    if (state->head - state->tail >= LINE_CELLS - (iflag(state, IFLAG_PARMRK) ? 1 : 0)) {
        state->head--;
    }
    uint8_t c = byte;
    if (iflag(state, IFLAG_ISTRIP)) {
        c &= 0x7f;
    }
    if (iflag(state, IFLAG_IUCLC) && lflag(state, LFLAG_IEXTEN)) {
        bool upper = (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7);
        c = upper ? (uint8_t)(c + 32) : c;
    }
    if (state->literal_next != 0) {
        state->literal_next = 0;
        restart_by_any(state);
        input_plain(view, c);
    } else if (lflag(state, LFLAG_EXTPROC)) {
        put(view, c);
    } else {
        input_special(view, c);
    }
}

// ---- reading

static bool reads_lines(const struct discipline *state) {
    return lflag(state, LFLAG_ICANON) && !lflag(state, LFLAG_EXTPROC);
}

bool discipline_readable(const struct discipline *state, uint32_t amount) {
    return reads_lines(state) ? state->canon != state->tail : state->head - state->tail >= amount;
}

static bool is_end_of_file(const struct discipline_view *view, uint32_t position) {
    return view->cells[position % LINE_CELLS] == CELL_END;
}

uint32_t discipline_available(const struct discipline_view *view) {
    const struct discipline *state = view->state;
    if (!reads_lines(state)) {
        return state->head - state->tail;
    }
    uint32_t count = 0;
    for (uint32_t at = state->tail; at != state->canon; at++) {
        count += !is_end_of_file(view, at);
    }
    return count;
}

static int32_t read_line(struct discipline_view *view, uint8_t *to, uint32_t bytes) {
    struct discipline *state = view->state;
    uint32_t done = 0;
    while (done < bytes && state->tail != state->canon) {
        uint32_t at = state->tail++;
        bool last = (view->cells[at % LINE_CELLS] & CELL_END) != 0;
        if (is_end_of_file(view, at)) {
            return (int32_t)done;
        }
        to[done++] = cell_char(view, at);
        if (last) {
            return (int32_t)done;
        }
    }
    // An end of file right behind what was asked for belongs to it.
    if (state->tail != state->canon && is_end_of_file(view, state->tail)) {
        state->tail++;
    }
    return (int32_t)done;
}

int32_t discipline_read(struct discipline_view *view, uint8_t *to, uint32_t bytes) {
    struct discipline *state = view->state;
    if (!discipline_readable(state, 1)) {
        return -1;
    }
    if (reads_lines(state)) {
        return read_line(view, to, bytes);
    }
    uint32_t count = state->head - state->tail;
    count = count < bytes ? count : bytes;
    for (uint32_t i = 0; i < count; i++) {
        to[i] = cell_char(view, state->tail + i);
    }
    state->tail += count;
    return (int32_t)count;
}

// ---- settings

// Between lines and single characters: what was typed and not read becomes one line, or no line.
static void switch_mode(struct discipline_view *view) {
    struct discipline *state = view->state;
    for (uint32_t at = state->tail; at != state->head; at++) {
        cell_set(view, at, cell_char(view, at));
    }
    if (!lflag(state, LFLAG_ICANON) || state->head == state->tail) {
        state->canon = state->tail;
    } else {
        cell_set(view, state->head - 1, CELL_END | cell_char(view, state->head - 1));
        state->canon = state->head;
    }
    state->erasing = 0;
    state->literal_next = 0;
}

void discipline_set(struct discipline_view *view, const struct tty_settings *settings) {
    struct discipline *state = view->state;
    uint32_t before_iflag = state->settings.iflag;
    uint32_t mode = (state->settings.lflag ^ settings->lflag) & (LFLAG_ICANON | LFLAG_EXTPROC);
    state->settings = *settings;
    if (mode != 0) {
        switch_mode(view);
    }
    if ((before_iflag & IFLAG_IXON) != 0 && !iflag(state, IFLAG_IXON)) {
        state->stopped = 0;
    }
}
