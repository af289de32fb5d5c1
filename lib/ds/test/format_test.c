// SPDX-License-Identifier: MIT
//
// text_format against known texts, and against the host's snprintf on random conversions.
// host-sources: lib/ds/format.c lib/test/test.c lib/test/test/host_main.c
#include <ds/format.h>
#include <test/host.h>
#include <test/test.h>

#include <stdio.h>
#include <string.h>

static void check_text(const char *got, const char *wanted) {
    if (strcmp(got, wanted) != 0) {
        fprintf(stderr, "got '%s', wanted '%s'\n", got, wanted);
    }
    CHECK(strcmp(got, wanted) == 0);
}

TEST(format_knows_each_conversion) {
    char text[128];
    CHECK_EQ(text_format(text, sizeof(text), "%s|%c|%d|%i|%u|%x|%%", "ab", 'c', -5, 6, 7u, 0xabu),
             16);
    check_text(text, "ab|c|-5|6|7|ab|%");
    text_format(text, sizeof(text), "%ld %lu %lx %zu", -1L, ~0UL, 0x123456789abcUL, (size_t)5);
    check_text(text, "-1 18446744073709551615 123456789abc 5");
    text_format(text, sizeof(text), "%p", (void *)0x10);
    check_text(text, "0x10");
    text_format(text, sizeof(text), "%ld %d", INT64_MIN, INT32_MIN);
    check_text(text, "-9223372036854775808 -2147483648");
}

TEST(format_pads) {
    char text[128];
    text_format(text, sizeof(text), "[%5d][%-5d][%05d][%5s][%-5s][%.2s]", -42, -42, -42, "ab", "ab",
                "abcdef");
    check_text(text, "[  -42][-42  ][-0042][   ab][ab   ][ab]");
    text_format(text, sizeof(text), "[%08lx][%2x]", 0xbeefUL, 0x123u);
    check_text(text, "[0000beef][123]");
}

TEST(format_does_not_read_past_a_precision) {
    const char unterminated[3] = {'a', 'b', 'c'};
    char text[16];
    CHECK_EQ(text_format(text, sizeof(text), "%.3s", unterminated), 3);
    check_text(text, "abc");
}

TEST(format_stays_in_the_buffer) {
    char text[8];
    memset(text, '#', sizeof(text));
    CHECK_EQ(text_format(text, 4, "%s", "abcdef"), 6);
    CHECK(memcmp(text, "abc\0####", 8) == 0);
    CHECK_EQ(text_format(text, 1, "%d", 12345), 5);
    CHECK_EQ(text[0], 0);
    CHECK_EQ(text_format(NULL, 0, "%d", 12345), 5);
}

TEST(format_shows_mistakes) {
    char text[64];
    const char *volatile null = NULL;
    const char *wrong[] = {"%q", "%", "50% of"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        text_format(text, sizeof(text), wrong[i]);
#pragma GCC diagnostic pop
        check_text(text, wrong[i]);
    }
    text_format(text, sizeof(text), "%s", null);
    check_text(text, "(null)");
}

TEST(format_agrees_with_the_host) {
    uint64_t state = test_seed();
    const char *formats[] = {"%ld",    "%5ld",   "%-24ld", "%024ld", "%lx",
                             "%016lx", "%-9lx|", "%lu",    "%22lu"};
    for (int i = 0; i < 20000; i++) {
        const char *format =
            formats[test_random_below(&state, sizeof(formats) / sizeof(formats[0]))];
        long value = (long)(test_random(&state) >> test_random_below(&state, 64));
        size_t size = test_random_below(&state, 40);
        char mine[64];
        char theirs[64];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        int my_length = text_format(mine, size, format, value);
        int their_length = snprintf(theirs, size, format, value);
#pragma GCC diagnostic pop
        REQUIRE_EQ(my_length, their_length);
        REQUIRE(size == 0 || strcmp(mine, theirs) == 0);
    }
}
