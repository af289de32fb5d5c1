// SPDX-License-Identifier: MIT
//
// What the kernel's own calls cost, and the restart of a server, which have no twin on Linux: round
// trips of a call between two processes, each in its own address space, with the stubs counted; an
// event; a server that is killed. Under `--icount` the clock counts instructions, so a figure is
// exact and repeats; `./prunella bench native` runs it so.
//
// The program starts itself a second time as the server (argument `server`), which answers every
// call with what it was sent. Handles it closes first, and what is in a window it reads first.
#include <abi/status.h>
#include <proto/relay_client.h>
#include <proto/svc_client.h>
#include <sys/archive.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/message.h>
#include <sys/spawn.h>
#include <sys/start.h>
#include <sys/string.h>

#define WARM_UP 1000
#define ROUNDS 20000 // unless the argument `rounds=N` says otherwise
#define SERVER_KEY 1
#define WINDOW_BYTES 4096
#define SIGNAL 1u
// A server that keeps nothing between calls but a count.
#define RESTARTED "relay"
#define RESTARTS 20

static char window[WINDOW_BYTES];

static int64_t serve(void) {
    handle_t port = start_handle("port");
    struct thread_block *block = thread_block();
    uint64_t token = 0;
    for (;;) {
        status_t status = sys_port_reply_wait(port, token, INSTANT_NEVER, 0);
        if (status != OK) {
            return status;
        }
        if (block->packet.kind != PACKET_CALL) {
            return 0; // the client has gone
        }
        token = block->packet.token; // the body goes back as it came
        if (block->message.handle_count != 0) {
            (void)sys_handle_close(block->message.handles[0]);
            block->message.handle_count = 0;
        }
        if (block->packet.in_bytes != 0 &&
            sys_call_read(token, 0, window, WINDOW_BYTES) != WINDOW_BYTES) {
            return ERR_FAULT;
        }
    }
}

// Starts the server; returns the client end of its channel.
static status_t start_server(handle_t *channel) {
    int64_t port = sys_port_create();
    int64_t pair = port < 0 ? port : sys_channel_create((handle_t)port, SERVER_KEY, 0);
    if (pair < 0) {
        return (status_t)pair;
    }
    *channel = (handle_t)(uint32_t)pair;
    struct archive archive;
    status_t status = archive_map(start_handle("archive"), &archive);
    if (status != OK) {
        return status;
    }
    const char *arguments[] = {"server"};
    const struct spawn_handle handles[] = {
        {"port", (handle_t)port, SPAWN_MOVE},
        {"endpoint", (handle_t)((uint64_t)pair >> 32), SPAWN_MOVE},
    };
    const struct spawn_options options = {
        .archive = &archive,
        .path = "bin/bench-native",
        .job = start_handle("job"),
        .arguments = arguments,
        .argument_count = 1,
        .handles = handles,
        .handle_count = 2,
    };
    struct spawned server;
    status = spawn(&options, &server);
    if (status == OK) {
        spawned_close(&server);
    }
    return status;
}

static uint64_t now(void) {
    return (uint64_t)sys_clock_get();
}

// The rounds to measure: 1 to 1,000,000, or the default.
static uint64_t rounds_wanted(void) {
    uint64_t rounds = start_number("rounds", ROUNDS);
    return rounds > 0 && rounds <= 1000000 ? rounds : ROUNDS;
}

// What a round of a row does: with a channel or an event, and a number.
typedef void round_t(handle_t handle, uint32_t argument);

// Tells the instructions of a round, those of this loop included. Inline, so that the round is too.
__attribute__((always_inline)) static inline void measure(const char *name, round_t *round,
                                                          handle_t handle, uint32_t argument) {
    const int64_t rounds = (int64_t)rounds_wanted();
    uint64_t begin = 0;
    for (int64_t i = -WARM_UP; i < rounds; i++) {
        if (i == 0) {
            begin = now();
        }
        round(handle, argument);
    }
    log_printf("# %s %lu", name, (now() - begin) / (uint64_t)rounds);
}

