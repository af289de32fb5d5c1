// SPDX-License-Identifier: MIT
//
// Random work on vmos, clones, mappings and handles, against a model that does everything page by
// page: what a vmo has at an index is a number, what an aspace has at a page is (vmo, index,
// access). After each step all page tables are looked through: each entry must show the page that
// the model has there, with no more access than it may have, and be writable only if the page is
// its vmo's alone.
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
#include "../../../lib/ds/test/tree_check.h"
#include "../aspace_internal.h"
#include "../vmo_internal.h"
#include "fixture.h"

#define P PAGE_SIZE
#define VMOS 10
#define VMO_PAGES 40
#define ASPACES 3
#define WINDOW 120
#define BASE MAP_BASE
#define RW (MAP_READ | MAP_WRITE)

struct model_vmo {
    struct vmo *vmo;
    int refs; // a place in `vmos`, pages that are mapped, clones that read it
    uint64_t pages;
    bool resizable, contiguous;
    struct model_vmo *source;
    uint64_t source_first;
    bool own[VMO_PAGES];
    uint64_t value[VMO_PAGES];
    handle_t root, child;
};

struct model_page {
    struct model_vmo *vmo; // null: nothing mapped
    uint64_t index;
    uint32_t flags;
    bool by_child; // mapped through the child handle
};

static struct model_vmo *vmos[VMOS];
static struct aspace *aspaces[ASPACES];
static struct model_page windows[ASPACES][WINDOW];
static struct handle_table *table;
static uint64_t stamp;
static bool ample;        // there is memory for everything
static uint64_t failures; // calls that failed for lack of memory

static void vmo_drop(struct model_vmo *vmo) {
    if (--vmo->refs == 0) {
        if (vmo->source != NULL) {
            vmo_drop(vmo->source);
        }
        free(vmo);
    }
}

// Whether there is anything at an index, and what.
static bool lookup(const struct model_vmo *vmo, uint64_t index, uint64_t *value) {
    if (index >= vmo->pages) {
        return false;
    }
    if (vmo->own[index]) {
        *value = vmo->value[index];
        return true;
    }
    *value = 0;
    return vmo->source == NULL || lookup(vmo->source, vmo->source_first + index, value);
}

static void store(struct model_vmo *vmo, uint64_t index, uint64_t value) {
    vmo->own[index] = true;
    vmo->value[index] = value;
}

static bool out_of_memory(int64_t status) {
    bool is = status == ERR_LIMIT || status == ERR_NO_MEMORY;
    failures += is;
    return is;
}

static void set_page(struct model_page *page, struct model_vmo *vmo, uint64_t index, uint32_t flags,
                     bool by_child) {
    if (vmo != NULL) {
        vmo->refs++;
    }
    if (page->vmo != NULL) {
        vmo_drop(page->vmo);
    }
    *page = (struct model_page){vmo, index, flags, by_child};
}

static struct model_vmo *any_vmo(void) {
    return vmos[pick(VMOS)];
}

static void range_in(uint64_t pages, uint64_t *first, uint64_t *count) {
    *first = pick(pages);
    *count = 1 + pick(pages - *first);
}

// ---- Steps

static void name_vmo(struct model_vmo *vmo) {
    object_ref(vmo_object(vmo->vmo));
    if (handle_insert(table, vmo_object(vmo->vmo), RIGHTS_VMO, &vmo->root) != OK ||
        handle_derive(table, vmo->root, RIGHTS_VMO, &vmo->child) != OK) {
        CHECK(false);
    }
}

static void add_vmo(size_t place, struct model_vmo *vmo) {
    vmo->refs = 1;
    vmos[place] = vmo;
    name_vmo(vmo);
}

static void step_create(void) {
    size_t place = pick(VMOS);
    if (vmos[place] != NULL) {
        return;
    }
    uint64_t pages = 1 + pick(VMO_PAGES);
    uint32_t kind = pick(6);
    uint32_t flags = kind == 0 ? VMO_CONTIGUOUS : kind < 4 ? VMO_RESIZABLE : 0;
    struct vmo *made;
    status_t status = vmo_create(job_root, pages * P, flags, 0, &made);
    if (out_of_memory(status)) {
        return;
    }
    REQUIRE_EQ(status, OK);
    struct model_vmo *vmo = calloc(1, sizeof(*vmo));
    *vmo = (struct model_vmo){
        .vmo = made, .pages = pages, .resizable = kind != 0 && kind < 4, .contiguous = kind == 0};
    for (uint64_t i = 0; vmo->contiguous && i < pages; i++) {
        store(vmo, i, 0);
    }
    add_vmo(place, vmo);
}

