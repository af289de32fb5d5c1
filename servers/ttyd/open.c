// SPDX-License-Identifier: MIT
//
// Opening and closing: descriptions, and the pairs that come and go with them.

#include "ttyd.h"

#include <abi/rights.h>
#include <sys/calls.h>

#define PTS_MAJOR 136

// ---- descriptions

static bool has_open(struct ttyd *ttyd, uint32_t terminal, bool master) {
    for_each_description(ttyd, description) {
        if (description->terminal == terminal &&
            ((description->flags & DESCRIPTION_MASTER) != 0) == master) {
            return true;
        }
    }
    return false;
}

// Makes a description of a terminal with a channel, within a step.
static int64_t description_make(struct ttyd *ttyd, uint32_t terminal, uint32_t flags,
                                handle_t *client) {
    struct vault *vault = &ttyd->server.vault;
    int32_t index = vault_find_free(vault, TABLE_DESCRIPTIONS);
    if (index < 0) {
        return ERR_LIMIT;
    }
    const struct description_record *description =
        vault_record(vault, TABLE_DESCRIPTIONS, (uint32_t)index);
    uint64_t key = (description->key / DESCRIPTIONS_MAX + 1) * DESCRIPTIONS_MAX + (uint32_t)index;
    handle_t endpoint;
    status_t status = server_channel(&ttyd->server, key, 0, client, &endpoint);
    if (status != OK) {
        return status;
    }
    ttyd_set(ttyd, description, head.used, 1);
    ttyd_set(ttyd, description, key, key);
    ttyd_set(ttyd, description, endpoint, endpoint);
    ttyd_set(ttyd, description, terminal, terminal);
    ttyd_set(ttyd, description, flags, flags);
    description_show(ttyd, description);
    return OK;
}

static uint32_t access_of(uint32_t open_flags) {
    return ((open_flags & TTY_OPEN_READ) != 0 ? DESCRIPTION_READ : 0) |
           ((open_flags & TTY_OPEN_WRITE) != 0 ? DESCRIPTION_WRITE : 0);
}

static int64_t slave_open(struct ttyd *ttyd, const struct packet *packet, struct terminal *terminal,
                          uint32_t flags, handle_t *client) {
    const struct terminal_record *record = terminal->record;
    uint32_t changed = record->flags & ~(uint32_t)TERMINAL_SLAVE_CLOSED;
    struct caller caller = caller_of(ttyd, packet);
    if (!caller.known && (flags & TTY_OPEN_OFFER) != 0 && record->session == 0) {
        changed |= TERMINAL_OFFERED;
    }
    if (!caller.known && (flags & TTY_OPEN_SIZES) != 0) {
        changed |= TERMINAL_SIZES;
    }
    bool take = caller.known && caller.pid == caller.sid && record->session == 0 &&
                (flags & TTY_OPEN_NO_CONTROL) == 0 && (flags & TTY_OPEN_READ) != 0 &&
                terminal_controlling(ttyd, caller.sid) == NULL;
    if (changed != record->flags) {
        ttyd_set(ttyd, record, flags, changed);
    }
    if (take) {
        terminal_take(ttyd, terminal, &caller);
    }
    terminal_change(ttyd, terminal);
    return description_make(ttyd, terminal_index(ttyd, terminal), access_of(flags), client);
}

// ---- pairs

static void terminal_make(struct ttyd *ttyd, uint32_t index, uint32_t flags) {
    struct vault *vault = &ttyd->server.vault;
    const struct terminal_record *record = vault_record(vault, TABLE_TERMINALS, index);
    struct terminal_record fresh = {.flags = flags};
    discipline_init(&fresh.discipline);
    ttyd_set(ttyd, record, head.used, 1);
    vault_set_bytes(vault, &record->discipline, &fresh.discipline,
                    sizeof(fresh) - offsetof(struct terminal_record, discipline));
    ttyd->terminals[index].loaded = false;
    ttyd->terminals[index].shown[0] = ttyd->terminals[index].shown[1] = -1;
}

static int64_t pair_open(struct ttyd *ttyd, uint32_t flags, handle_t *client) {
    uint32_t index = 1;
    while (index < TERMINALS_MAX && terminal_get(ttyd, index) != NULL) {
        index++;
    }
    if (index == TERMINALS_MAX) {
        return ERR_NO_SPACE;
    }
    terminal_make(ttyd, index, TERMINAL_LOCKED);
    terminal_change(ttyd, &ttyd->terminals[index]);
    return description_make(ttyd, index, access_of(flags) | DESCRIPTION_MASTER, client);
}

// The pair of a number whose slave can be opened.
static int64_t pair_find(struct ttyd *ttyd, uint64_t number, struct terminal **terminal) {
    if (number + 1 >= TERMINALS_MAX) {
        return ERR_NOT_FOUND;
    }
    *terminal = terminal_get(ttyd, (uint32_t)number + 1);
    if (*terminal == NULL || ((*terminal)->record->flags & TERMINAL_MASTER_CLOSED) != 0) {
        return ERR_NOT_FOUND;
    }
    return ((*terminal)->record->flags & TERMINAL_LOCKED) != 0 ? ERR_IO : OK;
}

static uint64_t rdev_of(const struct ttyd *ttyd, const struct terminal *terminal) {
    return is_pair(ttyd, terminal) ? DEVICE_PAIR(terminal_index(ttyd, terminal) - 1)
                                   : DEVICE_CONSOLE;
}

