// SPDX-License-Identifier: MIT
//
// Reading and writing. A handler moves at most IO_STEP bytes; a client that wants more calls again.
//
// A read waits as MIN and TIME of the settings say. Its deadline is volatile: after a restart it
// counts from the beginning again.

#include "ttyd.h"

#include <sys/calls.h>

#define TENTH_NS MILLISECONDS(100)
#define TIMED_WAKES 8 // conditions that one step can bring about

// ---- windows

// What a handler returns for a copy that failed.
static int64_t copy_failed(int64_t status, int64_t touch) {
    if (status == ERR_NEEDS_PAGE) {
        return touch;
    }
    return status == 0 || status == ERR_OUT_OF_RANGE ? ERR_FAULT : status;
}

static int64_t window_fill(const struct packet *packet, const uint8_t *data, uint32_t bytes) {
    for (uint32_t done = 0; done < bytes;) {
        int64_t count = sys_call_write(packet->token, done, data + done, bytes - done);
        if (count <= 0) {
            return copy_failed(count, PROTOCOL_TOUCH_OUT(done));
        }
        done += (uint32_t)count;
    }
    return OK;
}

// Returns how many bytes of the in window were read, at least 1.
static int64_t window_take(const struct packet *packet, uint8_t *to, uint32_t bytes) {
    int64_t count = sys_call_read(packet->token, 0, to, bytes);
    return count > 0 ? count : copy_failed(count, PROTOCOL_TOUCH_IN(0));
}

static uint32_t step_bytes(uint64_t window) {
    return window < IO_STEP ? (uint32_t)window : IO_STEP;
}

// ---- from the line

uint32_t terminal_input(struct ttyd *ttyd, struct terminal *terminal, const uint8_t *bytes,
                        uint32_t count) {
    struct discipline_view *view = &terminal->view;
    uint32_t done = 0;
    uint32_t orders = 0;
    while (done < count && orders < SIGNALS_STEP && discipline_takes(&terminal->state) &&
           orders_room(ttyd) > ORDERS_TYPED) {
        discipline_input(view, bytes[done++]);
        if (view->signal != 0) {
            order_add(ttyd, terminal->record->group, view->signal);
            orders++;
        }
    }
    if (done != 0) {
        terminal->last_input = (instant_t)sys_clock_get();
        if (!is_pair(ttyd, terminal)) {
            line_output(ttyd);
        }
        terminal_store(ttyd, terminal);
        terminal_wake(ttyd, terminal, WAIT_READ);
        terminal_wake(ttyd, terminal, WAIT_WRITE);
        terminal_wake(ttyd, terminal, WAIT_MASTER_READ);
    }
    return done;
}

// ---- reads that wait for a time

static struct wait *wait_find(struct ttyd *ttyd, const struct packet *packet) {
    struct wait *spare = NULL;
    instant_t now = (instant_t)sys_clock_get();
    for (uint32_t i = 0; i < WAITS_MAX; i++) {
        struct wait *wait = &ttyd->waits[i];
        if (wait->thread == packet->thread && wait->call_number == packet->call_number) {
            return wait;
        }
        // One that ended without asking again.
        bool stale = wait->thread == 0 || wait->deadline + SECONDS(30) < now;
        spare = stale && spare == NULL ? wait : spare;
    }
    if (spare != NULL) {
        *spare = (struct wait){.thread = packet->thread, .call_number = packet->call_number};
    }
    return spare;
}

static void timer_arm(struct ttyd *ttyd, struct terminal *terminal, instant_t deadline) {
    terminal->timed = true;
    if (deadline < ttyd->timer_at) {
        ttyd->timer_at = deadline;
        (void)!sys_timer_set(ttyd->timer, deadline, 0, 0);
    }
}

