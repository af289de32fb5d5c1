// SPDX-License-Identifier: MIT
//
// Sessions, process groups, and who may use a terminal now. Who is who stands in procd's table,
// which ttyd reads; what it says of a process is asked anew each time.

#include "ttyd.h"

#include <sys/calls.h>

static uint32_t table_top(const struct ttyd *ttyd) {
    uint32_t top = ttyd->processes != NULL ? ttyd->processes->top : 0;
    return top < PROCESS_TABLE_MAX ? top : PROCESS_TABLE_MAX;
}

// The entry of who has sent a packet. A process that changes its user is found all the same.
static const struct process_entry *entry_of(const struct ttyd *ttyd, const struct packet *packet) {
    const struct process_entry *found = NULL;
    for (uint32_t i = 0; i < table_top(ttyd); i++) {
        const struct process_entry *entry = &ttyd->processes->entries[i];
        if (entry->process != 0 && entry->process == packet->process) {
            if (entry->user == (uint32_t)packet->cookie) {
                return entry;
            }
            found = entry;
        }
    }
    return found;
}

struct caller caller_of(const struct ttyd *ttyd, const struct packet *packet) {
    // Native programs have no cookie.
    const struct process_entry *entry = packet->cookie != 0 ? entry_of(ttyd, packet) : NULL;
    if (entry == NULL) {
        return (struct caller){0};
    }
    return (struct caller){true, entry->pid, entry->pgid, entry->sid, entry->process};
}

struct terminal *terminal_controlling(struct ttyd *ttyd, int32_t session) {
    for (uint32_t i = 0; i < TERMINALS_MAX && session != 0; i++) {
        struct terminal *terminal = terminal_get(ttyd, i);
        if (terminal != NULL && terminal->record->session == session) {
            return terminal;
        }
    }
    return NULL;
}

void terminal_take(struct ttyd *ttyd, struct terminal *terminal, const struct caller *caller) {
    const struct terminal_record *record = terminal->record;
    ttyd_set(ttyd, record, session, caller->sid);
    ttyd_set(ttyd, record, group, caller->pgid);
    ttyd_set(ttyd, record, leader, caller->process);
    ttyd_set(ttyd, record, flags, record->flags & ~(uint32_t)TERMINAL_OFFERED);
}

// A terminal that was offered and that the caller may take, null when there is none.
static struct terminal *offered(struct ttyd *ttyd, const struct caller *caller) {
    if (!caller->known || caller->pid != caller->sid) {
        return NULL;
    }
    for (uint32_t i = 0; i < TERMINALS_MAX; i++) {
        struct terminal *terminal = terminal_get(ttyd, i);
        if (terminal != NULL && (terminal->record->flags & TERMINAL_OFFERED) != 0 &&
            terminal->record->session == 0) {
            return terminal;
        }
    }
    return NULL;
}

struct terminal *terminal_of_caller(struct ttyd *ttyd, const struct caller *caller) {
    struct terminal *terminal = terminal_controlling(ttyd, caller->sid);
    if (terminal == NULL) {
        terminal = offered(ttyd, caller);
        if (terminal != NULL) {
            terminal_take(ttyd, terminal, caller);
        }
    }
    return terminal;
}

status_t background_check(struct ttyd *ttyd, const struct packet *packet, struct terminal *terminal,
                          uint32_t flags, bool reading) {
    struct caller caller = caller_of(ttyd, packet);
    const struct terminal_record *record = terminal->record;
    if (!caller.known || terminal_of_caller(ttyd, &caller) != terminal || record->group == 0 ||
        record->group == caller.pgid) {
        return OK;
    }
    if ((flags & TTY_IO_SIGNAL_OFF) == 0) {
        return ERR_BACKGROUND;
    }
    return reading ? ERR_IO : OK;
}

// ---- hanging up

