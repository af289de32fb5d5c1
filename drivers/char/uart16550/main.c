// SPDX-License-Identifier: MIT
//
// The driver of a 16550 serial port (protocol uart).
//
// It has no state of its own. Bytes are in the device or in one of two rings that it shares with
// its client, and the kernel moves them between these in single steps (device_port); what the vault
// holds are the handles of the rings, the events and the interrupt. So any instance, at any time,
// has the same thing to do: move what can be moved, and say so (pump).
//
// The interrupt is an edge: it comes when the line rises. After each pump the interrupt enables are
// cleared and set again, so that the line falls, and rises at once if something is pending; only
// what could be moved is enabled, or there would be no end to it. An interrupt that comes in the
// middle of a pump is pending after it (interrupt_ack comes first).

#include <proto/uart_server.h>

#include <driver/ring.h>
#include <server/server.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>

// Registers (National Semiconductor PC16550D, section 8).
enum reg { REG_DATA, REG_ENABLE, REG_FIFO, REG_LINE, REG_MODEM, REG_STATUS };
#define REG_DIVISOR_LOW REG_DATA
#define REG_DIVISOR_HIGH REG_ENABLE
#define ENABLE_RECEIVED 0x01
#define ENABLE_SENT 0x02
#define FIFO_ENABLE_CLEAR 0x07
#define FIFO_TRIGGER_14 0xc0 // bytes that make an interrupt at once; fewer do after a pause
#define LINE_8N1 0x03
#define LINE_DIVISOR 0x80
#define MODEM_DTR_RTS_OUT2 0x0b
#define STATUS_RECEIVED 0x01
#define STATUS_SENT 0x20
#define DIVISOR_115200 1
#define FIFO_BYTES 16

// The vmo: two pages of indices would be two too many, so both stand in the first.
#define RING_BYTES 16384U
#define TX_INDEX 0U
#define RX_INDEX 64U
#define RX_WANTED 128U
#define TX_DATA 4096U
#define RX_DATA (TX_DATA + RING_BYTES)
#define VMO_BYTES (RX_DATA + RING_BYTES)

enum key { KEY_INTERRUPT = 1, KEY_BELL };
#define WAKE 1u // of bell and news

// Turns of one pump, so that heartbeats go on: 4 KiB each way.
#define PUMP_TURNS 64

struct line {
    struct vault_head head;
    handle_t rings, interrupt, bell, news;
};

static const struct vault_table tables[] = {
    {
        .name = "line",
        .record_bytes = sizeof(struct line),
        .count = 1,
        .handles = {{offsetof(struct line, rings), OBJECT_VMO},
                    {offsetof(struct line, interrupt), OBJECT_INTERRUPT},
                    {offsetof(struct line, bell), OBJECT_EVENT},
                    {offsetof(struct line, news), OBJECT_EVENT}},
    },
};

static const struct vault_layout layout = {
    .service = 0x54524155, // "UART"
    .version = 1,
    .undo_bytes = 512,
    .calls_max = 2,
    .table_count = 1,
    .tables = tables,
};

// What an instance finds out again at its start; `server` is first.
struct uart {
    struct server server;
    handle_t device;
    struct ring tx, rx;
    const uint32_t *rx_wanted; // the client's
    struct device_move send, receive;
};

static const struct line *line_of(struct uart *uart) {
    return vault_record(&uart->server.vault, 0, 0);
}

// ---- moving bytes

static void reg_write(const struct uart *uart, enum reg reg, uint32_t value) {
    // The device was there at the start, and its registers are these.
    (void)!sys_device_port(uart->device, DEVICE_WRITE, reg, value, NULL);
}

static bool move(const struct uart *uart, uint32_t op, const struct device_move *how) {
    int64_t moved = sys_device_port(uart->device, op, REG_DATA, 0, how);
    if (moved < 0) {
        log_printf("uart: a ring can't be used: status %ld", moved);
    }
    return moved > 0;
}

static void pump(struct uart *uart) {
    bool received = false;
    bool sent = false;
    bool more = true;
    for (int i = 0; i < PUMP_TURNS && more; i++) {
        bool in = move(uart, DEVICE_RECEIVE, &uart->receive);
        bool out = ring_used(&uart->tx) != 0 && move(uart, DEVICE_TRANSMIT, &uart->send);
        received |= in;
        sent |= out;
        more = in || out;
    }
    const struct line *line = line_of(uart);
    if (sent ||
        (received && ring_used(&uart->rx) >= __atomic_load_n(uart->rx_wanted, __ATOMIC_ACQUIRE))) {
        (void)sys_event_signal(line->news, 0, WAKE);
    }
    if (more) {
        (void)sys_event_signal(line->bell, 0, WAKE);
    }
    reg_write(uart, REG_ENABLE, 0);
    reg_write(uart, REG_ENABLE,
              (ring_room(&uart->rx) != 0 ? ENABLE_RECEIVED : 0) |
                  (ring_used(&uart->tx) != 0 ? ENABLE_SENT : 0));
}

static void notice(struct server *server, const struct packet *packet) {
    struct uart *uart = (struct uart *)server;
    if (packet->key == KEY_INTERRUPT) {
        (void)!sys_interrupt_ack(line_of(uart)->interrupt);
    }
    pump(uart);
}

// ---- the beginning

