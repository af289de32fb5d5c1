// SPDX-License-Identifier: MIT
//
// execd runs programs for the host: it is the guest's side of `prunella exec`.
//
// The host speaks to it in frames (abi/exec_frame.h) over a serial line (protocol uart). The
// program's standard streams are kernel streams, of which execd holds the other ends; procd starts
// the program and tells its end. One program at a time; the host asks for the next one when it
// knows how the last one ended.
//
// execd serves no protocol and is a service all the same: it lives under lib/server, with a vault,
// and its work is done in notices. A notice says no more than that something may have changed; the
// loop then does all that can be done. What of the work must be noted, and what needs not, is told
// in line.c and program.c.

#include "execd.h"

#include <proto/proc_client.h>
#include <proto/uart_client.h>
#include <sys/archive.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>

// Rounds of work before the loop looks for its heartbeat again.
#define ROUNDS 16
#define ARGUMENTS_BYTES (2 * (size_t)EXEC_ARGUMENTS_MAX)

static bool line_check(uint32_t index, const void *record) {
    const struct line_record *line = record;
    uint32_t bytes = line->layout.ring_bytes;
    uint32_t vmo_bytes = line->layout.vmo_bytes;
    (void)index;
    return bytes >= DEVICE_RING_MIN_BYTES && bytes <= DEVICE_RING_MAX_BYTES &&
           (bytes & (bytes - 1)) == 0 && vmo_bytes >= bytes && vmo_bytes <= (1u << 20) &&
           line->layout.tx_data <= vmo_bytes - bytes && line->layout.rx_data <= vmo_bytes - bytes &&
           line->layout.tx_index <= vmo_bytes - sizeof(struct device_ring) &&
           line->layout.rx_index <= vmo_bytes - sizeof(struct device_ring) &&
           line->layout.rx_wanted <= vmo_bytes - sizeof(uint32_t) &&
           (line->layout.tx_index | line->layout.rx_index | line->layout.rx_wanted) % 4 == 0;
}

static bool run_check(uint32_t index, const void *record) {
    const struct run_record *run = record;
    (void)index;
    return run->state <= RUN_ENDED;
}

static const struct vault_table tables[] = {
    [TABLE_LINE] =
        {
            .name = "line",
            .record_bytes = sizeof(struct line_record),
            .count = 1,
            .handles = {{offsetof(struct line_record, rings), OBJECT_VMO},
                        {offsetof(struct line_record, bell), OBJECT_EVENT},
                        {offsetof(struct line_record, news), OBJECT_EVENT},
                        {offsetof(struct line_record, arguments), OBJECT_VMO}},
            .check = line_check,
        },
    [TABLE_RUN] = {.name = "run",
                   .record_bytes = sizeof(struct run_record),
                   .count = 1,
                   .check = run_check},
    [TABLE_STREAMS] =
        {
            .name = "streams",
            .record_bytes = sizeof(struct stream_record),
            .count = STREAMS,
            .handles = {{offsetof(struct stream_record, read), OBJECT_STREAM},
                        {offsetof(struct stream_record, write), OBJECT_STREAM}},
        },
};

static const struct vault_layout layout = {
    .service = 0x43455845, // "EXEC"
    .version = 1,
    .undo_bytes = 1024,
    .calls_max = 2,
    .table_count = 3,
    .tables = tables,
};

// ---- the beginning

// Gets the rings from the driver and makes what lasts as long as they do.
static status_t make_all(struct execd *execd) {
    struct vault *vault = &execd->server.vault;
    const struct line_record *line = line_of(execd);
    struct uart_attach_reply reply;
    handle_t handles[3];
    int64_t result = uart_attach(start_handle("uart"), &reply, handles, INSTANT_NEVER);
    if (result < 0) {
        return (status_t)result;
    }
    for (int i = 0; i < 3; i++) {
        step_made(vault, handles[i]);
    }
    int64_t arguments = sys_vmo_create(HANDLE_NONE, ARGUMENTS_BYTES, 0);
    if (arguments < 0) {
        return (status_t)arguments;
    }
    step_made(vault, (handle_t)arguments);
    struct line_record made = {
        .head = {.used = 1},
        .rings = handles[0],
        .bell = handles[1],
        .news = handles[2],
        .arguments = (handle_t)arguments,
        .layout = {reply.ring_bytes, reply.vmo_bytes, reply.tx_index, reply.rx_index, reply.tx_data,
                   reply.rx_data, reply.rx_wanted, 0},
    };
    if (!line_check(0, &made)) {
        return ERR_PROTOCOL;
    }
    vault_set(vault, &line->head.used, 1);
    vault_set_bytes(vault, &line->rings, &made.rings,
                    sizeof(made) - offsetof(struct line_record, rings));
    vault_set(vault, &run_of(execd)->head.used, 1);
    for (uint32_t i = 0; i < STREAMS; i++) {
        vault_set(vault, &stream_of(execd, i)->head.used, 1);
    }
    return sys_object_bind(handles[2], execd->server.port, KEY_NEWS, WAKE);
}

