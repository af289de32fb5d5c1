// SPDX-License-Identifier: MIT
//
// The page allocator. Free pages stand in buddy lists, one for each power of two up to 32 MiB: a
// freed block merges with its neighbour of the same size when that is free too. Single pages, which
// is nearly all there is, come from a stack of each CPU that is refilled from and drained to the
// buddy lists in batches, so the lock is taken about once in 32 times. Interrupts are off in the
// kernel, so a CPU's stack needs no lock.
//
// Invariants. A frame record's `state` and `order` mean something only for the first page of a free
// block; all pages of an allocated block are USED. A page on a CPU's stack is CACHED and can't
// merge: up to CPU_MAX * CACHE_MAX pages (8 MiB on 32 CPUs) may be missing when memory runs out, no
// more. Holes between RAM ranges have frame records too: 8 MiB for each GiB of hole below the
// highest RAM.
//
// Debug builds mark both ends of a freed page and look at the marks when it is allocated again.
#include <mm/page.h>

#include "page_internal.h"

#include <object/job.h>
#include <sched/cpu.h>

#define CACHE_BATCH 32
#define CACHE_MAX 64
#define POISON 0xdeadfa11dead0000ULL

struct page_cache {
    struct page *head; // linked by `next`
    uint32_t count;
} __attribute__((aligned(CACHE_LINE)));

struct page *page_frames;
uint64_t page_frame_count;

static struct page_cache caches[CPU_MAX];                // each its CPU's alone
static struct spinlock lock = SPINLOCK_INIT(RANK_PAGES); // guards:
static struct page *free_heads[PAGE_ORDER_MAX + 1];
static uint32_t free_orders; // bit o: free_heads[o] is not null
static uint64_t buddy_free;
static uint64_t total;

struct page *page_frame(paddr_t addr) {
    uint64_t index = addr >> PAGE_SHIFT;
    return index < page_frame_count && page_frames[index].state != PAGE_HOLE ? &page_frames[index]
                                                                             : NULL;
}

struct page *page_from_phys(paddr_t addr) {
    struct page *page = page_frame(addr);
    return page != NULL && page->state != PAGE_RESERVED ? page : NULL;
}

static void push(struct page *page, uint32_t order) {
    assert(spin_held(&lock) && order <= PAGE_ORDER_MAX);
    page->state = PAGE_FREE;
    page->order = (uint8_t)order;
    page->prev = NULL;
    page->next = free_heads[order];
    if (page->next != NULL) {
        page->next->prev = page;
    }
    free_heads[order] = page;
    free_orders |= 1u << order;
}

static void unlink_block(struct page *page) {
    assert(page->state == PAGE_FREE && page->order <= PAGE_ORDER_MAX);
    if (page->prev != NULL) {
        page->prev->next = page->next;
    } else {
        free_heads[page->order] = page->next;
        if (page->next == NULL) {
            free_orders &= ~(1u << page->order);
        }
    }
    if (page->next != NULL) {
        page->next->prev = page->prev;
    }
    page->state = PAGE_USED;
}

static void free_block(struct page *page, uint32_t order) {
    assert(spin_held(&lock));
    assert(page->state != PAGE_FREE);
    uint64_t index = (uint64_t)(page - page_frames);
    buddy_free += 1ULL << order;
    for (; order < PAGE_ORDER_MAX; order++) {
        uint64_t other = index ^ (1ULL << order);
        if (other >= page_frame_count || page_frames[other].state != PAGE_FREE ||
            page_frames[other].order != order) {
            break;
        }
        unlink_block(&page_frames[other]);
        index &= ~(1ULL << order);
    }
    push(&page_frames[index], order);
}

// Takes a block, splitting a larger one if need be. Null when there is none.
static struct page *take_block(uint32_t order) {
    assert(order <= PAGE_ORDER_MAX);
    assert(spin_held(&lock));
    uint32_t fitting = free_orders >> order;
    if (fitting == 0) {
        return NULL;
    }
    uint32_t have = order + (uint32_t)__builtin_ctz(fitting);
    struct page *page = free_heads[have];
    assert(page != NULL && page->order == have);
    unlink_block(page);
    while (have > order) {
        have--;
        push(page + (1ULL << have), have);
    }
    buddy_free -= 1ULL << order;
    return page;
}

// Frees any run of pages as the blocks that it is made of.
static void free_span_locked(struct page *page, size_t count) {
    assert(spin_held(&lock));
    while (count > 0) {
        uint64_t index = (uint64_t)(page - page_frames);
        uint32_t order = 63 - (uint32_t)__builtin_clzll(count);
        if (index != 0) {
            order = MIN(order, (uint32_t)__builtin_ctzll(index));
        }
        order = MIN(order, (uint32_t)PAGE_ORDER_MAX);
        free_block(page, order);
        page += 1ULL << order;
        count -= 1ULL << order;
    }
}

void page_add_range(paddr_t start, paddr_t end) {
    assert(IS_ALIGNED(start | end, PAGE_SIZE) && start < end);
    struct page *page = &page_frames[start >> PAGE_SHIFT];
    size_t count = (end - start) >> PAGE_SHIFT;
    for (size_t i = 0; i < count; i++) {
        page[i] = (struct page){.state = PAGE_USED};
    }
    spin_lock(&lock);
    free_span_locked(page, count);
    total += count;
    spin_unlock(&lock);
}

