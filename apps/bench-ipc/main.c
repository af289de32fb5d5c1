// SPDX-License-Identifier: MIT
//
// What a message costs: round trips of a call between two processes, each in its own address space,
// with the stubs counted, and of the cheapest native call beside them. Under `--icount` the clock
// counts instructions, so a figure is exact and repeats; `./prunella bench ipc` runs it so.
//
// The program starts itself a second time as the server (argument `server`), which answers every
// call with an empty reply, or with as many bytes as it was sent.
#include <abi/status.h>
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
        token = block->packet.token; // the message goes back as it came
        block->message.handle_count = 0;
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
        .path = "bin/bench-ipc",
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

static void call(handle_t channel, uint16_t bytes) {
    struct message *message = &thread_block()->message;
    message->op = 1;
    message->body_bytes = bytes;
    message->handle_count = 0;
    message->accept_count = 0;
    message->in = (struct window){0};
    message->out = (struct window){0};
    status_t status = sys_channel_call(channel, INSTANT_NEVER, 0);
    if (status != OK) {
        panic("bench-ipc: call: %d", status);
    }
}

static uint64_t now(void) {
    return (uint64_t)sys_clock_get();
}

static uint64_t measure_call(handle_t channel, uint16_t bytes, int64_t rounds) {
    uint64_t begin = 0;
    for (int64_t i = -WARM_UP; i < rounds; i++) {
        if (i == 0) {
            begin = now();
        }
        call(channel, bytes);
    }
    return (now() - begin) / (uint64_t)rounds;
}

static uint64_t measure_null(int64_t rounds) {
    uint64_t begin = 0;
    for (int64_t i = -WARM_UP; i < rounds; i++) {
        if (i == 0) {
            begin = now();
        }
        (void)sys_handle_close(HANDLE_NONE);
    }
    return (now() - begin) / (uint64_t)rounds;
}

// The rounds to measure: 1 to 1,000,000, or the default.
static int64_t rounds_wanted(void) {
    uint64_t rounds = start_number("rounds", ROUNDS);
    return rounds > 0 && rounds <= 1000000 ? (int64_t)rounds : ROUNDS;
}

int64_t native_main(struct thread_block *block) {
    (void)block;
    if (start_argument_count() != 0 && strcmp(start_argument(0), "server") == 0) {
        return serve();
    }
    handle_t channel = HANDLE_NONE;
    status_t status = start_server(&channel);
    if (status != OK) {
        log_printf("FAIL bench-ipc: can't start the server: %d", status);
        return 1;
    }
    int64_t rounds = rounds_wanted();
    log_printf("# null-call %lu", measure_null(rounds));
    static const uint16_t sizes[] = {0, 64, 256};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        log_printf("# call-round-trip-%u %lu", sizes[i], measure_call(channel, sizes[i], rounds));
    }
    log_printf("ok bench-ipc");
    log_printf("done 1 ok, 0 failed");
    return 0;
}
