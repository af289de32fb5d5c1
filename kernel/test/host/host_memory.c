// SPDX-License-Identifier: MIT
//
// Kernel memory by malloc: the sanitizers then see each object by itself. Slab and kpages memory is
// charged to the job like the real one when object/job.c is linked; pages are charged one by one.
// Frame records of pages stand in an array beside host_ram.
#include "host.h"

#include <mm/slab.h>
#include <object/job.h>
#include <stdlib.h>

#define HOST_PAGES (HOST_RAM_BYTES / PAGE_SIZE)

__attribute__((weak)) status_t job_charge(struct job *job, enum job_resource resource,
                                          uint64_t count);
__attribute__((weak)) void job_uncharge(struct job *job, enum job_resource resource,
                                        uint64_t count);
__attribute__((weak)) status_t job_charge_bytes(struct job *job, size_t bytes);
__attribute__((weak)) void job_uncharge_bytes(struct job *job, size_t bytes);

uint64_t host_fail_after = HOST_FAIL_NEVER;
static uint64_t live; // atomic
static struct page frames[HOST_PAGES];
struct page *page_frames = frames;
uint64_t page_frame_count = HOST_PAGES;
static size_t next_frame; // where to look first; any value does

uint64_t host_memory_live(void) {
    return __atomic_load_n(&live, __ATOMIC_RELAXED);
}

static bool may_allocate(void) {
    uint64_t left = __atomic_load_n(&host_fail_after, __ATOMIC_RELAXED);
    if (left == HOST_FAIL_NEVER) {
        return true;
    }
    if (left == 0) {
        return false;
    }
    __atomic_store_n(&host_fail_after, left - 1, __ATOMIC_RELAXED);
    return true;
}

static status_t charge_bytes(struct job *job, size_t bytes) {
    return job != NULL && job_charge_bytes != NULL ? job_charge_bytes(job, bytes) : OK;
}

static void uncharge_bytes(struct job *job, size_t bytes) {
    if (job != NULL && job_uncharge_bytes != NULL) {
        job_uncharge_bytes(job, bytes);
    }
}

static status_t allocate(struct job *job, size_t bytes, void **out) {
    if (!may_allocate()) {
        return ERR_NO_MEMORY;
    }
    status_t status = charge_bytes(job, bytes);
    if (status != OK) {
        return status;
    }
    *out = calloc(1, bytes);
    __atomic_fetch_add(&live, 1, __ATOMIC_RELAXED);
    return OK;
}

static void release(struct job *job, size_t bytes, void *memory) {
    free(memory);
    __atomic_fetch_sub(&live, 1, __ATOMIC_RELAXED);
    uncharge_bytes(job, bytes);
}

status_t slab_alloc(struct slab_cache *cache, struct job *job, void **out) {
    status_t status = allocate(job, cache->object_bytes, out);
    if (status == OK) {
        __atomic_fetch_add(&cache->live, 1, __ATOMIC_RELAXED);
    }
    return status;
}

void slab_free(struct slab_cache *cache, struct job *job, void *object) {
    __atomic_fetch_sub(&cache->live, 1, __ATOMIC_RELAXED);
    release(job, cache->object_bytes, object);
}

status_t kpages_alloc(struct job *job, size_t bytes, void **out) {
    return allocate(job, ALIGN_UP(bytes, PAGE_SIZE), out);
}

void kpages_free(struct job *job, void *memory, size_t bytes) {
    release(job, ALIGN_UP(bytes, PAGE_SIZE), memory);
}

// Claims a free frame: one whose counts go from 0 to 1.
static struct page *claim_frame(void) {
    size_t start = __atomic_fetch_add(&next_frame, 1, __ATOMIC_RELAXED);
    for (size_t i = 0; i < HOST_PAGES; i++) {
        struct page *page = &frames[(start + i) % HOST_PAGES];
        uint64_t none = 0;
        if (__atomic_compare_exchange_n(&page->counts, &none, 1, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED)) {
            return page;
        }
    }
    return NULL;
}

status_t page_alloc(struct job *job, uint32_t flags, struct page **out) {
    struct page *page = may_allocate() ? claim_frame() : NULL;
    if (page == NULL) {
        return ERR_NO_MEMORY;
    }
    if (job != NULL && job_charge != NULL) {
        status_t status = job_charge(job, RESOURCE_PAGES, 1);
        if (status != OK) {
            __atomic_store_n(&page->counts, 0, __ATOMIC_RELEASE);
            return status;
        }
    }
    page->job = job;
    page->next = NULL;
    memset(page_to_virt(page), (flags & PAGE_ALLOC_ZERO) != 0 ? 0 : 0xa5, PAGE_SIZE);
    __atomic_fetch_add(&live, 1, __ATOMIC_RELAXED);
    *out = page;
    return OK;
}

bool page_put(struct page *page) {
    uint64_t before = __atomic_fetch_sub(&page->counts, 1, __ATOMIC_ACQ_REL);
    assert((uint32_t)before != 0);
    if (before == 1) {
        __atomic_fetch_sub(&live, 1, __ATOMIC_RELAXED);
    }
    return before == 1;
}

void page_unref(struct page *page) {
    struct job *job = page->job;
    if (page_put(page) && job != NULL && job_uncharge != NULL) {
        job_uncharge(job, RESOURCE_PAGES, 1);
    }
}

struct page *page_from_phys(paddr_t addr) {
    return addr >> PAGE_SHIFT < HOST_PAGES ? &frames[addr >> PAGE_SHIFT] : NULL;
}

uint64_t page_total_count(void) {
    return HOST_PAGES;
}
