// SPDX-License-Identifier: MIT
//
// What address spaces promise, one promise a test. Random work is in mm_model_test.c.
// host-sources: lib/test/test.c lib/test/test/host_main.c kernel/test/host/host.c
// host-sources: kernel/test/host/host_source.c kernel/test/host/host_boot.c
// host-sources: kernel/test/host/host_mmu.c kernel/test/host/host_user.c kernel/mm/page.c
// host-sources: kernel/mm/page_init.c kernel/mm/slab.c kernel/mm/reap.c kernel/mm/page_map.c
// host-sources: kernel/mm/vmo.c kernel/mm/vmo_range.c kernel/mm/vmo_clone.c kernel/mm/mapping.c
// host-sources: kernel/mm/aspace.c kernel/mm/aspace_map.c kernel/mm/copy.c
// host-sources: kernel/mm/shootdown.c kernel/mm/aspace_copy.c lib/ds/tree.c
// host-sources: kernel/object/handle.c kernel/object/handle_table.c kernel/object/handle_tree.c
// host-sources: kernel/object/handle_revoke.c kernel/sched/spinlock.c kernel/object/object.c
// host-sources: kernel/object/job.c
#include "../../object/handle_internal.h"
#include "../aspace_internal.h"
#include "../vmo_internal.h"
#include "fixture.h"

#define P PAGE_SIZE
#define A 0x40000000UL
#define RW (MAP_READ | MAP_WRITE)

static struct aspace *aspace;
static struct vmo *vmo;

static void begin(uint64_t vmo_pages) {
    fixture_begin(2, 100000);
    REQUIRE_EQ(aspace_create(job_root, 0, 0, &aspace), OK);
    REQUIRE_EQ(vmo_create(job_root, vmo_pages * P, VMO_RESIZABLE, 0, &vmo), OK);
}

static void end(void) {
    object_unref(vmo_object(vmo));
    object_unref(aspace_object(aspace));
    fixture_end();
}

static status_t map(uint64_t first, vaddr_t addr, uint64_t pages, uint32_t flags) {
    vaddr_t out;
    status_t status =
        aspace_map(aspace, NULL, HANDLE_NONE, vmo, first * P, addr, pages * P, flags, &out);
    CHECK(status != OK || out == addr);
    return status;
}

static size_t shown(void) {
    return aspace->space.count;
}

static bool entry(vaddr_t addr, paddr_t *page, uint32_t *flags) {
    *flags = mmu_lookup(&aspace->space, addr, page);
    return *flags != 0;
}

