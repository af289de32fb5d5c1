// SPDX-License-Identifier: MIT
//
// The line discipline against the pty of the host: the same settings, the same bytes typed and
// written, the same reads; every byte that comes out and every result must be equal.
//
// The host handles typed bytes in the background, so after each byte the test waits until the pty
// has put out what the module did, and before it does anything else it settles. At the end of a
// case it types a mark in a mode without echo: when the mark arrives, everything before it has been
// handled, and output too much would be there.
// host-sources: servers/ttyd/discipline.c servers/ttyd/editing.c servers/ttyd/output.c
// host-sources: lib/test/test.c lib/test/test/host_main.c
#define _GNU_SOURCE // posix_openpt
#include "../discipline.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <test/host.h>
#include <test/test.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 2000 // for the host to do what it should
#define MARK 'Z'
#define IO_BYTES 8192
// More than this at once is no echo of ours: the host (seen in 6.18) at times puts out the whole of
// its buffer for echo, 4,096 bytes of long ago. Such a session is given up and not counted.
#define HOST_DEFECT_BYTES 3000
#define SESSIONS 150

// struct termios as TCSETS takes it.
struct host_settings {
    uint32_t iflag, oflag, cflag, lflag;
    uint8_t line, cc[19];
};

// One terminal on both sides.
struct pair {
    int master, slave;
    struct discipline state;
    uint16_t cells[LINE_CELLS];
    uint8_t out[OUT_BYTES];
    struct discipline_view view;
    bool failed; // or given up
    bool given_up;
};

static void show(const char *what, const uint8_t *bytes, size_t count) {
    fprintf(stderr, "  %s:", what);
    for (size_t i = 0; i < count; i++) {
        fprintf(stderr, bytes[i] > 32 && bytes[i] < 127 ? " %c" : " %02x", bytes[i]);
    }
    fprintf(stderr, "\n");
}

static void differ(struct pair *pair, const char *what, const uint8_t *host, size_t host_bytes,
                   const uint8_t *ours, size_t our_bytes) {
    const struct tty_settings *s = &pair->state.settings;
    fprintf(stderr, "%s differs: iflag %o oflag %o lflag %o\n", what, s->iflag, s->oflag, s->lflag);
    show("host", host, host_bytes);
    show("ours", ours, our_bytes);
    pair->failed = true;
    CHECK(false);
}

// Reads what the host's master has: waits until there are `wanted` bytes, or the time is over.
static size_t host_output(const struct pair *pair, uint8_t *to, size_t wanted) {
    size_t done = 0;
    for (;;) {
        ssize_t count = read(pair->master, to + done, IO_BYTES - done);
        done += count > 0 ? (size_t)count : 0;
        struct pollfd poll_fd = {.fd = pair->master, .events = POLLIN};
        if (count <= 0 && (done >= wanted || poll(&poll_fd, 1, WAIT_MS) <= 0)) {
            return done;
        }
    }
}

static void compare_output(struct pair *pair) {
    uint8_t ours[OUT_BYTES], host[IO_BYTES];
    size_t wanted = output_take(&pair->view, ours, sizeof(ours));
    pair->view.floor = pair->state.out_tail;
    size_t got = host_output(pair, host, wanted);
    if (got > HOST_DEFECT_BYTES && wanted < HOST_DEFECT_BYTES) {
        pair->failed = pair->given_up = true;
    }
    if (!pair->failed && (got != wanted || memcmp(host, ours, got) != 0)) {
        differ(pair, "output", host, got, ours, wanted);
    }
}

static void set(struct pair *pair, const struct tty_settings *settings) {
    struct host_settings host = {
        settings->iflag, settings->oflag, settings->cflag, settings->lflag, 0, {0}};
    memcpy(host.cc, settings->cc, sizeof(host.cc));
    if (ioctl(pair->slave, TCSETS, &host) != 0) {
        CHECK(false);
    }
    discipline_set(&pair->view, settings);
}

// The host may not have handled all that was typed: waits for what ours has.
static void wait_readable(const struct pair *pair) {
    struct pollfd poll_fd = {.fd = pair->slave, .events = POLLIN};
    if (discipline_readable(&pair->state, 1) && pair->state.settings.cc[CC_MIN] <= 1) {
        (void)poll(&poll_fd, 1, WAIT_MS);
    }
}