static void close_vmo(size_t place) {
    struct model_vmo *vmo = vmos[place];
    CHECK_EQ(handle_close(table, vmo->root), OK);
    CHECK_EQ(handle_close(table, vmo->child), OK);
    vmo->root = vmo->child = HANDLE_NONE;
    vmos[place] = NULL;
    object_unref(vmo_object(vmo->vmo));
    vmo_drop(vmo);
}

static void step_close(void) {
    size_t place = pick(VMOS);
    if (vmos[place] != NULL && pick(4) == 0) {
        close_vmo(place);
    }
}

static void clone_model(struct model_vmo *clone, struct model_vmo *vmo, uint64_t first,
                        bool at_write) {
    for (uint64_t i = 0; i < clone->pages; i++) {
        uint64_t value;
        if (vmo->own[first + i] || (!at_write && lookup(vmo, first + i, &value))) {
            // A snapshot of zeros that nobody has written is absent, which reads the same.
            bool there = lookup(vmo, first + i, &value);
            if (there && (vmo->source != NULL || !at_write)) {
                store(clone, i, value);
            }
        }
    }
    if (at_write) {
        clone->source = vmo->source != NULL ? vmo->source : vmo;
        clone->source_first = first + (vmo->source != NULL ? vmo->source_first : 0);
        clone->source->refs++;
    } else {
        clone->resizable = vmo->resizable;
    }
}

static void step_clone(void) {
    size_t place = pick(VMOS);
    struct model_vmo *vmo = any_vmo();
    if (vmos[place] != NULL || vmo == NULL || vmo->pages == 0) {
        return;
    }
    uint64_t first;
    uint64_t pages;
    range_in(vmo->pages, &first, &pages);
    bool at_write = pick(2);
    struct vmo *made;
    status_t status = vmo_clone(vmo->vmo, job_root, first * P, pages * P,
                                at_write ? CLONE_AT_WRITE : 0, 0, &made);
    if (vmo->contiguous) {
        CHECK_EQ(status, ERR_NOT_SUPPORTED);
        return;
    }
    if (out_of_memory(status)) {
        return;
    }
    REQUIRE_EQ(status, OK);
    struct model_vmo *clone = calloc(1, sizeof(*clone));
    *clone = (struct model_vmo){.vmo = made, .pages = pages};
    clone_model(clone, vmo, first, at_write);
    add_vmo(place, clone);
}

static void step_write(void) {
    struct model_vmo *vmo = any_vmo();
    if (vmo == NULL) {
        return;
    }
    uint64_t index = pick(VMO_PAGES);
    uint64_t value = ++stamp;
    uint64_t old;
    int64_t done = vmo_write(vmo->vmo, index * P, &value, sizeof(value));
    if (!lookup(vmo, index, &old) && index != vmo->pages) {
        CHECK_EQ(done, ERR_OUT_OF_RANGE);
    } else if (index == vmo->pages) {
        CHECK_EQ(done, 0);
    } else if (!out_of_memory(done)) {
        CHECK_EQ(done, sizeof(value));
        store(vmo, index, value);
    }
}

static void step_decommit(void) {
    struct model_vmo *vmo = any_vmo();
    if (vmo == NULL || vmo->pages == 0 || pick(3) != 0) {
        return;
    }
    uint64_t first;
    uint64_t pages;
    range_in(vmo->pages, &first, &pages);
    uint64_t size = pages * P;
    status_t status = vmo_decommit(vmo->vmo, first * P, &size);
    if (vmo->contiguous || vmo->source != NULL) {
        CHECK_EQ(status, ERR_NOT_SUPPORTED);
        return;
    }
    CHECK_EQ(status, OK);
    CHECK_EQ(size, 0);
    memset(&vmo->own[first], 0, pages * sizeof(vmo->own[0]));
}

static void step_set_size(void) {
    struct model_vmo *vmo = any_vmo();
    if (vmo == NULL || pick(3) != 0) {
        return;
    }
    uint64_t pages = pick(VMO_PAGES + 1);
    status_t status = vmo_set_size(vmo->vmo, pages * P);
    if (!vmo->resizable) {
        CHECK_EQ(status, ERR_NOT_SUPPORTED);
        return;
    }
    CHECK_EQ(status, OK);
    for (uint64_t i = pages; i < VMO_PAGES; i++) {
        vmo->own[i] = false;
    }
    vmo->pages = pages;
}

