// SPDX-License-Identifier: MIT
//
// Settings, window size, and the flow of bytes.

#include "ttyd.h"

#include <sys/string.h>

int64_t tty_do_get_settings(void *server, const struct packet *packet,
                            struct tty_get_settings_reply *reply) {
    const struct description_record *description;
    struct terminal *terminal;
    int64_t status = operation_begin(server, packet, &description, &terminal);
    if (status == OK) {
        reply->settings = terminal->state.settings;
    }
    return status;
}

// What an operation that changes a terminal begins with.
static int64_t change_begin(struct ttyd *ttyd, const struct packet *packet, uint32_t flags,
                            struct terminal **terminal) {
    const struct description_record *description;
    int64_t status = operation_begin(ttyd, packet, &description, terminal);
    if (status == OK && (description->flags & DESCRIPTION_MASTER) == 0) {
        status = background_check(ttyd, packet, *terminal, flags, false);
    }
    return status;
}

// Output that a drain waits for. What stands in a pair counts as out, as on Linux.
static bool is_draining(struct ttyd *ttyd, const struct terminal *terminal) {
    return !is_pair(ttyd, terminal) && ttyd->has_line &&
           output_pending(&terminal->state) + line_unsent(ttyd) != 0;
}

// After the discipline may have let go of something.
static void change_end(struct ttyd *ttyd, struct terminal *terminal) {
    if (!is_pair(ttyd, terminal)) {
        line_output(ttyd);
    }
    terminal_store(ttyd, terminal);
    terminal_wake_all(ttyd, terminal);
}

int64_t tty_do_set_settings(void *server, const struct packet *packet,
                            const struct tty_set_settings_request *request) {
    struct ttyd *ttyd = server;
    struct terminal *terminal;
    if (request->when > TTY_SET_FLUSH) {
        return ERR_INVALID_ARGUMENT;
    }
    int64_t status = change_begin(ttyd, packet, request->flags, &terminal);
    if (status != OK) {
        return status;
    }
    if (request->when != TTY_SET_NOW && is_draining(ttyd, terminal)) {
        return operation_wait(packet, condition(ttyd, terminal, WAIT_WRITE), 0);
    }
    terminal_change(ttyd, terminal);
    if (request->when == TTY_SET_FLUSH) {
        discipline_drop_input(&terminal->state);
    }
    discipline_set(&terminal->view, &request->settings);
    change_end(ttyd, terminal);
    return 0;
}

int64_t tty_do_get_size(void *server, const struct packet *packet,
                        struct tty_get_size_reply *reply) {
    const struct description_record *description;
    struct terminal *terminal;
    int64_t status = operation_begin(server, packet, &description, &terminal);
    if (status == OK) {
        reply->size = terminal->record->size;
    }
    return status;
}

void terminal_resize(struct ttyd *ttyd, const struct terminal *terminal,
                     const struct tty_size *size) {
    if (memcmp(&terminal->record->size, size, sizeof(*size)) != 0) {
        ttyd_set(ttyd, terminal->record, size, *size);
        order_add(ttyd, terminal->record->group, SIGNAL_WINCH);
    }
}

int64_t tty_do_set_size(void *server, const struct packet *packet,
                        const struct tty_set_size_request *request) {
    struct ttyd *ttyd = server;
    const struct description_record *description;
    struct terminal *terminal;
    int64_t status = operation_begin(ttyd, packet, &description, &terminal);
    if (status != OK ||
        memcmp(&terminal->record->size, &request->size, sizeof(request->size)) == 0) {
        return status;
    }
    if (orders_room(ttyd) <= ORDERS_TYPED) {
        return operation_wait(packet, CONDITION_ORDERS, 0);
    }
    terminal_resize(ttyd, terminal, &request->size);
    return 0;
}

int64_t tty_do_available(void *server, const struct packet *packet,
                         struct tty_available_reply *reply) {
    struct ttyd *ttyd = server;
    const struct description_record *description;
    struct terminal *terminal;
    int64_t status = operation_begin(ttyd, packet, &description, &terminal);
    if (status != OK) {
        return status;
    }
    bool master = (description->flags & DESCRIPTION_MASTER) != 0;
    uint32_t output = output_pending(&terminal->state);
    uint32_t unsent = is_pair(ttyd, terminal) || !ttyd->has_line ? 0 : line_unsent(ttyd);
    reply->input = master ? output : discipline_available(&terminal->view);
    reply->output = master ? 0 : output + unsent;
    return 0;
}

int64_t tty_do_flush(void *server, const struct packet *packet,
                     const struct tty_flush_request *request) {
    struct ttyd *ttyd = server;
    struct terminal *terminal;
    if (request->what == 0 || request->what > (TTY_FLUSH_INPUT | TTY_FLUSH_OUTPUT)) {
        return ERR_INVALID_ARGUMENT;
    }
    int64_t status = change_begin(ttyd, packet, request->flags, &terminal);
    if (status != OK) {
        return status;
    }
    terminal_change(ttyd, terminal);
    if ((request->what & TTY_FLUSH_INPUT) != 0) {
        discipline_drop_input(&terminal->state);
    }
    if ((request->what & TTY_FLUSH_OUTPUT) != 0) {
        output_drop(&terminal->state);
    }
    change_end(ttyd, terminal);
    return 0;
}

int64_t tty_do_flow(void *server, const struct packet *packet,
                    const struct tty_flow_request *request) {
    struct ttyd *ttyd = server;
    struct terminal *terminal;
    if (request->action > TTY_FLOW_SEND_START) {
        return ERR_INVALID_ARGUMENT;
    }
    int64_t status = change_begin(ttyd, packet, request->flags, &terminal);
    if (status != OK) {
        return status;
    }
    const uint8_t *cc = terminal->state.settings.cc;
    bool sends = request->action >= TTY_FLOW_SEND_STOP;
    uint8_t byte = request->action == TTY_FLOW_SEND_STOP ? cc[CC_STOP] : cc[CC_START];
    terminal_change(ttyd, terminal);
    if (sends && byte != 0) {
        discipline_send(&terminal->view, byte);
    } else if (!sends) {
        discipline_stop(&terminal->state, request->action == TTY_FLOW_STOP);
    }
    change_end(ttyd, terminal);
    return 0;
}

int64_t tty_do_drain(void *server, const struct packet *packet,
                     const struct tty_drain_request *request) {
    struct ttyd *ttyd = server;
    struct terminal *terminal;
    int64_t status = change_begin(ttyd, packet, request->flags, &terminal);
    if (status == OK && is_draining(ttyd, terminal)) {
        return operation_wait(packet, condition(ttyd, terminal, WAIT_WRITE), 0);
    }
    return status;
}