static void read_some(struct pair *pair, size_t bytes) {
    uint8_t host[IO_BYTES], ours[IO_BYTES];
    wait_readable(pair);
    ssize_t got;
    int32_t wanted = discipline_read(&pair->view, ours, (uint32_t)bytes);
    int tries = 0;
    do {
        got = read(pair->slave, host, bytes);
        if (got < 0 && wanted >= 0) {
            usleep(500);
        }
    } while (got < 0 && wanted >= 0 && tries++ < WAIT_MS);
    // In raw mode the host may give in two pieces what it has not handled at once.
    while (got > 0 && got < wanted && tries++ < WAIT_MS) {
        ssize_t more = read(pair->slave, host + got, (size_t)(wanted - got));
        got += more > 0 ? more : 0;
    }
    bool equal = got < 0 ? wanted < 0 : got == wanted && memcmp(host, ours, (size_t)got) == 0;
    if (!equal && !pair->failed) {
        differ(pair, "input", host, got < 0 ? 0 : (size_t)got, ours,
               wanted < 0 ? 0 : (size_t)wanted);
        fprintf(stderr, "  results: host %zd, ours %d\n", got, wanted);
    }
}

// Reads all there is, and has the host handle all that was typed: it does so in a poll that finds
// nothing to read.
static void settle(struct pair *pair) {
    while (!pair->failed && discipline_readable(&pair->state, 1)) {
        read_some(pair, 200);
    }
    struct pollfd poll_fd = {.fd = pair->slave, .events = POLLIN};
    (void)poll(&poll_fd, 1, 0);
}

// Whether a byte makes a signal that drops what was typed: then both must have the same to drop.
static bool drops_input(const struct pair *pair, uint8_t c) {
    const struct tty_settings *s = &pair->state.settings;
    bool signal = c == s->cc[CC_INTR] || c == s->cc[CC_QUIT] || c == s->cc[CC_SUSP] || c >= 0x80;
    return signal && (s->lflag & LFLAG_ISIG) != 0 && (s->lflag & LFLAG_NOFLSH) == 0;
}

static void type(struct pair *pair, const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count && !pair->failed; i++) {
        if (!discipline_takes(&pair->state)) {
            return;
        }
        bool drops = drops_input(pair, bytes[i]);
        if (drops) {
            settle(pair);
        }
        if (write(pair->master, bytes + i, 1) != 1) {
            CHECK(false);
        }
        discipline_input(&pair->view, bytes[i]);
        compare_output(pair);
        if (drops) {
            settle(pair);
        }
    }
}

static void print(struct pair *pair, const uint8_t *bytes, size_t count) {
    ssize_t host = write(pair->slave, bytes, count);
    size_t ours = discipline_write(&pair->view, bytes, (uint32_t)count);
    if (host < 0) {
        host = 0;
    }
    CHECK_EQ(host, ours);
    compare_output(pair);
}

static void begin(struct pair *pair) {
    memset(pair, 0, sizeof(*pair));
    pair->master = posix_openpt(O_RDWR | O_NOCTTY);
    CHECK(pair->master >= 0 && grantpt(pair->master) == 0 && unlockpt(pair->master) == 0);
    pair->slave = open(ptsname(pair->master), O_RDWR | O_NOCTTY | O_NONBLOCK);
    CHECK(pair->slave >= 0);
    CHECK(fcntl(pair->master, F_SETFL, O_NONBLOCK) == 0);
    discipline_init(&pair->state);
    pair->view =
        (struct discipline_view){.state = &pair->state, .cells = pair->cells, .out = pair->out};
    set(pair, &pair->state.settings);
}

// Everything that was typed is read, in the mode that it was typed in; then the mark.
static void end(struct pair *pair) {
    // The host makes echo when it goes out: by the settings of that time. The first start character
    // may be taken literally.
    for (int i = 0; i < 2 && pair->state.stopped != 0; i++) {
        type(pair, (const uint8_t *)"\x11", 1);
    }
    settle(pair);
    struct tty_settings raw = pair->state.settings;
    uint8_t mark = MARK;
    raw.iflag = raw.oflag = raw.lflag = 0;
    raw.cc[CC_MIN] = 1;
    raw.cc[CC_TIME] = 0;
    set(pair, &raw);
    compare_output(pair);
    if (!pair->failed) {
        CHECK(write(pair->master, &mark, 1) == 1);
        if (discipline_takes(&pair->state)) {
            discipline_input(&pair->view, mark);
        }
        read_some(pair, IO_BYTES);
        compare_output(pair);
    }
    close(pair->slave);
    close(pair->master);
}