void reads_expire(struct ttyd *ttyd) {
    (void)sys_timer_ack(ttyd->timer);
    ttyd->timer_at = INSTANT_NEVER;
    uint32_t woken = 0;
    for (uint32_t i = 0; i < TERMINALS_MAX; i++) {
        struct terminal *terminal = &ttyd->terminals[i];
        if (terminal->timed && woken == TIMED_WAKES) {
            timer_arm(ttyd, terminal, 1);
        } else if (terminal->timed) {
            terminal->timed = false;
            terminal_wake(ttyd, terminal, WAIT_READ);
            woken++;
        }
    }
}

// Whether a read without canonical mode has waited long enough; if not, sees to it that it is
// woken.
static bool read_expired(struct ttyd *ttyd, const struct packet *packet, struct terminal *terminal,
                         uint32_t available) {
    const uint8_t *cc = terminal->state.settings.cc;
    if (cc[CC_TIME] == 0) {
        return cc[CC_MIN] == 0;
    }
    instant_t now = (instant_t)sys_clock_get();
    instant_t deadline = terminal->last_input + cc[CC_TIME] * TENTH_NS;
    if (cc[CC_MIN] == 0) {
        struct wait *wait = wait_find(ttyd, packet);
        if (wait == NULL) {
            return true;
        }
        wait->deadline = wait->deadline != 0 ? wait->deadline : now + cc[CC_TIME] * TENTH_NS;
        deadline = wait->deadline;
    } else if (available == 0) {
        return false;
    }
    if (now >= deadline) {
        return true;
    }
    timer_arm(ttyd, terminal, deadline);
    return false;
}

// ---- read

// Takes what there is, moves it to the client, and lets those go on who waited for room.
static int64_t read_now(struct ttyd *ttyd, const struct packet *packet, struct terminal *terminal) {
    uint8_t bytes[IO_STEP];
    terminal_change(ttyd, terminal);
    int32_t count = discipline_read(&terminal->view, bytes, step_bytes(packet->out_bytes));
    if (count < 0) {
        return 0;
    }
    int64_t status = window_fill(packet, bytes, (uint32_t)count);
    if (status != OK) {
        return status;
    }
    terminal_store(ttyd, terminal);
    terminal_wake(ttyd, terminal, WAIT_MASTER_WRITE);
    if (discipline_readable(&terminal->state, 1)) {
        terminal_wake(ttyd, terminal, WAIT_READ);
    }
    return count;
}

static int64_t slave_read(struct ttyd *ttyd, const struct packet *packet, struct terminal *terminal,
                          uint32_t flags) {
    const struct discipline *state = &terminal->state;
    uint32_t available = state->head - state->tail;
    uint64_t least = state->settings.cc[CC_MIN];
    least = least == 0 ? 1 : least;
    least = least < packet->out_bytes ? least : packet->out_bytes;
    if ((state->settings.lflag & LFLAG_ICANON) != 0) {
        if (discipline_readable(state, 1)) {
            return read_now(ttyd, packet, terminal);
        }
    } else {
        // With NO_WAIT, or when the caller wants to go on, what there is counts.
        bool hurry = (flags & TTY_IO_NO_WAIT) != 0 || request_cancelled(request_of(packet));
        if (available >= least || (available != 0 && hurry) ||
            read_expired(ttyd, packet, terminal, available)) {
            return read_now(ttyd, packet, terminal);
        }
    }
    return operation_wait(packet, condition(ttyd, terminal, WAIT_READ), flags);
}

static int64_t master_read(struct ttyd *ttyd, const struct packet *packet,
                           struct terminal *terminal, uint32_t flags) {
    uint8_t bytes[IO_STEP];
    terminal_change(ttyd, terminal);
    uint32_t count = output_take(&terminal->view, bytes, step_bytes(packet->out_bytes));
    if (count == 0) {
        bool closed = (terminal->record->flags & TERMINAL_SLAVE_CLOSED) != 0;
        return closed ? ERR_IO
                      : operation_wait(packet, condition(ttyd, terminal, WAIT_MASTER_READ), flags);
    }
    int64_t status = window_fill(packet, bytes, count);
    if (status != OK) {
        return status;
    }
    terminal_store(ttyd, terminal);
    terminal_wake(ttyd, terminal, WAIT_WRITE);
    return count;
}

