// SPDX-License-Identifier: MIT

#include "suite.h"

#include <abi/libos.h>
#include <sys/start.h>

// What a program computes from the page is what the kernel says.
TEST(time_clock_page_tells_the_same) {
    handle_t vmo = start_handle("clock");
    REQUIRE(vmo != HANDLE_NONE);
    int64_t addr = sys_aspace_map(HANDLE_NONE, vmo, 0, 0, PAGE_SIZE, MAP_READ);
    REQUIRE(addr > 0);
    CHECK_EQ(sys_aspace_map(HANDLE_NONE, vmo, 0, 0, PAGE_SIZE, MAP_READ | MAP_WRITE),
             ERR_ACCESS_DENIED);
    const struct clock_page *page = (const struct clock_page *)addr;
    CHECK_EQ(page->sequence % 2, 0);
    for (int i = 0; i < 100; i++) {
        instant_t before = now();
        uint64_t cycles = __builtin_ia32_rdtsc() - page->base_cycles;
        unsigned __int128 scaled = (unsigned __int128)cycles * page->multiplier >> page->shift;
        instant_t mine = page->base_ns + (instant_t)scaled;
        CHECK(before <= mine && mine <= now());
    }
    int64_t seconds = (page->realtime_ns + now()) / SECONDS(1);
    CHECK(seconds > 1700000000 && seconds < 4102444800);
    test_figure("unix time %ld", seconds);
    CHECK_EQ(sys_aspace_unmap(HANDLE_NONE, (vaddr_t)addr, PAGE_SIZE), OK);
}