// ---- cases that somebody thought of

struct written_case {
    const char *name;
    uint32_t iflag_add, iflag_drop, oflag_add, oflag_drop, lflag_add, lflag_drop;
    const char *typed;
};

static const struct written_case written_cases[] = {
    {"a line", 0, 0, 0, 0, 0, 0, "hello\r"},
    {"erase", 0, 0, 0, 0, 0, 0, "helx\x7flo\r"},
    {"erase too much", 0, 0, 0, 0, 0, 0,
     "ab\x7f\x7f\x7f\x7f"
     "c\r"},
    {"kill", 0, 0, 0, 0, 0, 0, "some words\x15other\r"},
    {"kill without ECHOKE", 0, 0, 0, 0, 0, LFLAG_ECHOKE, "some words\x15other\r"},
    {"kill without ECHOK", 0, 0, 0, 0, 0, LFLAG_ECHOK, "some words\x15other\r"},
    {"word erase", 0, 0, 0, 0, 0, 0, "one two_three  \x17\x17x\r"},
    {"word erase of signs", 0, 0, 0, 0, 0, 0, "one --++\x17\x17x\r"},
    {"literal next", 0, 0, 0, 0, 0, 0,
     "a\x16\x03\x16\x7f\x7f"
     "b\r"},
    {"control characters", 0, 0, 0, 0, 0, 0,
     "a\x01\x02\x7f\x7f\x7f"
     "b\r"},
    {"reprint", 0, 0, 0, 0, 0, 0, "some\x12text\x12\r"},
    {"tabs", 0, 0, 0, 0, 0, 0, "a\tbc\t\td\x7f\x7f\x7f\x7fx\r"},
    {"tabs as spaces", 0, 0, OFLAG_XTABS, 0, 0, 0, "a\tbc\t\td\x7f\x7f\x7f\x7fx\r"},
    {"end of file", 0, 0, 0, 0, 0, 0,
     "ab\x04"
     "cd\r\x04"},
    {"end of file alone", 0, 0, 0, 0, 0, 0, "\x04"},
    {"ECHOPRT", 0, 0, 0, 0, LFLAG_ECHOPRT, 0, "abcd\x7f\x7fxy\x15z\r"},
    {"no ECHOE", 0, 0, 0, 0, 0, LFLAG_ECHOE, "abc\x7f\x7fx\r"},
    {"no ECHOCTL", 0, 0, 0, 0, 0, LFLAG_ECHOCTL, "a\x01\x02\x7f\x7f\x7f\x16\x03x\r"},
    {"no ECHO", 0, 0, 0, 0, 0, LFLAG_ECHO, "abc\x7f\x15xyz\r"},
    {"ECHONL", 0, 0, 0, 0, LFLAG_ECHONL, LFLAG_ECHO, "abc\r\r"},
    {"no IEXTEN", 0, 0, 0, 0, 0, LFLAG_IEXTEN, "abc\x17\x16\x12\r"},
    {"UTF-8", IFLAG_IUTF8, 0, 0, 0, 0, 0,
     "\xc3\xa4\xe2\x82\xac"
     "b\x7f\x7f\x7fx\r"},
    {"UTF-8 tab", IFLAG_IUTF8, 0, 0, 0, 0, 0, "\xe2\x82\xac\xc3\xa4\t\x7f\x7fx\r"},
    {"bytes above", 0, 0, 0, 0, 0, 0, "\xc3\xa4\xff\x9c\x7f\x7f\r"},
    {"interrupt", 0, 0, 0, 0, 0, 0,
     "abc\x03"
     "def\r"},
    {"interrupt, NOFLSH", 0, 0, 0, 0, LFLAG_NOFLSH, 0,
     "abc\x03"
     "def\r"},
    {"no ISIG", 0, 0, 0, 0, 0, LFLAG_ISIG, "abc\x03\x1a\x1c\r"},
    {"quit and stop", 0, 0, 0, 0, 0, 0,
     "a\x1c"
     "b\x1a"
     "c\r"},
    {"stop and start", 0, 0, 0, 0, 0, 0,
     "ab\x13"
     "cd\x11"
     "ef\r"},
    {"stop and any", IFLAG_IXANY, 0, 0, 0, 0, 0,
     "ab\x13"
     "cd\r"},
    {"no IXON", 0, IFLAG_IXON, 0, 0, 0, 0,
     "ab\x13"
     "cd\x11\r"},
    {"IGNCR", IFLAG_IGNCR, 0, 0, 0, 0, 0, "ab\rcd\n"},
    {"INLCR", IFLAG_INLCR, IFLAG_ICRNL, 0, 0, 0, 0, "ab\ncd\r\n"},
    {"no ICRNL", 0, IFLAG_ICRNL, 0, 0, 0, 0, "ab\rcd\n"},
    {"ISTRIP", IFLAG_ISTRIP, 0, 0, 0, 0, 0, "\xe1\xe2\xe3\r"},
    {"IUCLC", IFLAG_IUCLC, 0, OFLAG_OLCUC, 0, 0, 0, "Ab\xc4\xd7\xdf\r"},
    {"raw", 0, 0, 0, 0, 0, LFLAG_ICANON, "a\rb\n\x7f\x04\x15"},
    {"raw without signals", 0, 0, 0, 0, 0, LFLAG_ICANON | LFLAG_ISIG,
     "a\x03\x1a\x1c"
     "b"},
    {"raw, silent", 0, IFLAG_ICRNL | IFLAG_IXON, 0, OFLAG_OPOST, 0,
     LFLAG_ICANON | LFLAG_ISIG | LFLAG_ECHO | LFLAG_IEXTEN, "a\r\n\x03\x13\x11"},
    {"no OPOST", 0, 0, 0, OFLAG_OPOST, 0, 0, "ab\tc\x7f\x7f\r"},
    {"ONOCR OCRNL", 0, IFLAG_ICRNL, OFLAG_ONOCR | OFLAG_OCRNL, 0, 0, LFLAG_ECHOCTL, "\rab\rc\n"},
    {"ONLRET", 0, 0, OFLAG_ONLRET, OFLAG_ONLCR, 0, 0, "ab\rc\td\x7f\x7f\r"},
    {"PARMRK", IFLAG_PARMRK, 0, 0, 0, 0, 0, "a\xff\x7f\x7f\xff\r"},
    {"EXTPROC", 0, 0, 0, 0, LFLAG_EXTPROC, 0, "ab\x03\x7f\r\n"},
};