static void must(status_t status, const char *what) {
    if (status < 0) {
        panic("bench-native: %s: %d", what, status);
    }
}

static void null_call(handle_t handle, uint32_t unused) {
    (void)unused;
    (void)sys_handle_close(handle);
}

static struct message *empty_message(uint32_t bytes) {
    struct message *message = &thread_block()->message;
    message->op = 1;
    message->body_bytes = (uint16_t)bytes;
    message->handle_count = 0;
    message->accept_count = 0;
    message->in = (struct window){0};
    message->out = (struct window){0};
    return message;
}

static void call(handle_t channel, uint32_t bytes) {
    (void)empty_message(bytes);
    must(sys_channel_call(channel, INSTANT_NEVER, 0), "call");
}

static void call_with_handle(handle_t channel, uint32_t event) {
    (void)message_put_handle(empty_message(0), event);
    must(sys_channel_call(channel, INSTANT_NEVER, 0), "call with a handle");
}

static void call_with_window(handle_t channel, uint32_t bytes) {
    message_window_in(empty_message(0), window, bytes);
    must(sys_channel_call(channel, INSTANT_NEVER, 0), "call with a window");
}

static void create_and_close(handle_t unused, uint32_t unused2) {
    (void)unused;
    (void)unused2;
    int64_t event = sys_event_create();
    must((status_t)event, "event");
    (void)sys_handle_close((handle_t)event);
}

static void signal_event(handle_t event, uint32_t signals) {
    must((status_t)sys_event_signal(event, signals, signals), "signal");
}

// The time from the order to kill a server until it has answered a call: the median.
static uint64_t measure_restart(void) {
    handle_t svc = start_handle("svc"), relay = start_handle(RESTARTED);
    uint64_t times[RESTARTS];
    for (uint32_t i = 0; i < RESTARTS; i++) {
        struct relay_count_reply answer;
        struct svc_kill_request request = {RESTARTED, 0};
        struct svc_status_request which = {RESTARTED};
        struct svc_status_reply found;
        must((status_t)relay_count(relay, &answer, INSTANT_NEVER), "count");
        must((status_t)svc_status(svc, &which, &found, INSTANT_NEVER), "status");
        request.instance = found.instance;
        uint64_t begin = now();
        must((status_t)svc_kill(svc, &request, INSTANT_NEVER), "kill");
        must((status_t)relay_count(relay, &answer, INSTANT_NEVER), "count after a kill");
        uint64_t took = now() - begin;
        uint32_t at = i;
        for (; at > 0 && times[at - 1] > took; at--) {
            times[at] = times[at - 1];
        }
        times[at] = took;
    }
    return times[RESTARTS / 2];
}

int64_t native_main(struct thread_block *block) {
    (void)block;
    if (start_argument_count() != 0 && strcmp(start_argument(0), "server") == 0) {
        return serve();
    }
    handle_t channel = HANDLE_NONE;
    must(start_server(&channel), "can't start the server");
    // As many handles as the argument `handles=N` says, the last of which is used.
    int64_t event = sys_event_create();
    for (uint64_t i = 1; event >= 0 && i < start_number("handles", 1); i++) {
        event = sys_event_create();
    }
    must((status_t)event, "event");
    measure("null-call", null_call, HANDLE_NONE, 0);
    measure("call-round-trip-0", call, channel, 0);
    measure("call-round-trip-64", call, channel, 64);
    measure("call-round-trip-256", call, channel, 256);
    measure("call-round-trip-handle", call_with_handle, channel, (handle_t)event);
    measure("call-round-trip-window-4k", call_with_window, channel, WINDOW_BYTES);
    measure("event-signal", signal_event, (handle_t)event, SIGNAL);
    measure("event-create-close", create_and_close, HANDLE_NONE, 0);
    log_printf("# restart %lu", measure_restart());
    log_printf("ok bench-native");
    log_printf("done 1 ok, 0 failed");
    return 0;
}
