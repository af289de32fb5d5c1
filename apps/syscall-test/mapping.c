// SPDX-License-Identifier: MIT
//
// Mapping: where, with what access, and what the kernel refuses.

#include "suite.h"

#define ACCESS (MAP_READ | MAP_WRITE | MAP_EXECUTE)
#define FAR 0x100000000000UL // where these tests put what has a fixed place

static handle_t vmo_of(uint64_t pages) {
    return expect_handle(sys_vmo_create(HANDLE_NONE, pages * PAGE_SIZE, 0));
}

static int64_t map(handle_t vmo, uint64_t offset, vaddr_t addr, uint64_t pages, uint32_t flags) {
    return sys_aspace_map(HANDLE_NONE, vmo, offset, addr, pages * PAGE_SIZE, flags);
}

static struct mapping_info query(vaddr_t addr) {
    struct mapping_info info = {0};
    CHECK_EQ(sys_aspace_query(HANDLE_NONE, addr, &info), OK);
    return info;
}

TEST(memory_map_checks) {
    handle_t vmo = vmo_of(4);
    CHECK_EQ(map(vmo, 0, 0, 0, MAP_READ), ERR_INVALID_ARGUMENT);
    CHECK_EQ(map(vmo, 1, 0, 1, MAP_READ), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_aspace_map(HANDLE_NONE, vmo, 0, 0, 100, MAP_READ), ERR_INVALID_ARGUMENT);
    CHECK_EQ(map(vmo, 0, FAR + 1, 1, MAP_READ | MAP_FIXED), ERR_INVALID_ARGUMENT);
    CHECK_EQ(map(vmo, 0, 0, 1, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(map(vmo, 0, 0, 1, MAP_WRITE | MAP_EXECUTE), ERR_INVALID_ARGUMENT);
    CHECK_EQ(map(vmo, 0, 0, 1, ACCESS), ERR_INVALID_ARGUMENT);
    CHECK_EQ(map(vmo, UINT64_MAX - PAGE_SIZE + 1, 0, 2, MAP_READ) < 0, true);
    drop(vmo);
}

TEST(memory_map_stays_in_the_user_half) {
    handle_t vmo = vmo_of(4);
    const vaddr_t outside[] = {
        0x00007ffffffff000,
        0x0000800000000000,
        0x00007ffffffff000 - PAGE_SIZE,
        0xffff800000000000,
        0xffffffff80000000,
        UINT64_MAX & ~0xfffUL,
        0,
        PAGE_SIZE,
    };
    for (size_t i = 0; i < COUNT(outside); i++) {
        CHECK_EQ(map(vmo, 0, outside[i], 2, MAP_READ | MAP_FIXED), ERR_OUT_OF_RANGE);
    }
    CHECK_EQ(map(vmo, 0, FAR, 1UL << 40, MAP_READ | MAP_FIXED), ERR_OUT_OF_RANGE);
    int64_t huge = map(vmo, 0, 0, 1UL << 36, MAP_READ);
    CHECK(huge == ERR_NO_MEMORY || huge == ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_aspace_unmap(HANDLE_NONE, 0xffff800000000000, PAGE_SIZE), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_aspace_protect(HANDLE_NONE, 0xffff800000000000, PAGE_SIZE, MAP_READ),
             ERR_OUT_OF_RANGE);
    drop(vmo);
}

TEST(memory_map_at_the_borders_of_the_user_half) {
    handle_t vmo = vmo_of(1);
    const vaddr_t places[] = {0x10000, 0x00007ffffffff000 - PAGE_SIZE};
    for (size_t i = 0; i < COUNT(places); i++) {
        CHECK_EQ(map(vmo, 0, places[i], 1, MAP_READ | MAP_WRITE | MAP_FIXED | MAP_EXCLUSIVE),
                 places[i]);
        *(volatile uint64_t *)places[i] = i;
        CHECK_EQ(*(volatile uint64_t *)places[i], i);
        pages_unmap((void *)places[i], 1);
    }
    drop(vmo);
}

TEST(memory_map_rights) {
    handle_t vmo = vmo_of(1);
    static const struct {
        uint32_t rights;
        uint32_t refused[3];
    } cases[] = {
        {RIGHT_MAP | RIGHT_READ, {MAP_READ | MAP_WRITE, MAP_READ | MAP_EXECUTE, MAP_EXECUTE}},
        {RIGHT_MAP | RIGHT_WRITE, {MAP_READ, MAP_READ | MAP_WRITE, MAP_EXECUTE}},
        {RIGHT_MAP | RIGHT_EXECUTE, {MAP_READ, MAP_READ | MAP_WRITE, MAP_READ | MAP_EXECUTE}},
        {RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE, {MAP_READ, MAP_READ | MAP_WRITE, MAP_EXECUTE}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        handle_t weak = narrowed(vmo, cases[i].rights);
        for (size_t j = 0; j < 3; j++) {
            CHECK_EQ(map(weak, 0, 0, 1, cases[i].refused[j]), ERR_ACCESS_DENIED);
        }
        drop(weak);
    }
    drop(vmo);
}

TEST(memory_map_access_holds_for_the_kernel_too) {
    handle_t vmo = vmo_of(1);
    int64_t read_only = map(vmo, 0, 0, 1, MAP_READ);
    int64_t none = map(vmo, 0, 0, 1, MAP_READ);
    REQUIRE(read_only > 0 && none > 0);
    CHECK_EQ(sys_aspace_protect(HANDLE_NONE, (vaddr_t)none, PAGE_SIZE, 0), OK);
    CHECK(kernel_can_read((vaddr_t)read_only));
    CHECK(!kernel_can_write((vaddr_t)read_only));
    CHECK(!kernel_can_read((vaddr_t)none));
    CHECK(!kernel_can_write((vaddr_t)none));
    pages_unmap((void *)read_only, 1);
    pages_unmap((void *)none, 1);
    drop(vmo);
}

TEST(memory_map_one_vmo_twice) {
    handle_t vmo = vmo_of(3);
    int64_t a = map(vmo, 0, 0, 3, MAP_READ | MAP_WRITE);
    int64_t b = map(vmo, PAGE_SIZE, 0, 1, MAP_READ);
    REQUIRE(a > 0 && b > 0 && a != b);
    *(volatile uint64_t *)(a + (int64_t)PAGE_SIZE) = 0xabc;
    CHECK_EQ(*(volatile uint64_t *)b, 0xabc);
    drop(vmo);
    *(volatile uint64_t *)(a + (int64_t)PAGE_SIZE) = 0xdef;
    CHECK_EQ(*(volatile uint64_t *)b, 0xdef);
    pages_unmap((void *)a, 3);
    CHECK_EQ(*(volatile uint64_t *)b, 0xdef);
    pages_unmap((void *)b, 1);
}

TEST(memory_map_fixed_replaces) {
    handle_t old = vmo_of(4);
    handle_t fresh = vmo_of(1);
    CHECK_EQ(map(old, 0, FAR, 4, MAP_READ | MAP_WRITE | MAP_FIXED), FAR);
    volatile uint64_t *words = (uint64_t *)FAR;
    for (size_t i = 0; i < 4; i++) {
        words[i * 512] = i + 1;
    }
    CHECK_EQ(map(fresh, 0, FAR + PAGE_SIZE, 1, MAP_READ | MAP_FIXED | MAP_EXCLUSIVE),
             ERR_ALREADY_EXISTS);
    CHECK_EQ(map(fresh, 0, FAR + PAGE_SIZE, 1, MAP_READ | MAP_FIXED), FAR + PAGE_SIZE);
    CHECK_EQ(words[0], 1);
    CHECK_EQ(words[512], 0);
    CHECK_EQ(words[2 * 512], 3);
    CHECK(!kernel_can_write(FAR + PAGE_SIZE));
    CHECK_EQ(query(FAR).size_bytes, PAGE_SIZE);
    CHECK_EQ(query(FAR + 2 * PAGE_SIZE).vmo_offset, 2 * PAGE_SIZE);
    pages_unmap((void *)FAR, 4);
    drop(fresh);
    drop(old);
}

TEST(memory_map_takes_a_hint) {
    handle_t vmo = vmo_of(1);
    int64_t first = map(vmo, 0, FAR, 1, MAP_READ);
    CHECK_EQ(first, FAR);
    int64_t second = map(vmo, 0, FAR, 1, MAP_READ);
    CHECK(second > 0 && second != first);
    pages_unmap((void *)first, 1);
    pages_unmap((void *)second, 1);
    drop(vmo);
}

TEST(memory_map_populates) {
    handle_t vmo = vmo_of(16);
    int64_t addr = map(vmo, 0, 0, 16, MAP_READ | MAP_WRITE | MAP_POPULATE);
    REQUIRE(addr > 0);
    struct vmo_info info;
    CHECK_EQ(sys_object_get(vmo, &info, sizeof(info)), OK);
    CHECK_EQ(info.resident_pages, 16);
    pages_unmap((void *)addr, 16);
    drop(vmo);
}

TEST(memory_map_reaches_past_the_end) {
    handle_t vmo = vmo_of(1);
    int64_t addr = map(vmo, 0, 0, 4, MAP_READ | MAP_WRITE);
    REQUIRE(addr > 0);
    CHECK(kernel_can_write((vaddr_t)addr));
    CHECK(!kernel_can_write((vaddr_t)addr + PAGE_SIZE));
    pages_unmap((void *)addr, 4);
    drop(vmo);
}

TEST(memory_unmap_splits) {
    handle_t vmo = vmo_of(8);
    CHECK_EQ(map(vmo, 0, FAR, 8, MAP_READ | MAP_WRITE | MAP_FIXED), FAR);
    CHECK_EQ(sys_aspace_unmap(HANDLE_NONE, FAR + 2 * PAGE_SIZE, 3 * PAGE_SIZE), OK);
    for (uint64_t i = 0; i < 8; i++) {
        CHECK_EQ(kernel_can_write(FAR + i * PAGE_SIZE), i < 2 || i >= 5);
    }
    struct mapping_info upper = query(FAR + 3 * PAGE_SIZE);
    CHECK_EQ(upper.addr, FAR + 5 * PAGE_SIZE);
    CHECK_EQ(upper.size_bytes, 3 * PAGE_SIZE);
    CHECK_EQ(upper.vmo_offset, 5 * PAGE_SIZE);
    CHECK_EQ(sys_aspace_unmap(HANDLE_NONE, FAR + 2 * PAGE_SIZE, 3 * PAGE_SIZE),
             OK); // nothing there
    pages_unmap((void *)FAR, 8);
    CHECK_EQ(sys_aspace_unmap(HANDLE_NONE, FAR, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_aspace_unmap(HANDLE_NONE, FAR + 1, PAGE_SIZE), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_aspace_unmap(HANDLE_NONE, FAR, 1), ERR_INVALID_ARGUMENT);
    drop(vmo);
}

TEST(memory_query_walks) {
    handle_t vmo = vmo_of(2);
    CHECK_EQ(map(vmo, PAGE_SIZE, FAR, 1, MAP_READ | MAP_FIXED), FAR);
    struct mapping_info info = query(FAR);
    struct handle_info vmo_info;
    CHECK_EQ(sys_handle_info(vmo, &vmo_info), OK);
    CHECK_EQ(info.addr, FAR);
    CHECK_EQ(info.vmo_id, vmo_info.id);
    CHECK_EQ(info.vmo_offset, PAGE_SIZE);
    CHECK_EQ(info.flags & ACCESS, MAP_READ);
    vaddr_t at = 0;
    uint32_t count = 0;
    while (sys_aspace_query(HANDLE_NONE, at, &info) == OK) {
        REQUIRE(info.addr + info.size_bytes > at && ++count < 1000);
        REQUIRE((info.flags & (MAP_WRITE | MAP_EXECUTE)) != (MAP_WRITE | MAP_EXECUTE));
        at = info.addr + info.size_bytes;
    }
    CHECK(count >= 5); // three segments, a region, the start record
    CHECK_EQ(sys_aspace_query(HANDLE_NONE, UINT64_MAX, &info), ERR_NOT_FOUND);
    pages_unmap((void *)FAR, 1);
    drop(vmo);
}

// ---- protect

TEST(memory_protect_changes_access) {
    handle_t vmo = vmo_of(3);
    CHECK_EQ(map(vmo, 0, FAR, 3, MAP_READ | MAP_WRITE | MAP_FIXED), FAR);
    *(volatile uint64_t *)(FAR + PAGE_SIZE) = 5;
    CHECK_EQ(sys_aspace_protect(HANDLE_NONE, FAR + PAGE_SIZE, PAGE_SIZE, MAP_READ), OK);
    CHECK(kernel_can_write(FAR) && kernel_can_write(FAR + 2 * PAGE_SIZE));
    CHECK(!kernel_can_write(FAR + PAGE_SIZE) && kernel_can_read(FAR + PAGE_SIZE));
    CHECK_EQ(*(volatile uint64_t *)(FAR + PAGE_SIZE), 5);
    CHECK_EQ(sys_aspace_protect(HANDLE_NONE, FAR, 3 * PAGE_SIZE, MAP_READ | MAP_WRITE), OK);
    *(volatile uint64_t *)(FAR + PAGE_SIZE) = 6;
    CHECK_EQ(*(volatile uint64_t *)(FAR + PAGE_SIZE), 6);
    pages_unmap((void *)FAR, 3);
    drop(vmo);
}

TEST(memory_protect_checks) {
    handle_t vmo = vmo_of(3);
    handle_t weak = narrowed(vmo, RIGHT_MAP | RIGHT_READ);
    CHECK_EQ(map(vmo, 0, FAR, 1, MAP_READ | MAP_WRITE | MAP_FIXED), FAR);
    CHECK_EQ(map(weak, 0, FAR + 2 * PAGE_SIZE, 1, MAP_READ | MAP_FIXED), FAR + 2 * PAGE_SIZE);
    CHECK_EQ(sys_aspace_protect(HANDLE_NONE, FAR, 3 * PAGE_SIZE, MAP_READ), ERR_NOT_FOUND);
    CHECK(kernel_can_write(FAR)); // nothing was changed
    CHECK_EQ(sys_aspace_protect(HANDLE_NONE, FAR, PAGE_SIZE, MAP_WRITE | MAP_EXECUTE),
             ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_aspace_protect(HANDLE_NONE, FAR, PAGE_SIZE, ACCESS), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_aspace_protect(HANDLE_NONE, FAR, 0, MAP_READ), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_aspace_protect(HANDLE_NONE, FAR + 8, PAGE_SIZE, MAP_READ), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_aspace_protect(HANDLE_NONE, FAR + 2 * PAGE_SIZE, PAGE_SIZE, MAP_READ | MAP_WRITE),
             ERR_ACCESS_DENIED);
    CHECK_EQ(
        sys_aspace_protect(HANDLE_NONE, FAR + 2 * PAGE_SIZE, PAGE_SIZE, MAP_READ | MAP_EXECUTE),
        ERR_ACCESS_DENIED);
    pages_unmap((void *)FAR, 3);
    drop(weak);
    drop(vmo);
}

// Text written through one mapping and executed through another: never one page both at once.
TEST(memory_code_is_never_writable) {
    handle_t vmo = vmo_of(1);
    int64_t writable = map(vmo, 0, 0, 1, MAP_READ | MAP_WRITE);
    REQUIRE(writable > 0);
    CHECK_EQ(sys_aspace_protect(HANDLE_NONE, (vaddr_t)writable, PAGE_SIZE, ACCESS),
             ERR_INVALID_ARGUMENT);
    vaddr_t text = (vaddr_t)&kernel_can_write & ~(PAGE_SIZE - 1);
    status_t status = sys_aspace_protect(HANDLE_NONE, text, PAGE_SIZE, ACCESS);
    CHECK_EQ(status, ERR_INVALID_ARGUMENT);
    CHECK(!kernel_can_write((vaddr_t)&kernel_can_write));
    pages_unmap((void *)writable, 1);
    drop(vmo);
}

TEST(memory_aspace_may_allow_both) {
    handle_t vmo = vmo_of(1);
    handle_t strict = expect_handle(sys_aspace_create(suite.job, 0));
    handle_t lax = expect_handle(sys_aspace_create(suite.job, ASPACE_ALLOW_WX));
    CHECK_EQ(sys_aspace_map(strict, vmo, 0, FAR, PAGE_SIZE, ACCESS | MAP_FIXED),
             ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_aspace_map(lax, vmo, 0, FAR, PAGE_SIZE, ACCESS | MAP_FIXED), FAR);
    CHECK_EQ(sys_aspace_map(strict, vmo, 0, FAR, PAGE_SIZE, MAP_READ | MAP_EXECUTE | MAP_FIXED),
             FAR);
    CHECK_EQ(sys_aspace_protect(strict, FAR, PAGE_SIZE, MAP_READ | MAP_WRITE), OK);
    CHECK_EQ(sys_aspace_protect(strict, FAR, PAGE_SIZE, ACCESS), ERR_INVALID_ARGUMENT);
    drop(lax);
    drop(strict);
    drop(vmo);
}

// ---- another address space

TEST(memory_aspace_read_and_write) {
    handle_t aspace = expect_handle(sys_aspace_create(suite.job, 0));
    handle_t vmo = vmo_of(4);
    CHECK_EQ(sys_aspace_map(aspace, vmo, 0, FAR, 4 * PAGE_SIZE, MAP_READ | MAP_WRITE | MAP_FIXED),
             FAR);
    static uint8_t out[2 * PAGE_SIZE];
    static uint8_t back[2 * PAGE_SIZE];
    for (size_t i = 0; i < sizeof(out); i++) {
        out[i] = (uint8_t)(i * 13);
    }
    CHECK_EQ(sys_aspace_write(aspace, FAR + 100, out, sizeof(out)), sizeof(out));
    CHECK_EQ(sys_aspace_read(aspace, FAR + 100, back, sizeof(back)), sizeof(back));
    CHECK_EQ(memcmp(out, back, sizeof(out)), 0);
    CHECK_EQ(sys_aspace_read(aspace, FAR + 4 * PAGE_SIZE - 10, back, 100), 10);
    CHECK_EQ(sys_aspace_write(aspace, FAR + 4 * PAGE_SIZE - 10, out, 100), 10);
    CHECK_EQ(sys_aspace_read(aspace, FAR + 4 * PAGE_SIZE, back, 1), ERR_FAULT);
    CHECK_EQ(sys_aspace_read(aspace, 0, back, 1), ERR_FAULT);
    CHECK_EQ(sys_aspace_read(aspace, 0xffff800000000000, back, 1), ERR_FAULT);
    int64_t wrapping = sys_aspace_read(aspace, UINT64_MAX, back, 16);
    CHECK(wrapping == ERR_FAULT || wrapping == ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_aspace_write(aspace, 0xffffffff80000000, out, 16), ERR_FAULT);
    CHECK_EQ(sys_aspace_read(aspace, FAR, back, COPY_MAX_BYTES + 1), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_aspace_protect(aspace, FAR, PAGE_SIZE, MAP_READ), OK);
    CHECK_EQ(sys_aspace_write(aspace, FAR, out, 16), ERR_FAULT);
    drop(vmo);
    drop(aspace);
}

TEST(memory_query_tells_what_is_there) {
    handle_t vmo = vmo_of(100);
    struct mapping_info info;
    int64_t addr = map(vmo, 0, 0, 100, MAP_READ | MAP_WRITE);
    REQUIRE(addr > 0);
    vaddr_t start = (vaddr_t)addr;
    *(volatile uint8_t *)(start + PAGE_SIZE) = 1;
    *(volatile uint8_t *)(start + 70 * PAGE_SIZE) = 1;
    CHECK_EQ(sys_aspace_query(HANDLE_NONE, start, &info), OK);
    CHECK_EQ(info.pages_there, 2);
    CHECK_EQ(sys_aspace_query(HANDLE_NONE, start + 10 * PAGE_SIZE + 5, &info), OK);
    CHECK_EQ(info.addr, start);
    CHECK_EQ(info.pages_there, 1UL << 60);
    CHECK_EQ(sys_aspace_query(HANDLE_NONE, start + 99 * PAGE_SIZE, &info), OK);
    CHECK_EQ(info.pages_there, 0);
    pages_unmap((void *)addr, 100);
    drop(vmo);
}

TEST(memory_large_sparse_mapping) {
    enum { TOUCHES = 64 };
    const uint64_t size = 1UL << 38;
    handle_t vmo = expect_handle(sys_vmo_create(HANDLE_NONE, size, 0));
    int64_t addr = sys_aspace_map(HANDLE_NONE, vmo, 0, FAR, size, MAP_READ | MAP_WRITE | MAP_FIXED);
    CHECK_EQ(addr, FAR);
    for (uint64_t i = 0; i < TOUCHES; i++) {
        *(volatile uint64_t *)(FAR + i * (size / TOUCHES)) = i;
    }
    for (uint64_t i = 0; i < TOUCHES; i++) {
        CHECK_EQ(*(volatile uint64_t *)(FAR + i * (size / TOUCHES)), i);
    }
    struct vmo_info info;
    CHECK_EQ(sys_object_get(vmo, &info, sizeof(info)), OK);
    CHECK_EQ(info.resident_pages, TOUCHES);
    CHECK_EQ(sys_aspace_unmap(HANDLE_NONE, FAR, size), OK);
    drop(vmo);
}

TEST(memory_many_mappings) {
    enum { MAPPINGS = 500 };
    handle_t vmo = vmo_of(MAPPINGS);
    for (uint64_t i = 0; i < MAPPINGS; i++) {
        uint64_t place = i * 211 % MAPPINGS;
        vaddr_t addr = FAR + 2 * place * PAGE_SIZE;
        REQUIRE_EQ(map(vmo, place * PAGE_SIZE, addr, 1, MAP_READ | MAP_WRITE | MAP_FIXED), addr);
        *(volatile uint64_t *)addr = place;
    }
    for (uint64_t i = 0; i < MAPPINGS; i++) {
        REQUIRE_EQ(*(volatile uint64_t *)(FAR + 2 * i * PAGE_SIZE), i);
    }
    CHECK_EQ(sys_aspace_unmap(HANDLE_NONE, FAR, 2 * MAPPINGS * PAGE_SIZE), OK);
    drop(vmo);
}
