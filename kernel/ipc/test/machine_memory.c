// SPDX-License-Identifier: MIT
//
// Aspaces of the machine: objects without mappings. Addresses are the host's. A block's page must
// not be touched before it is pinned and after it is unpinned.
#include "machine.h"

#include <mm/aspace.h>
#include <mm/page.h>
#include <mm/user.h>
#include <mm/slab.h>
#include <object/job.h>
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <test/test.h>

struct aspace {
    struct object object;
    uint32_t pinned; // atomic
};

static struct slab_cache aspace_cache = SLAB_CACHE(struct aspace, "aspace");

struct aspace *aspace_from(struct object *object) {
    return container_of(object, struct aspace, object);
}

struct object *aspace_object(struct aspace *aspace) {
    return &aspace->object;
}

static bool aspace_destroy(struct object *object) {
    struct aspace *aspace = aspace_from(object);
    struct job *job = object->job;
    CHECK_EQ(aspace->pinned, 0);
    for (uint32_t i = 0; i < cpu_count; i++) {
        struct aspace *expected = aspace;
        (void)__atomic_compare_exchange_n(&cpus[i]->aspace, &expected, NULL, false,
                                          __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    }
    slab_free(&aspace_cache, job, aspace);
    object_fini(job);
    return true;
}

static const struct object_ops aspace_ops = {.name = "aspace", .destroy = aspace_destroy};

struct aspace *machine_aspace_create(struct job *job) {
    void *memory;
    if (slab_alloc(&aspace_cache, job, &memory) != OK) {
        return NULL;
    }
    struct aspace *aspace = memory;
    object_init(&aspace->object, &aspace_ops, OBJECT_ASPACE, job, 0);
    return aspace;
}

const struct aspace_entry *aspace_entry(const struct aspace *aspace) {
    static const struct aspace_entry none;
    (void)aspace;
    return &none;
}

void aspace_switch(struct aspace *aspace) {
    CHECK(aspace == NULL || __atomic_load_n(&aspace->object.refs, __ATOMIC_RELAXED) != 0);
    cpu_this()->aspace_switches++;
    __atomic_store_n(&cpu_this()->aspace, aspace, __ATOMIC_SEQ_CST);
}

// ---- blocks

#define SPARE_MAX 256

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct page *spare[SPARE_MAX]; // poisoned
static uint32_t spare_count;

status_t aspace_pin_block(struct aspace *aspace, vaddr_t addr, struct page **out) {
    (void)addr;
    status_t status = OK;
    pthread_mutex_lock(&mutex);
    if (spare_count != 0) {
        *out = spare[--spare_count];
        ASAN_UNPOISON_MEMORY_REGION(page_to_virt(*out), PAGE_SIZE);
        memset(page_to_virt(*out), 0, PAGE_SIZE);
    } else {
        status = page_alloc(NULL, PAGE_ALLOC_ZERO, out);
    }
    pthread_mutex_unlock(&mutex);
    if (status == OK) {
        __atomic_fetch_add(&aspace->pinned, 1, __ATOMIC_RELAXED);
    }
    return status;
}

void aspace_unpin_block(struct aspace *aspace, vaddr_t addr, struct page *page) {
    (void)addr;
    CHECK(__atomic_fetch_sub(&aspace->pinned, 1, __ATOMIC_RELAXED) != 0);
    pthread_mutex_lock(&mutex);
    CHECK(spare_count < SPARE_MAX);
    ASAN_POISON_MEMORY_REGION(page_to_virt(page), PAGE_SIZE);
    spare[spare_count++] = page;
    pthread_mutex_unlock(&mutex);
}

void machine_memory_destroy(void) {
    while (spare_count != 0) {
        struct page *page = spare[--spare_count];
        ASAN_UNPOISON_MEMORY_REGION(page_to_virt(page), PAGE_SIZE);
        page_unref(page);
    }
}

// User memory may fault, and takes its time.
status_t user_load32(vaddr_t addr, uint32_t *out) {
    for (uint64_t i = machine_random(8); i > 0; i--) {
        machine_yield();
    }
    *out = __atomic_load_n((uint32_t *)addr, __ATOMIC_ACQUIRE);
    return OK;
}

status_t aspace_unmap_step(struct aspace *aspace, vaddr_t addr, uint64_t *size) {
    (void)aspace;
    (void)addr;
    *size = 0;
    return OK;
}

status_t aspace_fault(struct aspace *aspace, vaddr_t addr, uint32_t access) {
    (void)aspace;
    (void)addr;
    (void)access;
    return ERR_FAULT;
}

uint64_t aspace_resident_pages(const struct aspace *aspace) {
    return aspace->pinned;
}

status_t aspace_futex_key(struct aspace *aspace, vaddr_t addr, uint64_t key[2]) {
    (void)aspace;
    key[0] = 0;
    key[1] = addr;
    return OK;
}

void mapping_revoked(struct handle *node) {
    (void)node;
    panic("there are no mappings");
}
