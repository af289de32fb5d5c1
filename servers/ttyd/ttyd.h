// SPDX-License-Identifier: MIT
//
// ttyd: the terminals. What it knows stands in its vault (records.c), but for two kinds of bytes:
//
//   - what is on its way out of a terminal lies in rings in a vmo of ttyd's own; the vault has
//   their
//     positions. A step puts bytes only where no committed position says that there are some, so an
//     undone step leaves nothing behind;
//   - the rings of the serial line are shared with its driver. The vault says up to which byte
//   input
//     was consumed and output was put there; the index that the driver sees is stored afterwards
//     (ttyd_committed), or by the successor at its start. So no byte is lost or taken twice.
//
// Each terminal has a working copy of its discipline. A handler gets it by terminal_change, lets
// the discipline work on it, and puts it into the vault by terminal_store. What a step that was
// undone has left in the copy is forgotten (terminals_forget).
//
// What follows from the records after a commit is done in one place (ttyd_committed): the indices
// of the line's rings, the signal bits that clients see, the next order to procd.
#pragma once

#include "discipline.h"

#include <driver/ring.h>
#include <proto/tty_server.h>
#include <server/server.h>
#include <sys/thread.h>

#define TERMINALS_MAX 16     // the console and 15 pairs
#define DESCRIPTIONS_MAX 256 // open at once
#define ORDERS_MAX 64        // signals on their way to procd
#define ORDERS_TYPED 16      // room that typed signals leave for others: hang-ups can't wait
#define PIECES 16            // the cells of a terminal lie in so many records
#define PIECE_CELLS (LINE_CELLS / PIECES)
#define INPUT_STEP 64U  // bytes of input in one step: bounds its undo log
#define SIGNALS_STEP 4U // signals that one step of input may make
#define IO_STEP 4096U   // bytes that one read or write moves
#define WAITS_MAX 32    // reads at once that wait for VTIME

enum table {
    TABLE_STATE,
    TABLE_LINE,
    TABLE_TERMINALS,
    TABLE_CELLS,
    TABLE_DESCRIPTIONS,
    TABLE_ORDERS,
    TABLE_SERVICE
};
enum key { KEY_LINE = 1, KEY_WORK, KEY_SENT, KEY_TIMER, KEY_LEADERS };
#define WAKE 1u // bit of all events

// Numbers of Linux.
enum terminal_signal {
    SIGNAL_HUP = 1,
    SIGNAL_CONT = 18,
    SIGNAL_TTIN = 21,
    SIGNAL_TTOU = 22,
    SIGNAL_WINCH = 28,
};

struct state_record {
    struct vault_head head;
    uint64_t order_next; // id of the next order to procd
    handle_t out;        // vmo of the rings of output
    handle_t processes;  // procd's table; NONE: there are no Linux processes
    handle_t leaders;    // event
    uint32_t spare;
};

// The channel to open terminals by that processes get, besides those that init has given away.
struct service_record {
    struct vault_head head;
    handle_t client, endpoint;
};

// The serial line, once attached.
struct line_record {
    struct vault_head head;
    handle_t rings, bell, news;
    uint32_t ring_bytes, vmo_bytes;
    uint32_t tx_index, rx_index, tx_data, rx_data;
    uint32_t tx_written; // up to here the ring `tx` is filled
    uint32_t rx_read;    // up to here the ring `rx` is consumed
    uint32_t spare;
};

enum terminal_flag {
    TERMINAL_OFFERED = 1 << 0,       // to the first session leader that comes
    TERMINAL_LOCKED = 1 << 1,        // a pair whose slave can't be opened
    TERMINAL_MASTER_CLOSED = 1 << 2, // a pair that ends with its last slave
    TERMINAL_SLAVE_CLOSED = 1 << 3,  // a pair whose slave was open and is not now
    TERMINAL_SIZES = 1 << 4,         // the line tells sizes of the window (TTY_OPEN_SIZES)
};

struct terminal_record {
    struct vault_head head;
    struct discipline discipline;
    struct tty_size size;
    uint64_t leader; // kernel id of the process that leads the session
    int32_t session; // 0: nobody's controlling terminal
    int32_t group;   // in the foreground, 0: none
    uint32_t flags;  // TERMINAL_
    uint32_t spare;
};
static_assert(sizeof(struct terminal_record) % 8 == 0, "a record of the vault");

struct piece_record {
    struct vault_head head;
    uint16_t cells[PIECE_CELLS];
};

enum description_flag {
    DESCRIPTION_READ = 1 << 0,
    DESCRIPTION_WRITE = 1 << 1,
    DESCRIPTION_MASTER = 1 << 2,
    DESCRIPTION_HUNG = 1 << 3,
};

struct description_record {
    struct vault_head head;
    uint64_t key; // of its channel: index + DESCRIPTIONS_MAX for each use
    handle_t endpoint;
    uint32_t terminal;
    uint32_t flags; // DESCRIPTION_
    uint32_t spare;
};

struct order_record {
    struct vault_head head;
    uint64_t id;
    int32_t target; // as of proc.terminal_signal
    int32_t number;
};

