// SPDX-License-Identifier: MIT

#include "script.h"

#include <abi/status.h>
#include <proto/tty_client.h>
#include <sys/calls.h>
#include <sys/string.h>

#include "bench.h"
#include "terminal.h"

#define NO_MEMORY_THERE ((void *)0x1000)

// What the line sends must be exactly this.
static void expect_sent(const char *text) {
    char got[256];
    size_t wanted = strlen(text);
    size_t count = line_expect(got, wanted);
    CHECK_EQ(count, wanted);
    CHECK(memcmp(got, text, count) == 0);
}

static void expect_read(handle_t terminal, const char *text) {
    char got[256];
    int64_t count = terminal_read(terminal, got, sizeof(got), 0);
    CHECK_EQ(count, (int64_t)strlen(text));
    CHECK(count < 0 || memcmp(got, text, (size_t)count) == 0);
}

static void expect_no_read(handle_t terminal, int64_t wanted) {
    char none[8];
    CHECK_EQ(terminal_read(terminal, none, sizeof(none), TTY_IO_NO_WAIT), wanted);
}

static void write_good(handle_t terminal, const char *text) {
    CHECK_EQ(terminal_write(terminal, text, strlen(text)), (int64_t)strlen(text));
}

static void type(const char *text) {
    line_type(text, strlen(text));
}

static void expect_signal(uint32_t index, int32_t target, int32_t number) {
    if (!signals_wait(index + 1)) {
        CHECK(false);
        return;
    }
    CHECK_EQ(signals_at(index).target, target);
    CHECK_EQ(signals_at(index).number, number);
    CHECK_EQ(signals_count(), index + 1);
}

// SIGHUP and SIGCONT, which go together.
static void expect_hung_up(int32_t target) {
    CHECK(signals_wait(2));
    CHECK_EQ(signals_count(), 2);
    for (uint32_t i = 0; i < 2; i++) {
        CHECK_EQ(signals_at(i).target, target);
        CHECK_EQ(signals_at(i).number, i == 0 ? 1 : 18);
    }
}

// ---- an act on the console is played by a session leader whose terminal it is

static uint32_t round_now;
static void (*part_now)(handle_t console);

static void play_session(void) {
    handle_t console;
    int32_t group, session;
    process_be(PROCESS_NONE);
    CHECK_EQ(terminal_open(DEVICE_CONSOLE, READ_WRITE | TTY_OPEN_OFFER, &console), OK);
    process_be(PROCESS_LEADER);
    CHECK_EQ(terminal_control(console, &group, &session), OK);
    CHECK_EQ(session, PID_LEADER);
    signals_forget();
    part_now(console);
    signals_forget();
    CHECK_EQ(tty_leave_control(console, INSTANT_NEVER), OK);
    expect_hung_up(PID_LEADER);
    terminal_close(console);
    process_be(PROCESS_NONE);
}

static void on_console(void (*part)(handle_t console), uint32_t round) {
    round_now = round;
    part_now = part;
    user_run(play_session);
}

static void play_lines(handle_t console) {
    write_good(console, "$ ");
    expect_sent("$ ");
    type("ls -l\x7f\x7fx\r");
    expect_sent("ls -l\b \b\b \bx\r\n");
    expect_read(console, "ls x\n");
    type("one\rtwo\r\x04");
    expect_sent("one\r\ntwo\r\n");
    expect_read(console, "one\n");
    expect_read(console, "two\n");
    expect_read(console, "");
    expect_no_read(console, ERR_WOULD_BLOCK);
}