static void poison_set(struct page *page) {
#ifdef DEBUG
    uint64_t *words = page_to_virt(page);
    words[0] = words[PAGE_SIZE / 8 - 1] = POISON;
    page->poisoned = true;
#else
    (void)page;
#endif
}

static void poison_check(struct page *page) {
#ifdef DEBUG
    const uint64_t *words = page_to_virt(page);
    assert(!page->poisoned || (words[0] == POISON && words[PAGE_SIZE / 8 - 1] == POISON));
    page->poisoned = false;
#else
    (void)page;
#endif
}

// Makes a page that was taken from a list one in use.
static void prepare(struct page *page, struct job *job, uint32_t flags) {
    poison_check(page);
    assert(page->counts == 0 && page->pins == 0 && page->writers == 0);
    page->state = PAGE_USED;
    page->job = job;
    page->next = NULL;
    __atomic_store_n(&page->counts, 1, __ATOMIC_RELAXED);
    if ((flags & PAGE_ALLOC_ZERO) != 0) {
        memset(page_to_virt(page), 0, PAGE_SIZE);
    }
}

static void cache_push(struct page_cache *cache, struct page *page) {
    page->state = PAGE_CACHED;
    page->next = cache->head;
    cache->head = page;
    // Others read the count for page_free_count.
    __atomic_store_n(&cache->count, cache->count + 1, __ATOMIC_RELAXED);
}

static struct page *cache_pop(struct page_cache *cache) {
    struct page *page = cache->head;
    assert(cache->count != 0 && page->state == PAGE_CACHED);
    cache->head = page->next;
    __atomic_store_n(&cache->count, cache->count - 1, __ATOMIC_RELAXED);
    return page;
}

static void cache_refill(struct page_cache *cache) {
    spin_lock(&lock);
    for (uint32_t i = 0; i < CACHE_BATCH; i++) {
        struct page *page = take_block(0);
        if (page == NULL) {
            break;
        }
        cache_push(cache, page);
    }
    spin_unlock(&lock);
}

static void cache_drain(struct page_cache *cache) {
    assert(cache->count >= CACHE_BATCH);
    spin_lock(&lock);
    for (uint32_t i = 0; i < CACHE_BATCH; i++) {
        free_block(cache_pop(cache), 0);
    }
    spin_unlock(&lock);
}

status_t page_alloc(struct job *job, uint32_t flags, struct page **out) {
    status_t status = job_charge(job, RESOURCE_PAGES, 1);
    if (status != OK) {
        return status;
    }
    struct page_cache *cache = &caches[cpu_this()->index];
    if (cache->head == NULL) {
        cache_refill(cache);
    }
    if (cache->head == NULL) {
        job_uncharge(job, RESOURCE_PAGES, 1);
        return ERR_NO_MEMORY;
    }
    *out = cache_pop(cache);
    prepare(*out, job, flags);
    return OK;
}

bool page_put(struct page *page) {
    uint64_t left = __atomic_sub_fetch(&page->counts, 1, __ATOMIC_ACQ_REL);
    assert((uint32_t)left != UINT32_MAX && page->state != PAGE_FREE && page->state != PAGE_CACHED);
    if ((uint32_t)left != 0) {
        return false;
    }
    assert(left == 0 && page->pins == 0 && page->writers == 0 && page->state == PAGE_USED);
    poison_set(page);
    struct page_cache *cache = &caches[cpu_this()->index];
    cache_push(cache, page);
    if (cache->count > CACHE_MAX) {
        cache_drain(cache);
    }
    return true;
}

void page_unref(struct page *page) {
    struct job *job = page->job;
    job_uncharge(job, RESOURCE_PAGES, page_put(page));
}

status_t page_alloc_span(struct job *job, size_t count, uint32_t flags, struct page **out) {
    assert(count > 0);
    if (count > 1ULL << PAGE_ORDER_MAX) {
        return ERR_NO_MEMORY;
    }
    status_t status = job_charge(job, RESOURCE_PAGES, count);
    if (status != OK) {
        return status;
    }
    uint32_t order = count == 1 ? 0 : 64 - (uint32_t)__builtin_clzll(count - 1);
    spin_lock(&lock);
    struct page *page = take_block(order);
    if (page != NULL) {
        free_span_locked(page + count, (1ULL << order) - count);
    }
    spin_unlock(&lock);
    if (page == NULL) {
        job_uncharge(job, RESOURCE_PAGES, count);
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        prepare(&page[i], job, flags);
    }
    *out = page;
    return OK;
}

void page_free_span(struct page *page, size_t count) {
    for (size_t i = 0; i < count; i++) {
        page_unref(&page[i]);
    }
}

uint64_t page_total_count(void) {
    return total;
}

uint64_t page_free_count(void) {
    spin_lock(&lock);
    uint64_t count = buddy_free;
    spin_unlock(&lock);
    for (uint32_t i = 0; i < CPU_MAX; i++) {
        count += __atomic_load_n(&caches[i].count, __ATOMIC_RELAXED);
    }
    return count;
}