struct terminal {
    const struct terminal_record *record;
    struct discipline state; // the working copy
    struct discipline_view view;
    bool loaded;
    bool timed;           // a read waits for VTIME
    instant_t last_input; // for VTIME
    int32_t shown[2];     // bits that slaves and masters see, -1: unknown
};

struct wait {
    uint64_t thread, call_number; // 0: free
    instant_t deadline;
};

// The thread that gives orders to procd. `word` says whose turn it is.
struct sender {
    uint32_t word;
    handle_t channel, event;
    uint64_t id;
    int32_t target, number;
    struct thread thread;
};

struct ttyd {
    struct server server; // first
    struct terminal terminals[TERMINALS_MAX];
    uint32_t changed; // bit n: the working copy of terminal n was changed in this step
    uint8_t *out;     // rings of output, OUT_BYTES each
    const struct process_table *processes;
    struct ring rx, tx; // of the line
    bool has_line;
    handle_t work, timer;
    instant_t timer_at;
    struct wait waits[WAITS_MAX];
    struct sender sender;
};

// ---- Records.

extern const struct vault_layout ttyd_layout;
const struct state_record *state_of(struct ttyd *ttyd);
const struct line_record *line_of(struct ttyd *ttyd);
#define ttyd_set(ttyd, record, field, value)                                                       \
    vault_set(&(ttyd)->server.vault, &(record)->field, value)

static inline bool is_pair(const struct ttyd *ttyd, const struct terminal *terminal) {
    return terminal != &ttyd->terminals[0];
}
static inline uint32_t terminal_index(const struct ttyd *ttyd, const struct terminal *terminal) {
    return (uint32_t)(terminal - ttyd->terminals);
}
// The terminal of an index, its working copy as the vault has it; null when it is not in use.
struct terminal *terminal_get(struct ttyd *ttyd, uint32_t index);
// The same of a description.
struct terminal *terminal_of(struct ttyd *ttyd, const struct description_record *description);
// A terminal whose working copy is about to be changed in this step.
void terminal_change(struct ttyd *ttyd, struct terminal *terminal);
// Puts the working copy into the vault.
void terminal_store(struct ttyd *ttyd, struct terminal *terminal);
// Working copies that were changed and not committed are read again from the vault.
void terminals_forget(struct ttyd *ttyd);

// The description whose channel has this key, null when there is none.
const struct description_record *description_find(struct ttyd *ttyd, uint64_t key);
// Walks the descriptions of a terminal.
#define for_each_description(ttyd, description)                                                    \
    for (uint32_t index_ = 0; index_ < DESCRIPTIONS_MAX; index_++)                                 \
        for (const struct description_record *description = description_at(ttyd, index_);          \
             description != NULL; description = NULL)
const struct description_record *description_at(struct ttyd *ttyd, uint32_t index);

// ---- Conditions that requests wait for.

enum what { WAIT_READ, WAIT_WRITE, WAIT_MASTER_READ, WAIT_MASTER_WRITE };
#define CONDITION_ORDERS 1 // there is room for orders
static inline uint64_t condition(const struct ttyd *ttyd, const struct terminal *terminal,
                                 enum what what) {
    return 16 + 4 * terminal_index(ttyd, terminal) + what;
}
// Wakes what waits for a terminal.
void terminal_wake(struct ttyd *ttyd, const struct terminal *terminal, enum what what);
void terminal_wake_all(struct ttyd *ttyd, const struct terminal *terminal);

// ---- After a commit (signals.c).

// Does what follows from the records of the terminals that were changed: server_program.committed.
void ttyd_committed(struct server *server);
// The same of all terminals, for a successor: within its start.
void ttyd_show_all(struct ttyd *ttyd);
// Shows a new description the state of its terminal.
void description_show(struct ttyd *ttyd, const struct description_record *description);

// ---- The serial line (line.c). The console is terminal 0.

// Attaches to the driver, at a fresh start. ERR_ when there is none that answers.
[[nodiscard]] status_t line_attach(struct ttyd *ttyd);
// Maps the rings, and stores the indices that a predecessor has not.
[[nodiscard]] status_t line_adopt(struct ttyd *ttyd);
// Moves input from the line into the console, as much as one step may. Within a step.
void line_input(struct ttyd *ttyd);
// Takes the message at the begin of the line's input: its bytes, 0 while it is not whole. A size is
// written to *size; else there is none, and what was meant is *typed (MARK) or nothing.
struct line_message {
    uint32_t bytes;
    bool has_size, typed;
    struct tty_size size;
};
#define LINE_MARK 0xff
#define LINE_MESSAGE_MAX 16u
struct line_message line_message_take(const uint8_t *bytes, uint32_t count);
// Moves the console's output to the line, within a step, after which terminal_store follows.
void line_output(struct ttyd *ttyd);
// Stores the indices that the driver sees. Returns whether there is still something to move.
bool line_publish(struct ttyd *ttyd);
// Bytes of output that the driver has not sent yet.
uint32_t line_unsent(const struct ttyd *ttyd);

