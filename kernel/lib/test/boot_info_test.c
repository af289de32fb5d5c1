// SPDX-License-Identifier: MIT
//
// Memory maps of firmware, and words of the command line. The random test compares with a map kept
// page by page.
//
// host-sources: kernel/lib/boot_info.c lib/test/test.c lib/test/test/host_main.c
#include <arch/boot.h>
#include <stdlib.h>
#include <string.h>
#include <test/host.h>
#include <test/test.h>

#define PAGES 64

enum kind { HOLE, USABLE, RESERVED };

// For the assertions: all that the file wants of the kernel.
void panic(const char *format, ...) {
    (void)format;
    abort();
}

static void clear(void) {
    memset(&boot_info, 0, sizeof(boot_info));
}

static void check_range(uint32_t index, paddr_t base, paddr_t end, bool usable) {
    REQUIRE(index < boot_info.range_count);
    CHECK_EQ(boot_info.ranges[index].base, base);
    CHECK_EQ(boot_info.ranges[index].base + boot_info.ranges[index].size, end);
    CHECK_EQ(boot_info.ranges[index].usable, usable);
}

TEST(usable_memory_is_cut_to_pages_and_reserved_grown) {
    clear();
    boot_range_add(0x1001, 0x3000, true);
    boot_range_add(0x8fff, 2, false);
    CHECK_EQ(boot_info.range_count, 2);
    check_range(0, 0x2000, 0x4000, true);
    check_range(1, 0x8000, 0xa000, false);
}

TEST(what_holds_no_page_is_left_out) {
    clear();
    boot_range_add(0x1800, 0x1000, true);
    boot_range_add(0x1000, 0, false);
    CHECK_EQ(boot_info.range_count, 0);
}

TEST(ranges_are_sorted_and_neighbours_merged) {
    clear();
    boot_range_add(0x4000, 0x1000, true);
    boot_range_add(0x1000, 0x1000, true);
    boot_range_add(0x3000, 0x1000, true);
    CHECK_EQ(boot_info.range_count, 2);
    check_range(0, 0x1000, 0x2000, true);
    check_range(1, 0x3000, 0x5000, true);
}

TEST(reserved_memory_wins_in_both_orders) {
    for (int order = 0; order < 2; order++) {
        clear();
        boot_range_add(0x0, 0x10000, order == 0);
        if (order == 0) {
            boot_range_add(0x4000, 0x1000, false);
            CHECK_EQ(boot_info.range_count, 3);
            check_range(1, 0x4000, 0x5000, false);
        } else {
            boot_range_add(0x4000, 0x1000, true);
            CHECK_EQ(boot_info.range_count, 1);
        }
    }
}

TEST(a_range_up_to_the_last_address_does_not_wrap) {
    clear();
    boot_range_add(UINT64_MAX - 0x5000, UINT64_MAX, false);
    CHECK_EQ(boot_info.range_count, 1);
    CHECK(boot_info.ranges[0].base + boot_info.ranges[0].size > boot_info.ranges[0].base);
}

static enum kind kind_at(uint64_t page) {
    for (uint32_t i = 0; i < boot_info.range_count; i++) {
        const struct boot_range *range = &boot_info.ranges[i];
        if (page * PAGE_SIZE >= range->base && page * PAGE_SIZE < range->base + range->size) {
            return range->usable ? USABLE : RESERVED;
        }
    }
    return HOLE;
}

TEST(random_maps_agree_with_a_map_by_page) {
    uint64_t seed = test_seed();
    for (int round = 0; round < 2000; round++) {
        enum kind model[PAGES] = {HOLE};
        clear();
        for (int i = 0; i < 12; i++) {
            uint64_t first = test_random_below(&seed, PAGES);
            uint64_t count = 1 + test_random_below(&seed, PAGES - first);
            enum kind kind = test_random_below(&seed, 2) == 0 ? USABLE : RESERVED;
            boot_range_add(first * PAGE_SIZE, count * PAGE_SIZE, kind == USABLE);
            for (uint64_t page = first; page < first + count; page++) {
                model[page] = MAX(model[page], kind);
            }
        }
        for (uint64_t page = 0; page < PAGES; page++) {
            REQUIRE_EQ(kind_at(page), model[page]);
        }
        for (uint32_t i = 1; i < boot_info.range_count; i++) {
            const struct boot_range *left = &boot_info.ranges[i - 1];
            paddr_t end = left->base + left->size;
            REQUIRE(end <= boot_info.ranges[i].base);
            REQUIRE(end < boot_info.ranges[i].base || left->usable != boot_info.ranges[i].usable);
        }
    }
}

TEST(more_ranges_than_places_keep_the_order) {
    clear();
    for (uint64_t i = 0; i < 2 * BOOT_RANGES_MAX; i++) {
        boot_range_add(i * 0x10000, 0x1000, true);
    }
    CHECK_EQ(boot_info.range_count, BOOT_RANGES_MAX);
    boot_range_add(0x10000, 0x1000, false);
    CHECK_EQ(kind_at(0x10), RESERVED);
    // Even cutting one in two, with no place for the second half, must not show reserved memory as
    // usable.
    boot_info.ranges[2].size = 0x8000;
    boot_range_add(0x22000, 0x1000, false);
    CHECK(kind_at(0x22) != USABLE);
}

TEST(options_are_whole_words) {
    char value[8];
    clear();
    strcpy(boot_info.command, "  quiet xpanic=no panic=exit panic=late long=0123456789 empty=");
    REQUIRE(boot_option("panic", value, sizeof(value)));
    CHECK_EQ(strcmp(value, "exit"), 0);
    CHECK(!boot_option("quiet", value, sizeof(value)));
    CHECK(!boot_option("pani", value, sizeof(value)));
    REQUIRE(boot_option("long", value, sizeof(value)));
    CHECK_EQ(strcmp(value, "0123456"), 0);
    REQUIRE(boot_option("empty", value, sizeof(value)));
    CHECK_EQ(value[0], '\0');
}
