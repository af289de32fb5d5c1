// SPDX-License-Identifier: MIT
//
// What vmos promise, one promise a test. Random work on vmos and mappings together is in
// mm_model_test.c.
// host-sources: lib/test/test.c lib/test/test/host_main.c kernel/test/host/host.c
// host-sources: kernel/test/host/host_source.c kernel/test/host/host_boot.c
// host-sources: kernel/test/host/host_mmu.c kernel/test/host/host_user.c kernel/mm/page.c
// host-sources: kernel/mm/page_init.c kernel/mm/slab.c kernel/mm/reap.c kernel/mm/page_map.c
// host-sources: kernel/mm/vmo.c kernel/mm/vmo_range.c kernel/mm/vmo_clone.c kernel/mm/mapping.c
// host-sources: kernel/mm/aspace.c kernel/mm/aspace_map.c kernel/mm/copy.c
// host-sources: kernel/mm/shootdown.c lib/ds/tree.c kernel/object/handle.c
// host-sources: kernel/object/handle_table.c kernel/object/handle_tree.c
// host-sources: kernel/object/handle_revoke.c kernel/sched/spinlock.c kernel/object/object.c
// host-sources: kernel/object/job.c
#include "../vmo_internal.h"
#include "fixture.h"

#include <abi/info.h>

#define P PAGE_SIZE

static struct vmo *make(uint64_t pages, uint32_t flags) {
    struct vmo *vmo = NULL;
    CHECK_EQ(vmo_create(job_root, pages * P, flags, 0, &vmo), OK);
    return vmo;
}

static struct vmo *clone_of(struct vmo *vmo, uint64_t first, uint64_t pages, uint32_t flags) {
    struct vmo *clone = NULL;
    CHECK_EQ(vmo_clone(vmo, job_root, first * P, pages * P, flags, 0, &clone), OK);
    return clone;
}

static void drop(struct vmo *vmo) {
    object_unref(vmo_object(vmo));
}

static void put(struct vmo *vmo, uint64_t index, uint64_t value) {
    CHECK_EQ(vmo_write(vmo, index * P + 16, &value, sizeof(value)), sizeof(value));
}

static uint64_t get(struct vmo *vmo, uint64_t index) {
    uint64_t value = 0xbad;
    CHECK_EQ(vmo_read(vmo, index * P + 16, &value, sizeof(value)), sizeof(value));
    return value;
}

static uint64_t resident(struct vmo *vmo) {
    struct vmo_info info;
    vmo_describe(vmo, &info);
    return info.resident_pages;
}

static status_t decommit(struct vmo *vmo, uint64_t first, uint64_t pages) {
    uint64_t left = pages * P;
    status_t status = OK;
    while (status == OK && left != 0) {
        status = vmo_decommit(vmo, first * P, &left);
    }
    return status;
}

static status_t set_size(struct vmo *vmo, uint64_t pages) {
    status_t status;
    while ((status = vmo_set_size(vmo, pages * P)) == STATUS_RESTART) {
    }
    return status;
}

static uint64_t used_pages(void) {
    return job_root->counters[RESOURCE_PAGES].used;
}

// What a copy does to get at a page; the caller gets a reference.
static status_t vmo_page(struct vmo *vmo, uint64_t index, bool write, struct job *payer,
                         struct page **out) {
    struct vmo_view view;
    spin_lock(vmo->lock);
    status_t status = vmo_resolve(vmo, index, write, payer, &view);
    if (status == OK && view.page == NULL) {
        status = ERR_NOT_SUPPORTED;
    }
    if (status == OK) {
        page_ref(view.page);
        *out = view.page;
    }
    spin_unlock(vmo->lock);
    return status;
}