// Gives bytes to a terminal's discipline, within a step; up to INPUT_STEP. Returns how many it
// took.
uint32_t terminal_input(struct ttyd *ttyd, struct terminal *terminal, const uint8_t *bytes,
                        uint32_t count);

// ---- Orders to procd (orders.c).

[[nodiscard]] status_t orders_start(struct ttyd *ttyd);
uint32_t orders_room(struct ttyd *ttyd);
// A signal to a process group (target above 0) or to one process (below 0), within a step. There is
// room.
void order_add(struct ttyd *ttyd, int32_t target, int32_t number);
// The sender has done an order, within a step.
void order_sent(struct ttyd *ttyd);
// Gives the sender the oldest order, if it is idle.
void orders_kick(struct ttyd *ttyd);

// ---- Sessions and groups (control.c).

struct caller {
    bool known; // a Linux process
    int32_t pid, pgid, sid;
    uint64_t process;
};
struct caller caller_of(const struct ttyd *ttyd, const struct packet *packet);
// The controlling terminal of a session, null when it has none.
struct terminal *terminal_controlling(struct ttyd *ttyd, int32_t session);
// The caller's controlling terminal. Takes one that was offered to it, within a step.
struct terminal *terminal_of_caller(struct ttyd *ttyd, const struct caller *caller);
// Makes a terminal the controlling one of a session leader.
void terminal_take(struct ttyd *ttyd, struct terminal *terminal, const struct caller *caller);
// Whether a caller may go on: OK, or BACKGROUND or IO as the operation's `flags` say. Within a
// step.
[[nodiscard]] status_t background_check(struct ttyd *ttyd, const struct packet *packet,
                                        struct terminal *terminal, uint32_t flags, bool reading);
// Hangs a terminal up: needs room for three orders.
void terminal_hang_up(struct ttyd *ttyd, struct terminal *terminal);
// A session leader has ended: what was its terminal is hung up. Within a step.
void leaders_check(struct ttyd *ttyd);

// ---- Operations.

// The description that a request is for, with the checks that all share: BAD_STATE (the root
// channel), IO (hung up).
[[nodiscard]] int64_t operation_begin(struct ttyd *ttyd, const struct packet *packet,
                                      const struct description_record **description,
                                      struct terminal **terminal);
// Waits for a condition, or ends the request if its caller wants to go on or does not want to wait.
[[nodiscard]] int64_t operation_wait(const struct packet *packet, uint64_t condition,
                                     uint32_t flags);

int64_t tty_do_open(void *server, const struct packet *packet,
                    const struct tty_open_request *request, struct tty_open_reply *reply,
                    handle_t handles_out[1]);
int64_t tty_do_service(void *server, const struct packet *packet, handle_t handles_out[1]);
int64_t tty_do_peer(void *server, const struct packet *packet,
                    const struct tty_peer_request *request, struct tty_peer_reply *reply,
                    handle_t handles_out[1]);
int64_t tty_do_pair(void *server, const struct packet *packet, struct tty_pair_reply *reply);
int64_t tty_do_lock(void *server, const struct packet *packet,
                    const struct tty_lock_request *request);
void tty_closed(struct server *server, uint64_t key);

int64_t tty_do_read(void *server, const struct packet *packet,
                    const struct tty_read_request *request);
int64_t tty_do_write(void *server, const struct packet *packet,
                     const struct tty_write_request *request);
// The timer of reads with VTIME has expired.
void reads_expire(struct ttyd *ttyd);

int64_t tty_do_get_settings(void *server, const struct packet *packet,
                            struct tty_get_settings_reply *reply);
int64_t tty_do_set_settings(void *server, const struct packet *packet,
                            const struct tty_set_settings_request *request);
int64_t tty_do_get_size(void *server, const struct packet *packet,
                        struct tty_get_size_reply *reply);
int64_t tty_do_set_size(void *server, const struct packet *packet,
                        const struct tty_set_size_request *request);
// Changes the size within a step; a new one is told to the group in the foreground. There is room
// for an order.
void terminal_resize(struct ttyd *ttyd, const struct terminal *terminal,
                     const struct tty_size *size);
int64_t tty_do_available(void *server, const struct packet *packet,
                         struct tty_available_reply *reply);
int64_t tty_do_flush(void *server, const struct packet *packet,
                     const struct tty_flush_request *request);
int64_t tty_do_flow(void *server, const struct packet *packet,
                    const struct tty_flow_request *request);
int64_t tty_do_drain(void *server, const struct packet *packet,
                     const struct tty_drain_request *request);

int64_t tty_do_get_control(void *server, const struct packet *packet,
                           struct tty_get_control_reply *reply);
int64_t tty_do_set_group(void *server, const struct packet *packet,
                         const struct tty_set_group_request *request);
int64_t tty_do_take_control(void *server, const struct packet *packet,
                            const struct tty_take_control_request *request);
int64_t tty_do_leave_control(void *server, const struct packet *packet);
int64_t tty_do_hang_up(void *server, const struct packet *packet);
