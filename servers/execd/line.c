// SPDX-License-Identifier: MIT
//
// Frames in and out.
//
// What makes this exact when execd is killed between any two instructions, with nothing noted of
// single bytes: the kernel counts what went through a stream (struct stream_info), the rings count
// what went through them, and both count in the same step in which they move.
//
//   Output. Bytes are looked at in the stream (IO_PEEK), sent with their offset, which is the
//   stream's count, and only then taken out. A successor that finds them still there sends them
//   again, with the same offset, and the host drops them.
//   Input. A frame leaves the ring when its bytes are in the program's stream. A successor that
//   finds it still there sees by the stream's count how much of it is in.
//   Control. The number of the last one done is in the vault.

#include "execd.h"

#include <server/crc32c.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/start.h>

// Frames smaller than this wait for more room in the ring.
#define WORTH_SENDING 512
// A window that has grown by less is not told.
#define WINDOW_STEP 4096
// Frames and pieces of one turn of the loop.
#define TURN_FRAMES 16

static uint8_t buffer[EXEC_PAYLOAD_MAX]; // of the frame under way

static uint32_t check_of(const struct exec_frame *frame, const void *payload) {
    struct exec_frame blank = *frame;
    blank.check = 0;
    uint32_t crc = crc32c(UINT32_MAX, &blank, sizeof(blank));
    return ~crc32c(crc, payload, frame->bytes);
}

// ---- out

bool frame_send(struct execd *execd, uint8_t type, uint8_t stream, uint64_t offset,
                const void *payload, uint32_t bytes) {
    if (ring_room(&execd->tx) < sizeof(struct exec_frame) + bytes) {
        return false;
    }
    struct exec_frame frame = {
        .magic = EXEC_FRAME_MAGIC,
        .type = type,
        .stream = stream,
        .run = (uint16_t)run_of(execd)->number,
        .bytes = bytes,
        .offset = offset,
    };
    frame.check = check_of(&frame, payload);
    ring_fill(&execd->tx, 0, &frame, sizeof(frame));
    ring_fill(&execd->tx, sizeof(frame), payload, bytes);
    ring_publish(&execd->tx, sizeof(frame) + bytes);
    (void)sys_event_signal(line_of(execd)->bell, 0, WAKE);
    return true;
}

static bool stream_look(handle_t stream, struct stream_info *info) {
    return stream != HANDLE_NONE && sys_object_get(stream, info, sizeof(*info)) == OK;
}

// Sends one piece of an output. Returns whether there was one.
static bool output_send(struct execd *execd, uint32_t stream) {
    struct stream_info info;
    handle_t end = stream_of(execd, stream)->read;
    if (!stream_look(end, &info)) {
        return false;
    }
    uint64_t limit = run_of(execd)->limit[stream];
    uint64_t wanted = info.written_bytes - info.read_bytes;
    uint64_t allowed = limit > info.read_bytes ? limit - info.read_bytes : 0;
    wanted = wanted < allowed ? wanted : allowed;
    wanted = wanted < sizeof(buffer) ? wanted : sizeof(buffer);
    uint32_t room = ring_room(&execd->tx);
    room = room > sizeof(struct exec_frame) ? room - sizeof(struct exec_frame) : 0;
    if (wanted == 0 || (room < wanted && room < WORTH_SENDING)) {
        return false;
    }
    wanted = wanted < room ? wanted : room;
    int64_t got = sys_stream_read(end, buffer, wanted, 0, IO_NONBLOCK | IO_PEEK);
    if (got <= 0 ||
        !frame_send(execd, EXEC_DATA, (uint8_t)stream, info.read_bytes, buffer, (uint32_t)got)) {
        return false;
    }
    (void)!sys_stream_read(end, buffer, (size_t)got, 0, IO_NONBLOCK);
    return true;
}

bool outputs_send(struct execd *execd) {
    bool any = false;
    for (int i = 0; i < TURN_FRAMES; i++) {
        bool more = output_send(execd, EXEC_STDOUT);
        more |= output_send(execd, EXEC_STDERR);
        any |= more;
        if (!more) {
            break;
        }
    }
    return any;
}

