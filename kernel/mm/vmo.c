// SPDX-License-Identifier: MIT
//
// Memory objects: their life, and how a page is found for reading or writing.
//
// Invariants, for every vmo V and page P:
//  I1  Page tables show only what is in V now (or in its source, or the zero page for what is
//      absent). Who replaces or frees a page hides it from all mappings first (vmo_hide), flushes,
//      and only then lets go of it. Entries hold no references.
//  I2  Whatever takes an entry or a right away flushes before it lets go of the vmo's lock. So who
//      has the lock need not fear a stale TLB entry of this vmo.
//  I3  An entry is writable only if P is in V's own map with page_shares(P) == 1.
//  I4  P with page_shares(P) > 1 is never written. A copy into P that began before it was shared
//      would break that: so such a copy counts in P->writers, and a clone then copies P at once.
//      Thread blocks count in P->pins and are treated alike.
// page_shares can rise only under the lock of a vmo that holds the page, so while V's lock is held
// a count of 1 stays 1. A count of 2 may fall meanwhile: then one copy is made for nothing.
//
// A page is charged to the vmo's job when it becomes resident, to the payer when copy-on-write is
// broken, and stays charged there until its last vmo lets go of it.
#include "vmo_internal.h"

#include <abi/info.h>
#include <mm/slab.h>
#include <object/job.h>

static struct slab_cache vmo_cache = SLAB_CACHE(struct vmo, "vmo");

struct vmo *vmo_from(struct object *object) {
    return container_of(object, struct vmo, object);
}

struct object *vmo_object(struct vmo *vmo) {
    return &vmo->object;
}

static bool vmo_destroy(struct object *object) {
    struct vmo *vmo = vmo_from(object);
    assert(vmo->pins == 0);
    assert(list_empty(&vmo->mappings) && list_empty(&vmo->clones));
    spin_lock(vmo->lock);
    vmo_free_range(vmo, 0, vmo->used_end, STEP_PAGES);
    bool empty = vmo->resident == 0;
    if (empty && vmo->source != NULL) {
        list_remove(&vmo->clone_node);
    }
    spin_unlock(vmo->lock);
    if (!empty) {
        return false;
    }
    if (vmo->source != NULL) {
        object_unref(&vmo->source->object);
    }
    return true;
}

static const struct object_ops vmo_ops = {
    .name = "vmo",
    .type = OBJECT_VMO,
    .cache = &vmo_cache,
    .destroy = vmo_destroy,
};

status_t vmo_new(struct job *job, uint64_t pages, uint32_t flags, uint64_t provider,
                 struct vmo **out) {
    assert(pages <= VMO_MAX_BYTES >> PAGE_SHIFT);
    struct object *object;
    status_t status = object_create(&vmo_ops, job, provider, &object);
    if (status != OK) {
        return status;
    }
    struct vmo *vmo = vmo_from(object);
    spin_init(&vmo->own_lock, RANK_VMO);
    vmo->lock = &vmo->own_lock;
    vmo->flags = flags;
    vmo->pages = vmo->used_end = pages;
    list_init(&vmo->mappings);
    list_init(&vmo->clones);
    *out = vmo;
    return OK;
}

// Enters a page that was just allocated; it is freed when that fails.
static status_t enter(struct vmo *vmo, uint64_t index, struct page *page) {
    assert(index < vmo->pages && page->counts != 0);
    status_t status = page_map_put(&vmo->map, vmo->object.job, index, page);
    if (status != OK) {
        page_unref(page);
        return status;
    }
    page_adopt(page);
    vmo->resident++;
    return OK;
}

// Gives a new vmo all its pages, next to each other.
static status_t fill_contiguous(struct vmo *vmo) {
    assert(vmo->resident == 0);
    struct page *page;
    size_t count = vmo->pages;
    status_t status = page_alloc_span(vmo->object.job, count, PAGE_ALLOC_ZERO, &page);
    for (size_t i = 0; i < count && status == OK; i++) {
        status = enter(vmo, i, &page[i]);
        if (status != OK) {
            page_free_span(&page[i + 1], count - i - 1);
        }
    }
    return status;
}

