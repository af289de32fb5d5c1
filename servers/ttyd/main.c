// SPDX-License-Identifier: MIT
//
// ttyd's beginning, and what wakes it. What it is and what it keeps is told in ttyd.h.

#include "ttyd.h"

#include <proto/proc_client.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>
#include <sys/string.h>

// ---- the start of an instance

// Asks procd for its table; without procd there are no Linux processes, and nobody to signal.
static status_t processes_attach(struct ttyd *ttyd) {
    struct proc_terminals_reply reply;
    handle_t handles[2];
    handle_t proc = start_handle("proc");
    if (proc == HANDLE_NONE) {
        return OK;
    }
    int64_t result = proc_terminals(proc, &reply, handles, INSTANT_NEVER);
    if (result < 0) {
        return (status_t)result;
    }
    const struct state_record *state = state_of(ttyd);
    step_made(&ttyd->server.vault, handles[0]);
    step_made(&ttyd->server.vault, handles[1]);
    ttyd_set(ttyd, state, processes, handles[0]);
    ttyd_set(ttyd, state, leaders, handles[1]);
    ttyd_set(ttyd, state, order_next, reply.last_signal + 1);
    return OK;
}

static void console_make(struct ttyd *ttyd) {
    struct vault *vault = &ttyd->server.vault;
    const struct terminal_record *record = vault_record(vault, TABLE_TERMINALS, 0);
    struct discipline fresh;
    discipline_init(&fresh);
    fresh.settings.lflag |= LFLAG_IEXTEN;
    fresh.settings.iflag |= IFLAG_IUTF8;
    ttyd_set(ttyd, record, head.used, 1);
    vault_set(vault, &record->discipline, fresh);
    ttyd_set(ttyd, record, size, ((struct tty_size){.rows = 24, .columns = 80}));
}

static status_t fill(struct ttyd *ttyd) {
    struct vault *vault = &ttyd->server.vault;
    const struct state_record *state = state_of(ttyd);
    ttyd_set(ttyd, state, head.used, 1);
    ttyd_set(ttyd, state, order_next, UINT64_C(1));
    int64_t out = sys_vmo_create(HANDLE_NONE, (uint64_t)TERMINALS_MAX * OUT_BYTES, 0);
    if (out < 0) {
        return (status_t)out;
    }
    step_made(vault, (handle_t)out);
    ttyd_set(ttyd, state, out, (handle_t)out);
    status_t status = processes_attach(ttyd);
    if (status == OK && start_handle("uart") != HANDLE_NONE) {
        console_make(ttyd);
        status = line_attach(ttyd);
    }
    return status;
}

static status_t map_all(struct ttyd *ttyd) {
    const struct state_record *state = state_of(ttyd);
    int64_t out = sys_aspace_map(HANDLE_NONE, state->out, 0, 0, (uint64_t)TERMINALS_MAX * OUT_BYTES,
                                 MAP_READ | MAP_WRITE);
    if (out < 0) {
        return (status_t)out;
    }
    ttyd->out = (uint8_t *)out;
    if (state->processes != HANDLE_NONE) {
        uint64_t bytes = (sizeof(struct process_table) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
        int64_t table = sys_aspace_map(HANDLE_NONE, state->processes, 0, 0, bytes, MAP_READ);
        if (table < 0) {
            return (status_t)table;
        }
        ttyd->processes = (const struct process_table *)table;
        status_t status = sys_object_bind(state->leaders, ttyd->server.port, KEY_LEADERS, WAKE);
        if (status != OK && status != ERR_ALREADY_EXISTS) {
            return status;
        }
    }
    return line_of(ttyd)->head.used != 0 ? line_adopt(ttyd) : OK;
}

// An object of this instance alone, bound to the port.
static status_t bind_new(struct ttyd *ttyd, int64_t made, enum key key, uint32_t signals,
                         handle_t *handle) {
    if (made < 0) {
        return (status_t)made;
    }
    *handle = (handle_t)made;
    return sys_object_bind(*handle, ttyd->server.port, key, signals);
}

static status_t start(struct server *server, bool fresh) {
    struct ttyd *ttyd = (struct ttyd *)server;
    status_t status = fresh ? fill(ttyd) : OK;
    if (status == OK && state_of(ttyd)->head.used == 0) {
        return ERR_CORRUPT;
    }
    ttyd->timer_at = INSTANT_NEVER;
    status = status == OK ? map_all(ttyd) : status;
    status =
        status == OK ? bind_new(ttyd, sys_event_create(), KEY_WORK, WAKE, &ttyd->work) : status;
    status = status == OK
                 ? bind_new(ttyd, sys_timer_create(), KEY_TIMER, SIGNAL_TIMER_EXPIRED, &ttyd->timer)
                 : status;
    status = status == OK ? orders_start(ttyd) : status;
    if (status == OK) {
        ttyd_show_all(ttyd);
        // What came while there was no instance, and what a predecessor has not gone through.
        (void)sys_event_signal(ttyd->work, 0, WAKE);
    }
    return status;
}

// ---- what wakes it

// The line has news, or there is more of what a step could not finish.
static void line_work(struct ttyd *ttyd) {
    if (!ttyd->has_line) {
        return;
    }
    line_input(ttyd);
    struct terminal *console = terminal_get(ttyd, 0);
    if (console != NULL) {
        terminal_change(ttyd, console);
        line_output(ttyd);
        terminal_store(ttyd, console);
        terminal_wake(ttyd, console, WAIT_WRITE);
    }
}

static void notice(struct server *server, const struct packet *packet) {
    struct ttyd *ttyd = (struct ttyd *)server;
    terminals_forget(ttyd);
    switch (packet->key) {
    case KEY_LINE:
        line_work(ttyd);
        break;
    case KEY_WORK:
        line_work(ttyd);
        leaders_check(ttyd);
        break;
    case KEY_SENT:
        order_sent(ttyd);
        break;
    case KEY_TIMER:
        reads_expire(ttyd);
        break;
    case KEY_LEADERS:
        leaders_check(ttyd);
        break;
    default:
        break;
    }
}

static const struct tty_ops operations = {
    .open = tty_do_open,
    .read = tty_do_read,
    .write = tty_do_write,
    .get_settings = tty_do_get_settings,
    .set_settings = tty_do_set_settings,
    .get_size = tty_do_get_size,
    .set_size = tty_do_set_size,
    .get_control = tty_do_get_control,
    .set_group = tty_do_set_group,
    .take_control = tty_do_take_control,
    .leave_control = tty_do_leave_control,
    .available = tty_do_available,
    .flush = tty_do_flush,
    .flow = tty_do_flow,
    .drain = tty_do_drain,
    .hang_up = tty_do_hang_up,
    .pair = tty_do_pair,
    .lock = tty_do_lock,
    .peer = tty_do_peer,
    .service = tty_do_service,
};

static int64_t dispatch(struct server *server, const struct packet *packet,
                        struct message *message) {
    struct ttyd *ttyd = (struct ttyd *)server;
    terminals_forget(ttyd);
    int64_t result = tty_dispatch(&operations, server, packet, message);
    if (result < 0) {
        terminals_forget(ttyd);
    }
    return result;
}

static const struct server_program program = {
    .name = "ttyd",
    .protocol = &tty_protocol,
    .vault = &ttyd_layout,
    .start = start,
    .dispatch = dispatch,
    .committed = ttyd_committed,
    .closed = tty_closed,
    .notice = notice,
};

int64_t native_main(struct thread_block *block) {
    (void)block;
    static struct ttyd ttyd;
    return server_run(&ttyd.server, &program);
}