int64_t tty_do_read(void *server, const struct packet *packet,
                    const struct tty_read_request *request) {
    struct ttyd *ttyd = server;
    const struct description_record *description;
    struct terminal *terminal;
    int64_t status = operation_begin(ttyd, packet, &description, &terminal);
    if (status == ERR_IO || (status == OK && packet->out_bytes == 0)) {
        return 0; // hung up: the end of the file
    }
    if (status != OK) {
        return status;
    }
    if ((description->flags & DESCRIPTION_READ) == 0) {
        return ERR_ACCESS_DENIED;
    }
    if ((description->flags & DESCRIPTION_MASTER) != 0) {
        return master_read(ttyd, packet, terminal, request->flags);
    }
    status = background_check(ttyd, packet, terminal, request->flags, true);
    return status != OK ? status : slave_read(ttyd, packet, terminal, request->flags);
}

// ---- write

static int64_t slave_write(struct ttyd *ttyd, const struct packet *packet,
                           struct terminal *terminal, uint32_t flags) {
    uint8_t bytes[IO_STEP];
    if (!discipline_writable(&terminal->state)) {
        return operation_wait(packet, condition(ttyd, terminal, WAIT_WRITE), flags);
    }
    int64_t count = window_take(packet, bytes, step_bytes(packet->in_bytes));
    if (count < 0) {
        return count;
    }
    terminal_change(ttyd, terminal);
    uint32_t done = discipline_write(&terminal->view, bytes, (uint32_t)count);
    if (!is_pair(ttyd, terminal)) {
        line_output(ttyd);
    }
    terminal_store(ttyd, terminal);
    terminal_wake(ttyd, terminal, WAIT_MASTER_READ);
    return done != 0 ? done : operation_wait(packet, condition(ttyd, terminal, WAIT_WRITE), flags);
}

static int64_t master_write(struct ttyd *ttyd, const struct packet *packet,
                            struct terminal *terminal, uint32_t flags) {
    uint8_t bytes[INPUT_STEP];
    if ((terminal->record->flags & TERMINAL_SLAVE_CLOSED) != 0) {
        return ERR_IO;
    }
    if (!discipline_takes(&terminal->state)) {
        return operation_wait(packet, condition(ttyd, terminal, WAIT_MASTER_WRITE), flags);
    }
    if (orders_room(ttyd) <= ORDERS_TYPED) {
        return operation_wait(packet, CONDITION_ORDERS, flags);
    }
    uint64_t window = packet->in_bytes < INPUT_STEP ? packet->in_bytes : INPUT_STEP;
    int64_t count = window_take(packet, bytes, (uint32_t)window);
    if (count < 0) {
        return count;
    }
    terminal_change(ttyd, terminal);
    return terminal_input(ttyd, terminal, bytes, (uint32_t)count);
}

int64_t tty_do_write(void *server, const struct packet *packet,
                     const struct tty_write_request *request) {
    struct ttyd *ttyd = server;
    const struct description_record *description;
    struct terminal *terminal;
    int64_t status = operation_begin(ttyd, packet, &description, &terminal);
    if (status != OK) {
        return status;
    }
    if ((description->flags & DESCRIPTION_WRITE) == 0) {
        return ERR_ACCESS_DENIED;
    }
    if (packet->in_bytes == 0) {
        return 0;
    }
    if ((description->flags & DESCRIPTION_MASTER) != 0) {
        return master_write(ttyd, packet, terminal, request->flags);
    }
    if ((terminal->state.settings.lflag & LFLAG_TOSTOP) != 0) {
        status = background_check(ttyd, packet, terminal, request->flags, false);
        if (status != OK) {
            return status;
        }
    }
    return slave_write(ttyd, packet, terminal, request->flags);
}
