// SPDX-License-Identifier: MIT
//
// What follows from the records once they are committed: the signal bits on the clients' ends, by
// which poll works without a call, the indices of the line, and the next order to procd. All of it
// can be done again, and a successor does.

#include "ttyd.h"

#include <sys/calls.h>

#define ALL_SIGNALS (TTY_SIGNAL_READABLE | TTY_SIGNAL_WRITABLE | TTY_SIGNAL_HUNG_UP)

static uint32_t bits_of_slave(const struct terminal *terminal) {
    const struct discipline *state = &terminal->state;
    const uint8_t *cc = state->settings.cc;
    // As poll of Linux has it: without a timer, MIN characters must be there.
    uint32_t amount = cc[CC_TIME] == 0 && cc[CC_MIN] != 0 ? cc[CC_MIN] : 1;
    return (discipline_readable(state, amount) ? TTY_SIGNAL_READABLE : 0) |
           (discipline_writable(state) ? TTY_SIGNAL_WRITABLE : 0);
}

static uint32_t bits_of_master(const struct terminal *terminal) {
    const struct discipline *state = &terminal->state;
    bool closed = (terminal->record->flags & TERMINAL_SLAVE_CLOSED) != 0;
    bool output = state->stopped == 0 && output_pending(state) != 0;
    return (output ? TTY_SIGNAL_READABLE : 0) | (closed ? TTY_SIGNAL_HUNG_UP : 0) |
           (discipline_takes(state) ? TTY_SIGNAL_WRITABLE : 0);
}

static uint32_t bits_of(const struct description_record *description,
                        const struct terminal *terminal) {
    if ((description->flags & DESCRIPTION_HUNG) != 0) {
        return ALL_SIGNALS;
    }
    return (description->flags & DESCRIPTION_MASTER) != 0 ? bits_of_master(terminal)
                                                          : bits_of_slave(terminal);
}

void description_show(struct ttyd *ttyd, const struct description_record *description) {
    const struct terminal *terminal = terminal_of(ttyd, description);
    if (terminal != NULL) {
        uint32_t bits = bits_of(description, terminal);
        // The client may be gone: then nobody looks.
        (void)!sys_channel_signal(description->endpoint, ALL_SIGNALS & ~bits, bits);
    }
}

static void terminal_show(struct ttyd *ttyd, uint32_t index) {
    struct terminal *terminal = terminal_get(ttyd, index);
    if (terminal == NULL) {
        return;
    }
    terminal->view.floor = terminal->state.out_tail;
    // Hung-up descriptions differ from others, but are told so when they are hung up (shown is
    // unknown then).
    int32_t bits[2] = {(int32_t)bits_of_slave(terminal), (int32_t)bits_of_master(terminal)};
    if (terminal->shown[0] == bits[0] && terminal->shown[1] == bits[1]) {
        return;
    }
    terminal->shown[0] = bits[0];
    terminal->shown[1] = bits[1];
    for_each_description(ttyd, description) {
        if (description->terminal == index) {
            description_show(ttyd, description);
        }
    }
}

void ttyd_committed(struct server *server) {
    struct ttyd *ttyd = (struct ttyd *)server;
    for (uint32_t i = 0; i < TERMINALS_MAX; i++) {
        if ((ttyd->changed & 1U << i) != 0) {
            terminal_show(ttyd, i);
        }
    }
    ttyd->changed = 0;
    if (ttyd->has_line && line_publish(ttyd)) {
        (void)sys_event_signal(ttyd->work, 0, WAKE);
    }
    orders_kick(ttyd);
}

void ttyd_show_all(struct ttyd *ttyd) {
    for (uint32_t i = 0; i < TERMINALS_MAX; i++) {
        ttyd->terminals[i].shown[0] = ttyd->terminals[i].shown[1] = -1;
        terminal_show(ttyd, i);
    }
    if (ttyd->has_line && line_publish(ttyd)) {
        (void)sys_event_signal(ttyd->work, 0, WAKE);
    }
    orders_kick(ttyd);
}