static uint32_t random_access_flags(void) {
    static const uint32_t choices[] = {MAP_READ, RW, RW, MAP_READ | MAP_EXECUTE};
    return choices[pick(ARRAY_SIZE(choices))];
}

static bool window_free(size_t a, uint64_t first, uint64_t pages) {
    for (uint64_t i = first; i < first + pages; i++) {
        if (windows[a][i].vmo != NULL) {
            return false;
        }
    }
    return true;
}

static void step_map(void) {
    struct model_vmo *vmo = any_vmo();
    size_t a = pick(ASPACES);
    if (vmo == NULL) {
        return;
    }
    uint64_t first;
    uint64_t pages;
    range_in(WINDOW, &first, &pages);
    pages = MIN(pages, 30ULL);
    uint64_t index = pick(VMO_PAGES);
    bool by_child = pick(2);
    bool fixed = pick(4) != 0;
    bool exclusive = fixed && pick(3) == 0;
    uint32_t access = random_access_flags();
    uint32_t flags = access | (fixed ? MAP_FIXED : 0) | (exclusive ? MAP_EXCLUSIVE : 0) |
                     (ample && fixed && pick(8) == 0 ? MAP_POPULATE : 0);
    vaddr_t addr;
    status_t status =
        aspace_map(aspaces[a], table, by_child ? vmo->child : vmo->root, NULL, index * P,
                   fixed || pick(2) ? BASE + first * P : 0, pages * P, flags, &addr);
    if (exclusive && !window_free(a, first, pages)) {
        CHECK(status == ERR_ALREADY_EXISTS || out_of_memory(status));
        return;
    }
    if (out_of_memory(status)) {
        return;
    }
    REQUIRE_EQ(status, OK);
    if (addr + pages * P > BASE + WINDOW * P) {
        CHECK(!fixed);
        CHECK_EQ(aspace_unmap(aspaces[a], addr, pages * P), OK);
        return;
    }
    first = (addr - BASE) / P;
    CHECK(fixed || window_free(a, first, pages));
    for (uint64_t i = 0; i < pages; i++) {
        set_page(&windows[a][first + i], vmo, index + i, access, by_child);
        uint64_t value;
        if ((flags & MAP_POPULATE) != 0 && (access & MAP_WRITE) != 0 &&
            lookup(vmo, index + i, &value)) {
            store(vmo, index + i, value);
        }
    }
}

static void step_unmap(void) {
    size_t a = pick(ASPACES);
    uint64_t first;
    uint64_t pages;
    range_in(WINDOW, &first, &pages);
    if (pick(4) != 0) {
        pages = MIN(pages, 10ULL);
    }
    status_t status = aspace_unmap(aspaces[a], BASE + first * P, pages * P);
    if (out_of_memory(status)) {
        return;
    }
    CHECK_EQ(status, OK);
    for (uint64_t i = first; i < first + pages; i++) {
        set_page(&windows[a][i], NULL, 0, 0, false);
    }
}

static void step_protect(void) {
    size_t a = pick(ASPACES);
    uint64_t first;
    uint64_t pages;
    range_in(WINDOW, &first, &pages);
    uint64_t most = 1 + pick(12);
    pages = MIN(pages, most);
    uint32_t flags = pick(5) == 0 ? 0 : random_access_flags();
    status_t status = aspace_protect(aspaces[a], BASE + first * P, pages * P, flags);
    bool mapped = true;
    for (uint64_t i = first; i < first + pages; i++) {
        mapped &= windows[a][i].vmo != NULL;
    }
    if (!mapped) {
        CHECK_EQ(status, ERR_NOT_FOUND);
        return;
    }
    if (out_of_memory(status)) {
        return;
    }
    CHECK_EQ(status, OK);
    for (uint64_t i = first; i < first + pages; i++) {
        windows[a][i].flags = flags;
    }
}

