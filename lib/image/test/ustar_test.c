// SPDX-License-Identifier: MIT
//
// The archive reader on archives built here, cut off anywhere, and damaged at random: it must
// answer with a status, never read outside, never loop.
//
// host-sources: lib/image/ustar.c
// host-sources: lib/test/test.c lib/test/test/host_main.c
#include <image/ustar.h>
#include <test/host.h>
#include <test/test.h>

#include <abi/status.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 512

// An archive under construction, in memory of exactly its size, so that the sanitizer sees each
// read outside.
struct built {
    uint8_t *data;
    size_t size;
};

static uint8_t *grow(struct built *built, size_t bytes) {
    built->data = realloc(built->data, built->size + bytes);
    uint8_t *place = built->data + built->size;
    memset(place, 0, bytes);
    built->size += bytes;
    return place;
}

static void seal(uint8_t *header) {
    unsigned sum = 0;
    memset(header + 148, ' ', 8);
    for (int i = 0; i < BLOCK; i++) {
        sum += header[i];
    }
    snprintf((char *)header + 148, 8, "%06o", sum);
}

static void add(struct built *built, const char *prefix, const char *name, char type,
                const char *content) {
    size_t bytes = strlen(content);
    uint8_t *header = grow(built, BLOCK);
    memcpy(header, name, strnlen(name, 100));
    snprintf((char *)header + 124, 12, "%011o", (unsigned)bytes);
    header[156] = (uint8_t)type;
    memcpy(header + 257, "ustar\00000", 8);
    memcpy(header + 345, prefix, strnlen(prefix, 155));
    seal(header);
    if (bytes > 0) {
        memcpy(grow(built, (bytes + BLOCK - 1) / BLOCK * BLOCK), content, bytes);
    }
}

static struct built example(void) {
    struct built built = {0};
    add(&built, "", "bin/", '5', "");
    add(&built, "", "bin/a", '0', "content of a");
    add(&built, "", "bin/link", '2', "");
    add(&built, "deep/down", "b", '0', "b");
    grow(&built, 2 * BLOCK);
    return built;
}

TEST(ustar_finds_files) {
    struct built built = example();
    struct ustar_entry entry;
    REQUIRE_EQ(ustar_find(built.data, built.size, "bin/a", &entry), OK);
    CHECK_EQ(entry.size, 12);
    CHECK(memcmp(entry.data, "content of a", 12) == 0);
    CHECK_EQ(ustar_find(built.data, built.size, "/deep/down/b", &entry), OK);
    CHECK_EQ(ustar_find(built.data, built.size, "bin/c", &entry), ERR_NOT_FOUND);
    CHECK_EQ(ustar_find(built.data, built.size, "bin", &entry), ERR_NOT_FOUND);
    CHECK_EQ(ustar_find(built.data, built.size, "bin/link", &entry), ERR_NOT_FOUND);
    CHECK_EQ(ustar_find(built.data, built.size, "", &entry), ERR_NOT_FOUND);
    free(built.data);
}

TEST(ustar_walks_in_order) {
    struct built built = example();
    struct ustar_entry entry;
    size_t offset = 0;
    const char *paths[] = {"bin", "bin/a", "bin/link", "deep/down/b"};
    for (int i = 0; i < 4; i++) {
        REQUIRE_EQ(ustar_next(built.data, built.size, &offset, &entry), OK);
        CHECK(strcmp(entry.path, paths[i]) == 0);
    }
    CHECK_EQ(ustar_next(built.data, built.size, &offset, &entry), ERR_NOT_FOUND);
    free(built.data);
}

TEST(ustar_takes_the_longest_path) {
    char name[101];
    char prefix[156];
    memset(name, 'n', 100);
    memset(prefix, 'p', 155);
    name[100] = prefix[155] = '\0';
    char path[USTAR_PATH_BYTES];
    snprintf(path, sizeof(path), "%s/%s", prefix, name);
    struct built built = {0};
    add(&built, prefix, name, '0', "x");
    grow(&built, BLOCK);
    struct ustar_entry entry;
    CHECK_EQ(ustar_find(built.data, built.size, path, &entry), OK);
    free(built.data);
}

TEST(ustar_notices_each_cut) {
    struct built built = example();
    for (size_t size = 0; size < built.size - 2 * BLOCK; size++) {
        uint8_t *cut = malloc(size > 0 ? size : 1);
        memcpy(cut, built.data, size);
        struct ustar_entry entry;
        CHECK_EQ(ustar_find(cut, size, "nowhere", &entry), ERR_CORRUPT);
        free(cut);
    }
    free(built.data);
}

TEST(ustar_refuses_a_wrong_size) {
    const char *sizes[] = {"77777777777", "00000001000",
                           "99999999999", "           ",
                           "-0000000001", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct built built = {0};
        add(&built, "", "a", '0', "");
        memcpy(built.data + 124, sizes[i], 11);
        seal(built.data);
        struct ustar_entry entry;
        CHECK_EQ(ustar_find(built.data, built.size, "a", &entry), ERR_CORRUPT);
        free(built.data);
    }
}

TEST(ustar_survives_random_damage) {
    uint64_t state = test_seed();
    for (int round = 0; round < 20000; round++) {
        struct built built = example();
        for (uint64_t n = test_random_below(&state, 4); n < 4; n++) {
            size_t at = test_random_below(&state, built.size);
            built.data[at] = (uint8_t)test_random(&state);
            // Half of the headers get a proper checksum again, so that damage reaches the other
            // fields.
            if (test_random(&state) & 1) {
                seal(built.data + at / BLOCK * BLOCK);
            }
        }
        struct ustar_entry entry;
        size_t offset = 0;
        int steps = 0;
        while (ustar_next(built.data, built.size, &offset, &entry) == OK) {
            const uint8_t *data = entry.data;
            REQUIRE(data >= built.data && data + entry.size <= built.data + built.size);
            REQUIRE(++steps < 20);
        }
        free(built.data);
    }
}
