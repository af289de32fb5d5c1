// SPDX-License-Identifier: MIT

#include "script.h"

#include <abi/status.h>
#include <proto/tty_client.h>
#include <sys/string.h>

#include "bench.h"
#include "terminal.h"

#define ROUNDS 9

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

static void play_lines(handle_t console) {
    CHECK_EQ(terminal_write(console, "$ ", 2), 2);
    expect_sent("$ ");
    type("ls -l\x7f\x7fx\r");
    expect_sent("ls -l\b \b\b \bx\r\n");
    expect_read(console, "ls x\n");
    type("one\rtwo\r\x04");
    expect_sent("one\r\ntwo\r\n");
    expect_read(console, "one\n");
    expect_read(console, "two\n");
    expect_read(console, "");
    char none[8];
    CHECK_EQ(terminal_read(console, none, sizeof(none), TTY_IO_NO_WAIT), ERR_WOULD_BLOCK);
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
    signals_forget();
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
    size.size.rows = 24;
    CHECK_EQ(tty_set_size(console, &size, INSTANT_NEVER), OK);
    expect_signal(3, PID_LEADER, 28);
}

static void play_groups(handle_t console) {
    int32_t group, session;
    char none[8];
    CHECK_EQ(terminal_set_group(console, PID_JOB, 0), OK);
    CHECK_EQ(terminal_read(console, none, sizeof(none), 0), ERR_BACKGROUND);
    CHECK_EQ(terminal_set_group(console, PID_LEADER, 0), ERR_BACKGROUND);
    process_be(PROCESS_JOB);
    CHECK_EQ(terminal_read(console, none, sizeof(none), TTY_IO_NO_WAIT), ERR_WOULD_BLOCK);
    CHECK_EQ(terminal_set_group(console, PID_OTHER, 0), ERR_NOT_PERMITTED);
    CHECK_EQ(terminal_set_group(console, 77, 0), ERR_NO_PROCESS);
    process_be(PROCESS_LEADER);
    CHECK_EQ(terminal_set_group(console, PID_LEADER, TTY_IO_SIGNAL_OFF), OK);
    CHECK_EQ(terminal_control(console, &group, &session), OK);
    CHECK_EQ(group, PID_LEADER);
    CHECK_EQ(session, PID_LEADER);
}

static void play_pair(void) {
    handle_t master, slave;
    char got[64];
    pair_open(&master, &slave);
    CHECK_EQ(terminal_write(slave, "hello\n", 6), 6);
    CHECK_EQ(terminal_read(master, got, sizeof(got), 0), 7);
    CHECK(memcmp(got, "hello\r\n", 7) == 0);
    CHECK_EQ(terminal_write(master, "in\x7fn\r", 5), 5);
    expect_read(slave, "in\n");
    expect_read(master, "in\b \bn\r\n");
    terminal_close(slave);
    // A master whose slave is closed: when ttyd knows.
    int64_t count = 0;
    for (int i = 0; i < 1000 && count != ERR_IO; i++) {
        count = terminal_read(master, got, sizeof(got), TTY_IO_NO_WAIT);
        sleep_for(MICROSECONDS(100));
    }
    CHECK_EQ(count, ERR_IO);
    terminal_close(master);
}

static void play(void) {
    handle_t console;
    int32_t group, session;
    process_be(PROCESS_NONE);
    CHECK_EQ(terminal_open(DEVICE_CONSOLE, READ_WRITE | TTY_OPEN_OFFER, &console), OK);
    process_be(PROCESS_LEADER);
    CHECK_EQ(terminal_control(console, &group, &session), OK);
    CHECK_EQ(session, PID_LEADER);
    for (int round = 0; round < ROUNDS && !test_failed(); round++) {
        play_lines(console);
        play_raw(console);
        play_signals(console);
        play_groups(console);
        play_pair();
    }
    CHECK_EQ(tty_leave_control(console, INSTANT_NEVER), OK);
    signals_forget();
    terminal_close(console);
    process_be(PROCESS_NONE);
}

void script_play(void) {
    user_run(play);
}