TEST(aspace_refuses_nonsense) {
    begin(10);
    CHECK_EQ(map(0, A, 0, MAP_FIXED | RW), ERR_INVALID_ARGUMENT);
    CHECK_EQ(map(0, A, 1, MAP_FIXED), ERR_INVALID_ARGUMENT);
    CHECK_EQ(map(0, A, 1, MAP_EXCLUSIVE | RW), ERR_INVALID_ARGUMENT);
    CHECK_EQ(map(0, A, 1, MAP_FIXED | RW | 1u << 30), ERR_INVALID_ARGUMENT);
    CHECK_EQ(map(0, A, 1, MAP_FIXED | RW | MAP_EXECUTE), ERR_INVALID_ARGUMENT);
    CHECK_EQ(map(0, A + 1, 1, MAP_FIXED | RW), ERR_INVALID_ARGUMENT);
    CHECK_EQ(map(0, 0, 1, MAP_FIXED | RW), ERR_OUT_OF_RANGE);
    CHECK_EQ(map(0, USER_MAX, 1, MAP_FIXED | RW), ERR_OUT_OF_RANGE);
    CHECK_EQ(map(0, USER_MAX - P, 2, MAP_FIXED | RW), ERR_OUT_OF_RANGE);
    CHECK_EQ(map(0, A, UINT64_MAX / P, MAP_FIXED | RW), ERR_OUT_OF_RANGE);
    CHECK_EQ(map(0, 0, UINT64_MAX / P, RW), ERR_OUT_OF_RANGE);
    CHECK_EQ(map(UINT64_MAX / P, A, 1, MAP_FIXED | RW), ERR_OUT_OF_RANGE);
    vaddr_t out;
    CHECK_EQ(aspace_map(aspace, NULL, 0, vmo, 1, A, P, MAP_FIXED | RW, &out), ERR_INVALID_ARGUMENT);
    CHECK_EQ(aspace_map(aspace, NULL, 0, vmo, 0, A, 1, MAP_FIXED | RW, &out), ERR_INVALID_ARGUMENT);
    CHECK_EQ(aspace_unmap(aspace, A, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(aspace_unmap(aspace, A, 1), ERR_INVALID_ARGUMENT);
    CHECK_EQ(aspace_unmap(aspace, A + 1, P), ERR_INVALID_ARGUMENT);
    CHECK_EQ(aspace_unmap(aspace, 0, P), ERR_OUT_OF_RANGE);
    CHECK_EQ(aspace_unmap(aspace, A, -P), ERR_OUT_OF_RANGE);
    CHECK_EQ(aspace_unmap(aspace, -P, P), ERR_OUT_OF_RANGE);
    CHECK_EQ(aspace_unmap(aspace, A, P), OK); // nothing there
    CHECK_EQ(aspace_protect(aspace, A, P, MAP_POPULATE), ERR_INVALID_ARGUMENT);
    CHECK_EQ(aspace_protect(aspace, A, P, MAP_WRITE | MAP_EXECUTE), ERR_INVALID_ARGUMENT);
    CHECK_EQ(aspace_protect(aspace, A, P, MAP_READ), ERR_NOT_FOUND);
    struct mapping_info info;
    CHECK_EQ(aspace_query(aspace, 0, &info), ERR_NOT_FOUND);
    CHECK_EQ(aspace_fault(aspace, A, FAULT_READ), ERR_FAULT);
    CHECK_EQ(aspace_fault(aspace, UINT64_MAX, FAULT_READ), ERR_FAULT);
    struct aspace *none;
    CHECK_EQ(aspace_create(job_root, 1u << 31, 0, &none), ERR_INVALID_ARGUMENT);
    end();
}

TEST(aspace_finds_gaps) {
    begin(10);
    vaddr_t a;
    vaddr_t b;
    vaddr_t c;
    REQUIRE_EQ(aspace_map(aspace, NULL, 0, vmo, 0, 0, 4 * P, RW, &a), OK);
    REQUIRE_EQ(aspace_map(aspace, NULL, 0, vmo, 0, 0, 4 * P, RW, &b), OK);
    REQUIRE_EQ(aspace_map(aspace, NULL, 0, vmo, 0, b + P, 4 * P, RW, &c), OK); // hint taken
    CHECK_EQ(a, MAP_BASE);
    CHECK_EQ(b, a + 4 * P);
    CHECK_EQ(c, b + 4 * P);
    REQUIRE_EQ(aspace_unmap(aspace, b, 2 * P), OK);
    REQUIRE_EQ(aspace_map(aspace, NULL, 0, vmo, 0, 0, 2 * P, RW, &b), OK);
    CHECK_EQ(b, a + 4 * P);                                                // the hole is used again
    REQUIRE_EQ(aspace_map(aspace, NULL, 0, vmo, 0, A + 1, P, RW, &b), OK); // odd hint
    CHECK(b >= MAP_BASE);
    REQUIRE_EQ(aspace_map(aspace, NULL, 0, vmo, 0, A, P, RW, &b), OK);
    CHECK_EQ(b, A);
    // Nearly all of the user half, in pieces.
    uint64_t most = ALIGN_DOWN((USER_MAX - MAP_BASE) / 2 - 64 * P, P);
    REQUIRE_EQ(aspace_map(aspace, NULL, 0, vmo, 0, 0, most, RW, &b), OK);
    REQUIRE_EQ(aspace_map(aspace, NULL, 0, vmo, 0, 0, most, RW, &b), OK);
    CHECK_EQ(aspace_map(aspace, NULL, 0, vmo, 0, 0, most, RW, &b), ERR_NO_MEMORY);
    // Below MAP_BASE there is room left for a small one.
    REQUIRE_EQ(aspace_map(aspace, NULL, 0, vmo, 0, 0, 256 * P, RW, &b), OK);
    CHECK(b < MAP_BASE);
    end();
}

TEST(aspace_fault_around_shows_what_is_there) {
    begin(64);
    for (uint64_t i = 0; i < 64; i += 2) {
        vmo_write(vmo, i * P, "x", 1);
    }
    REQUIRE_EQ(map(3, A, 40, MAP_FIXED | MAP_READ), OK);
    CHECK_EQ(aspace_fault(aspace, A + P + 5, FAULT_READ), OK);
    CHECK_EQ(shown(), 16); // every second one of 32
    CHECK_EQ(aspace_resident_pages(aspace), 16);
    CHECK_EQ(aspace_fault(aspace, A + 2 * P, FAULT_READ), OK); // a page of zeros
    CHECK_EQ(shown(), 17);
    CHECK_EQ(aspace_resident_pages(aspace), 16);
    CHECK_EQ(aspace_fault(aspace, A, FAULT_WRITE), ERR_FAULT);
    CHECK_EQ(aspace_fault(aspace, A, FAULT_EXECUTE), ERR_FAULT);
    CHECK_EQ(aspace_fault(aspace, A - 1, FAULT_READ), ERR_FAULT);
    CHECK_EQ(aspace_fault(aspace, A + 40 * P, FAULT_READ), ERR_FAULT);
    end();
}

// A writer sees to it that nobody goes on reading the page of zeros.
TEST(aspace_zero_page_is_replaced_everywhere) {
    begin(4);
    REQUIRE_EQ(map(0, A, 4, MAP_FIXED | RW), OK);
    REQUIRE_EQ(map(0, A + 8 * P, 4, MAP_FIXED | RW), OK);
    CHECK_EQ(aspace_fault(aspace, A, FAULT_READ), OK);
    CHECK_EQ(aspace_fault(aspace, A + 8 * P, FAULT_READ), OK);
    paddr_t page;
    uint32_t flags;
    REQUIRE(entry(A, &page, &flags));
    CHECK_EQ(page, page_to_phys(page_zero()));
    CHECK_EQ(flags & MMU_WRITE, 0);
    vmo_write(vmo, 0, "x", 1);
    CHECK(!entry(A, &page, &flags));
    CHECK(!entry(A + 8 * P, &page, &flags));
    CHECK_EQ(aspace_fault(aspace, A, FAULT_READ), OK);
    REQUIRE(entry(A, &page, &flags));
    CHECK_EQ(*(char *)phys_to_virt(page), 'x');
    CHECK((flags & MMU_WRITE) != 0);
    end();
}

TEST(aspace_past_the_end_of_the_vmo) {
    begin(4);
    REQUIRE_EQ(map(2, A, 10, MAP_FIXED | RW), OK);
    CHECK_EQ(aspace_fault(aspace, A + P, FAULT_WRITE), OK);
    CHECK_EQ(aspace_fault(aspace, A + 2 * P, FAULT_READ), ERR_FAULT);
    CHECK_EQ(vmo_set_size(vmo, 8 * P), OK);
    CHECK_EQ(aspace_fault(aspace, A + 2 * P, FAULT_READ), OK);
    CHECK_EQ(shown(), 2);
    CHECK_EQ(vmo_set_size(vmo, 3 * P), OK);
    CHECK_EQ(shown(), 0);
    CHECK_EQ(aspace_fault(aspace, A + P, FAULT_READ), ERR_FAULT);
    end();
}

TEST(aspace_splits_and_joins) {
    begin(16);
    REQUIRE_EQ(map(0, A, 16, MAP_FIXED | RW), OK);
    for (uint64_t i = 0; i < 16; i++) {
        CHECK_EQ(aspace_fault(aspace, A + i * P, FAULT_WRITE), OK);
    }
    CHECK_EQ(aspace_protect(aspace, A + 4 * P, 4 * P, MAP_READ), OK);
    CHECK_EQ(aspace->mapping_count, 3);
    paddr_t page;
    uint32_t flags;
    REQUIRE(entry(A + 5 * P, &page, &flags));
    CHECK_EQ(flags & MMU_WRITE, 0);
    CHECK_EQ(aspace_protect(aspace, A + 6 * P, P, 0), OK);
    CHECK(!entry(A + 6 * P, &page, &flags));
    CHECK_EQ(aspace_fault(aspace, A + 6 * P, FAULT_READ), ERR_FAULT);
    CHECK_EQ(aspace_protect(aspace, A + 2 * P, 10 * P, RW), OK);
    CHECK_EQ(aspace->mapping_count, 1);
    CHECK_EQ(aspace_fault(aspace, A + 6 * P, FAULT_WRITE), OK);
    CHECK_EQ(aspace_unmap(aspace, A + 6 * P, P), OK);
    CHECK_EQ(aspace->mapping_count, 2);
    CHECK_EQ(aspace_protect(aspace, A, 16 * P, MAP_READ), ERR_NOT_FOUND);
    REQUIRE(entry(A, &page, &flags));
    CHECK((flags & MMU_WRITE) != 0); // nothing was changed
    CHECK_EQ(map(6, A + 6 * P, 1, MAP_FIXED | MAP_EXCLUSIVE | RW), OK);
    CHECK_EQ(map(6, A + 6 * P, 2, MAP_FIXED | MAP_EXCLUSIVE | RW), ERR_ALREADY_EXISTS);
    CHECK_EQ(map(0, A + 6 * P, 2, MAP_FIXED | RW), OK);
    struct mapping_info info;
    CHECK_EQ(aspace_query(aspace, A + 7 * P + 5, &info), OK);
    CHECK_EQ(info.addr, A + 6 * P);
    CHECK_EQ(info.size_bytes, 2 * P);
    CHECK_EQ(info.vmo_offset, 0);
    CHECK_EQ(info.vmo_id, vmo_object(vmo)->id);
    CHECK_EQ(info.flags, RW);
    CHECK_EQ(info.pages_there, 0);
    CHECK_EQ(aspace_query(aspace, A + 8 * P, &info), OK);
    CHECK_EQ(info.resident_pages, 8);
    CHECK_EQ(info.pages_there, 0xff);
    end();
}

TEST(aspace_works_off_large_ranges_in_steps) {
    begin(20000);
    REQUIRE_EQ(map(0, A, 20000, MAP_FIXED | RW), OK);
    for (uint64_t i = 0; i < 20000; i += 100) {
        REQUIRE_EQ(aspace_fault(aspace, A + i * P, FAULT_WRITE), OK);
    }
    uint64_t size = 20000 * P;
    int steps = 0;
    while (size != 0) {
        REQUIRE_EQ(aspace_protect_step(aspace, A, &size, MAP_READ), OK);
        steps++;
    }
    CHECK(steps > 2 && steps < 30);
    CHECK_EQ(aspace->mapping_count, 1);
    size = 20000 * P;
    vaddr_t out;
    REQUIRE_EQ(aspace_map_step(aspace, NULL, 0, vmo, 0, A, &size, MAP_FIXED | RW, &out), OK);
    CHECK(size != 0 && size < 20000 * P);
    CHECK_EQ(out, A);
    struct mapping_info info;
    CHECK_EQ(aspace_query(aspace, A + 20000 * P - 1, &info), OK);
    CHECK_EQ(info.flags, RW);
    CHECK_EQ(info.vmo_offset, info.addr - A);
    CHECK_EQ(aspace_query(aspace, A, &info), OK);
    CHECK_EQ(info.flags, MAP_READ);
    while (size != 0) {
        REQUIRE_EQ(aspace_map_step(aspace, NULL, 0, vmo, 0, A, &size, MAP_FIXED | RW, &out), OK);
    }
    CHECK_EQ(shown(), 0);
    for (uint64_t i = 0; i < 20000; i += 100) {
        REQUIRE_EQ(aspace_fault(aspace, A + i * P, FAULT_WRITE), OK);
    }
    size = 20000 * P;
    for (steps = 0; size != 0; steps++) {
        REQUIRE_EQ(aspace_unmap_step(aspace, A, &size), OK);
    }
    CHECK(steps > 2 && steps < 30);
    CHECK_EQ(aspace->mapping_count, 0);
    // An empty range of any size is one step.
    REQUIRE_EQ(map(0, A, 1UL << 34, MAP_FIXED | RW), OK);
    size = P << 34;
    REQUIRE_EQ(aspace_unmap_step(aspace, A, &size), OK);
    CHECK_EQ(size, 0);
    end();
}

TEST(aspace_populate) {
    begin(700);
    vaddr_t out;
    REQUIRE_EQ(aspace_map(aspace, NULL, 0, vmo, 0, 0, 800 * P, RW | MAP_POPULATE, &out), OK);
    CHECK_EQ(aspace_resident_pages(aspace), 700); // to the vmo's end
    end();
}

TEST(aspace_thread_blocks_stay) {
    begin(8);
    REQUIRE_EQ(map(0, A, 8, MAP_FIXED | RW), OK);
    REQUIRE_EQ(map(0, A + 8 * P, 1, MAP_FIXED | MAP_READ), OK);
    struct page *page;
    struct page *again;
    CHECK_EQ(aspace_pin_block(aspace, A + 1, &page), ERR_INVALID_ARGUMENT);
    CHECK_EQ(aspace_pin_block(aspace, A - P, &page), ERR_FAULT);
    CHECK_EQ(aspace_pin_block(aspace, A + 8 * P, &page), ERR_FAULT);
    REQUIRE_EQ(aspace_pin_block(aspace, A + 3 * P, &page), OK);
    REQUIRE_EQ(aspace_pin_block(aspace, A + 3 * P, &again), OK);
    CHECK(page == again);
    CHECK_EQ(aspace_unmap(aspace, A, 4 * P), ERR_BUSY);
    CHECK_EQ(aspace_unmap(aspace, A + 3 * P, 4 * P), ERR_BUSY);
    CHECK_EQ(map(0, A, 8, MAP_FIXED | RW), ERR_BUSY);
    uint64_t size = 8 * P;
    CHECK_EQ(vmo_decommit(vmo, 0, &size), ERR_BUSY);
    CHECK_EQ(vmo_set_size(vmo, 3 * P), ERR_BUSY);
    CHECK_EQ(vmo_set_size(vmo, 4 * P), OK);
    // A snapshot gets a copy: the block stays where it is.
    struct vmo *clone;
    *(uint64_t *)page_to_virt(page) = 77;
    REQUIRE_EQ(vmo_clone(vmo, job_root, 0, 4 * P, 0, 0, &clone), OK);
    *(uint64_t *)page_to_virt(page) = 78;
    uint64_t value;
    vmo_read(clone, 3 * P, &value, sizeof(value));
    CHECK_EQ(value, 77);
    CHECK_EQ(aspace_fault(aspace, A + 3 * P, FAULT_WRITE), OK);
    vmo_read(vmo, 3 * P, &value, sizeof(value));
    CHECK_EQ(value, 78);
    object_unref(vmo_object(clone));
    aspace_unpin_block(aspace, A + 3 * P, page);
    CHECK_EQ(aspace_unmap(aspace, A, 4 * P), ERR_BUSY);
    aspace_unpin_block(aspace, A + 3 * P, page);
    CHECK_EQ(aspace_unmap(aspace, A, 4 * P), OK);
    end();
}

// A handle to the vmo, which keeps the fixture's reference out of it.
static handle_t name(struct handle_table *table, uint32_t rights) {
    handle_t handle = HANDLE_NONE;
    object_ref(vmo_object(vmo));
    CHECK_EQ(handle_insert(table, vmo_object(vmo), rights, &handle), OK);
    return handle;
}

static void close_table(struct handle_table *table) {
    while (!handle_table_clear(table, 100)) {
    }
    object_unref(&table->object);
}

TEST(aspace_mapping_has_the_rights_of_its_handle) {
    begin(8);
    struct handle_table *table;
    REQUIRE_EQ(handle_table_create(job_root, &table), OK);
    handle_t reader = name(table, RIGHT_MAP | RIGHT_READ);
    handle_t runner = name(table, RIGHT_MAP | RIGHT_READ | RIGHT_EXECUTE);
    handle_t writer = name(table, RIGHT_MAP | RIGHT_WRITE);
    handle_t no_map = name(table, RIGHT_READ | RIGHT_WRITE);
    vaddr_t out;
    uint32_t fixed = MAP_FIXED | MAP_READ;
    CHECK_EQ(aspace_map(aspace, table, no_map, NULL, 0, A, P, fixed, &out), ERR_ACCESS_DENIED);
    CHECK_EQ(aspace_map(aspace, table, reader, NULL, 0, A, P, fixed | MAP_WRITE, &out),
             ERR_ACCESS_DENIED);
    CHECK_EQ(aspace_map(aspace, table, reader, NULL, 0, A, P, fixed | MAP_EXECUTE, &out),
             ERR_ACCESS_DENIED);
    CHECK_EQ(aspace_map(aspace, table, writer, NULL, 0, A, P, MAP_FIXED | MAP_WRITE, &out),
             ERR_ACCESS_DENIED); // it could be read
    CHECK_EQ(aspace_map(aspace, table, 999, NULL, 0, A, P, fixed, &out), ERR_BAD_HANDLE);
    CHECK_EQ(aspace_map(aspace, table, reader, NULL, 0, A, 4 * P, fixed, &out), OK);
    CHECK_EQ(aspace_map(aspace, table, runner, NULL, 0, A + 4 * P, 4 * P, fixed, &out), OK);
    CHECK_EQ(aspace_protect(aspace, A, 8 * P, MAP_READ | MAP_EXECUTE), ERR_ACCESS_DENIED);
    CHECK_EQ(aspace_protect(aspace, A + 4 * P, 4 * P, MAP_READ | MAP_EXECUTE), OK);
    CHECK_EQ(aspace_protect(aspace, A + 4 * P, 4 * P, RW), ERR_ACCESS_DENIED);
    CHECK_EQ(aspace_fault(aspace, A + 4 * P, FAULT_EXECUTE), OK);
    CHECK_EQ(handle_close(table, reader), OK);
    CHECK_EQ(aspace_fault(aspace, A, FAULT_READ), OK); // closing takes nothing away
    close_table(table);
    end();
}

TEST(aspace_revoking_unmaps) {
    begin(3000);
    struct handle_table *table;
    REQUIRE_EQ(handle_table_create(job_root, &table), OK);
    handle_t root = name(table, RIGHTS_VMO);
    handle_t child;
    REQUIRE_EQ(handle_derive(table, root, RIGHTS_VMO, &child), OK);
    vaddr_t out;
    REQUIRE_EQ(aspace_map(aspace, table, child, NULL, 0, A, 3000 * P, MAP_FIXED | RW, &out), OK);
    REQUIRE_EQ(aspace_map(aspace, table, root, NULL, 0, A + 3000 * P, P, MAP_FIXED | RW, &out), OK);
    for (uint64_t i = 0; i <= 3000; i += 10) {
        REQUIRE_EQ(aspace_fault(aspace, A + i * P, FAULT_WRITE), OK);
    }
    // Pieces are siblings of what they were cut from.
    REQUIRE_EQ(aspace_unmap(aspace, A + 100 * P, P), OK);
    REQUIRE_EQ(aspace_protect(aspace, A + 200 * P, 50 * P, MAP_READ), OK);
    CHECK_EQ(aspace->mapping_count, 5);
    CHECK_EQ(handle_revoke(table, child), OK);
    CHECK_EQ(aspace->mapping_count, 1);
    CHECK_EQ(shown(), 1);
    REQUIRE_EQ(aspace_map(aspace, table, child, NULL, 0, A, 30 * P, MAP_FIXED | RW, &out), OK);
    CHECK_EQ(handle_revoke(table, root), OK);
    CHECK_EQ(aspace->mapping_count, 0);
    CHECK_EQ(aspace_map(aspace, table, child, NULL, 0, A, P, MAP_FIXED | RW, &out), ERR_BAD_HANDLE);
    close_table(table);
    end();
}

// Another CPU has unlinked the mapping's node, but has not come to mapping_revoked yet.
TEST(aspace_split_while_being_revoked) {
    begin(8);
    struct handle_table *table;
    REQUIRE_EQ(handle_table_create(job_root, &table), OK);
    handle_t root = name(table, RIGHTS_VMO);
    vaddr_t out;
    REQUIRE_EQ(aspace_map(aspace, table, root, NULL, 0, A, 8 * P, MAP_FIXED | RW, &out), OK);
    CHECK_EQ(aspace_fault(aspace, A, FAULT_WRITE), OK);
    spin_lock(&aspace->lock);
    struct handle *node = &mapping_find(aspace, A)->handle;
    spin_unlock(&aspace->lock);
    spin_lock(&vmo_object(vmo)->tree_lock);
    handle_tree_remove(vmo_object(vmo), node);
    node->dead = true;
    spin_unlock(&vmo_object(vmo)->tree_lock);
    CHECK_EQ(aspace_protect(aspace, A + P, P, MAP_READ), OK);
    CHECK_EQ(aspace->mapping_count, 0);
    CHECK_EQ(shown(), 0);
    mapping_revoked(node);
    close_table(table);
    end();
}

TEST(aspace_takes_access_away_at_once) {
    begin(8);
    REQUIRE_EQ(map(0, A, 8, MAP_FIXED | RW), OK);
    aspace_switch(aspace);
    CHECK_EQ(aspace_fault(aspace, A, FAULT_WRITE), OK);
    uint64_t flushes = host_mmu_flushes;
    CHECK_EQ(aspace_protect(aspace, A, P, MAP_READ), OK);
    CHECK(host_mmu_flushes > flushes);
    flushes = host_mmu_flushes;
    CHECK_EQ(aspace_protect(aspace, A, P, RW), OK);               // gives, takes nothing
    CHECK_EQ(aspace_protect(aspace, A + 4 * P, P, MAP_READ), OK); // nothing there
    CHECK_EQ(host_mmu_flushes, flushes);
    CHECK_EQ(aspace_fault(aspace, A, FAULT_WRITE), OK);
    flushes = host_mmu_flushes;
    CHECK_EQ(aspace_protect(aspace, A, P, 0), OK);
    CHECK(host_mmu_flushes > flushes);
    aspace_switch(NULL);
    end();
}

// The aspace goes while CPUs still have its tables loaded, this one and another that is idle.
TEST(aspace_destroyed_while_loaded) {
    begin(8);
    object_ref(aspace_object(aspace));
    REQUIRE_EQ(map(0, A, 8, MAP_FIXED | RW), OK);
    CHECK_EQ(aspace_fault(aspace, A, FAULT_WRITE), OK);
    struct aspace *other;
    REQUIRE_EQ(aspace_create(job_root, 0, 0, &other), OK);
    aspace_switch(other);
    aspace_switch(aspace);
    CHECK_EQ(aspace->cpus, 1);
    CHECK_EQ(other->cpus, 0);
    uint64_t flushes = host_mmu_flushes;
    CHECK_EQ(aspace_unmap(aspace, A, P), OK);
    CHECK_EQ(host_mmu_flushes, flushes + 1);
    object_unref(aspace_object(aspace));
    object_unref(aspace_object(aspace));
    object_unref(aspace_object(other));
    reap_all();
    CHECK(cpu_this()->aspace == NULL);
    REQUIRE_EQ(aspace_create(job_root, 0, 0, &aspace), OK);
    end();
}

TEST(aspace_copies) {
    begin(4);
    REQUIRE_EQ(map(0, A, 6, MAP_FIXED | RW), OK);
    static char text[6 * P];
    memset(text, 'y', sizeof(text));
    CHECK_EQ(aspace_write_user(aspace, A + 100, (vaddr_t)text, 2 * P), 2 * P);
    CHECK_EQ(aspace_write_user(aspace, A + 3 * P, (vaddr_t)text, 2 * P), P); // to the vmo's end
    CHECK_EQ(aspace_write_user(aspace, A + 4 * P, (vaddr_t)text, 1), ERR_FAULT);
    CHECK_EQ(aspace_write_user(aspace, UINT64_MAX - 10, (vaddr_t)text, 100), ERR_OUT_OF_RANGE);
    CHECK_EQ(aspace_write_user(aspace, A, 0, 100), ERR_FAULT); // the buffer
    memset(text, 0, sizeof(text));
    CHECK_EQ(aspace_read_user(aspace, A, (vaddr_t)text, 4 * P), 4 * P);
    CHECK(text[99] == 0 && text[100] == 'y' && text[2 * P + 99] == 'y' && text[2 * P + 100] == 0);
    CHECK(text[3 * P] == 'y');
    REQUIRE_EQ(aspace_protect(aspace, A, P, MAP_READ), OK);
    CHECK_EQ(aspace_write_user(aspace, A, (vaddr_t)text, 10), ERR_FAULT);
    uint64_t key[2];
    CHECK_EQ(aspace_futex_key(aspace, A + P + 8, key), OK);
    CHECK_EQ(key[0], vmo_object(vmo)->id);
    CHECK_EQ(key[1], P + 8);
    CHECK_EQ(aspace_futex_key(aspace, A - 1, key), ERR_FAULT);
    end();
}

static uint64_t *word_at(struct aspace *where, vaddr_t addr, uint32_t access) {
    struct page *page = NULL;
    CHECK_EQ(aspace_page_hold(where, addr, access == FAULT_WRITE, &page), OK);
    page_release(page, access == FAULT_WRITE); // the vmo holds it
    return page_to_virt(page);
}

// One private mapping with two pages of its own, one shared, one left out, one past the vmo's end.
static void map_for_copy(void) {
    REQUIRE_EQ(map(0, A, 4, MAP_FIXED | RW), OK);
    REQUIRE_EQ(map(4, A + 8 * P, 2, MAP_FIXED | RW | MAP_INHERIT_SHARE), OK);
    REQUIRE_EQ(map(6, A + 16 * P, 2, MAP_FIXED | RW | MAP_INHERIT_DROP), OK);
    REQUIRE_EQ(map(50, A + 24 * P, 2, MAP_FIXED | RW), OK);
    *word_at(aspace, A, FAULT_WRITE) = 1;
    *word_at(aspace, A + P, FAULT_WRITE) = 2;
    *word_at(aspace, A + 8 * P, FAULT_WRITE) = 3;
}

TEST(aspace_copy_inherits) {
    struct aspace *copy;
    struct mapping_info info;
    begin(10);
    CHECK_EQ(map(0, A, 4, MAP_FIXED | RW | MAP_INHERIT_SHARE | MAP_INHERIT_DROP),
             ERR_INVALID_ARGUMENT);
    map_for_copy();
    REQUIRE_EQ(aspace_create(job_root, 0, 0, &copy), OK);
    REQUIRE_EQ(aspace_copy(aspace, copy, 0), OK);
    CHECK_EQ(*word_at(copy, A, FAULT_READ), 1);
    *word_at(copy, A, FAULT_WRITE) = 10;
    *word_at(aspace, A + P, FAULT_WRITE) = 20;
    *word_at(copy, A + 8 * P, FAULT_WRITE) = 30;
    CHECK_EQ(*word_at(aspace, A, FAULT_READ), 1);
    CHECK_EQ(*word_at(copy, A + P, FAULT_READ), 2);
    CHECK_EQ(*word_at(aspace, A + 8 * P, FAULT_READ), 30);
    CHECK_EQ(*word_at(copy, A + 2 * P, FAULT_READ), 0);
    CHECK_EQ(aspace_fault(copy, A + 16 * P, FAULT_READ), ERR_FAULT);
    CHECK_EQ(aspace_fault(copy, A + 24 * P, FAULT_READ), ERR_FAULT);
    CHECK_EQ(aspace_query(copy, A + 8 * P, &info), OK);
    CHECK_EQ(info.flags, RW | MAP_INHERIT_SHARE);
    // Again: all places are taken, so nothing changes.
    CHECK_EQ(aspace_copy(aspace, copy, 0), OK);
    CHECK_EQ(*word_at(copy, A, FAULT_READ), 10);
    object_unref(aspace_object(copy));
    end();
}

// As for a vfork: below a bound all is shared, also what would be copied or left out.
TEST(aspace_copy_shares_below_a_bound) {
    struct aspace *copy;
    begin(10);
    map_for_copy();
    REQUIRE_EQ(map(8, A + 32 * P, 1, MAP_FIXED | RW), OK);
    *word_at(aspace, A + 32 * P, FAULT_WRITE) = 4;
    REQUIRE_EQ(aspace_create(job_root, 0, 0, &copy), OK);
    REQUIRE_EQ(aspace_copy(aspace, copy, A + 26 * P), OK);
    *word_at(copy, A, FAULT_WRITE) = 10;
    *word_at(aspace, A + P, FAULT_WRITE) = 20;
    *word_at(copy, A + 2 * P, FAULT_WRITE) = 25;
    *word_at(copy, A + 16 * P, FAULT_WRITE) = 30;
    *word_at(copy, A + 32 * P, FAULT_WRITE) = 40;
    CHECK_EQ(*word_at(aspace, A, FAULT_READ), 10);
    CHECK_EQ(*word_at(copy, A + P, FAULT_READ), 20);
    CHECK_EQ(*word_at(aspace, A + 2 * P, FAULT_READ), 25);
    CHECK_EQ(*word_at(aspace, A + 16 * P, FAULT_READ), 30);
    CHECK_EQ(*word_at(aspace, A + 32 * P, FAULT_READ), 4);
    object_unref(aspace_object(copy));
    end();
}

TEST(aspace_copy_wants_as_free_an_aspace) {
    struct aspace *free_one;
    begin(10);
    REQUIRE_EQ(aspace_create(job_root, ASPACE_ALLOW_WX, 0, &free_one), OK);
    CHECK_EQ(aspace_copy(free_one, aspace, 0), ERR_BAD_STATE);
    CHECK_EQ(aspace_copy(aspace, free_one, 0), OK);
    object_unref(aspace_object(free_one));
    end();
}

// With any limit it works or leaves nothing behind.
TEST(aspace_copy_out_of_pages) {
    status_t status = ERR_LIMIT;
    for (uint64_t pages = 1; status != OK && pages < 40; pages++) {
        struct job_limits limits = {.memory_pages = pages,
                                    .handles = JOB_UNLIMITED,
                                    .threads = JOB_UNLIMITED,
                                    .processes = JOB_UNLIMITED};
        struct job *job;
        struct aspace *copy;
        begin(10);
        map_for_copy();
        REQUIRE_EQ(job_create(job_root, &limits, &job), OK);
        status = aspace_create(job, 0, 0, &copy);
        if (status == OK) {
            status = aspace_copy(aspace, copy, 0);
            CHECK(status == OK || status == ERR_LIMIT);
            object_unref(aspace_object(copy));
        }
        object_unref(&job->object);
        end();
    }
    CHECK_EQ(status, OK);
}