static bool script_goes_on(struct execd *execd) {
    uint64_t at = run_of(execd)->script_at;
    return at < execd->script_bytes && execd->script_bytes - at >= sizeof(struct exec_frame);
}

void window_tell(struct execd *execd) {
    struct stream_info info;
    // While the script goes on its input comes first.
    if (script_goes_on(execd) || stream_of(execd, EXEC_STDIN)->write == HANDLE_NONE ||
        !stream_look(stream_of(execd, EXEC_STDIN)->read, &info)) {
        return;
    }
    uint64_t limit = info.read_bytes + info.capacity_bytes;
    if (limit >= execd->window + WINDOW_STEP &&
        frame_send(execd, EXEC_WINDOW, EXEC_STDIN, limit, NULL, 0)) {
        execd->window = limit;
    }
}

// ---- in

// Puts bytes of standard input where they belong. Returns false when the program must read first.
static bool input_take(struct execd *execd, const struct exec_frame *frame) {
    struct stream_info info;
    const struct stream_record *ends = stream_of(execd, EXEC_STDIN);
    if (ends->write == HANDLE_NONE || !stream_look(ends->read, &info)) {
        return true; // for a program that has ended
    }
    if (frame->offset > info.written_bytes) {
        log_printf("execd: input is missing before byte %lu", frame->offset);
        return true;
    }
    uint64_t skip = info.written_bytes - frame->offset;
    if (skip >= frame->bytes) {
        return true;
    }
    return sys_stream_write(ends->write, buffer + skip, frame->bytes - skip, 0, IO_NONBLOCK) !=
           ERR_WOULD_BLOCK;
}

static void arguments_take(struct execd *execd, const struct exec_frame *frame) {
    if (frame->offset <= EXEC_ARGUMENTS_MAX && frame->bytes <= EXEC_ARGUMENTS_MAX - frame->offset) {
        memcpy(execd->arguments + frame->offset, buffer, frame->bytes);
    }
}

static void window_take(struct execd *execd, const struct exec_frame *frame) {
    const uint64_t *limit = &run_of(execd)->limit[frame->stream % STREAMS];
    if (frame->offset > *limit) {
        vault_set(&execd->server.vault, limit, frame->offset);
    }
}

// Does a control frame that was not done before. Returns false when it has to wait.
static bool control_take(struct execd *execd, const struct exec_frame *frame) {
    const struct run_record *run = run_of(execd);
    bool current = frame->run == (uint16_t)run->number;
    struct exec_start start;
    uint32_t number;
    switch (frame->type) {
    case EXEC_START:
        if (run->state != RUN_IDLE) {
            return false;
        }
        if (frame->bytes == sizeof(start)) {
            memcpy(&start, buffer, sizeof(start));
            program_start(execd, frame->run, &start);
        }
        break;
    case EXEC_SIGNAL:
        if (frame->bytes == sizeof(number) && current) {
            memcpy(&number, buffer, sizeof(number));
            program_signal(execd, number);
        }
        break;
    case EXEC_CLOSE:
        if (current) {
            program_close(execd, &stream_of(execd, frame->stream % STREAMS)->read);
        }
        break;
    default:
        // Not before everything has been sent.
        if (run->state != RUN_IDLE || ring_used(&execd->tx) != 0) {
            return false;
        }
        (void)!sys_system_control(start_handle("system"), SYSTEM_POWER_OFF, 0);
        break;
    }
    vault_set(&execd->server.vault, &run->control, frame->offset);
    return true;
}

