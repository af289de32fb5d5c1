// SPDX-License-Identifier: MIT
//
// The manifest parser on proper files, on one wrong line of each kind, and on noise.
// host-sources: servers/init/manifest.c servers/init/manifest_keys.c lib/ds/format.c
// host-sources: lib/test/test.c lib/test/test/host_main.c servers/init/test/host_text.c
#include "../manifest.h"

#include <abi/status.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <test/host.h>
#include <test/test.h>

static struct manifest manifest;
static struct manifest_error error;

// Parses a copy that ends exactly where the text does, so that the sanitizer sees each byte too
// many.
static status_t parse_bytes(const char *text, size_t bytes) {
    char *copy = malloc(bytes > 0 ? bytes : 1);
    memcpy(copy, text, bytes);
    status_t status = manifest_parse(copy, bytes, &manifest, &error);
    free(copy);
    return status;
}

static status_t parse(const char *text) {
    return parse_bytes(text, strlen(text));
}

#define HEAD "service bank\nprogram sbin/bank\n"

TEST(manifest_takes_every_key) {
    static const char text[] = "# a bank\n"
                               "service bank   # its name\n"
                               "program\tsbin/bank\n"
                               "\n"
                               "argument  colour=dark blue # not this\n"
                               "argument  x=#1\n"
                               "provides bank\n"
                               "provides back\n"
                               "uses relay shared\n"
                               "uses disk as store forwarder\n"
                               "needs clock\n"
                               "grant log\n"
                               "grant device serial\n"
                               "limit memory-pages 512\n"
                               "limit reserved-pages 64\n"
                               "limit handles 100\n"
                               "limit threads 3\n"
                               "limit processes 2\n"
                               "priority 22\n"
                               "restart never\n"
                               "start boot\n"
                               "heartbeat-ms 100\n"
                               "missed-max 7\n"
                               "max-service-ms 900\n"
                               "vault-bytes 8192"; // without a newline at the end
    REQUIRE_EQ(parse(text), OK);
    CHECK(strcmp(manifest.name, "bank") == 0 && strcmp(manifest.program, "sbin/bank") == 0);
    REQUIRE_EQ(manifest.argument_count, 2);
    CHECK(strcmp(manifest.arguments[0], "colour=dark blue") == 0);
    CHECK(strcmp(manifest.arguments[1], "x=#1") == 0);
    REQUIRE_EQ(manifest.provide_count, 2);
    CHECK(strcmp(manifest.provides[1], "back") == 0);
    REQUIRE_EQ(manifest.use_count, 2);
    CHECK(strcmp(manifest.uses[0].as, "relay") == 0 && strcmp(manifest.uses[1].as, "store") == 0);
    CHECK(!manifest.uses[0].forwarder && manifest.uses[1].forwarder);
    CHECK(manifest.uses[0].shared && !manifest.uses[1].shared);
    CHECK(manifest.need_count == 1 && strcmp(manifest.needs[0], "clock") == 0);
    CHECK_EQ(manifest.grants, GRANT_LOG);
    CHECK(manifest.device_count == 1 && strcmp(manifest.devices[0], "serial") == 0);
    CHECK_EQ(manifest_pages_of(manifest.memory_pages, 99999), 512);
    CHECK_EQ(manifest_pages_of(manifest.reserved_pages, 99999), 64);
    CHECK(manifest.handles == 100 && manifest.threads == 3 && manifest.processes == 2);
    CHECK(manifest.priority == 22 && manifest.restart == RESTART_NEVER);
    CHECK(manifest.start == START_BOOT && manifest.heartbeat_ms == 100);
    CHECK(manifest.missed_max == 7 && manifest.max_service_ms == 900);
    CHECK_EQ(manifest.vault_bytes, 8192);
}

TEST(manifest_pages_are_a_number_and_a_share) {
    REQUIRE_EQ(parse(HEAD "limit memory-pages 60%\nlimit reserved-pages 256+2%\n"), OK);
    CHECK_EQ(manifest_pages_of(manifest.memory_pages, 1000), 600);
    CHECK_EQ(manifest_pages_of(manifest.reserved_pages, 1000), 276);
    CHECK_EQ(manifest_pages_of(manifest.memory_pages, 99), 59);
    CHECK_EQ(parse(HEAD "limit memory-pages 60%\nlimit reserved-pages 61%\n"),
             ERR_INVALID_ARGUMENT);
    REQUIRE_EQ(parse(HEAD "limit memory-pages 100%\n"), OK);
    CHECK_EQ(manifest_pages_of(manifest.memory_pages, UINT64_MAX / 100), UINT64_MAX / 100);
}