TEST(vmo_refuses_nonsense) {
    fixture_begin(1, 1000);
    struct vmo *vmo;
    CHECK_EQ(vmo_create(job_root, 0, 0, 0, &vmo), ERR_INVALID_ARGUMENT);
    CHECK_EQ(vmo_create(job_root, P, 1u << 31, 0, &vmo), ERR_INVALID_ARGUMENT);
    CHECK_EQ(vmo_create(job_root, P, VMO_CONTIGUOUS | VMO_RESIZABLE, 0, &vmo),
             ERR_INVALID_ARGUMENT);
    CHECK_EQ(vmo_create(job_root, VMO_MAX_BYTES + 1, 0, 0, &vmo), ERR_OUT_OF_RANGE);
    CHECK_EQ(vmo_create(job_root, UINT64_MAX, 0, 0, &vmo), ERR_OUT_OF_RANGE);
    CHECK_EQ(vmo_create_physical(job_root, 17, P, &vmo), ERR_INVALID_ARGUMENT);
    CHECK_EQ(vmo_create_physical(job_root, ALIGN_DOWN(UINT64_MAX, P), 2 * P, &vmo),
             ERR_OUT_OF_RANGE);
    struct vmo *source = make(4, 0);
    CHECK_EQ(vmo_clone(source, job_root, 1, P, 0, 0, &vmo), ERR_INVALID_ARGUMENT);
    CHECK_EQ(vmo_clone(source, job_root, 0, 1, 0, 0, &vmo), ERR_INVALID_ARGUMENT);
    CHECK_EQ(vmo_clone(source, job_root, 0, 0, 0, 0, &vmo), ERR_INVALID_ARGUMENT);
    CHECK_EQ(vmo_clone(source, job_root, 0, P, 8, 0, &vmo), ERR_INVALID_ARGUMENT);
    CHECK_EQ(vmo_clone(source, job_root, P, 4 * P, 0, 0, &vmo), ERR_OUT_OF_RANGE);
    CHECK_EQ(vmo_clone(source, job_root, P, -P, 0, 0, &vmo), ERR_OUT_OF_RANGE);
    CHECK_EQ(vmo_clone(source, job_root, -P, 2 * P, 0, 0, &vmo), ERR_OUT_OF_RANGE);
    CHECK_EQ(vmo_set_size(source, P), ERR_NOT_SUPPORTED);
    CHECK_EQ(decommit(source, 3, 2), ERR_OUT_OF_RANGE);
    uint64_t size = -P;
    CHECK_EQ(vmo_decommit(source, P, &size), ERR_OUT_OF_RANGE);
    size = 7;
    CHECK_EQ(vmo_decommit(source, 0, &size), ERR_INVALID_ARGUMENT);
    size = P;
    CHECK_EQ(vmo_decommit(source, 1, &size), ERR_INVALID_ARGUMENT);
    char byte;
    CHECK_EQ(vmo_read(source, 4 * P, &byte, 1), 0);
    CHECK_EQ(vmo_read(source, 4 * P + 1, &byte, 1), ERR_OUT_OF_RANGE);
    CHECK_EQ(vmo_read(source, UINT64_MAX, &byte, 1), ERR_OUT_OF_RANGE);
    CHECK_EQ(vmo_write_user(source, 0, 0, 8), ERR_FAULT);
    drop(source);
    fixture_end();
}

TEST(vmo_reads_zeros_and_allocates_on_write) {
    fixture_begin(1, 1000);
    struct vmo *vmo = make(100, 0);
    CHECK_EQ(used_pages(), 1); // the vmo itself, rounded up
    CHECK_EQ(get(vmo, 99), 0);
    CHECK_EQ(resident(vmo), 0);
    put(vmo, 3, 7);
    CHECK_EQ(resident(vmo), 1);
    CHECK_EQ(used_pages(), 2);
    CHECK_EQ(get(vmo, 3), 7);
    char buffer[2 * P];
    memset(buffer, 5, sizeof(buffer));
    CHECK_EQ(vmo_write(vmo, 99 * P - 100, buffer, sizeof(buffer)), P + 100);
    CHECK_EQ(vmo_read(vmo, 98 * P, buffer, sizeof(buffer)), sizeof(buffer));
    CHECK(buffer[P - 101] == 0 && buffer[P - 100] == 5 && buffer[2 * P - 1] == 5);
    CHECK_EQ(used_pages(), 2 + 2 + 1); // and a table, for indices past the inline ones
    drop(vmo);
    fixture_end();
}