status_t vmo_create(struct job *job, uint64_t size, uint32_t flags, uint64_t provider,
                    struct vmo **out) {
    if ((flags & ~VMO_FLAGS_ALL) != 0 || size == 0 ||
        (flags & (VMO_CONTIGUOUS | VMO_RESIZABLE)) == (VMO_CONTIGUOUS | VMO_RESIZABLE)) {
        return ERR_INVALID_ARGUMENT;
    }
    if (size > VMO_MAX_BYTES) {
        return ERR_OUT_OF_RANGE;
    }
    struct vmo *vmo;
    uint64_t pages = ALIGN_UP(size, PAGE_SIZE) >> PAGE_SHIFT;
    status_t status = vmo_new(job, pages, flags, provider, &vmo);
    if (status != OK) {
        return status;
    }
    status = (flags & VMO_CONTIGUOUS) != 0 ? fill_contiguous(vmo) : OK;
    if (status != OK) {
        object_unref(&vmo->object);
        return status;
    }
    *out = vmo;
    return OK;
}

status_t vmo_create_physical(struct job *job, paddr_t base, uint64_t size, struct vmo **out) {
    if (!IS_ALIGNED(base, PAGE_SIZE) || size == 0) {
        return ERR_INVALID_ARGUMENT;
    }
    if (size > VMO_MAX_BYTES || base > UINT64_MAX - size) {
        return ERR_OUT_OF_RANGE;
    }
    struct vmo *vmo;
    status_t status = vmo_new(job, ALIGN_UP(size, PAGE_SIZE) >> PAGE_SHIFT, 0, 0, &vmo);
    if (status != OK) {
        return status;
    }
    vmo->kind = VMO_PHYSICAL;
    vmo->physical = base;
    *out = vmo;
    return OK;
}

static void view_page(struct vmo_view *view, struct page *page, bool writable) {
    *view = (struct vmo_view){.page = page, .addr = page_to_phys(page), .writable = writable};
}

static void view_physical(struct vmo *vmo, uint64_t index, struct vmo_view *view) {
    assert(vmo->kind == VMO_PHYSICAL && index < vmo->pages);
    paddr_t addr = vmo->physical + (index << PAGE_SHIFT);
    *view = (struct vmo_view){.page = page_frame(addr), .addr = addr, .writable = true};
}

// The source's page behind an absent one of an AT_WRITE clone; null: the source has none either.
static status_t source_page(struct vmo *vmo, uint64_t index, struct page **out) {
    struct vmo *source = vmo->source;
    assert(spin_held(vmo->lock) && vmo->lock == source->lock);
    if (vmo->source_first + index >= source->pages) {
        return ERR_OUT_OF_RANGE;
    }
    *out = page_map_get(&source->map, vmo->source_first + index);
    return OK;
}

// Puts a page with the content of `old` (null: zeros) where `old` is shown now.
static status_t make_own(struct vmo *vmo, uint64_t index, struct page *old, struct job *payer,
                         struct vmo_view *view) {
    assert(spin_held(vmo->lock));
    struct page *page;
    status_t status = page_alloc(payer, old == NULL ? PAGE_ALLOC_ZERO : 0, &page);
    if (status != OK) {
        return status;
    }
    if (old != NULL) {
        memcpy(page_to_virt(page), page_to_virt(old), PAGE_SIZE);
    }
    bool replace = page_map_get(&vmo->map, index) != NULL;
    if (!replace) {
        status = enter(vmo, index, page);
        if (status != OK) {
            return status;
        }
    }
    if (old != NULL || vmo->source != NULL || vmo->zeros_shown) {
        struct shootdown shootdown;
        shootdown_init(&shootdown);
        vmo_hide(vmo, index, index + 1, &shootdown);
        shootdown_flush(&shootdown);
    }
    if (replace) {
        page_adopt(page);
        page_map_replace(&vmo->map, index, page);
        page_unshare(old);
        page_unref(old);
    }
    view_page(view, page, true);
    view->fresh = old == NULL;
    return OK;
}