TEST(manifest_has_defaults) {
    REQUIRE_EQ(parse(HEAD), OK);
    CHECK(manifest.priority == 20 && manifest.heartbeat_ms == 250 && manifest.missed_max == 4);
    CHECK(manifest.restart == RESTART_ALWAYS && manifest.start == START_DEMAND);
    CHECK(manifest.grants == 0 && manifest.use_count == 0 && manifest.memory_pages.pages > 0);
}

// A wrong line after two proper ones: the reason and its line are told.
static void check_refused(const char *line, const char *reason) {
    char text[512];
    snprintf(text, sizeof(text), HEAD "%s\n", line);
    bool right = parse(text) == ERR_INVALID_ARGUMENT && error.line == 3 &&
                 strstr(error.reason, reason) != NULL;
    if (!right) {
        fprintf(stderr, "'%s' gave %u: '%s', wanted '%s'\n", line, error.line, error.reason,
                reason);
    }
    CHECK(right);
}

TEST(manifest_refuses_wrong_lines) {
    static const char *const cases[][2] = {
        {"colour red", "there is no key colour"},
        {"service other", "service is given twice"},
        {"program", "program is given twice"},
        {"priority 0", "out of range: 1 to 24"},
        {"priority 25", "out of range"},
        {"priority ten", "ten is not a number"},
        {"priority -1", "not a number"},
        {"priority 99999999999999999999", "not a number"},
        {"priority", "takes 1 to 1 words, not 0"},
        {"priority 1 2", "takes 1 to 1 words, not 2"},
        {"provides Bank", "not a name"},
        {"provides bank-", "not a name"},
        {"provides 1bank", "not a name"},
        {"provides abcdefghijklmnopqrstuvwxyz", "not a name"},
        {"provides bank backwards", "takes 1 to 1 words"},
        {"uses disk as", "may stand: as NAME"},
        {"uses disk is store", "may stand"},
        {"uses disk forwarder as", "may stand"},
        {"uses disk as forwarder twice", "may stand"},
        {"needs a/b", "not a name"},
        {"grant everything", "no grant everything"},
        {"grant log loudly", "takes one word"},
        {"grant device", "needs the device's name"},
        {"limit memory-pages 0", "out of range"},
        {"limit memory-pages 0%", "out of range"},
        {"limit memory-pages 101%", "101 is out of range: 0 to 100"},
        {"limit memory-pages %", "not a number"},
        {"limit memory-pages +5%", "not a number"},
        {"limit memory-pages 5+%", "not a number"},
        {"limit memory-pages 5%+5", "not a number"},
        {"limit colours 7", "no limit colours"},
        {"limit handles", "takes 2 to 2 words"},
        {"restart sometimes", "restart can't be sometimes"},
        {"start later", "start can't be later"},
        {"heartbeat-ms 3", "at least 10 ms"},
        {"vault-bytes 100", "whole pages"},
        {"a b c d e f g h i j k", "there is no key a"},
        {"uses a b c d e f g h i j k", "takes 1 to 5 words, not 11"},
        {"needs \001", "not printable ASCII"},
        {"needs caf\303\251", "not printable ASCII"},
        {"needs x\r", "not printable ASCII"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_refused(cases[i][0], cases[i][1]);
    }
}

TEST(manifest_refuses_what_comes_twice) {
    CHECK_EQ(parse(HEAD "grant log\ngrant log\n"), ERR_INVALID_ARGUMENT);
    CHECK_EQ(error.line, 4);
    CHECK_EQ(parse(HEAD "provides a\nprovides a\n"), ERR_INVALID_ARGUMENT);
    CHECK_EQ(parse(HEAD "uses a\nuses b as a\n"), ERR_INVALID_ARGUMENT);
    CHECK(strstr(error.reason, "two channels have the name a") != NULL);
}

TEST(manifest_counts_are_bounded) {
    static const char *const keys[] = {"argument", "provides", "uses", "needs", "grant device"};
    for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
        char text[1024] = HEAD;
        for (int i = 0; i < 12; i++) {
            size_t used = strlen(text);
            snprintf(text + used, sizeof(text) - used, "%s n%d\n", keys[k], i);
        }
        CHECK_EQ(parse(text), ERR_INVALID_ARGUMENT);
        CHECK(strstr(error.reason, "too many lines") != NULL);
    }
}