TEST(vmo_snapshot_is_copy_on_write) {
    fixture_begin(1, 1000);
    struct vmo *a = make(8, 0);
    put(a, 1, 11);
    put(a, 2, 12);
    struct vmo *b = clone_of(a, 1, 4, 0);
    uint64_t shared = used_pages();
    CHECK_EQ(get(b, 0), 11);
    CHECK_EQ(get(b, 1), 12);
    CHECK_EQ(get(b, 2), 0);
    put(a, 1, 21); // a makes a copy
    CHECK_EQ(used_pages(), shared + 1);
    CHECK_EQ(get(b, 0), 11);
    put(b, 0, 31); // the other side is alone with the page: no copy
    CHECK_EQ(used_pages(), shared + 1);
    put(b, 1, 32);
    CHECK_EQ(get(a, 2), 12);
    put(b, 2, 33);
    CHECK_EQ(get(a, 3), 0);
    put(a, 4, 44);
    CHECK_EQ(get(b, 3), 0);
    drop(a);
    reap_all();
    CHECK_EQ(get(b, 0), 31);
    drop(b);
    fixture_end();
}

TEST(vmo_copy_is_charged_to_the_payer) {
    fixture_begin(1, 1000);
    struct job_limits limits = {10, 10, 10, 10, 0};
    struct job *job;
    REQUIRE_EQ(job_create(job_root, &limits, &job), OK);
    struct vmo *a = make(2, 0);
    put(a, 0, 1);
    struct vmo *b = clone_of(a, 0, 2, 0);
    struct page *page;
    CHECK_EQ(vmo_page(b, 0, true, job, &page), OK);
    page_unref(page);
    CHECK_EQ(job->counters[RESOURCE_PAGES].used, 1);
    CHECK_EQ(vmo_page(b, 1, true, job, &page), OK); // absent: the vmo's own job
    page_unref(page);
    CHECK_EQ(job->counters[RESOURCE_PAGES].used, 1);
    drop(a);
    drop(b);
    reap_all();
    CHECK_EQ(job->counters[RESOURCE_PAGES].used, 0);
    object_unref(&job->object);
    fixture_end();
}

TEST(vmo_at_write_clone_reads_its_source) {
    fixture_begin(1, 1000);
    struct vmo *file = make(8, VMO_RESIZABLE);
    put(file, 2, 2);
    struct vmo *a = clone_of(file, 1, 6, CLONE_AT_WRITE);
    CHECK_EQ(get(a, 1), 2);
    put(file, 3, 3); // not written in the clone: goes on reading the source
    CHECK_EQ(get(a, 2), 3);
    put(a, 2, 30);
    CHECK_EQ(get(file, 3), 3);
    put(file, 3, 4);
    CHECK_EQ(get(a, 2), 30);
    // A clone of it has its pages and reads the same source.
    struct vmo *b = clone_of(a, 1, 4, CLONE_AT_WRITE);
    CHECK_EQ(b->source, file);
    CHECK_EQ(get(b, 0), 2);
    CHECK_EQ(get(b, 1), 30);
    put(a, 2, 31);
    CHECK_EQ(get(b, 1), 30);
    put(file, 2, 22);
    CHECK_EQ(get(b, 0), 22);
    // A snapshot reads nothing any more.
    struct vmo *c = clone_of(a, 0, 6, 0);
    put(file, 2, 23);
    put(file, 5, 5);
    CHECK_EQ(get(c, 1), 22);
    CHECK_EQ(get(c, 2), 31);
    CHECK_EQ(get(c, 4), 0);
    CHECK_EQ(get(a, 4), 5);
    CHECK_EQ(decommit(a, 0, 1), ERR_NOT_SUPPORTED);
    // Past the end of the source there is nothing to read.
    CHECK_EQ(set_size(file, 2), OK);
    uint64_t value;
    CHECK_EQ(vmo_read(a, P, &value, sizeof(value)), ERR_OUT_OF_RANGE);
    CHECK_EQ(get(a, 0), 0);
    CHECK_EQ(get(a, 2), 31);
    drop(file);
    drop(a);
    reap_all();
    CHECK_EQ(get(b, 1), 30);
    drop(b);
    drop(c);
    fixture_end();
}

