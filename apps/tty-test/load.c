// SPDX-License-Identifier: MIT

#include "load.h"

#include <abi/status.h>
#include <ds/format.h>
#include <sys/calls.h>
#include <sys/string.h>
#include <sys/thread.h>

#include "bench.h"
#include "peers.h"
#include "terminal.h"

#define PAIRS 2
#define STREAMS (2 * PAIRS + 2) // each pair both ways, the console both ways
#define LINE_BYTES 48

// A stream: one thread sends lines, another takes and checks them.
struct stream {
    void (*send)(struct stream *stream, const char *bytes, size_t count);
    // Returns how many bytes came; 0: none within some time.
    size_t (*take)(struct stream *stream, char *to, size_t count);
    handle_t from, to; // terminals
    struct thread sender, taker;
    uint64_t lines; // sent
    uint64_t bytes; // taken
    uint64_t number;
};

static struct stream streams[STREAMS];
static handle_t masters[PAIRS], slaves[PAIRS], console;
static uint32_t ending;

// The n-th line of a stream, with a line feed. Returns its length.
static size_t line_make(const struct stream *stream, uint64_t n, char text[LINE_BYTES]) {
    text_format(text, LINE_BYTES, "%lu:%lu:%lu\n", stream->number, n, n * n % 9973);
    return strlen(text);
}

static void sender_main(void *argument) {
    struct stream *stream = argument;
    char text[LINE_BYTES];
    while (__atomic_load_n(&ending, __ATOMIC_ACQUIRE) == 0 && !test_failed()) {
        size_t bytes = line_make(stream, stream->lines, text);
        stream->send(stream, text, bytes);
        __atomic_store_n(&stream->lines, stream->lines + 1, __ATOMIC_RELEASE);
    }
}

static bool is_over(const struct stream *stream, uint64_t lines) {
    return __atomic_load_n(&ending, __ATOMIC_ACQUIRE) == 2 &&
           lines == __atomic_load_n(&stream->lines, __ATOMIC_ACQUIRE);
}

// Checks bytes against the lines that must come.
static void taker_main(void *argument) {
    struct stream *stream = argument;
    char text[LINE_BYTES], got[512];
    uint64_t n = 0;
    size_t length = line_make(stream, 0, text), at = 0;
    while (!is_over(stream, n) && !test_failed()) {
        size_t count = stream->take(stream, got, sizeof(got));
        for (size_t i = 0; i < count && !test_failed(); i++) {
            CHECK_EQ(got[i], text[at]);
            at++;
            if (at == length) {
                length = line_make(stream, ++n, text);
                at = 0;
            }
        }
        stream->bytes += count;
    }
    CHECK_EQ(at, 0);
}

// ---- ways

static void send_terminal(struct stream *stream, const char *bytes, size_t count) {
    CHECK_EQ(terminal_write(stream->from, bytes, count), (int64_t)count);
}

static void send_line(struct stream *stream, const char *bytes, size_t count) {
    (void)stream;
    line_type(bytes, count);
}

static size_t take_terminal(struct stream *stream, char *to, size_t count) {
    int64_t got = terminal_read(stream->to, to, count, TTY_IO_NO_WAIT);
    if (got == ERR_WOULD_BLOCK) {
        // The bits on the client's end say when it is worth asking again.
        (void)sys_object_wait(stream->to, TTY_SIGNAL_READABLE, now() + MILLISECONDS(20), 0);
        return 0;
    }
    CHECK(got >= 0);
    return got < 0 ? 0 : (size_t)got;
}

static size_t take_line(struct stream *stream, char *to, size_t count) {
    (void)stream;
    size_t got = line_take(to, count);
    if (got == 0) {
        sleep_for(MICROSECONDS(200));
    }
    return got;
}

// ---- all of them

static void set_modes(handle_t terminal, bool canonical) {
    struct tty_settings settings = settings_raw(terminal_settings(terminal), 1, 0);
    settings.lflag = canonical ? LFLAG_ICANON : 0;
    CHECK_EQ(terminal_set(terminal, &settings, TTY_SET_FLUSH), OK);
}

void load_start(void) {
    ending = 0;
    CHECK_EQ(terminal_open(DEVICE_CONSOLE, READ_WRITE, &console), OK);
    set_modes(console, true);
    for (uint32_t i = 0; i < PAIRS; i++) {
        pair_open(&masters[i], &slaves[i]);
        set_modes(slaves[i], i % 2 == 0);
        streams[2 * i] = (struct stream){
            .send = send_terminal, .take = take_terminal, .from = masters[i], .to = slaves[i]};
        streams[2 * i + 1] = (struct stream){
            .send = send_terminal, .take = take_terminal, .from = slaves[i], .to = masters[i]};
    }
    streams[2 * PAIRS] = (struct stream){.send = send_line, .take = take_terminal, .to = console};
    streams[2 * PAIRS + 1] =
        (struct stream){.send = send_terminal, .take = take_line, .from = console};
    for (uint32_t i = 0; i < STREAMS; i++) {
        streams[i].number = i;
        (void)must(thread_run(&streams[i].taker, taker_main, &streams[i]), "a thread");
        (void)must(thread_run(&streams[i].sender, sender_main, &streams[i]), "a thread");
    }
}

uint64_t load_finish(void) {
    uint64_t bytes = 0;
    __atomic_store_n(&ending, 1, __ATOMIC_RELEASE);
    for (uint32_t i = 0; i < STREAMS; i++) {
        thread_join(&streams[i].sender);
    }
    __atomic_store_n(&ending, 2, __ATOMIC_RELEASE);
    for (uint32_t i = 0; i < STREAMS; i++) {
        thread_join(&streams[i].taker);
        bytes += streams[i].bytes;
    }
    const struct tty_settings usual = terminal_settings(console);
    struct tty_settings settings = usual;
    settings.iflag = IFLAG_ICRNL | IFLAG_IXON | IFLAG_IUTF8;
    settings.oflag = OFLAG_OPOST | OFLAG_ONLCR;
    settings.lflag = LFLAG_ISIG | LFLAG_ICANON | LFLAG_ECHO | LFLAG_ECHOE | LFLAG_ECHOK |
                     LFLAG_ECHOCTL | LFLAG_ECHOKE | LFLAG_IEXTEN;
    CHECK_EQ(terminal_set(console, &settings, TTY_SET_FLUSH), OK);
    for (uint32_t i = 0; i < PAIRS; i++) {
        terminal_close(slaves[i]);
        terminal_close(masters[i]);
    }
    terminal_close(console);
    return bytes;
}