void terminal_hang_up(struct ttyd *ttyd, struct terminal *terminal) {
    const struct terminal_record *record = terminal->record;
    if (record->session != 0) {
        order_add(ttyd, -record->session, SIGNAL_HUP);
        order_add(ttyd, -record->session, SIGNAL_CONT);
        order_add(ttyd, record->group, SIGNAL_HUP);
        ttyd_set(ttyd, record, session, 0);
        ttyd_set(ttyd, record, group, 0);
        ttyd_set(ttyd, record, leader, (uint64_t)0);
    }
    for_each_description(ttyd, description) {
        if (description->terminal == terminal_index(ttyd, terminal) &&
            (description->flags & (DESCRIPTION_MASTER | DESCRIPTION_HUNG)) == 0) {
            ttyd_set(ttyd, description, flags, description->flags | DESCRIPTION_HUNG);
        }
    }
    terminal_change(ttyd, terminal);
    discipline_drop_input(&terminal->state);
    discipline_stop(&terminal->state, false);
    terminal_store(ttyd, terminal);
    terminal->shown[0] = terminal->shown[1] = -1;
    terminal_wake_all(ttyd, terminal);
}

static bool leader_alive(const struct ttyd *ttyd, const struct terminal_record *record) {
    for (uint32_t i = 0; i < table_top(ttyd); i++) {
        const struct process_entry *entry = &ttyd->processes->entries[i];
        if (entry->process == record->leader && entry->pid == record->session) {
            return true;
        }
    }
    return false;
}

void leaders_check(struct ttyd *ttyd) {
    for (uint32_t i = 0; i < TERMINALS_MAX; i++) {
        struct terminal *terminal = terminal_get(ttyd, i);
        if (terminal == NULL || terminal->record->session == 0 ||
            leader_alive(ttyd, terminal->record)) {
            continue;
        }
        if (!is_pair(ttyd, terminal)) {
            terminal_hang_up(ttyd, terminal);
        } else {
            // A pair lives on: only the signal.
            order_add(ttyd, terminal->record->group, SIGNAL_HUP);
            ttyd_set(ttyd, terminal->record, session, 0);
            ttyd_set(ttyd, terminal->record, group, 0);
            ttyd_set(ttyd, terminal->record, leader, (uint64_t)0);
        }
        // One a step: the others follow.
        (void)sys_event_signal(ttyd->work, 0, WAKE);
        return;
    }
}

// ---- operations

int64_t operation_begin(struct ttyd *ttyd, const struct packet *packet,
                        const struct description_record **description, struct terminal **terminal) {
    *description = description_find(ttyd, packet->key);
    if (*description == NULL) {
        return ERR_BAD_STATE;
    }
    *terminal = terminal_of(ttyd, *description);
    bool hung = ((*description)->flags & DESCRIPTION_HUNG) != 0;
    return *terminal == NULL || hung ? ERR_IO : OK;
}

int64_t operation_wait(const struct packet *packet, uint64_t condition, uint32_t flags) {
    if ((flags & TTY_IO_NO_WAIT) != 0) {
        return ERR_WOULD_BLOCK;
    }
    request_wait(request_of(packet), condition);
    return PROTOCOL_LATER;
}

int64_t tty_do_get_control(void *server, const struct packet *packet,
                           struct tty_get_control_reply *reply) {
    struct ttyd *ttyd = server;
    const struct description_record *description;
    struct terminal *terminal;
    int64_t status = operation_begin(ttyd, packet, &description, &terminal);
    if (status != OK) {
        return status;
    }
    struct caller caller = caller_of(ttyd, packet);
    bool master = (description->flags & DESCRIPTION_MASTER) != 0;
    if (!master && caller.known && terminal_of_caller(ttyd, &caller) != terminal) {
        return ERR_NOT_FOUND;
    }
    reply->group = terminal->record->group;
    reply->session = terminal->record->session;
    return 0;
}