static status_t map(handle_t vmo, size_t bytes, uint8_t **out) {
    int64_t addr = sys_aspace_map(HANDLE_NONE, vmo, 0, 0, bytes, MAP_READ | MAP_WRITE);
    *out = (uint8_t *)addr;
    return addr < 0 ? (status_t)addr : OK;
}

static status_t map_all(struct execd *execd) {
    const struct line_record *line = line_of(execd);
    uint8_t *base;
    uint8_t *arguments;
    status_t status = map(line->rings, line->layout.vmo_bytes, &base);
    status = status == OK ? map(line->arguments, ARGUMENTS_BYTES, &arguments) : status;
    if (status != OK) {
        return status;
    }
    execd->arguments = (char *)arguments;
    execd->tx = (struct ring){(struct device_ring *)(base + line->layout.tx_index),
                              base + line->layout.tx_data, line->layout.ring_bytes};
    execd->rx = (struct ring){(struct device_ring *)(base + line->layout.rx_index),
                              base + line->layout.rx_data, line->layout.ring_bytes};
    execd->rx_wanted = (uint32_t *)(base + line->layout.rx_wanted);
    return OK;
}

// With the argument script=PATH the first frames of the host stand in a file of the boot archive:
// what is known before the guest boots comes in faster so. With `exec --icount` they are all that
// the host has to say, so that the run depends on nothing outside of the machine.
static status_t find_script(struct execd *execd) {
    const char *path = start_option("script");
    struct archive archive;
    struct ustar_entry file;
    if (path == NULL) {
        return OK;
    }
    status_t status = archive_map(start_handle("archive"), &archive);
    status = status == OK ? ustar_find(archive.data, archive.size, path, &file) : status;
    if (status == OK) {
        execd->script = file.data;
        execd->script_bytes = file.size;
    }
    return status;
}

// Programs have no terminal of their own, but may make pairs.
static status_t give_terminals(void) {
    const handle_t terminals[1] = {start_handle("tty")};
    int64_t result = terminals[0] != HANDLE_NONE
                         ? proc_give_terminals(start_handle("proc"), terminals, INSTANT_NEVER)
                         : OK;
    return result < 0 ? (status_t)result : OK;
}

static status_t start(struct server *server, bool fresh) {
    struct execd *execd = (struct execd *)server;
    status_t status = fresh ? make_all(execd) : OK;
    if (status == OK && !(line_of(execd)->head.used && run_of(execd)->head.used)) {
        return ERR_CORRUPT;
    }
    status = status == OK ? map_all(execd) : status;
    status = status == OK ? find_script(execd) : status;
    status = status == OK ? give_terminals() : status;
    int64_t event = status == OK ? sys_event_create() : status;
    if (event < 0) {
        return (status_t)event;
    }
    execd->waiter_event = (handle_t)event;
    status = sys_object_bind(execd->waiter_event, server->port, KEY_WAITER, WAKE);
    status = status == OK ? program_prepare(execd) : status;
    if (status == OK && fresh) {
        const struct exec_hello hello = {EXEC_FRAME_VERSION, EXEC_PAYLOAD_MAX};
        (void)frame_send(execd, EXEC_HELLO, 0, 0, &hello, sizeof(hello));
    }
    // A predecessor may have taken a notice and not done what it was about.
    (void)sys_event_signal(execd->waiter_event, 0, WAKE);
    return status;
}

// ---- the work

static void notice(struct server *server, const struct packet *packet) {
    struct execd *execd = (struct execd *)server;
    (void)packet;
    bool more = true;
    for (int i = 0; i < ROUNDS && more; i++) {
        more = frames_take(execd);
        more |= outputs_send(execd);
        more |= program_advance(execd);
        window_tell(execd);
    }
    if (more) {
        (void)sys_event_signal(execd->waiter_event, 0, WAKE);
    }
}

static const struct server_program program = {
    .name = "execd",
    .vault = &layout,
    .start = start,
    .notice = notice,
};

int64_t native_main(struct thread_block *block) {
    (void)block;
    static struct execd execd;
    return server_run(&execd.server, &program);
}
