// SPDX-License-Identifier: MIT
//
// Editing of the line that is not ended yet: VERASE, VWERASE and VKILL, and what they echo.

#include "discipline_internal.h"

#define TAB_COLUMNS 8

enum erase_kind { ERASE_CHAR, ERASE_WORD, ERASE_LINE };

// Letters and digits, of Latin-1 too, and the underscore.
static bool is_word(uint8_t c) {
    bool latin = c >= 0xc0 && c != 0xd7 && c != 0xf7;
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || latin ||
           c == '_';
}

// ECHOPRT: erased characters are shown, the last one first, between \ and /.
static void echo_print_erased(struct discipline_view *view, uint32_t from, uint32_t count) {
    struct discipline *state = view->state;
    if (state->erasing == 0) {
        echo_raw(view, '\\');
        state->erasing = 1;
    }
    echo_char(view, cell_char(view, from));
    for (uint32_t i = 1; i < count; i++) {
        echo_raw(view, cell_char(view, from + i));
        state->column -= state->column > 0;
    }
}

// Moves back over a tab that has been erased: how far depends on the columns before it.
static void echo_erase_tab(struct discipline_view *view) {
    struct discipline *state = view->state;
    uint32_t columns = 0;
    bool after_tab = false;
    for (uint32_t at = state->head; at != state->canon && !after_tab; at--) {
        uint8_t c = cell_char(view, at - 1);
        if (c == '\t') {
            after_tab = true;
        } else if (is_control(c)) {
            columns += lflag(state, LFLAG_ECHOCTL) ? 2 : 0;
        } else {
            columns += !is_continuation(state, c);
        }
    }
    columns %= TAB_COLUMNS;
    columns += after_tab ? 0 : state->canon_column;
    for (uint32_t i = columns % TAB_COLUMNS; i < TAB_COLUMNS; i++) {
        output_raw(view, '\b');
        state->column -= state->column > 0;
    }
}

static void echo_rubout(struct discipline_view *view) {
    echo_raw(view, '\b');
    echo_raw(view, ' ');
    echo_raw(view, '\b');
}

// Shows that the character (`count` bytes from head on) is gone.
static void echo_erased(struct discipline_view *view, enum erase_kind kind, uint32_t count) {
    const struct discipline *state = view->state;
    uint8_t c = cell_char(view, state->head);
    if (lflag(state, LFLAG_ECHOPRT)) {
        echo_print_erased(view, state->head, count);
    } else if (kind == ERASE_CHAR && !lflag(state, LFLAG_ECHOE)) {
        echo_char(view, state->settings.cc[CC_ERASE]);
    } else if (c == '\t') {
        echo_erase_tab(view);
    } else {
        bool wide = is_control(c) && lflag(state, LFLAG_ECHOCTL);
        if (wide) {
            echo_rubout(view);
        }
        if (wide || !is_control(c)) {
            echo_rubout(view);
        }
    }
}

// The start of the last character before head; head itself when there is only a part of one.
static uint32_t last_char(const struct discipline_view *view) {
    const struct discipline *state = view->state;
    uint32_t at = state->head;
    do {
        at--;
    } while (is_continuation(state, cell_char(view, at)) && at != state->canon);
    return is_continuation(state, cell_char(view, at)) ? state->head : at;
}

static void erase_chars(struct discipline_view *view, enum erase_kind kind) {
    struct discipline *state = view->state;
    bool seen_word = false;
    while (state->head != state->canon) {
        uint32_t at = last_char(view);
        if (at == state->head) {
            break;
        }
        bool word = is_word(cell_char(view, at));
        if (kind == ERASE_WORD && seen_word && !word) {
            break;
        }
        seen_word |= word;
        uint32_t count = state->head - at;
        state->head = at;
        if (lflag(state, LFLAG_ECHO)) {
            echo_erased(view, kind, count);
        }
        if (kind == ERASE_CHAR) {
            break;
        }
    }
    if (state->head == state->canon && lflag(state, LFLAG_ECHO)) {
        echo_finish_erasing(view);
    }
}

void edit_erase(struct discipline_view *view, uint8_t c) {
    struct discipline *state = view->state;
    if (state->head == state->canon) {
        return;
    }
    if (is_special(state, c, CC_ERASE)) {
        erase_chars(view, ERASE_CHAR);
    } else if (is_special(state, c, CC_WERASE)) {
        erase_chars(view, ERASE_WORD);
    } else if (!lflag(state, LFLAG_ECHO)) {
        state->head = state->canon;
    } else if (!lflag(state, LFLAG_ECHOK) || !lflag(state, LFLAG_ECHOKE) ||
               !lflag(state, LFLAG_ECHOE)) {
        state->head = state->canon;
        echo_finish_erasing(view);
        echo_char(view, state->settings.cc[CC_KILL]);
        if (lflag(state, LFLAG_ECHOK)) {
            echo_raw(view, '\n');
        }
    } else {
        erase_chars(view, ERASE_LINE);
    }
}