// The session of a process group; 0 when there is no such group.
static int32_t session_of_group(const struct ttyd *ttyd, int32_t group) {
    for (uint32_t i = 0; i < table_top(ttyd); i++) {
        const struct process_entry *entry = &ttyd->processes->entries[i];
        if (entry->process != 0 && entry->pgid == group) {
            return entry->sid;
        }
    }
    return 0;
}

int64_t tty_do_set_group(void *server, const struct packet *packet,
                         const struct tty_set_group_request *request) {
    struct ttyd *ttyd = server;
    const struct description_record *description;
    struct terminal *terminal;
    int64_t status = operation_begin(ttyd, packet, &description, &terminal);
    if (status != OK) {
        return status;
    }
    status = background_check(ttyd, packet, terminal, request->flags, false);
    if (status != OK) {
        return status;
    }
    struct caller caller = caller_of(ttyd, packet);
    if (caller.known && terminal_of_caller(ttyd, &caller) != terminal) {
        return ERR_NOT_FOUND;
    }
    if (request->group <= 0) {
        return ERR_INVALID_ARGUMENT;
    }
    int32_t session = session_of_group(ttyd, request->group);
    if (session == 0) {
        return ERR_NO_PROCESS;
    }
    if (session != terminal->record->session) {
        return ERR_NOT_PERMITTED;
    }
    ttyd_set(ttyd, terminal->record, group, request->group);
    return 0;
}

int64_t tty_do_take_control(void *server, const struct packet *packet,
                            const struct tty_take_control_request *request) {
    struct ttyd *ttyd = server;
    const struct description_record *description;
    struct terminal *terminal;
    int64_t status = operation_begin(ttyd, packet, &description, &terminal);
    if (status != OK) {
        return status;
    }
    struct caller caller = caller_of(ttyd, packet);
    if (!caller.known || caller.pid != caller.sid ||
        (description->flags & DESCRIPTION_MASTER) != 0) {
        return ERR_NOT_PERMITTED;
    }
    struct terminal *own = terminal_controlling(ttyd, caller.sid);
    if (own == terminal) {
        return 0;
    }
    if (own != NULL || (terminal->record->session != 0 && request->force != 1)) {
        return ERR_NOT_PERMITTED;
    }
    terminal_take(ttyd, terminal, &caller);
    return 0;
}

int64_t tty_do_leave_control(void *server, const struct packet *packet) {
    struct ttyd *ttyd = server;
    const struct description_record *description;
    struct terminal *terminal;
    int64_t status = operation_begin(ttyd, packet, &description, &terminal);
    if (status != OK) {
        return status;
    }
    struct caller caller = caller_of(ttyd, packet);
    if (!caller.known || terminal_of_caller(ttyd, &caller) != terminal) {
        return ERR_NOT_FOUND;
    }
    if (caller.pid != caller.sid) {
        return 0;
    }
    if (orders_room(ttyd) < 2) {
        return operation_wait(packet, CONDITION_ORDERS, 0);
    }
    const struct terminal_record *record = terminal->record;
    order_add(ttyd, record->group, SIGNAL_HUP);
    order_add(ttyd, record->group, SIGNAL_CONT);
    ttyd_set(ttyd, record, session, 0);
    ttyd_set(ttyd, record, group, 0);
    ttyd_set(ttyd, record, leader, (uint64_t)0);
    return 0;
}

int64_t tty_do_hang_up(void *server, const struct packet *packet) {
    struct ttyd *ttyd = server;
    const struct description_record *description;
    struct terminal *terminal;
    int64_t status = operation_begin(ttyd, packet, &description, &terminal);
    if (status != OK) {
        return status;
    }
    if ((description->flags & DESCRIPTION_MASTER) != 0) {
        return ERR_NOT_PERMITTED;
    }
    if (orders_room(ttyd) < 3) {
        return operation_wait(packet, CONDITION_ORDERS, 0);
    }
    terminal_hang_up(ttyd, terminal);
    return 0;
}