static void step_access(void) {
    size_t a = pick(ASPACES);
    uint64_t i = pick(WINDOW);
    struct model_page *page = &windows[a][i];
    vaddr_t addr = BASE + i * P + pick(P / 8) * 8;
    static const uint32_t kinds[] = {FAULT_READ, FAULT_WRITE, FAULT_EXECUTE};
    uint32_t access = kinds[pick(3)];
    uint32_t need = access == FAULT_WRITE     ? MAP_WRITE
                    : access == FAULT_EXECUTE ? MAP_EXECUTE
                                              : MAP_ACCESS;
    uint64_t value;
    bool allowed =
        page->vmo != NULL && (page->flags & need) != 0 && lookup(page->vmo, page->index, &value);
    status_t status = aspace_fault(aspaces[a], addr, access);
    if (!allowed) {
        CHECK_EQ(status, ERR_FAULT);
        return;
    }
    if (out_of_memory(status)) {
        // The page may have come; only its table did not.
        return;
    }
    REQUIRE_EQ(status, OK);
    paddr_t shown;
    uint32_t flags = mmu_lookup(&aspaces[a]->space, addr, &shown);
    REQUIRE(flags != 0);
    CHECK_EQ(*(uint64_t *)phys_to_virt(shown), value);
    if (access == FAULT_WRITE) {
        REQUIRE((flags & MMU_WRITE) != 0);
        *(uint64_t *)phys_to_virt(shown) = ++stamp;
        store(page->vmo, page->index, stamp);
    }
    CHECK(access != FAULT_EXECUTE || (flags & MMU_EXECUTE) != 0);
}

static void step_copy(void) {
    size_t a = pick(ASPACES);
    uint64_t i = pick(WINDOW);
    struct model_page *page = &windows[a][i];
    uint64_t value = 0;
    uint64_t buffer = ++stamp;
    bool there = page->vmo != NULL && lookup(page->vmo, page->index, &value);
    if (pick(2)) {
        int64_t done = aspace_read_user(aspaces[a], BASE + i * P, (vaddr_t)&buffer, 8);
        CHECK_EQ(done, there && page->flags != 0 ? 8 : ERR_FAULT);
        CHECK(done != 8 || buffer == value);
        return;
    }
    int64_t done = aspace_write_user(aspaces[a], BASE + i * P, (vaddr_t)&buffer, 8);
    if (!there || (page->flags & MAP_WRITE) == 0) {
        CHECK_EQ(done, ERR_FAULT);
    } else if (!out_of_memory(done)) {
        CHECK_EQ(done, 8);
        store(page->vmo, page->index, buffer);
    }
}

static void step_revoke(void) {
    struct model_vmo *vmo = any_vmo();
    if (vmo == NULL || pick(10) != 0) {
        return;
    }
    bool root = pick(2);
    status_t status;
    while ((status = handle_revoke(table, root ? vmo->root : vmo->child)) == STATUS_RESTART) {
    }
    CHECK_EQ(status, OK);
    for (size_t a = 0; a < ASPACES; a++) {
        for (size_t i = 0; i < WINDOW; i++) {
            if (windows[a][i].vmo == vmo && (root || windows[a][i].by_child)) {
                set_page(&windows[a][i], NULL, 0, 0, false);
            }
        }
    }
    if (root) {
        CHECK_EQ(handle_close(table, vmo->child), ERR_BAD_HANDLE);
        CHECK_EQ(handle_derive(table, vmo->root, RIGHTS_VMO, &vmo->child), OK);
    }
}

// A whole aspace goes, and a new one takes its place.
static void step_replace_aspace(void) {
    size_t a = pick(ASPACES);
    struct aspace *made;
    if (pick(50) != 0 || out_of_memory(aspace_create(job_root, 0, 0, &made))) {
        return;
    }
    object_unref(aspace_object(aspaces[a]));
    aspaces[a] = made;
    CHECK_EQ(aspace_resident_pages(made), 0);
    for (size_t i = 0; i < WINDOW; i++) {
        set_page(&windows[a][i], NULL, 0, 0, false);
    }
}

// ---- Checks

static void check_entry(const struct aspace *aspace, const struct model_page *page,
                        const struct host_mmu_entry *entry) {
    uint64_t value;
    REQUIRE(page->vmo != NULL);
    REQUIRE(lookup(page->vmo, page->index, &value));
    CHECK_EQ(*(uint64_t *)phys_to_virt(entry->page), value);
    uint32_t may = page->flags;
    CHECK(may != 0);
    CHECK((entry->flags & MMU_USER) != 0);
    CHECK((entry->flags & MMU_EXECUTE) == 0 || (may & MAP_EXECUTE) != 0);
    if ((entry->flags & MMU_WRITE) != 0) {
        CHECK((may & MAP_WRITE) != 0);
        CHECK(page->vmo->own[page->index] || page->vmo->source == NULL);
        CHECK_EQ(page_shares(page_from_phys(entry->page)), 1);
        CHECK(page_from_phys(entry->page) != page_zero());
    }
    (void)aspace;
}