TEST(manifest_needs_a_name_and_a_program) {
    CHECK_EQ(parse(""), ERR_INVALID_ARGUMENT);
    CHECK(error.line == 0 && strstr(error.reason, "service NAME") != NULL);
    CHECK_EQ(parse("service a\n"), ERR_INVALID_ARGUMENT);
    CHECK(strstr(error.reason, "program PATH") != NULL);
    static const char *const paths[] = {"/abs", "a//b", "../x", "a/..", ".", "a/", ""};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        char text[128];
        snprintf(text, sizeof(text), "service a\nprogram %s\n", paths[i]);
        CHECK_EQ(parse(text), ERR_INVALID_ARGUMENT);
    }
    CHECK_EQ(parse("service a\nprogram a.b/..c/d..\n"), OK);
    CHECK_EQ(parse(HEAD "limit memory-pages 5\nlimit reserved-pages 6\n"), ERR_INVALID_ARGUMENT);
}

TEST(manifest_refuses_long_lines_and_files) {
    static char text[20000];
    memset(text, 'a', sizeof(text));
    CHECK_EQ(parse_bytes(text, sizeof(text)), ERR_INVALID_ARGUMENT);
    CHECK(strstr(error.reason, "larger than") != NULL);
    CHECK_EQ(parse_bytes(text, 1000), ERR_INVALID_ARGUMENT);
    CHECK(error.line == 1 && strstr(error.reason, "longer than") != NULL);
    memset(text, '\n', sizeof(text));
    CHECK_EQ(parse_bytes(text, 16384), ERR_INVALID_ARGUMENT);
    memcpy(text, HEAD "argument ", strlen(HEAD "argument "));
    memset(text + strlen(HEAD "argument "), 'x', 64);
    CHECK_EQ(parse_bytes(text, strlen(HEAD "argument ") + 64), ERR_INVALID_ARGUMENT);
    CHECK(strstr(error.reason, "argument is longer") != NULL);
    CHECK_EQ(parse_bytes(text, strlen(HEAD "argument ") + 63), OK);
    CHECK_EQ(parse_bytes(HEAD "argument a\0b", strlen(HEAD) + 12), ERR_INVALID_ARGUMENT);
}

// Whatever is accepted keeps its promises.
static void check_sound(void) {
    CHECK(manifest_name_valid(manifest.name));
    CHECK(memchr(manifest.program, 0, sizeof(manifest.program)) != NULL);
    CHECK(manifest.argument_count <= MANIFEST_ARGUMENTS_MAX);
    CHECK(manifest.provide_count <= MANIFEST_PROVIDES_MAX);
    CHECK(manifest.use_count <= MANIFEST_USES_MAX && manifest.need_count <= MANIFEST_NEEDS_MAX);
    for (int i = 0; i < manifest.use_count; i++) {
        CHECK(manifest_name_valid(manifest.uses[i].channel));
        CHECK(manifest_name_valid(manifest.uses[i].as));
    }
    CHECK(manifest.priority >= 1 && manifest.priority <= 24);
    CHECK(manifest.reserved_pages.pages <= manifest.memory_pages.pages ||
          manifest.reserved_pages.percent < manifest.memory_pages.percent);
}

TEST(manifest_survives_noise) {
    static const char seedling[] =
        HEAD "provides bank\nuses disk as store forwarder\nargument a=b c\nlimit handles 77\n"
             "grant device serial # x\nheartbeat-ms 0\nvault-bytes 4096\nneeds clock\n";
    static const char alphabet[] = "\n\n  \t#abz09-=/.\r\0\377";
    uint64_t state = test_seed();
    int accepted = 0;
    for (int round = 0; round < 20000; round++) {
        char text[sizeof(seedling)];
        memcpy(text, seedling, sizeof(text));
        size_t bytes = sizeof(text) - 1 - test_random_below(&state, 40);
        for (uint64_t i = test_random_below(&state, 6); i > 0; i--) {
            text[test_random_below(&state, bytes)] =
                alphabet[test_random_below(&state, sizeof(alphabet))];
        }
        if (parse_bytes(text, bytes) == OK) {
            accepted++;
            check_sound();
        } else {
            CHECK(strnlen(error.reason, MANIFEST_REASON_BYTES) < MANIFEST_REASON_BYTES);
            CHECK(error.reason[0] != '\0');
        }
    }
    CHECK(accepted > 100);
}
