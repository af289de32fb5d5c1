// SPDX-License-Identifier: MIT
//
// Typed slabs. A slab is one page: a header, then objects of one cache, as many as fit. Freed
// objects of a slab are linked by their indices, kept in their first word together with a mark;
// those that were never used are taken in their order. Slabs with a free object stand in the
// cache's list; full ones stand in none and come back, to the front, when one of their objects is
// freed.
//
// Memory stays with its type as long as its slab does: until the last object in it is freed. Then
// the page goes back at once. That is safe for look-ups without a lock because slab_free is only
// called after the grace period where such look-ups exist; and it is cheap, since a new slab has
// nothing to set up.
//
// Debug builds refuse to free an object of another cache, an address that is not an object's, and
// an object that is free already.
#include <mm/slab.h>

#include <mm/page.h>
#include <object/job.h>

#define SLAB_MARK 0x51abf4ee00000000ULL // upper half of a free object's first word
#define SLAB_END 0xffff

struct slab {
    struct list_node node; // in cache->partial unless full
    struct slab_cache *cache;
    uint16_t used;  // objects given out now
    uint16_t fresh; // index of the first object that was never given out
    uint16_t capacity;
    uint16_t first_free; // index, SLAB_END for none
};
static_assert(sizeof(struct slab) == 32, "two objects of 2,032 bytes fit in a page");

static uint64_t pages; // atomic: in slabs and kpages

static uint64_t *object_at(struct slab *slab, size_t index) {
    return (uint64_t *)((char *)(slab + 1) + index * slab->cache->object_bytes);
}

static status_t slab_grow(struct slab_cache *cache) {
    assert(spin_held(&cache->lock));
    struct page *page;
    status_t status = page_alloc(NULL, 0, &page);
    if (status != OK) {
        return status;
    }
    struct slab *slab = page_to_virt(page);
    *slab = (struct slab){.cache = cache, .first_free = SLAB_END};
    slab->capacity = (uint16_t)((PAGE_SIZE - sizeof(*slab)) / cache->object_bytes);
    assert(slab->capacity >= 2 && IS_ALIGNED(cache->object_bytes, SLAB_ALIGN));
    list_push_back(&cache->partial, &slab->node);
    cache->slabs++;
    __atomic_fetch_add(&pages, 1, __ATOMIC_RELAXED);
    return OK;
}

static status_t take(struct slab_cache *cache, void **out) {
    assert(spin_held(&cache->lock));
    if (cache->partial.head.next == NULL) {
        list_init(&cache->partial);
    }
    if (list_empty(&cache->partial)) {
        status_t status = slab_grow(cache);
        if (status != OK) {
            return status;
        }
    }
    struct slab *slab = list_entry(list_first(&cache->partial), struct slab, node);
    assert(slab->cache == cache && slab->used < slab->capacity);
    if (slab->first_free != SLAB_END) {
        uint64_t *object = object_at(slab, slab->first_free);
        assert((*object & ~0xffffULL) == SLAB_MARK);
        slab->first_free = (uint16_t)*object;
        *out = object;
    } else {
        *out = object_at(slab, slab->fresh++);
    }
    if (++slab->used == slab->capacity) {
        list_remove(&slab->node);
    }
    cache->live++;
    return OK;
}

status_t slab_alloc(struct slab_cache *cache, struct job *job, void **out) {
    status_t status = job_charge_bytes(job, cache->object_bytes);
    if (status != OK) {
        return status;
    }
    spin_lock(&cache->lock);
    status = take(cache, out);
    spin_unlock(&cache->lock);
    if (status != OK) {
        job_uncharge_bytes(job, cache->object_bytes);
        return status;
    }
    memset(*out, 0, cache->object_bytes);
    return OK;
}

#ifdef DEBUG
// Panics when `object` is not a live object of the cache.
static void check_live(struct slab_cache *cache, struct slab *slab, uint64_t *object) {
    size_t offset = (size_t)((char *)object - (char *)(slab + 1));
    assert(slab->cache == cache);
    assert(offset % cache->object_bytes == 0 && offset / cache->object_bytes < slab->fresh);
    if ((*object & ~0xffffULL) != SLAB_MARK) {
        return;
    }
    for (size_t i = slab->first_free; i != SLAB_END; i = (uint16_t)*object_at(slab, i)) {
        assert(object_at(slab, i) != object);
    }
}
#else
#define check_live(cache, slab, object) ((void)0)
#endif

void slab_free(struct slab_cache *cache, struct job *job, void *object) {
    struct slab *slab = (struct slab *)ALIGN_DOWN((uintptr_t)object, PAGE_SIZE);
    spin_lock(&cache->lock);
    assert(cache->live != 0 && slab->used != 0);
    check_live(cache, slab, object);
    *(uint64_t *)object = SLAB_MARK | slab->first_free;
    slab->first_free =
        (uint16_t)((size_t)((char *)object - (char *)(slab + 1)) / cache->object_bytes);
    cache->live--;
    if (slab->used-- == slab->capacity) {
        list_push_front(&cache->partial, &slab->node);
    }
    bool empty = slab->used == 0;
    if (empty) {
        list_remove(&slab->node);
        cache->slabs--;
        slab->cache = NULL;
    }
    spin_unlock(&cache->lock);
    if (empty) {
        __atomic_fetch_sub(&pages, 1, __ATOMIC_RELAXED);
        page_unref(page_from_phys(virt_to_phys(slab)));
    }
    job_uncharge_bytes(job, cache->object_bytes);
}

status_t kpages_alloc(struct job *job, size_t bytes, void **out) {
    size_t count = ALIGN_UP(bytes, PAGE_SIZE) >> PAGE_SHIFT;
    if (count == 0 || count < bytes >> PAGE_SHIFT) {
        return ERR_NO_MEMORY;
    }
    struct page *page;
    status_t status = page_alloc_span(job, count, PAGE_ALLOC_ZERO, &page);
    if (status == OK) {
        __atomic_fetch_add(&pages, count, __ATOMIC_RELAXED);
        *out = page_to_virt(page);
    }
    return status;
}

void kpages_free(struct job *job, void *memory, size_t bytes) {
    size_t count = ALIGN_UP(bytes, PAGE_SIZE) >> PAGE_SHIFT;
    struct page *page = page_from_phys(virt_to_phys(memory));
    assert(page != NULL && page->job == job);
    (void)job;
    __atomic_fetch_sub(&pages, count, __ATOMIC_RELAXED);
    page_free_span(page, count);
}

uint64_t slab_page_count(void) {
    return __atomic_load_n(&pages, __ATOMIC_RELAXED);
}