static void check_mappings(size_t a) {
    struct mapping_info info;
    vaddr_t addr = 0;
    size_t next = 0;
    while (aspace_query(aspaces[a], addr, &info) == OK) {
        REQUIRE(info.addr >= BASE && info.addr + info.size_bytes <= BASE + WINDOW * P);
        size_t first = (info.addr - BASE) / P;
        for (; next < first; next++) {
            CHECK(windows[a][next].vmo == NULL);
        }
        for (; next < first + info.size_bytes / P; next++) {
            const struct model_page *page = &windows[a][next];
            REQUIRE(page->vmo != NULL);
            CHECK_EQ(info.vmo_id, vmo_object(page->vmo->vmo)->id);
            CHECK_EQ(info.vmo_offset / P + (next - first), page->index);
            CHECK_EQ(info.flags, page->flags);
        }
        addr = info.addr + info.size_bytes;
    }
    for (; next < WINDOW; next++) {
        CHECK(windows[a][next].vmo == NULL);
    }
    CHECK(tree_valid(&aspaces[a]->mappings));
}

static void check_all(void) {
    for (size_t a = 0; a < ASPACES; a++) {
        const struct arch_space *space = &aspaces[a]->space;
        uint64_t resident = 0;
        for (size_t i = 0; i < space->count && !test_failed(); i++) {
            const struct host_mmu_entry *entry = &space->entries[i];
            REQUIRE(entry->addr >= BASE && entry->addr < BASE + WINDOW * P);
            check_entry(aspaces[a], &windows[a][(entry->addr - BASE) / P], entry);
            resident += entry->page != page_to_phys(page_zero());
        }
        CHECK_EQ(aspace_resident_pages(aspaces[a]), resident);
    }
}

static void check_vmo(const struct model_vmo *vmo) {
    CHECK_EQ(vmo_size(vmo->vmo), vmo->pages * P);
    for (uint64_t i = 0; i < vmo->pages; i++) {
        uint64_t value;
        uint64_t read = 0;
        bool there = lookup(vmo, i, &value);
        int64_t done = vmo_read(vmo->vmo, i * P, &read, sizeof(read));
        CHECK_EQ(done, there ? (int64_t)sizeof(read) : ERR_OUT_OF_RANGE);
        CHECK(!there || read == value);
    }
}

static void run(int steps, uint64_t job_pages) {
    static void (*const kinds[])(void) = {
        step_create,  step_close, step_clone,         step_write,  step_decommit, step_set_size,
        step_map,     step_map,   step_unmap,         step_access, step_access,   step_access,
        step_protect, step_copy,  step_access,        step_access, step_protect,  step_revoke,
        step_clone,   step_write, step_replace_aspace};
    fixture_begin(1, 100000);
    for (size_t a = 0; a < ASPACES; a++) {
        REQUIRE_EQ(aspace_create(job_root, 0, 0, &aspaces[a]), OK);
    }
    REQUIRE_EQ(handle_table_create(job_root, &table), OK);
    failures = 0;
    for (int step = 0; step < steps && !test_failed(); step++) {
        // Handles are made in all steps; only memory for the rest is short.
        ample = step % 400 < 300 || job_pages == 100000;
        job_root->counters[RESOURCE_PAGES].limit = ample ? 100000 : job_pages;
        kinds[pick(ARRAY_SIZE(kinds))]();
        check_all();
        if (step % 50 == 0) {
            reap_all();
            check_mappings(pick(ASPACES));
            struct model_vmo *vmo = any_vmo();
            if (vmo != NULL) {
                check_vmo(vmo);
            }
        }
    }
    job_root->counters[RESOURCE_PAGES].limit = 100000;
    for (size_t place = 0; place < VMOS; place++) {
        if (vmos[place] != NULL) {
            close_vmo(place);
        }
    }
    for (size_t a = 0; a < ASPACES; a++) {
        object_unref(aspace_object(aspaces[a]));
        for (size_t i = 0; i < WINDOW; i++) {
            set_page(&windows[a][i], NULL, 0, 0, false);
        }
    }
    while (!handle_table_clear(table, 100)) {
    }
    object_unref(&table->object);
    fixture_end();
}

TEST(mm_random) {
    run(60000, 100000);
    CHECK_EQ(failures, 0);
}

TEST(mm_random_short_of_memory) {
    run(60000, 60);
    CHECK(failures > 100);
}