static void device_reset(const struct uart *uart) {
    reg_write(uart, REG_ENABLE, 0);
    reg_write(uart, REG_LINE, LINE_DIVISOR);
    reg_write(uart, REG_DIVISOR_LOW, DIVISOR_115200);
    reg_write(uart, REG_DIVISOR_HIGH, 0);
    reg_write(uart, REG_LINE, LINE_8N1);
    reg_write(uart, REG_FIFO, FIFO_ENABLE_CLEAR | FIFO_TRIGGER_14);
    reg_write(uart, REG_MODEM, MODEM_DTR_RTS_OUT2);
}

// Notes a handle that was made: its place in the vault gets it.
static status_t note(struct uart *uart, int64_t made, const handle_t *place) {
    if (made < 0) {
        return (status_t)made;
    }
    step_made(&uart->server.vault, (handle_t)made);
    vault_set(&uart->server.vault, place, (handle_t)made);
    return OK;
}

static status_t make_all(struct uart *uart) {
    struct vault *vault = &uart->server.vault;
    const struct line *line = line_of(uart);
    handle_t port = uart->server.port;
    device_reset(uart);
    vault_set(vault, &line->head.used, 1);
    status_t status = note(uart, sys_vmo_create(HANDLE_NONE, VMO_BYTES, 0), &line->rings);
    status = status == OK ? note(uart, sys_event_create(), &line->bell) : status;
    status = status == OK ? note(uart, sys_event_create(), &line->news) : status;
    status =
        status == OK ? note(uart, sys_interrupt_create(uart->device, 0), &line->interrupt) : status;
    status = status == OK ? sys_object_bind(line->bell, port, KEY_BELL, WAKE) : status;
    return status == OK
               ? sys_object_bind(line->interrupt, port, KEY_INTERRUPT, SIGNAL_INTERRUPT_PENDING)
               : status;
}

static struct ring ring_at(uint8_t *base, uint32_t index, uint32_t data) {
    return (struct ring){(struct device_ring *)(base + index), base + data, RING_BYTES};
}

static struct device_move move_of(handle_t vmo, uint32_t index, uint32_t data, uint32_t ready) {
    return (struct device_move){
        .vmo = vmo,
        .ring_bytes = RING_BYTES,
        .index_offset = index,
        .data_offset = data,
        .status_reg = REG_STATUS,
        .status_mask = ready,
        .burst = ready == STATUS_SENT ? FIFO_BYTES : 1,
    };
}

static status_t start(struct server *server, bool fresh) {
    struct uart *uart = (struct uart *)server;
    status_t status = fresh ? make_all(uart) : OK;
    if (status != OK) {
        return status;
    }
    handle_t vmo = line_of(uart)->rings;
    int64_t base = sys_aspace_map(HANDLE_NONE, vmo, 0, 0, VMO_BYTES, MAP_READ | MAP_WRITE);
    if (base < 0) {
        return (status_t)base;
    }
    uart->tx = ring_at((uint8_t *)base, TX_INDEX, TX_DATA);
    uart->rx = ring_at((uint8_t *)base, RX_INDEX, RX_DATA);
    uart->rx_wanted = (const uint32_t *)(base + RX_WANTED);
    uart->send = move_of(vmo, TX_INDEX, TX_DATA, STATUS_SENT);
    uart->receive = move_of(vmo, RX_INDEX, RX_DATA, STATUS_RECEIVED);
    // A predecessor may have moved bytes and not said so.
    (void)sys_event_signal(line_of(uart)->news, 0, WAKE);
    pump(uart);
    return OK;
}

// ---- the client

static int64_t attach(void *context, const struct packet *packet, struct uart_attach_reply *reply,
                      handle_t handles_out[3]) {
    struct uart *uart = context;
    (void)packet;
    const struct {
        handle_t handle;
        uint32_t rights;
    } given[] = {
        {line_of(uart)->rings, RIGHT_TRANSFER | RIGHT_READ | RIGHT_WRITE | RIGHT_MAP},
        {line_of(uart)->bell, RIGHT_TRANSFER | RIGHT_SIGNAL},
        {line_of(uart)->news, RIGHT_TRANSFER | RIGHT_WAIT},
    };
    for (int i = 0; i < 3; i++) {
        int64_t copy = sys_handle_duplicate(given[i].handle, given[i].rights);
        if (copy < 0) {
            return copy;
        }
        step_made(&uart->server.vault, (handle_t)copy);
        handles_out[i] = (handle_t)copy;
    }
    *reply = (struct uart_attach_reply){
        .ring_bytes = RING_BYTES,
        .vmo_bytes = VMO_BYTES,
        .tx_index = TX_INDEX,
        .rx_index = RX_INDEX,
        .tx_data = TX_DATA,
        .rx_data = RX_DATA,
        .rx_wanted = RX_WANTED,
    };
    return 0;
}

static const struct uart_ops operations = {.attach = attach};

static int64_t dispatch(struct server *server, const struct packet *packet,
                        struct message *message) {
    return uart_dispatch(&operations, server, packet, message);
}

static const struct server_program program = {
    .name = "uart16550",
    .protocol = &uart_protocol,
    .vault = &layout,
    .start = start,
    .dispatch = dispatch,
    .notice = notice,
};

int64_t native_main(struct thread_block *block) {
    (void)block;
    static struct uart uart;
    uart.device = start_handle("serial2");
    return server_run(&uart.server, &program);
}
