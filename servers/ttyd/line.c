// SPDX-License-Identifier: MIT
//
// The console's line: two rings that are shared with the driver (protocol uart). The driver is not
// trusted with more than bytes: an index of its own that makes no sense counts as an empty or full
// ring.
//
// `rx_read` and `tx_written` of the vault are the truth. The indices in the rings are stored after
// the step that changed them, or by the next instance.

#include "ttyd.h"

#include <proto/uart_client.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>

status_t line_attach(struct ttyd *ttyd) {
    struct vault *vault = &ttyd->server.vault;
    struct uart_attach_reply reply;
    handle_t handles[3];
    int64_t result = uart_attach(start_handle("uart"), &reply, handles, INSTANT_NEVER);
    if (result < 0) {
        return (status_t)result;
    }
    struct line_record line = {
        .head = {.used = 1},
        .rings = handles[0],
        .bell = handles[1],
        .news = handles[2],
        .ring_bytes = reply.ring_bytes,
        .vmo_bytes = reply.vmo_bytes,
        .tx_index = reply.tx_index,
        .rx_index = reply.rx_index,
        .tx_data = reply.tx_data,
        .rx_data = reply.rx_data,
    };
    for (int i = 0; i < 3; i++) {
        step_made(vault, handles[i]);
    }
    const struct line_record *kept = line_of(ttyd);
    ttyd_set(ttyd, kept, head.used, 1);
    vault_set_bytes(vault, &kept->rings, &line.rings, sizeof(line) - sizeof(line.head));
    return OK;
}

static struct ring ring_at(const struct line_record *line, int64_t base, uint32_t index,
                           uint32_t data) {
    uint8_t *memory = (uint8_t *)base;
    return (struct ring){
        .index = (struct device_ring *)(memory + index),
        .data = memory + data,
        .bytes = line->ring_bytes,
    };
}

status_t line_adopt(struct ttyd *ttyd) {
    const struct line_record *line = line_of(ttyd);
    int64_t base =
        sys_aspace_map(HANDLE_NONE, line->rings, 0, 0, line->vmo_bytes, MAP_READ | MAP_WRITE);
    if (base < 0) {
        return (status_t)base;
    }
    ttyd->tx = ring_at(line, base, line->tx_index, line->tx_data);
    ttyd->rx = ring_at(line, base, line->rx_index, line->rx_data);
    ttyd->has_line = true;
    status_t status = sys_object_bind(line->news, ttyd->server.port, KEY_LINE, WAKE);
    // A successor finds the binding of its predecessor.
    return status == ERR_ALREADY_EXISTS ? OK : status;
}

// Bytes of input that are not consumed.
static uint32_t received(struct ttyd *ttyd) {
    uint32_t written = __atomic_load_n(&ttyd->rx.index->written, __ATOMIC_ACQUIRE);
    uint32_t used = written - line_of(ttyd)->rx_read;
    return used <= ttyd->rx.bytes ? used : 0;
}

uint32_t line_unsent(const struct ttyd *ttyd) {
    const struct line_record *line = line_of((struct ttyd *)(uintptr_t)ttyd);
    uint32_t used = line->tx_written - __atomic_load_n(&ttyd->tx.index->read, __ATOMIC_ACQUIRE);
    return used <= ttyd->tx.bytes ? used : 0;
}

// Copies the oldest input that is not consumed. Returns how much it is.
static uint32_t look(struct ttyd *ttyd, uint8_t bytes[INPUT_STEP]) {
    const struct line_record *line = line_of(ttyd);
    uint32_t count = received(ttyd);
    count = count < INPUT_STEP ? count : INPUT_STEP;
    for (uint32_t i = 0; i < count; i++) {
        bytes[i] = ttyd->rx.data[(line->rx_read + i) & (ttyd->rx.bytes - 1)];
    }
    return count;
}

static bool tells_sizes(const struct terminal *console) {
    return (console->record->flags & TERMINAL_SIZES) != 0;
}

// A message stands at the begin. Returns the bytes that were consumed.
static uint32_t take_message(struct ttyd *ttyd, struct terminal *console, const uint8_t *bytes,
                             uint32_t count) {
    struct line_message message = line_message_take(bytes, count);
    if (message.has_size && orders_room(ttyd) <= ORDERS_TYPED) {
        return 0; // until orders are done
    }
    if (message.has_size) {
        terminal_resize(ttyd, console, &message.size);
    }
    if (message.typed) {
        const uint8_t mark = LINE_MARK;
        return terminal_input(ttyd, console, &mark, 1) != 0 ? message.bytes : 0;
    }
    return message.bytes;
}

void line_input(struct ttyd *ttyd) {
    struct terminal *console = terminal_get(ttyd, 0);
    uint8_t bytes[INPUT_STEP];
    uint32_t count = console != NULL ? look(ttyd, bytes) : 0;
    if (count == 0) {
        return;
    }
    uint32_t plain = 0;
    while (plain < count && !(tells_sizes(console) && bytes[plain] == LINE_MARK)) {
        plain++;
    }
    terminal_change(ttyd, console);
    uint32_t took = plain != 0 ? terminal_input(ttyd, console, bytes, plain)
                               : take_message(ttyd, console, bytes, count);
    if (took != 0) {
        const struct line_record *line = line_of(ttyd);
        ttyd_set(ttyd, line, rx_read, line->rx_read + took);
    }
}

// Whether input is there that can be consumed now: not the begin of a message whose end is not.
static bool has_input(struct ttyd *ttyd, const struct terminal *console) {
    uint8_t bytes[INPUT_STEP];
    uint32_t count = look(ttyd, bytes);
    bool message = count != 0 && tells_sizes(console) && bytes[0] == LINE_MARK;
    return message ? line_message_take(bytes, count).bytes != 0 : count != 0;
}

void line_output(struct ttyd *ttyd) {
    struct terminal *console = terminal_get(ttyd, 0);
    if (console == NULL || !ttyd->has_line) {
        return;
    }
    const struct line_record *line = line_of(ttyd);
    uint32_t read = __atomic_load_n(&ttyd->tx.index->read, __ATOMIC_ACQUIRE);
    uint32_t used = line->tx_written - read;
    uint32_t room = used <= ttyd->tx.bytes ? ttyd->tx.bytes - used : 0;
    uint8_t bytes[256];
    uint32_t written = line->tx_written;
    while (room != 0) {
        uint32_t count =
            output_take(&console->view, bytes, room < sizeof(bytes) ? room : sizeof(bytes));
        for (uint32_t i = 0; i < count; i++) {
            ttyd->tx.data[(written + i) & (ttyd->tx.bytes - 1)] = bytes[i];
        }
        written += count;
        room = count == 0 ? 0 : room - count;
    }
    if (written != line->tx_written) {
        ttyd_set(ttyd, line, tx_written, written);
        terminal_wake(ttyd, console, WAIT_WRITE);
    }
}

bool line_publish(struct ttyd *ttyd) {
    const struct line_record *line = line_of(ttyd);
    bool news =
        ttyd->rx.index->read != line->rx_read || ttyd->tx.index->written != line->tx_written;
    if (news) {
        __atomic_store_n(&ttyd->rx.index->read, line->rx_read, __ATOMIC_RELEASE);
        __atomic_store_n(&ttyd->tx.index->written, line->tx_written, __ATOMIC_RELEASE);
        (void)sys_event_signal(line->bell, 0, WAKE);
    }
    const struct terminal *console = terminal_get(ttyd, 0);
    return console != NULL && has_input(ttyd, console) && discipline_takes(&console->state) &&
           orders_room(ttyd) > ORDERS_TYPED;
}
