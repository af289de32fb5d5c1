// SPDX-License-Identifier: MIT

#include "peers.h"

#include <abi/names.h>
#include <driver/ring.h>
#include <proto/proc_server.h>
#include <proto/uart_server.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/mutex.h>
#include <sys/start.h>
#include <sys/thread.h>

#include "bench.h"

#define RING_BYTES 1024U // small, so that it fills
#define TX_DATA 4096U
#define RX_DATA (TX_DATA + RING_BYTES)
#define VMO_BYTES 8192U
#define TURN MICROSECONDS(200)
#define TURNS 25000 // of waiting; by turns, since the host may let the machine stand still
#define KEY_UART 1
#define KEY_PROC 2
#define NOTED_MAX 4096
#define TABLE_BYTES ((sizeof(struct process_table) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1))

static handle_t port, uart_client, proc_client;
static struct thread server;
static handle_t rings, bell, news, table_vmo, leaders;
static struct ring rx, tx;
static struct process_table *table;
static struct mutex lock; // guards what follows
static uint64_t last_order;
static struct noted noted[NOTED_MAX];
static uint32_t noted_count;

handle_t must(int64_t result, const char *what) {
    if (result < 0) {
        panic("tty-test: %s: %s", what, status_name(result));
    }
    return (handle_t)result;
}

// ---- what they answer

static handle_t copy_of(handle_t handle, uint32_t rights) {
    return must(sys_handle_duplicate(handle, rights | RIGHT_TRANSFER), "a duplicate");
}

static int64_t attach(void *context, const struct packet *packet, struct uart_attach_reply *reply,
                      handle_t handles_out[3]) {
    (void)context;
    (void)packet;
    handles_out[0] = copy_of(rings, RIGHT_READ | RIGHT_WRITE | RIGHT_MAP);
    handles_out[1] = copy_of(bell, RIGHT_SIGNAL);
    handles_out[2] = copy_of(news, RIGHT_WAIT);
    *reply = (struct uart_attach_reply){
        .ring_bytes = RING_BYTES,
        .vmo_bytes = VMO_BYTES,
        .tx_index = 0,
        .rx_index = 64,
        .tx_data = TX_DATA,
        .rx_data = RX_DATA,
    };
    return 0;
}

static int64_t terminals(void *context, const struct packet *packet,
                         struct proc_terminals_reply *reply, handle_t handles_out[2]) {
    (void)context;
    (void)packet;
    handles_out[0] = copy_of(table_vmo, RIGHT_READ | RIGHT_MAP);
    handles_out[1] = copy_of(leaders, RIGHT_WAIT);
    reply->last_signal = last_order;
    return 0;
}

static int64_t terminal_signal(void *context, const struct packet *packet,
                               const struct proc_terminal_signal_request *request) {
    (void)context;
    (void)packet;
    mutex_lock(&lock);
    if (request->id > last_order) {
        // One that is left out would be lost.
        CHECK_EQ(request->id, last_order + 1);
        last_order = request->id;
        noted[noted_count++ % NOTED_MAX] = (struct noted){request->target, request->number};
    }
    mutex_unlock(&lock);
    return 0;
}

static const struct uart_ops uart = {.attach = attach};
static const struct proc_ops proc = {.terminals = terminals, .terminal_signal = terminal_signal};

static void serve(void *argument) {
    struct thread_block *block = thread_block();
    uint64_t token = 0;
    (void)argument;
    for (;;) {
        status_t status = sys_port_reply_wait(port, token, INSTANT_NEVER, 0);
        const struct packet packet = block->packet;
        token = 0;
        if (status != OK || packet.kind != PACKET_CALL) {
            continue; // the caller has died meanwhile
        }
        token = packet.token;
        (void)(packet.key == KEY_UART ? uart_dispatch(&uart, NULL, &packet, &block->message)
                                      : proc_dispatch(&proc, NULL, &packet, &block->message));
    }
}

static handle_t client_of(uint64_t key) {
    int64_t pair = sys_channel_create(port, key, 0);
    (void)must(pair < 0 ? pair : OK, "a channel");
    return handle_pair_first(pair);
}

static uint8_t *map(handle_t vmo, uint64_t bytes) {
    int64_t addr = sys_aspace_map(HANDLE_NONE, vmo, 0, 0, bytes, MAP_READ | MAP_WRITE);
    (void)must(addr < 0 ? addr : OK, "a mapping");
    return (uint8_t *)addr;
}

