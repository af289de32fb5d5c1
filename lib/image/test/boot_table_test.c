// SPDX-License-Identifier: MIT
//
// Looking programs up in boot tables built here: what is found, what is refused, and tables cut off
// anywhere or damaged at random, in memory of exactly their size.
//
// host-sources: lib/image/boot_table.c
// host-sources: lib/test/test.c lib/test/test/host_main.c
#include <image/boot_table.h>
#include <test/host.h>
#include <test/test.h>

#include <abi/boot_table.h>
#include <abi/status.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOW 0x10000UL
#define HIGH 0x1000000UL
#define PROGRAMS 3
#define BYTES                                                                                      \
    (BOOT_TABLE_OFFSET + sizeof(struct boot_table) + PROGRAMS * sizeof(struct boot_program))

static uint8_t *archive;
static struct boot_table *table;

static void seal(void) {
    const uint64_t *end = (const uint64_t *)&table->programs[PROGRAMS];
    table->sum = table->magic;
    for (const uint64_t *word = &table->count; word < end; word++) {
        table->sum += *word;
    }
}

static void build(void) {
    free(archive);
    archive = calloc(1, BYTES);
    table = (struct boot_table *)(archive + BOOT_TABLE_OFFSET);
    table->magic = BOOT_TABLE_MAGIC;
    table->count = PROGRAMS;
    for (unsigned i = 0; i < PROGRAMS; i++) {
        struct boot_program *program = &table->programs[i];
        snprintf(program->path, sizeof(program->path), "sbin/program-%u", i);
        program->entry = 0x20010;
        program->segment_count = 2;
        program->segments[0] = (struct boot_segment){0x20000, 8 * i, 100, 100, 5};
        program->segments[1] = (struct boot_segment){0x21100, 300, 50, 5000, 6};
    }
    seal();
}

static status_t find(const char *path, struct elf_image *image) {
    return boot_table_find(archive, BYTES, path, LOW, HIGH, image);
}

TEST(boot_table_finds_programs) {
    struct elf_image image;
    build();
    REQUIRE_EQ(find("//sbin/program-2", &image), OK);
    CHECK_EQ(image.entry, 0x20010);
    REQUIRE_EQ(image.count, 2);
    CHECK_EQ(image.segments[0].offset, 16);
    CHECK_EQ(image.segments[0].access, ELF_READ | ELF_EXECUTE);
    CHECK(image.segments[1].file_bytes == 50 && image.segments[1].memory_bytes == 5000);
    CHECK_EQ(find("sbin/program-3", &image), ERR_NOT_FOUND);
    CHECK_EQ(find("sbin/program-", &image), ERR_NOT_FOUND);
    CHECK_EQ(find("", &image), ERR_NOT_FOUND);
    // A path that fills its place has no zero.
    memset(table->programs[0].path, 'x', BOOT_PATH_BYTES);
    seal();
    CHECK_EQ(find("xxx", &image), ERR_NOT_FOUND);
}

TEST(boot_table_refuses_numbers_that_make_no_sense) {
    static const struct boot_segment wrong[] = {
        {LOW - 1, 0, 100, 100, 5},      {HIGH - 50, 0, 100, 100, 5},
        {0x20000, 0, 101, 100, 5},      {0x20000, BYTES - 99, 100, 100, 5},
        {0x20000, UINT64_MAX, 1, 1, 5}, {0x20000, 0, 100, UINT64_MAX, 5},
        {0x20000, 0, 0, 0, 5},          {0x20000, 0, 100, 100, 7},
        {0x20000, 0, 100, 100, 1},      {0x20000, 0, 100, 100, 13},
        {0x20000, 0, 100, 0x2000, 5},   {0x30000, 0, 100, 100, 5},
    };
    struct elf_image image;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        build();
        table->programs[1].segments[0] = wrong[i];
        seal();
        CHECK_EQ(find("sbin/program-1", &image), ERR_CORRUPT);
        CHECK_EQ(find("sbin/program-0", &image), OK);
    }
    build();
    table->programs[1].segment_count = BOOT_SEGMENTS_MAX + 1;
    table->programs[2].entry = 0x21100; // not executable
    seal();
    CHECK_EQ(find("sbin/program-1", &image), ERR_CORRUPT);
    CHECK_EQ(find("sbin/program-2", &image), ERR_CORRUPT);
}

TEST(boot_table_notices_damage) {
    struct elf_image image;
    build();
    for (size_t size = 0; size < BYTES; size++) {
        CHECK(boot_table_find(archive, size, "sbin/program-0", LOW, HIGH, &image) != OK);
    }
    uint64_t state = test_seed();
    for (int i = 0; i < 2000; i++) {
        build();
        uint64_t bit = test_random_below(&state, 8 * (BYTES - BOOT_TABLE_OFFSET));
        archive[BOOT_TABLE_OFFSET + bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(find("sbin/program-0", &image) != OK);
    }
    build();
    table->count = UINT64_MAX;
    CHECK_EQ(find("sbin/program-0", &image), ERR_CORRUPT);
}