TEST(discipline_written_cases_are_as_on_the_host) {
    static struct pair pair;
    for (size_t i = 0; i < sizeof(written_cases) / sizeof(written_cases[0]); i++) {
        const struct written_case *c = &written_cases[i];
        begin(&pair);
        struct tty_settings settings = pair.state.settings;
        settings.iflag = (settings.iflag | c->iflag_add) & ~c->iflag_drop;
        settings.oflag = (settings.oflag | c->oflag_add) & ~c->oflag_drop;
        settings.lflag = (settings.lflag | c->lflag_add) & ~c->lflag_drop;
        set(&pair, &settings);
        type(&pair, (const uint8_t *)c->typed, strlen(c->typed));
        for (int reads = 0; reads < 4 && !pair.failed; reads++) {
            read_some(&pair, reads == 0 ? 3 : 100);
        }
        end(&pair);
        if (pair.failed) {
            fprintf(stderr, "  in the case: %s\n", c->name);
        }
    }
}

// A line longer than the limit: what does not fit replaces the last character, and the line can be
// ended.
TEST(discipline_long_line_is_as_on_the_host) {
    static struct pair pair;
    begin(&pair);
    for (int i = 0; i < 4200; i++) {
        uint8_t c = (uint8_t)('a' + i % 26);
        type(&pair, &c, 1);
    }
    type(&pair, (const uint8_t *)"\x7fxy\r", 4);
    read_some(&pair, 4000);
    read_some(&pair, 4000);
    end(&pair);
}