// The keys that change a line before it is read.
static void play_editing(handle_t console) {
    struct tty_settings before = terminal_settings(console), quiet = before;
    quiet.lflag &= ~(uint32_t)LFLAG_ECHO;
    CHECK_EQ(terminal_set(console, &quiet, TTY_SET_NOW), OK);
    type("one two\x17x\r");
    expect_read(console, "one x\n");
    type("abc\x15"
         "def\r");
    expect_read(console, "def\n");
    type("\x16\x03\r");
    expect_read(console, "\x03\n");
    type("ab\x04");
    expect_read(console, "ab");
    type("long line\r");
    char piece[5] = "";
    CHECK_EQ(terminal_read(console, piece, 4, 0), 4);
    CHECK(memcmp(piece, "long", 4) == 0);
    expect_read(console, " line\n");
    CHECK_EQ(terminal_set(console, &before, TTY_SET_NOW), OK);
    expect_no_read(console, ERR_WOULD_BLOCK);
}

// What becomes of bytes on the way out.
static void play_output(handle_t console) {
    struct tty_settings before = terminal_settings(console), other = before;
    write_good(console, "a\n");
    expect_sent("a\r\n");
    other.oflag &= ~(uint32_t)OFLAG_ONLCR;
    CHECK_EQ(terminal_set(console, &other, TTY_SET_DRAIN), OK);
    write_good(console, "b\n");
    expect_sent("b\n");
    other.oflag = 0;
    CHECK_EQ(terminal_set(console, &other, TTY_SET_NOW), OK);
    write_good(console, "c\n\t");
    expect_sent("c\n\t");
    CHECK_EQ(terminal_settings(console).oflag, 0);
    CHECK_EQ(terminal_set(console, &before, TTY_SET_DRAIN), OK);
    CHECK_EQ(terminal_set(console, &before, 7), ERR_INVALID_ARGUMENT);
    const struct tty_drain_request drain = {0};
    CHECK_EQ(tty_drain(console, &drain, INSTANT_NEVER), OK);
    CHECK_EQ(terminal_settings(console).oflag, before.oflag);
}

static void check_available(handle_t terminal, uint32_t input, uint32_t output) {
    struct tty_available_reply reply = {0};
    CHECK_EQ(tty_available(terminal, &reply, INSTANT_NEVER), OK);
    CHECK_EQ(reply.input, input);
    CHECK_EQ(reply.output, output);
}

static int64_t flush(handle_t terminal, uint32_t what) {
    const struct tty_flush_request request = {.what = what};
    return tty_flush(terminal, &request, INSTANT_NEVER);
}

static int64_t flow(handle_t terminal, uint32_t action) {
    const struct tty_flow_request request = {.action = action};
    return tty_flow(terminal, &request, INSTANT_NEVER);
}

