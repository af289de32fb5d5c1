// SPDX-License-Identifier: MIT
//
// The ring of the log: whole lines, readers who come late, text from user space.
//
// host-sources: kernel/debug/log.c kernel/sched/spinlock.c kernel/test/host/host.c lib/ds/format.c
// host-sources: lib/test/test.c lib/test/test/host_main.c
#include <arch/boot.h>
#include <debug/log.h>
#include <string.h>
#include <test/test.h>

#include "host.h"

#define STAMP "[    1.500000] "

static char serial[4096];
static size_t serial_bytes;

void arch_serial_write(const char *text, size_t bytes) {
    size_t room = sizeof(serial) - serial_bytes;
    memcpy(serial + serial_bytes, text, MIN(bytes, room));
    serial_bytes += MIN(bytes, room);
}

// Starts a test with an empty reader.
static uint64_t begin(void) {
    static bool ready;
    if (!ready) {
        host_cpus_init(1);
        ready = true;
    }
    host_now = MILLISECONDS(1500);
    serial_bytes = 0;
    uint64_t position = 0;
    char buffer[4096];
    while (log_copy(&position, buffer, sizeof(buffer)) != 0) {
    }
    return position;
}

static bool next_is(uint64_t *position, const char *expected) {
    char buffer[1024];
    size_t bytes = log_copy(position, buffer, sizeof(buffer));
    return bytes == strlen(expected) && memcmp(buffer, expected, bytes) == 0;
}

TEST(a_line_is_stamped_and_shown) {
    uint64_t position = begin();
    log_line("%s %d", "answer", 42);
    CHECK(next_is(&position, STAMP "answer 42\n"));
    CHECK_EQ(serial_bytes, strlen(STAMP "answer 42\n"));
    CHECK(next_is(&position, ""));
}

TEST(control_characters_of_programs_are_replaced) {
    uint64_t position = begin();
    log_text("a\x1b[2J\n\x7f\xc3\xa4", 9);
    CHECK(next_is(&position, STAMP "a?[2J??\xc3\xa4\n"));
}

TEST(long_lines_are_cut) {
    uint64_t position = begin();
    char text[3000];
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    log_line("%s", text);
    log_text(text, sizeof(text) - 1);
    char buffer[4096];
    size_t bytes = log_copy(&position, buffer, sizeof(buffer));
    CHECK(bytes > 400 && bytes < 1100);
    CHECK_EQ(buffer[bytes - 1], '\n');
}

TEST(only_whole_lines_are_copied) {
    uint64_t position = begin();
    log_line("one");
    log_line("two");
    char buffer[64];
    size_t line = strlen(STAMP "one\n");
    CHECK_EQ(log_copy(&position, buffer, line - 1), 0);
    CHECK_EQ(log_copy(&position, buffer, 2 * line - 1), line);
    CHECK(next_is(&position, STAMP "two\n"));
}

TEST(a_late_reader_goes_on_with_the_oldest_line) {
    uint64_t position = begin();
    uint64_t before = position;
    for (int i = 0; i < 20000; i++) {
        log_line("line %d", i);
    }
    char buffer[64];
    size_t bytes = log_copy(&position, buffer, sizeof(buffer));
    CHECK(position > before + 256);
    CHECK(bytes > 0 && buffer[0] == '[' && buffer[bytes - 1] == '\n');
    size_t lines = 1;
    while (log_copy(&position, buffer, 32) != 0) {
        lines++;
    }
    CHECK(lines > 256 * 1024 / 40 && lines < 20000);
    // A position from the future is none either.
    position = UINT64_MAX;
    CHECK(next_is(&position, ""));
    log_line("after");
    CHECK(next_is(&position, STAMP "after\n"));
}
