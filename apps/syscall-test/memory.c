// SPDX-License-Identifier: MIT
//
// Memory objects and the address spaces that map them.

#include "suite.h"

static handle_t vmo_of(uint64_t pages, uint32_t flags) {
    return expect_handle(sys_vmo_create(HANDLE_NONE, pages * PAGE_SIZE, flags));
}

static uint64_t *map_all(handle_t vmo, uint64_t pages) {
    int64_t addr = sys_aspace_map(HANDLE_NONE, vmo, 0, 0, pages * PAGE_SIZE, MAP_READ | MAP_WRITE);
    CHECK(addr > 0);
    return (uint64_t *)addr;
}

#define WORDS_A_PAGE (PAGE_SIZE / sizeof(uint64_t))

static uint64_t word_of(handle_t vmo, uint64_t offset) {
    uint64_t word = 0;
    CHECK_EQ(sys_vmo_read(vmo, offset, &word, sizeof(word)), sizeof(word));
    return word;
}

static void set_word(handle_t vmo, uint64_t offset, uint64_t word) {
    CHECK_EQ(sys_vmo_write(vmo, offset, &word, sizeof(word)), sizeof(word));
}

static struct vmo_info info_of(handle_t vmo) {
    struct vmo_info info = {0};
    CHECK_EQ(sys_object_get(vmo, &info, sizeof(info)), OK);
    return info;
}

// ---- vmos