TEST(discipline_written_output_is_as_on_the_host) {
    static struct pair pair;
    static const char *const texts[] = {"a\tb\n\tc\r\n", "\b\b\bx\ty\n", "\r\r\nABC\xe4\xc4\n"};
    static const uint32_t flags[] = {0,
                                     OFLAG_OPOST,
                                     OFLAG_OPOST | OFLAG_ONLCR | OFLAG_XTABS,
                                     OFLAG_OPOST | OFLAG_ONOCR | OFLAG_ONLRET | OFLAG_XTABS,
                                     OFLAG_OPOST | OFLAG_OCRNL | OFLAG_XTABS,
                                     OFLAG_OPOST | OFLAG_OCRNL | OFLAG_ONLRET | OFLAG_OLCUC,
                                     OFLAG_OPOST | OFLAG_ONOCR | OFLAG_ONLCR};
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        begin(&pair);
        struct tty_settings settings = pair.state.settings;
        settings.oflag = flags[i];
        set(&pair, &settings);
        for (size_t j = 0; j < 3; j++) {
            print(&pair, (const uint8_t *)texts[j], strlen(texts[j]));
        }
        type(&pair, (const uint8_t *)"\tq\x7f\x7f\r", 5);
        end(&pair);
    }
}

// ---- at random

static uint32_t pick(uint64_t *random, uint32_t bits) {
    uint32_t result = 0;
    for (uint32_t bit = 1; bit != 0; bit <<= 1) {
        result |= (bits & bit) != 0 && test_random_below(random, 3) == 0 ? bit : 0;
    }
    return result;
}

static struct tty_settings random_settings(uint64_t *random, struct tty_settings settings) {
    settings.iflag ^=
        pick(random, IFLAG_ISTRIP | IFLAG_INLCR | IFLAG_IGNCR | IFLAG_ICRNL | IFLAG_IUCLC |
                         IFLAG_IXON | IFLAG_IXANY | IFLAG_IUTF8 | IFLAG_IMAXBEL);
    settings.oflag ^= pick(random, OFLAG_OPOST | OFLAG_OLCUC | OFLAG_ONLCR | OFLAG_OCRNL |
                                       OFLAG_ONOCR | OFLAG_ONLRET);
    settings.oflag ^= test_random_below(random, 4) == 0 ? OFLAG_XTABS : 0;
    settings.lflag ^= pick(random, LFLAG_ISIG | LFLAG_ECHO | LFLAG_ECHOE | LFLAG_ECHOK |
                                       LFLAG_ECHONL | LFLAG_NOFLSH | LFLAG_ECHOCTL | LFLAG_ECHOPRT |
                                       LFLAG_ECHOKE | LFLAG_IEXTEN);
    settings.lflag ^= test_random_below(random, 4) == 0 ? LFLAG_ICANON : 0;
    settings.cc[CC_EOL] = test_random_below(random, 2) == 0 ? 0 : ';';
    settings.cc[CC_EOL2] = test_random_below(random, 2) == 0 ? 0 : '.';
    return settings;
}

static uint8_t random_char(uint64_t *random) {
    static const uint8_t often[] = {3,   4,   8,   9,   10,   13,   17,   18,   19,   21,
                                    22,  23,  26,  28,  127,  127,  127,  23,   0,    0xff,
                                    ';', '.', ' ', '_', '\\', 0xc3, 0xa4, 0xe2, 0x82, 0xac};
    return test_random_below(random, 2) == 0
               ? often[test_random_below(random, sizeof(often))]
               : (uint8_t)test_random_below(random, test_random_below(random, 4) == 0 ? 256 : 128);
}

TEST(discipline_random_sessions_are_as_on_the_host) {
    static struct pair pair;
    uint64_t random = test_seed();
    int given_up = 0;
    for (int session = 0; session < SESSIONS && !test_failed(); session++) {
        begin(&pair);
        struct tty_settings first = random_settings(&random, pair.state.settings);
        set(&pair, &first);
        for (int i = 0; i < 60 && !pair.failed; i++) {
            uint8_t text[12];
            size_t bytes = 1 + test_random_below(&random, sizeof(text));
            for (size_t j = 0; j < bytes; j++) {
                text[j] = random_char(&random);
            }
            uint32_t what = test_random_below(&random, 10);
            if (what < 6) {
                type(&pair, text, bytes);
            } else if (what < 8) {
                read_some(&pair, 1 + test_random_below(&random, 20));
            } else if (what == 8) {
                settle(&pair);
                print(&pair, text, bytes);
            } else if (pair.state.stopped == 0) {
                settle(&pair);
                struct tty_settings next = random_settings(&random, pair.state.settings);
                set(&pair, &next);
                compare_output(&pair);
            }
        }
        end(&pair);
        given_up += pair.given_up;
    }
    CHECK(given_up < SESSIONS / 10);
}