void peers_start(void) {
    port = must(sys_port_create(), "a port");
    uart_client = client_of(KEY_UART);
    proc_client = client_of(KEY_PROC);
    rings = must(sys_vmo_create(start_handle("job"), VMO_BYTES, 0), "rings");
    bell = must(sys_event_create(), "an event");
    news = must(sys_event_create(), "an event");
    leaders = must(sys_event_create(), "an event");
    table_vmo = must(sys_vmo_create(start_handle("job"), TABLE_BYTES, 0), "a table");
    uint8_t *base = map(rings, VMO_BYTES);
    tx = (struct ring){(struct device_ring *)base, base + TX_DATA, RING_BYTES};
    rx = (struct ring){(struct device_ring *)(base + 64), base + RX_DATA, RING_BYTES};
    table = (struct process_table *)map(table_vmo, TABLE_BYTES);
    (void)must(thread_run(&server, serve, NULL), "a thread");
    (void)must(sys_thread_set_priority(server.handle, 20), "the priority (init.priority=24?)");
    table->top = PROCESS_OTHER + 1;
    process_begin(PROCESS_LEADER);
    process_begin(PROCESS_JOB);
    process_begin(PROCESS_OTHER);
}

handle_t peers_uart(void) {
    return uart_client;
}

handle_t peers_proc(void) {
    return proc_client;
}

// ---- the line

void line_type(const void *bytes, size_t count) {
    const uint8_t *from = bytes;
    uint32_t turns = 0;
    while (count > 0 && turns < TURNS) {
        uint32_t room = ring_room(&rx);
        uint32_t piece = count < room ? (uint32_t)count : room;
        if (piece == 0) {
            sleep_for(TURN);
            turns++;
            continue;
        }
        ring_fill(&rx, 0, from, piece);
        ring_publish(&rx, piece);
        (void)sys_event_signal(news, 0, 1);
        from += piece;
        count -= piece;
    }
    CHECK_EQ(count, 0);
}

size_t line_take(void *to, size_t count) {
    uint32_t used = ring_used(&tx);
    uint32_t piece = count < used ? (uint32_t)count : used;
    if (piece != 0) {
        ring_peek(&tx, 0, to, piece);
        ring_consume(&tx, piece);
        (void)sys_event_signal(news, 0, 1);
    }
    return piece;
}

size_t line_expect(void *to, size_t count) {
    size_t done = 0;
    uint32_t turns = 0;
    while (done < count && turns < TURNS) {
        size_t piece = line_take((uint8_t *)to + done, count - done);
        done += piece;
        if (piece == 0) {
            sleep_for(TURN);
            turns++;
        }
    }
    return done;
}

// ---- processes

static struct thread user;
static void (*user_function)(void);

static void user_main(void *argument) {
    (void)argument;
    user_function();
}

void user_run(void (*function)(void)) {
    user_function = function;
    (void)must(thread_run(&user, user_main, NULL), "a thread");
    thread_join(&user);
}

static const struct {
    int32_t pid, sid;
} kinds[] = {
    [PROCESS_NONE] = {0, 0},
    [PROCESS_LEADER] = {PID_LEADER, PID_LEADER},
    [PROCESS_JOB] = {PID_JOB, PID_LEADER},
    [PROCESS_OTHER] = {PID_OTHER, PID_OTHER},
};

void process_be(enum process_number number) {
    uint64_t cookie = (uint64_t)number << 32 | (uint32_t)kinds[number].pid;
    CHECK_EQ(sys_thread_set_cookie(start_handle("job"), user.handle, cookie), OK);
}

void process_begin(enum process_number number) {
    struct thread_info info;
    (void)must(sys_object_get(server.handle, &info, sizeof(info)), "a thread");
    table->entries[number] = (struct process_entry){
        .process = info.process,
        .pid = kinds[number].pid,
        .pgid = kinds[number].pid,
        .sid = kinds[number].sid,
        .user = (uint32_t)kinds[number].pid,
    };
}

void process_end(enum process_number number) {
    __atomic_store_n(&table->entries[number].process, 0, __ATOMIC_RELEASE);
    (void)sys_event_signal(leaders, 0, 1);
}

// ---- signals

uint32_t signals_count(void) {
    mutex_lock(&lock);
    uint32_t count = noted_count;
    mutex_unlock(&lock);
    return count;
}

struct noted signals_at(uint32_t index) {
    return noted[index % NOTED_MAX];
}

void signals_forget(void) {
    mutex_lock(&lock);
    noted_count = 0;
    mutex_unlock(&lock);
}

bool signals_wait(uint32_t count) {
    for (uint32_t turns = 0; signals_count() < count && turns < TURNS; turns++) {
        sleep_for(TURN);
    }
    return signals_count() >= count;
}