TEST(vmo_snapshot_copies_what_is_being_written) {
    fixture_begin(1, 1000);
    struct vmo *vmo = make(2, 0);
    put(vmo, 0, 1);
    struct vmo_view view;
    spin_lock(vmo->lock);
    REQUIRE_EQ(vmo_resolve(vmo, 0, true, NULL, &view), OK);
    page_hold(view.page, true);
    spin_unlock(vmo->lock);
    struct vmo *clone = clone_of(vmo, 0, 2, 0);
    *((uint64_t *)page_to_virt(view.page) + 2) = 2; // the copy goes on after the snapshot was taken
    page_release(view.page, true);
    CHECK_EQ(get(clone, 0), 1);
    CHECK_EQ(get(vmo, 0), 2);
    drop(vmo);
    drop(clone);
    fixture_end();
}

TEST(vmo_decommit_and_size) {
    fixture_begin(1, 4000);
    struct vmo *vmo = make(3000, VMO_RESIZABLE);
    uint64_t empty = used_pages();
    for (uint64_t i = 0; i < 3000; i++) {
        put(vmo, i, i + 1);
    }
    CHECK_EQ(decommit(vmo, 10, 2000), OK);
    CHECK_EQ(resident(vmo), 1000);
    CHECK_EQ(get(vmo, 9), 10);
    CHECK_EQ(get(vmo, 10), 0);
    CHECK_EQ(get(vmo, 2009), 0);
    CHECK_EQ(get(vmo, 2010), 2011);
    CHECK_EQ(decommit(vmo, 0, 3000), OK);
    CHECK_EQ(used_pages(), empty);
    put(vmo, 2000, 1);
    put(vmo, 100, 2);
    CHECK_EQ(set_size(vmo, 1000), OK);
    CHECK_EQ(set_size(vmo, 3000), OK);
    CHECK_EQ(get(vmo, 2000), 0);
    CHECK_EQ(get(vmo, 100), 2);
    CHECK_EQ(set_size(vmo, 0), OK);
    CHECK_EQ(vmo_size(vmo), 0);
    CHECK_EQ(set_size(vmo, VMO_MAX_BYTES / P), OK);
    put(vmo, VMO_MAX_BYTES / P - 1, 9);
    CHECK_EQ(get(vmo, VMO_MAX_BYTES / P - 1), 9);
    CHECK_EQ(used_pages(), empty + 5); // four tables
    CHECK_EQ(set_size(vmo, VMO_MAX_BYTES / P + 1), ERR_OUT_OF_RANGE);
    drop(vmo);
    fixture_end();
}

// A shrink that was left in the middle can't bring pages back when the vmo grows again.
TEST(vmo_shrink_in_steps) {
    fixture_begin(1, 4000);
    struct vmo *vmo = make(3000, VMO_RESIZABLE);
    for (uint64_t i = 0; i < 3000; i++) {
        put(vmo, i, i + 1);
    }
    CHECK_EQ(vmo_set_size(vmo, 0), STATUS_RESTART);
    CHECK(resident(vmo) >= 2000 && resident(vmo) < 3000);
    uint64_t value;
    CHECK_EQ(vmo_read(vmo, P, &value, sizeof(value)), ERR_OUT_OF_RANGE);
    CHECK_EQ(set_size(vmo, 3000), OK);
    for (uint64_t i = 0; i < 3000; i++) {
        CHECK(get(vmo, i) == 0);
    }
    drop(vmo);
    fixture_end();
}