int64_t tty_do_open(void *server, const struct packet *packet,
                    const struct tty_open_request *request, struct tty_open_reply *reply,
                    handle_t handles_out[1]) {
    struct ttyd *ttyd = server;
    struct caller caller = caller_of(ttyd, packet);
    struct terminal *terminal = NULL;
    int64_t status = OK;
    if (packet->key != 0) {
        return ERR_BAD_STATE;
    }
    reply->rdev = request->rdev;
    if (request->rdev == DEVICE_NEW_PAIR) {
        return pair_open(ttyd, request->flags, &handles_out[0]);
    }
    if (request->rdev == DEVICE_CONTROLLING) {
        terminal = terminal_of_caller(ttyd, &caller);
    } else if (request->rdev == DEVICE_CONSOLE || request->rdev == DEVICE_SERIAL) {
        terminal = terminal_get(ttyd, 0);
    } else if (request->rdev >> 8 == PTS_MAJOR) {
        status = pair_find(ttyd, request->rdev & 0xff, &terminal);
    }
    if (status != OK || terminal == NULL) {
        return status != OK ? status : ERR_NOT_FOUND;
    }
    reply->rdev = rdev_of(ttyd, terminal);
    return slave_open(ttyd, packet, terminal, request->flags, &handles_out[0]);
}

int64_t tty_do_service(void *server, const struct packet *packet, handle_t handles_out[1]) {
    struct ttyd *ttyd = server;
    (void)packet;
    const struct service_record *record = vault_record(&ttyd->server.vault, TABLE_SERVICE, 0);
    if (record->head.used == 0) {
        handle_t client, endpoint;
        status_t status = server_channel(&ttyd->server, 0, 0, &client, &endpoint);
        if (status != OK) {
            return status;
        }
        ttyd_set(ttyd, record, head.used, 1);
        ttyd_set(ttyd, record, client, client);
        ttyd_set(ttyd, record, endpoint, endpoint);
    }
    int64_t copy =
        sys_handle_duplicate(record->client, RIGHT_CALL | RIGHT_DUPLICATE | RIGHT_TRANSFER);
    if (copy < 0) {
        return copy;
    }
    step_made(&ttyd->server.vault, (handle_t)copy);
    handles_out[0] = (handle_t)copy;
    return 0;
}

// ---- operations of a master

static int64_t master_of(struct ttyd *ttyd, const struct packet *packet,
                         struct terminal **terminal) {
    const struct description_record *description;
    int64_t status = operation_begin(ttyd, packet, &description, terminal);
    bool master = status == OK && (description->flags & DESCRIPTION_MASTER) != 0;
    return master ? OK : ERR_NOT_SUPPORTED;
}

int64_t tty_do_peer(void *server, const struct packet *packet,
                    const struct tty_peer_request *request, struct tty_peer_reply *reply,
                    handle_t handles_out[1]) {
    struct ttyd *ttyd = server;
    struct terminal *terminal;
    int64_t status = master_of(ttyd, packet, &terminal);
    if (status != OK) {
        return status;
    }
    reply->rdev = rdev_of(ttyd, terminal);
    return slave_open(ttyd, packet, terminal, request->flags, &handles_out[0]);
}

int64_t tty_do_pair(void *server, const struct packet *packet, struct tty_pair_reply *reply) {
    struct ttyd *ttyd = server;
    struct terminal *terminal;
    int64_t status = master_of(ttyd, packet, &terminal);
    if (status == OK) {
        reply->number = terminal_index(ttyd, terminal) - 1;
        reply->locked = (terminal->record->flags & TERMINAL_LOCKED) != 0;
    }
    return status;
}

int64_t tty_do_lock(void *server, const struct packet *packet,
                    const struct tty_lock_request *request) {
    struct ttyd *ttyd = server;
    struct terminal *terminal;
    int64_t status = master_of(ttyd, packet, &terminal);
    if (status == OK) {
        uint32_t flags = terminal->record->flags & ~(uint32_t)TERMINAL_LOCKED;
        ttyd_set(ttyd, terminal->record, flags,
                 flags | (request->locked != 0 ? TERMINAL_LOCKED : 0U));
    }
    return status;
}

// ---- closing

static void pair_side_closed(struct ttyd *ttyd, uint32_t index, bool master) {
    struct terminal *terminal = terminal_get(ttyd, index);
    const struct terminal_record *record = terminal->record;
    bool other_open = has_open(ttyd, index, !master);
    terminal_change(ttyd, terminal);
    if (master) {
        terminal_hang_up(ttyd, terminal);
        ttyd_set(ttyd, record, flags, record->flags | TERMINAL_MASTER_CLOSED);
    } else if (other_open) {
        ttyd_set(ttyd, record, flags, record->flags | TERMINAL_SLAVE_CLOSED);
        terminal_wake_all(ttyd, terminal);
    }
    if (!other_open) {
        ttyd_set(ttyd, record, head.used, 0);
        terminal->loaded = false;
    }
}

void tty_closed(struct server *server, uint64_t key) {
    struct ttyd *ttyd = (struct ttyd *)server;
    const struct description_record *description = description_find(ttyd, key);
    if (description == NULL) {
        return;
    }
    uint32_t index = description->terminal;
    bool master = (description->flags & DESCRIPTION_MASTER) != 0;
    step_close(&ttyd->server.vault, description->endpoint);
    ttyd_set(ttyd, description, endpoint, HANDLE_NONE);
    ttyd_set(ttyd, description, head.used, 0);
    if (index != 0 && !has_open(ttyd, index, master)) {
        pair_side_closed(ttyd, index, master);
    }
}