status_t vmo_resolve(struct vmo *vmo, uint64_t index, bool write, struct job *payer,
                     struct vmo_view *view) {
    assert(spin_held(vmo->lock));
    if (index >= vmo->pages) {
        return ERR_OUT_OF_RANGE;
    }
    if (vmo->kind == VMO_PHYSICAL) {
        view_physical(vmo, index, view);
        return OK;
    }
    payer = payer != NULL ? payer : vmo->object.job;
    struct page *page = page_map_get(&vmo->map, index);
    if (page != NULL) {
        bool exclusive = page_shares(page) == 1;
        if (write && !exclusive) {
            return make_own(vmo, index, page, payer, view);
        }
        view_page(view, page, exclusive);
        return OK;
    }
    // Here a paged vmo will answer ERR_NEEDS_PAGE.
    if (vmo->source != NULL) {
        status_t status = source_page(vmo, index, &page);
        if (status != OK) {
            return status;
        }
    }
    if (write) {
        return make_own(vmo, index, page, page != NULL ? payer : vmo->object.job, view);
    }
    if (page == NULL) {
        struct vmo *owner = vmo->source != NULL ? vmo->source : vmo;
        owner->zeros_shown = true;
        view_page(view, page_zero(), false);
        view->fresh = true;
    } else {
        view_page(view, page, false);
    }
    return OK;
}

size_t vmo_go_ahead(struct vmo *vmo, uint64_t index, paddr_t *pages, size_t most) {
    assert(spin_held(vmo->lock) && most <= AHEAD_MAX);
    uint64_t run;
    struct page *const *places = page_map_run(&vmo->map, index, &run);
    if (places == NULL || vmo->map.height == 0 || vmo->source != NULL || vmo->zeros_shown ||
        run < 2 || places[1] != NULL) {
        return 0;
    }
    size_t before = 0;
    size_t back = MIN(most, PAGE_MAP_ENTRIES - run);
    while (before < back && places[-1 - (int64_t)before] != NULL) {
        before++;
    }
    most = before < AHEAD_AFTER ? 0 : MIN(MIN(before, run - 1), vmo->pages - index - 1);
    size_t count = 0;
    while (count < most && places[count + 1] == NULL) {
        count++;
    }
    struct page *fresh;
    if (count == 0 || page_alloc_span(vmo->object.job, count, PAGE_ALLOC_ZERO, &fresh) != OK) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        page_adopt(&fresh[i]);
        pages[i] = page_to_phys(&fresh[i]);
    }
    page_map_put_run(&vmo->map, index + 1, fresh, count);
    vmo->resident += count;
    return count;
}

// Tells of the pages in a map, where nothing is told yet.
static void peek_map(const struct page_map *map, uint64_t index, bool own, paddr_t *pages,
                     uint64_t count) {
    while (count != 0) {
        uint64_t run;
        struct page *const *places = page_map_run(map, index, &run);
        if (places == NULL) {
            return; // behind a missing table there is seldom another
        }
        run = MIN(run, count);
        for (uint64_t i = 0; i < run; i++) {
            if (places[i] != NULL && pages[i] == 0) {
                bool writable = own && page_shares(places[i]) == 1;
                pages[i] = page_to_phys(places[i]) | (writable ? 0 : VMO_PEEK_READ_ONLY);
            }
        }
        index += run;
        pages += run;
        count -= run;
    }
}

void vmo_peek(struct vmo *vmo, uint64_t index, paddr_t *pages, uint64_t count) {
    assert(spin_held(vmo->lock));
    memset(pages, 0, count * sizeof(pages[0]));
    count = index < vmo->pages ? MIN(count, vmo->pages - index) : 0;
    if (vmo->kind == VMO_PHYSICAL) {
        for (uint64_t i = 0; i < count; i++) {
            pages[i] = vmo->physical + ((index + i) << PAGE_SHIFT);
        }
        return;
    }
    peek_map(&vmo->map, index, true, pages, count);
    const struct vmo *source = vmo->source;
    if (source != NULL && vmo->source_first + index < source->pages) {
        uint64_t first = vmo->source_first + index;
        peek_map(&source->map, first, false, pages, MIN(count, source->pages - first));
    }
}

uint64_t vmo_size(const struct vmo *vmo) {
    return __atomic_load_n(&vmo->pages, __ATOMIC_RELAXED) << PAGE_SHIFT;
}

void vmo_describe(struct vmo *vmo, struct vmo_info *info) {
    spin_lock(vmo->lock);
    *info = (struct vmo_info){
        .size_bytes = vmo->pages << PAGE_SHIFT,
        .resident_pages = vmo->kind == VMO_PHYSICAL ? vmo->pages : vmo->resident,
        .flags = vmo->flags,
        .mappings = vmo->mapping_count,
    };
    spin_unlock(vmo->lock);
}