// Returns false when the frame has to wait.
static bool frame_take(struct execd *execd, const struct exec_frame *frame) {
    bool current = frame->run == (uint16_t)run_of(execd)->number;
    switch (frame->type) {
    case EXEC_DATA:
        if (frame->stream == EXEC_ARGUMENTS) {
            arguments_take(execd, frame);
            return true;
        }
        return !current || input_take(execd, frame);
    case EXEC_EOF:
        if (current) {
            program_close(execd, &stream_of(execd, EXEC_STDIN)->write);
        }
        return true;
    case EXEC_WINDOW:
        if (current) {
            window_take(execd, frame);
        }
        return true;
    case EXEC_START:
    case EXEC_SIGNAL:
    case EXEC_CLOSE:
    case EXEC_POWER_OFF:
        return frame->offset <= run_of(execd)->control || control_take(execd, frame);
    default:
        log_printf("execd: the host sends frames of type %u", frame->type);
        return true;
    }
}

// The line is spoilt: looks for a frame one byte further on, and says so once.
static void resynchronise(struct execd *execd) {
    if (!execd->complained) {
        log_printf("execd: what comes in is no frame");
        execd->complained = true;
    }
    ring_consume(&execd->rx, 1);
}

// Whether so many bytes have come; the driver is to tell when they have.
static bool has_come(struct execd *execd, uint32_t bytes) {
    if (ring_used(&execd->rx) >= bytes) {
        return true;
    }
    __atomic_store_n(execd->rx_wanted, bytes, __ATOMIC_SEQ_CST);
    return ring_used(&execd->rx) >= bytes;
}

// The next frame of the script. Returns false when it is damaged.
static bool script_next(struct execd *execd, struct exec_frame *frame) {
    uint64_t at = run_of(execd)->script_at;
    memcpy(frame, execd->script + at, sizeof(*frame));
    if (frame->bytes > EXEC_PAYLOAD_MAX ||
        execd->script_bytes - at - sizeof(*frame) < frame->bytes) {
        log_printf("execd: the script is damaged at byte %lu", at);
        return false;
    }
    memcpy(buffer, execd->script + at + sizeof(*frame), frame->bytes);
    return true;
}

// The next frame of the line, its payload in `buffer`. Returns false when it is not all there.
static bool line_next(struct execd *execd, struct exec_frame *frame) {
    for (;;) {
        if (!has_come(execd, sizeof(*frame))) {
            return false;
        }
        ring_peek(&execd->rx, 0, frame, sizeof(*frame));
        if (frame->magic == EXEC_FRAME_MAGIC && frame->bytes <= EXEC_PAYLOAD_MAX) {
            if (!has_come(execd, (uint32_t)sizeof(*frame) + frame->bytes)) {
                return false;
            }
            ring_peek(&execd->rx, sizeof(*frame), buffer, frame->bytes);
            if (frame->check == check_of(frame, buffer)) {
                return true;
            }
        }
        resynchronise(execd);
    }
}

// What a frame asks for is done and noted before the frame is forgotten.

static bool script_take(struct execd *execd) {
    struct exec_frame frame;
    if (!script_goes_on(execd) || !script_next(execd, &frame) || !frame_take(execd, &frame)) {
        return false;
    }
    vault_set(&execd->server.vault, &run_of(execd)->script_at,
              run_of(execd)->script_at + sizeof(frame) + frame.bytes);
    server_checkpoint(&execd->server);
    return true;
}

static bool line_take(struct execd *execd) {
    struct exec_frame frame;
    if (!line_next(execd, &frame) || !frame_take(execd, &frame)) {
        return false;
    }
    server_checkpoint(&execd->server);
    ring_consume(&execd->rx, sizeof(frame) + frame.bytes);
    // If the ring was full the driver has stopped. It looks after it has put in its last byte, we
    // look after we have taken ours out: one of us sees the other.
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (ring_used(&execd->rx) + sizeof(frame) + frame.bytes >= execd->rx.bytes) {
        (void)sys_event_signal(line_of(execd)->bell, 0, WAKE);
    }
    return true;
}

bool frames_take(struct execd *execd) {
    bool any = false;
    // The script comes first. While it waits for the program the line goes on: credit for its
    // output comes there.
    for (int i = 0; i < TURN_FRAMES && (script_take(execd) || line_take(execd)); i++) {
        any = true;
    }
    return any;
}
