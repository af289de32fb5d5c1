// SPDX-License-Identifier: MIT
//
// The log, randomness, the clock, and the kernel's look at itself.

#include "suite.h"

#include <sys/log.h>

#define READ_BYTES 4096

// The last part of the log, as far as it fits.
static size_t log_tail(char *buffer, uint64_t *position) {
    size_t last = 0;
    for (;;) {
        static char chunk[READ_BYTES];
        int64_t bytes = sys_log_read(suite.log, position, chunk, sizeof(chunk));
        CHECK(bytes >= 0);
        if (bytes <= 0) {
            return last;
        }
        memcpy(buffer, chunk, (size_t)bytes);
        last = (size_t)bytes;
    }
}

static bool contains(const char *text, size_t bytes, const char *part) {
    size_t length = strlen(part);
    for (size_t at = 0; at + length <= bytes; at++) {
        if (memcmp(text + at, part, length) == 0) {
            return true;
        }
    }
    return false;
}

TEST(system_log_shows_what_was_written) {
    static char buffer[READ_BYTES];
    uint64_t position = 0;
    (void)log_tail(buffer, &position);
    CHECK_EQ(sys_log_write(suite.log, "log: a line of a test", 21), OK);
    uint64_t before = position;
    size_t bytes = log_tail(buffer, &position);
    CHECK(position > before);
    CHECK(contains(buffer, bytes, "log: a line of a test"));
    CHECK_EQ(sys_log_read(suite.log, &position, buffer, sizeof(buffer)), 0);
}

TEST(system_log_can_be_waited_for) {
    CHECK_EQ(sys_object_wait(suite.log, SIGNAL_LOG_READABLE, in(PATIENCE), 0), SIGNAL_LOG_READABLE);
    handle_t port = expect_handle(sys_port_create());
    CHECK_EQ(sys_object_bind(suite.log, port, 9, SIGNAL_LOG_READABLE), OK);
    while (sys_port_reply_wait(port, 0, 0, 0) == OK) {
    }
    CHECK_EQ(sys_log_write(suite.log, "log: news", 9), OK);
    CHECK_EQ(packet_take(port), OK);
    CHECK_EQ(thread_block()->packet.key, 9);
    CHECK_EQ(sys_object_bind(suite.log, HANDLE_NONE, 9, 0), OK);
    drop(port);
}

TEST(system_log_shows_no_control_characters) {
    static char buffer[READ_BYTES];
    uint64_t position = 0;
    (void)log_tail(buffer, &position);
    CHECK_EQ(sys_log_write(suite.log, "log: a\nb\tc\x1b[1m\x7f", 15), OK);
    size_t bytes = log_tail(buffer, &position);
    CHECK(contains(buffer, bytes, "log: a?b?c?[1m?"));
}

TEST(system_log_checks_sizes) {
    static char text[LOG_LINE_MAX + 1];
    memset(text, 'x', sizeof(text));
    CHECK_EQ(sys_log_write(suite.log, text, 0), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_log_write(suite.log, text, LOG_LINE_MAX + 1), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_log_write(suite.log, text, SIZE_MAX), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_log_write(suite.log, text, LOG_LINE_MAX), OK);
    uint64_t position = 0;
    CHECK_EQ(sys_log_read(suite.log, &position, text, LOG_LINE_MAX + 31), ERR_BUFFER_TOO_SMALL);
    CHECK_EQ(sys_log_read(suite.log, &position, text, 0), ERR_BUFFER_TOO_SMALL);
}

TEST(system_log_reads_from_anywhere) {
    static char buffer[READ_BYTES];
    const uint64_t positions[] = {0, 1, 12345, 1UL << 40, UINT64_MAX};
    for (size_t i = 0; i < COUNT(positions); i++) {
        uint64_t position = positions[i];
        int64_t bytes = sys_log_read(suite.log, &position, buffer, sizeof(buffer));
        CHECK(bytes >= 0 && bytes <= (int64_t)sizeof(buffer));
    }
}

TEST(system_log_read_wants_to_write_its_position) {
    static char buffer[READ_BYTES];
    uint64_t *position = pages_map(1);
    CHECK_EQ(*position, 0);
    CHECK_EQ(sys_aspace_protect(HANDLE_NONE, (vaddr_t)position, PAGE_SIZE, MAP_READ), OK);
    CHECK_EQ(sys_log_read(suite.log, position, buffer, sizeof(buffer)), ERR_FAULT);
    pages_unmap(position, 1);
}

TEST(system_random_differs) {
    uint64_t numbers[64];
    CHECK_EQ(sys_random_get(numbers, sizeof(numbers)), OK);
    uint32_t ones = 0;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        for (uint64_t rest = numbers[i]; rest != 0; rest &= rest - 1) {
            ones++;
        }
        for (size_t j = 0; j < i; j++) {
            CHECK(numbers[i] != numbers[j]);
        }
    }
    // 4,096 bits: 1,800 to 2,300 ones are eight standard deviations to each side.
    CHECK(ones > 1800 && ones < 2300);
}

TEST(system_random_checks_sizes) {
    static uint8_t buffer[RANDOM_MAX_BYTES + 1];
    buffer[RANDOM_MAX_BYTES] = 0x5a;
    buffer[3] = 0;
    CHECK_EQ(sys_random_get(buffer, RANDOM_MAX_BYTES), OK);
    CHECK_EQ(buffer[RANDOM_MAX_BYTES], 0x5a);
    CHECK_EQ(sys_random_get(buffer, RANDOM_MAX_BYTES + 1), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_random_get(buffer, 0), OK);
}

TEST(system_control_checks) {
    CHECK_EQ(sys_system_control(suite.system, 0, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_system_control(suite.system, SYSTEM_EXIT + 1, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_system_control(suite.system, UINT32_MAX, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_system_control(suite.system, SYSTEM_EXIT, 128), ERR_INVALID_ARGUMENT);
}

TEST(system_null_call_cost) {
    enum { CALLS = 20000 };
    instant_t start = now();
    for (int i = 0; i < CALLS; i++) {
        (void)!sys_object_alive(0);
    }
    test_figure("null call: %ld ns", (now() - start) / CALLS);
}