TEST(memory_vmo_create_checks) {
    CHECK_EQ(sys_vmo_create(HANDLE_NONE, 0, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_vmo_create(HANDLE_NONE, VMO_MAX_BYTES + 1, 0), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_vmo_create(HANDLE_NONE, SIZE_MAX, 0), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_vmo_create(HANDLE_NONE, PAGE_SIZE, VMO_CONTIGUOUS | VMO_RESIZABLE),
             ERR_INVALID_ARGUMENT);
    handle_t largest = expect_handle(sys_vmo_create(HANDLE_NONE, VMO_MAX_BYTES, 0));
    set_word(largest, VMO_MAX_BYTES - 8, 99);
    CHECK_EQ(word_of(largest, VMO_MAX_BYTES - 8), 99);
    CHECK_EQ(word_of(largest, VMO_MAX_BYTES / 2), 0);
    drop(largest);
}

TEST(memory_vmo_reads_zeros_first) {
    handle_t vmo = vmo_of(4, 0);
    static uint64_t buffer[4 * WORDS_A_PAGE];
    memset(buffer, 0xff, sizeof(buffer));
    CHECK_EQ(sys_vmo_read(vmo, 0, buffer, sizeof(buffer)), sizeof(buffer));
    for (size_t i = 0; i < COUNT(buffer); i++) {
        REQUIRE_EQ(buffer[i], 0);
    }
    const volatile uint64_t *mapped = map_all(vmo, 4);
    for (size_t i = 0; i < COUNT(buffer); i++) {
        REQUIRE_EQ(mapped[i], 0);
    }
    pages_unmap((void *)mapped, 4);
    drop(vmo);
}

TEST(memory_vmo_copies_at_any_offset) {
    handle_t vmo = vmo_of(3, 0);
    static uint8_t out[3 * PAGE_SIZE];
    static uint8_t in_again[3 * PAGE_SIZE];
    for (size_t i = 0; i < sizeof(out); i++) {
        out[i] = (uint8_t)(i * 7 + i / 251);
    }
    const size_t places[][2] = {
        {0, 1}, {4095, 2}, {1, 8191}, {4000, 5000}, {3 * PAGE_SIZE - 1, 1}, {0, 3 * PAGE_SIZE}};
    for (size_t i = 0; i < COUNT(places); i++) {
        size_t offset = places[i][0];
        size_t size = places[i][1];
        CHECK_EQ(sys_vmo_write(vmo, offset, out + offset, size), size);
        memset(in_again, 0, sizeof(in_again));
        CHECK_EQ(sys_vmo_read(vmo, offset, in_again, size), size);
        CHECK_EQ(memcmp(in_again, out + offset, size), 0);
    }
    drop(vmo);
}

TEST(memory_vmo_copies_end_at_the_end) {
    handle_t vmo = vmo_of(1, 0);
    uint8_t buffer[100] = {0};
    CHECK_EQ(sys_vmo_read(vmo, PAGE_SIZE - 10, buffer, sizeof(buffer)), 10);
    CHECK_EQ(sys_vmo_write(vmo, PAGE_SIZE - 10, buffer, sizeof(buffer)), 10);
    CHECK_EQ(sys_vmo_read(vmo, PAGE_SIZE, buffer, sizeof(buffer)), 0);
    CHECK_EQ(sys_vmo_read(vmo, PAGE_SIZE + 1, buffer, sizeof(buffer)), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_vmo_write(vmo, PAGE_SIZE + 1, buffer, sizeof(buffer)), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_vmo_read(vmo, UINT64_MAX, buffer, sizeof(buffer)), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_vmo_read(vmo, 0, buffer, COPY_MAX_BYTES + 1), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_vmo_write(vmo, 0, buffer, SIZE_MAX), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_vmo_read(vmo, 0, buffer, 0), 0);
    drop(vmo);
}

TEST(memory_vmo_contiguous) {
    handle_t vmo = vmo_of(8, VMO_CONTIGUOUS);
    CHECK_EQ(info_of(vmo).resident_pages, 8);
    uint64_t *words = map_all(vmo, 8);
    words[5 * WORDS_A_PAGE] = 5;
    CHECK_EQ(word_of(vmo, 5 * PAGE_SIZE), 5);
    CHECK_EQ(sys_vmo_clone(vmo, 0, PAGE_SIZE, 0), ERR_NOT_SUPPORTED);
    CHECK_EQ(sys_vmo_decommit(vmo, 0, PAGE_SIZE), ERR_NOT_SUPPORTED);
    CHECK_EQ(sys_vmo_set_size(vmo, PAGE_SIZE), ERR_NOT_SUPPORTED);
    pages_unmap(words, 8);
    drop(vmo);
}

TEST(memory_vmo_set_size) {
    handle_t vmo = vmo_of(4, VMO_RESIZABLE);
    uint64_t *words = map_all(vmo, 8);
    CHECK(kernel_can_write((vaddr_t)(words + 3 * WORDS_A_PAGE)));
    CHECK(!kernel_can_write((vaddr_t)(words + 4 * WORDS_A_PAGE)));
    words[3 * WORDS_A_PAGE] = 3;
    words[WORDS_A_PAGE] = 1;
    CHECK_EQ(sys_vmo_set_size(vmo, PAGE_SIZE + 1), OK); // two pages
    CHECK_EQ(info_of(vmo).size_bytes, 2 * PAGE_SIZE);
    CHECK_EQ(words[WORDS_A_PAGE], 1);
    CHECK(!kernel_can_write((vaddr_t)(words + 3 * WORDS_A_PAGE)));
    CHECK_EQ(sys_vmo_set_size(vmo, 6 * PAGE_SIZE), OK);
    CHECK_EQ(words[3 * WORDS_A_PAGE], 0); // not what was there before
    CHECK(kernel_can_write((vaddr_t)(words + 5 * WORDS_A_PAGE)));
    CHECK_EQ(sys_vmo_set_size(vmo, VMO_MAX_BYTES + 1), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_vmo_set_size(vmo, 0), OK);
    CHECK(!kernel_can_read((vaddr_t)words));
    pages_unmap(words, 8);
    drop(vmo);
    vmo = vmo_of(1, 0);
    CHECK_EQ(sys_vmo_set_size(vmo, PAGE_SIZE), ERR_NOT_SUPPORTED);
    drop(vmo);
}

TEST(memory_vmo_decommit) {
    handle_t vmo = vmo_of(4, 0);
    uint64_t *words = map_all(vmo, 4);
    for (size_t i = 0; i < 4; i++) {
        words[i * WORDS_A_PAGE] = i + 1;
    }
    CHECK_EQ(info_of(vmo).resident_pages, 4);
    CHECK_EQ(sys_vmo_decommit(vmo, PAGE_SIZE, 2 * PAGE_SIZE), OK);
    CHECK_EQ(info_of(vmo).resident_pages, 2);
    CHECK_EQ(words[0], 1);
    CHECK_EQ(words[WORDS_A_PAGE], 0);
    CHECK_EQ(words[2 * WORDS_A_PAGE], 0);
    CHECK_EQ(words[3 * WORDS_A_PAGE], 4);
    CHECK_EQ(sys_vmo_decommit(vmo, 1, PAGE_SIZE), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_vmo_decommit(vmo, 0, 1), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_vmo_decommit(vmo, 0, 5 * PAGE_SIZE), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_vmo_decommit(vmo, 8 * PAGE_SIZE, PAGE_SIZE), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_vmo_decommit(vmo, PAGE_SIZE, UINT64_MAX - PAGE_SIZE + 1), ERR_OUT_OF_RANGE);
    pages_unmap(words, 4);
    drop(vmo);
}

// ---- clones

TEST(memory_clone_is_a_snapshot) {
    handle_t source = vmo_of(4, 0);
    uint64_t *original = map_all(source, 4);
    for (size_t i = 0; i < 3; i++) {
        original[i * WORDS_A_PAGE] = i + 1;
    }
    handle_t clone = expect_handle(sys_vmo_clone(source, 0, 4 * PAGE_SIZE, 0));
    uint64_t *copy = map_all(clone, 4);
    original[0] = 100;
    copy[WORDS_A_PAGE] = 200;
    original[3 * WORDS_A_PAGE] = 300;
    CHECK_EQ(copy[0], 1);
    CHECK_EQ(original[WORDS_A_PAGE], 2);
    CHECK_EQ(copy[WORDS_A_PAGE], 200);
    CHECK_EQ(copy[2 * WORDS_A_PAGE], 3);
    CHECK_EQ(copy[3 * WORDS_A_PAGE], 0);
    drop(source);
    pages_unmap(original, 4);
    CHECK_EQ(copy[2 * WORDS_A_PAGE], 3);
    copy[2 * WORDS_A_PAGE] = 4;
    CHECK_EQ(word_of(clone, 2 * PAGE_SIZE), 4);
    pages_unmap(copy, 4);
    drop(clone);
}

TEST(memory_clones_of_clones) {
    enum { GENERATIONS = 12 };
    handle_t vmos[GENERATIONS];
    vmos[0] = vmo_of(2, 0);
    set_word(vmos[0], 0, 0);
    for (uint64_t i = 1; i < GENERATIONS; i++) {
        vmos[i] = expect_handle(sys_vmo_clone(vmos[i - 1], 0, 2 * PAGE_SIZE, 0));
        set_word(vmos[i], 0, i);
        set_word(vmos[i - 1], PAGE_SIZE, 1000 + i);
    }
    for (uint64_t i = 0; i < GENERATIONS; i++) {
        CHECK_EQ(word_of(vmos[i], 0), i);
        CHECK_EQ(word_of(vmos[i], PAGE_SIZE), i + 1 < GENERATIONS ? 1000 + i + 1 : 0);
    }
    for (uint64_t i = 0; i < GENERATIONS; i++) {
        drop(vmos[(i * 5) % GENERATIONS]);
    }
}

TEST(memory_clone_of_a_range) {
    handle_t source = vmo_of(8, 0);
    for (uint64_t i = 0; i < 8; i++) {
        set_word(source, i * PAGE_SIZE, i + 1);
    }
    handle_t clone = expect_handle(sys_vmo_clone(source, 2 * PAGE_SIZE, 3 * PAGE_SIZE, 0));
    CHECK_EQ(info_of(clone).size_bytes, 3 * PAGE_SIZE);
    CHECK_EQ(word_of(clone, 0), 3);
    CHECK_EQ(word_of(clone, 2 * PAGE_SIZE), 5);
    drop(clone);
    drop(source);
}

TEST(memory_clone_at_write_goes_on_reading) {
    handle_t source = vmo_of(2, 0);
    set_word(source, 0, 1);
    handle_t clone = expect_handle(sys_vmo_clone(source, 0, 2 * PAGE_SIZE, CLONE_AT_WRITE));
    uint64_t *copy = map_all(clone, 2);
    CHECK_EQ(copy[0], 1);
    set_word(source, 0, 2);
    CHECK_EQ(copy[0], 2); // still the source's page
    set_word(source, PAGE_SIZE, 7);
    CHECK_EQ(copy[WORDS_A_PAGE], 7);
    copy[1] = 50; // a copy of its own from here on
    set_word(source, 0, 3);
    CHECK_EQ(copy[0], 2);
    CHECK_EQ(word_of(source, 8), 0);
    CHECK_EQ(word_of(clone, 8), 50);
    drop(source);
    CHECK_EQ(copy[WORDS_A_PAGE], 7);
    pages_unmap(copy, 2);
    drop(clone);
}

TEST(memory_clone_checks) {
    handle_t vmo = vmo_of(4, 0);
    CHECK_EQ(sys_vmo_clone(vmo, 1, PAGE_SIZE, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_vmo_clone(vmo, 0, PAGE_SIZE + 1, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_vmo_clone(vmo, 0, 0, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_vmo_clone(vmo, 0, 5 * PAGE_SIZE, 0), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_vmo_clone(vmo, 4 * PAGE_SIZE, PAGE_SIZE, 0), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_vmo_clone(vmo, UINT64_MAX - PAGE_SIZE + 1, PAGE_SIZE, 0), ERR_OUT_OF_RANGE);
    handle_t read_only = narrowed(vmo, RIGHT_READ | RIGHT_MAP);
    handle_t clone = expect_handle(sys_vmo_clone(read_only, 0, PAGE_SIZE, 0));
    struct handle_info info;
    CHECK_EQ(sys_handle_info(clone, &info), OK);
    CHECK((info.rights & (RIGHT_READ | RIGHT_WRITE | RIGHT_MAP)) ==
          (RIGHT_READ | RIGHT_WRITE | RIGHT_MAP));
    CHECK((info.rights & RIGHT_EXECUTE) == 0);
    set_word(clone, 0, 1);
    drop(clone);
    drop(read_only);
    drop(vmo);
}

TEST(memory_many_clones_of_one_page) {
    enum { CLONES = 100 };
    handle_t vmo = vmo_of(1, 0);
    handle_t clones[CLONES];
    set_word(vmo, 0, 42);
    for (size_t i = 0; i < CLONES; i++) {
        clones[i] = expect_handle(sys_vmo_clone(vmo, 0, PAGE_SIZE, 0));
    }
    for (size_t i = 0; i < CLONES; i += 2) {
        set_word(clones[i], 0, i);
    }
    for (size_t i = 0; i < CLONES; i++) {
        CHECK_EQ(word_of(clones[i], 0), i % 2 == 0 ? i : 42);
        drop(clones[i]);
    }
    CHECK_EQ(word_of(vmo, 0), 42);
    drop(vmo);
}

// ---- charging

TEST(memory_pages_are_charged_to_the_creators_job) {
    handle_t job = job_with(0, 0, 0, 0);
    uint64_t base = job_usage_of(job).memory_pages;
    handle_t vmo = expect_handle(sys_vmo_create(job, 64 * PAGE_SIZE, 0));
    uint64_t created = job_usage_of(job).memory_pages;
    CHECK(created - base <= 4);
    for (uint64_t i = 0; i < 10; i++) {
        set_word(vmo, i * PAGE_SIZE, 1);
    }
    CHECK(job_usage_of(job).memory_pages >= created + 10);
    CHECK(job_usage_of(job).memory_pages <= created + 14);
    CHECK_EQ(sys_vmo_decommit(vmo, 0, 64 * PAGE_SIZE), OK);
    CHECK(job_usage_of(job).memory_pages <= created + 4);
    drop(vmo);
    instant_t end = in(PATIENCE);
    while (job_usage_of(job).memory_pages != base && now() < end) {
        sleep_for(MILLISECONDS(1));
    }
    CHECK_EQ(job_usage_of(job).memory_pages, base);
    drop(job);
}

TEST(memory_limit_is_kept) {
    handle_t job = job_with(40, 0, 0, 0);
    handle_t vmo = expect_handle(sys_vmo_create(job, 1000 * PAGE_SIZE, 0));
    int64_t result = 8;
    uint64_t page = 0;
    for (; result == 8 && page < 1000; page++) {
        result = sys_vmo_write(vmo, page * PAGE_SIZE, &page, sizeof(page));
    }
    CHECK_EQ(result, ERR_LIMIT);
    CHECK(page > 25 && page <= 41);
    CHECK(job_usage_of(job).memory_pages <= 40);
    // A touch of the mapped memory fails likewise, and what was there stays.
    int64_t addr = sys_aspace_map(HANDLE_NONE, vmo, 0, 0, 1000 * PAGE_SIZE, MAP_READ | MAP_WRITE);
    REQUIRE(addr > 0);
    CHECK_EQ(*(uint64_t *)addr, 0);
    CHECK_EQ(((uint64_t *)addr)[WORDS_A_PAGE], 1);
    int64_t touched = sys_random_get((void *)(addr + 500 * (int64_t)PAGE_SIZE), 8);
    CHECK(touched == ERR_LIMIT || touched == ERR_FAULT);
    pages_unmap((void *)addr, 1000);
    CHECK_EQ(sys_vmo_create(job, 100 * PAGE_SIZE, VMO_CONTIGUOUS), ERR_LIMIT);
    drop(vmo);
    drop(job);
}
