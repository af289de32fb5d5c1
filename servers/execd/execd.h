// SPDX-License-Identifier: MIT
//
// The parts of execd: the line (frames in and out), the program (its life), and what of them
// outlives an instance.
#pragma once

#include <abi/exec_frame.h>
#include <driver/ring.h>
#include <server/server.h>

#define STREAM_BYTES 65536 // of each of the program's streams
#define STREAMS 3

enum key { KEY_NEWS = 1, KEY_STREAM, KEY_WAITER };
#define WAKE 1u // of the events

// ---- the vault

enum table { TABLE_LINE, TABLE_RUN, TABLE_STREAMS };

// What the uart driver has given, and the vmo of the arguments.
struct line_record {
    struct vault_head head;
    handle_t rings, bell, news, arguments;
    struct {
        uint32_t ring_bytes, vmo_bytes, tx_index, rx_index, tx_data, rx_data, rx_wanted, spare;
    } layout;
};

enum run_state {
    RUN_IDLE,
    RUN_SPAWNING, // the streams are made; perhaps there is a process already
    RUN_RUNNING,
    RUN_REAPING, // its status is known and noted
    RUN_ENDED,   // all output is to be sent, then the status
};

struct run_record {
    struct vault_head head;
    uint32_t number; // of the run, as the host counts
    uint32_t state;  // enum run_state
    uint64_t key;    // of the spawn, so that it is not done twice
    int32_t pid;
    int32_t error;           // native status, see struct exec_exit
    int64_t status;          // of wait(2)
    uint64_t control;        // number of the last control frame that was done
    uint64_t limit[STREAMS]; // output may be sent up to here
    struct exec_start start;
    uint64_t script_at; // bytes of the script that are done
};

// The two ends of a stream of the program. execd keeps both: one to use, the other to give away,
// and to look at.
struct stream_record {
    struct vault_head head;
    handle_t read, write; // HANDLE_NONE when closed
};

// ---- an instance; `server` is first

struct execd {
    struct server server;
    struct ring tx, rx;
    uint32_t *rx_wanted;   // how many bytes the driver is to wait for
    const uint8_t *script; // null, or all that the host has to say, instead of what comes in
    uint64_t script_bytes;
    char *arguments;       // of twice EXEC_ARGUMENTS_MAX: as they came, and made ready for spawn
    handle_t waiter_event; // set when the waiter has an answer, or to go on later
    uint64_t window;       // last one told for standard input, in this instance
    bool complained;       // about the line
};

static inline const struct line_record *line_of(struct execd *execd) {
    return vault_record(&execd->server.vault, TABLE_LINE, 0);
}

static inline const struct run_record *run_of(struct execd *execd) {
    return vault_record(&execd->server.vault, TABLE_RUN, 0);
}

static inline const struct stream_record *stream_of(struct execd *execd, uint32_t stream) {
    return vault_record(&execd->server.vault, TABLE_STREAMS, stream);
}

// ---- line.c

// Sends a frame of the current run. Returns false, having done nothing, when there is no room yet.
bool frame_send(struct execd *execd, uint8_t type, uint8_t stream, uint64_t offset,
                const void *payload, uint32_t bytes);
// Takes and serves frames. Returns whether there were any.
bool frames_take(struct execd *execd);
// Sends what the program has written. Returns whether there was any that could be sent.
bool outputs_send(struct execd *execd);
// Tells the host how much more of standard input may come.
void window_tell(struct execd *execd);

// ---- program.c

// Starts the thread that waits for programs. Errors of thread_run.
[[nodiscard]] status_t program_prepare(struct execd *execd);
// EXEC_START has come. Only when idle.
void program_start(struct execd *execd, uint32_t number, const struct exec_start *start);
// Goes on to the next states as far as can be. Returns whether it has.
bool program_advance(struct execd *execd);
void program_signal(struct execd *execd, uint32_t number);
// Closes a handle that a record names.
void program_close(struct execd *execd, const handle_t *place);