static void play_flows(handle_t console) {
    type("typed\rhalf");
    expect_sent("typed\r\nhalf");
    check_available(console, 6, 0);
    CHECK_EQ(flush(console, TTY_FLUSH_INPUT), OK);
    check_available(console, 0, 0);
    expect_no_read(console, ERR_WOULD_BLOCK);
    CHECK_EQ(flow(console, TTY_FLOW_STOP), OK);
    expect_no_read(console, ERR_WOULD_BLOCK);
    CHECK_EQ(flow(console, TTY_FLOW_START), OK);
    write_good(console, "go");
    expect_sent("go");
    CHECK_EQ(flow(console, TTY_FLOW_SEND_STOP), OK);
    expect_sent("\x13");
    CHECK_EQ(flow(console, TTY_FLOW_SEND_START), OK);
    expect_sent("\x11");
    CHECK_EQ(flush(console, TTY_FLUSH_INPUT | TTY_FLUSH_OUTPUT), OK);
    CHECK_EQ(flow(console, 4), ERR_INVALID_ARGUMENT);
    CHECK_EQ(flush(console, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(flush(console, 4), ERR_INVALID_ARGUMENT);
}

static void check_size(handle_t terminal, uint16_t rows, uint16_t columns) {
    struct tty_get_size_reply reply = {0};
    CHECK_EQ(tty_get_size(terminal, &reply, INSTANT_NEVER), OK);
    CHECK_EQ(reply.size.rows, rows);
    CHECK_EQ(reply.size.columns, columns);
}

static void play_sizes(handle_t console) {
    struct tty_set_size_request size = {.size = {.rows = 24, .columns = 80}};
    check_size(console, 24, 80);
    CHECK_EQ(tty_set_size(console, &size, INSTANT_NEVER), OK); // the same: nobody is told
    size.size.columns = (uint16_t)(100 + round_now);
    CHECK_EQ(tty_set_size(console, &size, INSTANT_NEVER), OK);
    check_size(console, 24, (uint16_t)(100 + round_now));
    expect_signal(0, PID_LEADER, 28);
    CHECK_EQ(terminal_set_group(console, PID_JOB, 0), OK);
    size.size.columns = 80;
    CHECK_EQ(tty_set_size(console, &size, INSTANT_NEVER), OK);
    expect_signal(1, PID_JOB, 28);
    check_size(console, 24, 80);
    CHECK_EQ(terminal_set_group(console, PID_LEADER, TTY_IO_SIGNAL_OFF), OK);
}

// What a process that is not in the foreground may do, and what not.
static void play_background(handle_t console) {
    struct tty_settings before = terminal_settings(console), strict = before;
    const struct tty_drain_request drain = {0};
    strict.lflag |= LFLAG_TOSTOP;
    CHECK_EQ(terminal_set_group(console, PID_JOB, 0), OK);
    write_good(console, "all the same");
    expect_sent("all the same");
    CHECK_EQ(terminal_set(console, &strict, TTY_SET_NOW), ERR_BACKGROUND);
    CHECK_EQ(flush(console, TTY_FLUSH_INPUT), ERR_BACKGROUND);
    CHECK_EQ(flow(console, TTY_FLOW_STOP), ERR_BACKGROUND);
    CHECK_EQ(tty_drain(console, &drain, INSTANT_NEVER), ERR_BACKGROUND);
    check_size(console, 24, 80);
    check_available(console, 0, 0);
    process_be(PROCESS_JOB);
    CHECK_EQ(terminal_set(console, &strict, TTY_SET_NOW), OK);
    process_be(PROCESS_LEADER);
    CHECK_EQ(terminal_write_some(console, "x", 1, 0), ERR_BACKGROUND);
    CHECK_EQ(terminal_write_some(console, "y", 1, TTY_IO_SIGNAL_OFF), 1);
    expect_sent("y");
    process_be(PROCESS_JOB);
    CHECK_EQ(terminal_set(console, &before, TTY_SET_NOW), OK);
    process_be(PROCESS_LEADER);
    CHECK_EQ(terminal_set_group(console, PID_LEADER, TTY_IO_SIGNAL_OFF), OK);
    CHECK_EQ(signals_count(), 0); // they are its libos's, not ttyd's
}

// Whose terminal it is.
static void play_control(handle_t console) {
    const struct tty_take_control_request take = {0}, force = {.force = 1};
    handle_t own, master, slave;
    int32_t group, session;
    CHECK_EQ(terminal_open(DEVICE_CONTROLLING, READ_WRITE, &own), OK);
    CHECK_EQ(terminal_control(own, &group, &session), OK);
    CHECK_EQ(session, PID_LEADER);
    terminal_close(own);
    CHECK_EQ(tty_take_control(console, &take, INSTANT_NEVER), OK); // it has it
    pair_open(&master, &slave);
    CHECK_EQ(tty_take_control(slave, &force, INSTANT_NEVER), ERR_NOT_PERMITTED); // has another
    CHECK_EQ(terminal_control(slave, &group, &session), ERR_NOT_FOUND);
    CHECK_EQ(terminal_control(master, &group, &session), OK);
    CHECK_EQ(session, 0);
    process_be(PROCESS_JOB);
    CHECK_EQ(tty_take_control(slave, &take, INSTANT_NEVER), ERR_NOT_PERMITTED); // leads nothing
    CHECK_EQ(tty_leave_control(console, INSTANT_NEVER), OK); // from others it changes nothing
    process_be(PROCESS_OTHER);
    CHECK_EQ(terminal_open(DEVICE_CONTROLLING, READ_WRITE, &own), ERR_NOT_FOUND);
    CHECK_EQ(terminal_control(console, &group, &session), ERR_NOT_FOUND);
    CHECK_EQ(tty_take_control(console, &take, INSTANT_NEVER), ERR_NOT_PERMITTED);
    CHECK_EQ(tty_take_control(slave, &take, INSTANT_NEVER), OK);
    CHECK_EQ(terminal_control(master, &group, &session), OK);
    CHECK_EQ(session, PID_OTHER);
    CHECK_EQ(tty_leave_control(slave, INSTANT_NEVER), OK);
    expect_hung_up(PID_OTHER);
    process_be(PROCESS_LEADER);
    CHECK_EQ(terminal_control(console, &group, &session), OK);
    CHECK_EQ(session, PID_LEADER);
    terminal_close(slave);
    terminal_close(master);
}

static void play_raw(handle_t console) {
    struct tty_settings before = terminal_settings(console);
    struct tty_settings raw = settings_raw(before, 3, 0);
    CHECK_EQ(terminal_set(console, &raw, TTY_SET_DRAIN), OK);
    CHECK(memcmp(&raw, &(struct tty_settings){0}, sizeof(raw)) != 0);
    type("x\ryz");
    expect_read(console, "x\ryz");
    CHECK_EQ(terminal_set(console, &before, TTY_SET_FLUSH), OK);
}

static void play_signals(handle_t console) {
    type("abc");
    expect_sent("abc");
    type("\x03");
    expect_sent("^C");
    expect_signal(0, PID_LEADER, 2);
    type("\x1a");
    expect_sent("^Z");
    expect_signal(1, PID_LEADER, 20);
    struct tty_set_size_request size = {.size = {.rows = 30, .columns = 100}};
    CHECK_EQ(tty_set_size(console, &size, INSTANT_NEVER), OK);
    expect_signal(2, PID_LEADER, 28);
    size.size = (struct tty_size){.rows = 24, .columns = 80};
    CHECK_EQ(tty_set_size(console, &size, INSTANT_NEVER), OK);
    expect_signal(3, PID_LEADER, 28);
}

static void play_groups(handle_t console) {
    int32_t group, session;
    CHECK_EQ(terminal_set_group(console, PID_JOB, 0), OK);
    expect_no_read(console, ERR_BACKGROUND);
    CHECK_EQ(terminal_set_group(console, PID_LEADER, 0), ERR_BACKGROUND);
    process_be(PROCESS_JOB);
    expect_no_read(console, ERR_WOULD_BLOCK);
    CHECK_EQ(terminal_set_group(console, PID_OTHER, 0), ERR_NOT_PERMITTED);
    CHECK_EQ(terminal_set_group(console, 77, 0), ERR_NO_PROCESS);
    process_be(PROCESS_LEADER);
    CHECK_EQ(terminal_set_group(console, PID_LEADER, TTY_IO_SIGNAL_OFF), OK);
    CHECK_EQ(terminal_control(console, &group, &session), OK);
    CHECK_EQ(group, PID_LEADER);
    CHECK_EQ(session, PID_LEADER);
}

// ---- pairs

static void pair_echoes(uint32_t round) {
    handle_t master, slave;
    (void)round;
    pair_open(&master, &slave);
    write_good(slave, "hello\n");
    expect_read(master, "hello\r\n");
    CHECK_EQ(terminal_write(master, "in\x7fn\r", 5), 5);
    expect_read(slave, "in\n");
    expect_read(master, "in\b \bn\r\n");
    write_good(slave, "last");
    terminal_close(slave);
    // A master whose slave is closed: when ttyd knows.
    int64_t bits = sys_object_wait(master, TTY_SIGNAL_HUNG_UP, now() + SECONDS(20), 0);
    CHECK(bits > 0);
    expect_read(master, "last");
    expect_no_read(master, ERR_IO);
    terminal_close(master);
}

static void pair_settings(uint32_t round) {
    handle_t master, slave, second;
    pair_open(&master, &slave);
    const struct tty_settings before = terminal_settings(slave);
    struct tty_settings raw = settings_raw(before, 1, 0);
    CHECK_EQ(terminal_set(slave, &raw, TTY_SET_NOW), OK);
    CHECK_EQ(terminal_settings(master).lflag, 0);
    write_good(master, "raw\r\x03");
    check_available(slave, 5, 0);
    expect_read(slave, "raw\r\x03");
    raw.cc[CC_MIN] = 0;
    CHECK_EQ(terminal_set(slave, &raw, TTY_SET_FLUSH), OK);
    expect_read(slave, "");
    raw.cc[CC_MIN] = 3;
    CHECK_EQ(terminal_set(slave, &raw, TTY_SET_NOW), OK);
    write_good(master, "ab");
    check_available(slave, 2, 0);
    write_good(master, "c");
    expect_read(slave, "abc");
    // Packets of bytes: what does not fit the reader's buffer stays.
    write_good(slave, "0123456789");
    check_available(master, 10, 0);
    char piece[4];
    CHECK_EQ(terminal_read(master, piece, 4, 0), 4);
    expect_read(master, "456789");
    const struct tty_set_size_request size = {.size = {.rows = (uint16_t)(9 + round)}};
    CHECK_EQ(tty_set_size(master, &size, INSTANT_NEVER), OK);
    check_size(slave, (uint16_t)(9 + round), 0);
    CHECK_EQ(terminal_set(slave, &before, TTY_SET_NOW), OK);
    CHECK_EQ(terminal_open(DEVICE_NEW_PAIR, READ_WRITE, &second), OK);
    struct tty_pair_reply one = {0}, two = {0};
    CHECK_EQ(tty_pair(master, &one, INSTANT_NEVER), OK);
    CHECK_EQ(tty_pair(second, &two, INSTANT_NEVER), OK);
    CHECK(one.number != two.number);
    terminal_close(second);
    terminal_close(slave);
    terminal_close(master);
}

static int64_t open_peer(handle_t master, handle_t *slave) {
    const struct tty_peer_request request = {.flags = READ_WRITE | TTY_OPEN_NO_CONTROL};
    struct tty_peer_reply reply;
    return tty_peer(master, &request, &reply, slave, INSTANT_NEVER);
}

static void pair_ends(uint32_t round) {
    handle_t master, slave, other;
    const struct tty_lock_request lock = {.locked = 1};
    struct tty_pair_reply pair = {0};
    (void)round;
    pair_open(&master, &slave);
    CHECK_EQ(tty_pair(slave, &pair, INSTANT_NEVER), ERR_NOT_SUPPORTED);
    CHECK_EQ(tty_lock(slave, &lock, INSTANT_NEVER), ERR_NOT_SUPPORTED);
    CHECK_EQ(open_peer(slave, &other), ERR_NOT_SUPPORTED);
    CHECK_EQ(tty_lock(master, &lock, INSTANT_NEVER), OK);
    CHECK_EQ(tty_pair(master, &pair, INSTANT_NEVER), OK);
    CHECK_EQ(pair.locked, 1);
    CHECK_EQ(terminal_open(DEVICE_PAIR(pair.number), READ_WRITE, &other), ERR_IO);
    CHECK_EQ(open_peer(master, &other), OK); // locked or not
    write_good(master, "for whom?\r");
    expect_read(other, "for whom?\n");
    CHECK_EQ(tty_hang_up(master, INSTANT_NEVER), ERR_NOT_PERMITTED);
    CHECK_EQ(tty_hang_up(slave, INSTANT_NEVER), OK);
    expect_read(slave, "");
    expect_read(other, "");
    CHECK_EQ(terminal_write_some(slave, "x", 1, 0), ERR_IO);
    terminal_close(other);
    terminal_close(slave);
    CHECK_EQ(open_peer(master, &slave), OK); // a new one is not hung up
    write_good(slave, "new");
    terminal_close(master);
    CHECK(sys_object_wait(slave, TTY_SIGNAL_HUNG_UP, now() + SECONDS(20), 0) > 0);
    expect_read(slave, "");
    CHECK_EQ(terminal_write_some(slave, "x", 1, 0), ERR_IO);
    CHECK_EQ(terminal_open(DEVICE_PAIR(pair.number), READ_WRITE, &other), ERR_NOT_FOUND);
    terminal_close(slave);
}

static void refused(uint32_t round) {
    handle_t reads, writes, service, other;
    char got[8];
    CHECK_EQ(terminal_open(DEVICE_NUMBER(1, 3 + round), READ_WRITE, &other), ERR_NOT_FOUND);
    CHECK_EQ(terminal_open(DEVICE_PAIR(200), READ_WRITE, &other), ERR_NOT_FOUND);
    CHECK_EQ(terminal_open(DEVICE_CONTROLLING, READ_WRITE, &other), ERR_NOT_FOUND);
    CHECK_EQ(terminal_open(DEVICE_CONSOLE, TTY_OPEN_READ, &reads), OK);
    CHECK_EQ(terminal_open(DEVICE_CONSOLE, TTY_OPEN_WRITE, &writes), OK);
    CHECK_EQ(terminal_write_some(reads, "x", 1, 0), ERR_ACCESS_DENIED);
    CHECK_EQ(terminal_read(writes, got, sizeof(got), 0), ERR_ACCESS_DENIED);
    CHECK_EQ(terminal_write_some(writes, NO_MEMORY_THERE, 8, 0), ERR_FAULT);
    type("x\r");
    expect_sent("x\r\n");
    CHECK_EQ(terminal_read(reads, NO_MEMORY_THERE, 8, 0), ERR_FAULT);
    expect_read(reads, "x\n"); // it was not lost
    CHECK_EQ(tty_service(reads, &service, INSTANT_NEVER), OK);
    const struct tty_open_request request = {.rdev = DEVICE_CONSOLE, .flags = TTY_OPEN_READ};
    struct tty_open_reply reply;
    CHECK_EQ(tty_open(service, &request, &reply, &other, INSTANT_NEVER), OK);
    CHECK_EQ(reply.rdev, DEVICE_CONSOLE);
    terminal_close(other);
    CHECK_EQ(tty_open(reads, &request, &reply, &other, INSTANT_NEVER), ERR_BAD_STATE);
    terminal_close(service);
    terminal_close(writes);
    terminal_close(reads);
}

// ---- the script

#define ON_CONSOLE(name)                                                                           \
    static void name(uint32_t round) {                                                             \
        on_console(play_##name, round);                                                            \
    }
ON_CONSOLE(lines)
ON_CONSOLE(editing)
ON_CONSOLE(output)
ON_CONSOLE(flows)
ON_CONSOLE(sizes)
ON_CONSOLE(raw)
ON_CONSOLE(signals)
ON_CONSOLE(groups)
ON_CONSOLE(background)
ON_CONSOLE(control)

const struct act acts[] = {
    {"lines", lines},
    {"editing", editing},
    {"output", output},
    {"flows", flows},
    {"sizes", sizes},
    {"raw", raw},
    {"signals", signals},
    {"groups", groups},
    {"background", background},
    {"control", control},
    {"pair echoes", pair_echoes},
    {"pair settings", pair_settings},
    {"pair ends", pair_ends},
    {"refused", refused},
};
const uint32_t act_count = sizeof(acts) / sizeof(acts[0]);