TEST(vmo_contiguous) {
    fixture_begin(1, 1000);
    struct vmo *vmo = make(37, VMO_CONTIGUOUS);
    CHECK_EQ(resident(vmo), 37);
    struct page *first;
    struct page *page;
    REQUIRE_EQ(vmo_page(vmo, 0, true, NULL, &first), OK);
    for (uint64_t i = 0; i < 37; i++) {
        REQUIRE_EQ(vmo_page(vmo, i, i % 2, NULL, &page), OK);
        CHECK_EQ(page_to_phys(page), page_to_phys(first) + i * P);
        page_unref(page);
    }
    page_unref(first);
    struct vmo *clone;
    CHECK_EQ(vmo_clone(vmo, job_root, 0, P, 0, 0, &clone), ERR_NOT_SUPPORTED);
    CHECK_EQ(decommit(vmo, 0, 1), ERR_NOT_SUPPORTED);
    drop(vmo);
    CHECK_EQ(vmo_create(job_root, 2000 * P, VMO_CONTIGUOUS, 0, &vmo), ERR_LIMIT);
    CHECK_EQ(vmo_create(NULL, VMO_MAX_BYTES, VMO_CONTIGUOUS, 0, &vmo), ERR_NO_MEMORY);
    fixture_end();
}

TEST(vmo_physical) {
    fixture_begin(1, 1000);
    struct vmo *vmo;
    paddr_t base = ALIGN_DOWN(HOST_ARCHIVE, P);
    memcpy(phys_to_virt(HOST_ARCHIVE), "archive", 8);
    REQUIRE_EQ(vmo_create_physical(job_root, base, 3 * P, &vmo), OK);
    char text[8];
    CHECK_EQ(vmo_read(vmo, HOST_ARCHIVE - base, text, 8), 8);
    CHECK(strcmp(text, "archive") == 0);
    struct vmo *clone;
    CHECK_EQ(vmo_clone(vmo, job_root, 0, P, 0, 0, &clone), ERR_NOT_SUPPORTED);
    CHECK_EQ(decommit(vmo, 0, 1), ERR_NOT_SUPPORTED);
    drop(vmo);
    REQUIRE_EQ(vmo_create_physical(job_root, 1UL << 40, 3 * P, &vmo), OK);
    CHECK_EQ(vmo_read(vmo, 0, text, 8), ERR_NOT_SUPPORTED); // no RAM
    drop(vmo);
    fixture_end();
}

// Every allocation on the way fails once: nothing is lost, and what is shared stays right.
TEST(vmo_without_memory) {
    fixture_begin(1, 100000);
    struct vmo *vmo = make(1100, 0);
    for (uint64_t i = 0; i < 1100; i += 100) {
        put(vmo, i, i + 1);
    }
    uint64_t before = used_pages();
    for (uint64_t spare = 0; spare < 8; spare++) {
        job_root->counters[RESOURCE_PAGES].limit = used_pages() + spare;
        struct vmo *clone;
        status_t status = vmo_clone(vmo, job_root, 0, 1100 * P, 0, 0, &clone);
        CHECK(status == OK || status == ERR_LIMIT);
        for (uint64_t i = 0; status == OK && i < 1100; i += 100) {
            uint64_t value = 5;
            int64_t done = vmo_write(clone, i * P + 16, &value, sizeof(value));
            CHECK_EQ(get(clone, i), done > 0 ? 5 : i + 1);
        }
        if (status == OK) {
            drop(clone);
        }
        job_root->counters[RESOURCE_PAGES].limit = 100000;
        reap_all();
        CHECK_EQ(used_pages(), before);
        for (uint64_t i = 0; i < 1100; i += 100) {
            CHECK_EQ(get(vmo, i), i + 1);
            put(vmo, i, i + 1);
        }
        CHECK_EQ(used_pages(), before); // all shares are back: no copies were made
    }
    drop(vmo);
    fixture_end();
}
