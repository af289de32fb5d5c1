// SPDX-License-Identifier: MIT
//
// Address spaces: their life, page faults, and thread blocks. What changes mappings is in
// aspace_map.c.
//
// A page fault takes the aspace's lock to find the mapping, then the vmo's lock, and lets go of the
// first: from then on the vmo's lock keeps the mapping where it is, so faults on different vmos of
// one aspace are resolved side by side.
//
// The last reference to an aspace goes when no thread runs in it any more, but an idle CPU may
// still have its tables loaded, since nobody had a reason to load others. So destroying begins with
// a request to all CPUs in aspace->cpus to load the kernel's tables (shootdown_leave); after that
// no CPU can load it again, because only a running thread's aspace is ever loaded. Then mappings
// are forgotten in steps, then the tables are freed. The struct itself waits for one more grace
// period: a revoke that has just unlinked the node of one of the mappings may be about to look at
// its aspace (mapping_revoked).
#include "aspace_internal.h"
#include "vmo_internal.h"

#include <mm/slab.h>
#include <sched/cpu.h>

#define QUERY_PAGES_MAX 8192 // aspace_query looks at so many entries at most
#define QUERY_PAGES 64       // and tells of so many whether they are there

static struct slab_cache aspace_cache = SLAB_CACHE(struct aspace, "aspace");
static struct slab_cache pin_cache = SLAB_CACHE(struct pin, "pin");

struct aspace *aspace_from(struct object *object) {
    return container_of(object, struct aspace, object);
}

struct object *aspace_object(struct aspace *aspace) {
    return &aspace->object;
}

static bool aspace_free(struct reap_item *item) {
    struct aspace *aspace = container_of(item, struct aspace, object.reap);
    struct job *job = aspace->object.job;
    slab_free(&aspace_cache, job, aspace);
    object_fini(job);
    return true;
}

static bool aspace_destroy(struct object *object) {
    struct aspace *aspace = aspace_from(object);
    assert(aspace->pins.root == NULL);
    shootdown_leave(aspace);
    spin_lock(&aspace->lock);
    struct mapping *mapping = mapping_find(aspace, 0);
    for (uint32_t i = 0; i < STEP_MAPPINGS && mapping != NULL; i++) {
        struct mapping *next = mapping_after(mapping);
        mapping_forget(mapping);
        mapping = next;
    }
    spin_unlock(&aspace->lock);
    if (mapping != NULL) {
        return false;
    }
    assert(aspace->mapping_count == 0);
    mmu_space_destroy(&aspace->space, object->job);
    reap_add(&object->reap, aspace_free);
    return true;
}

static const struct object_ops aspace_ops = {
    .name = "aspace",
    .destroy = aspace_destroy,
};

status_t aspace_create(struct job *job, uint32_t flags, uint64_t provider, struct aspace **out) {
    if ((flags & ~ASPACE_FLAGS_ALL) != 0) {
        return ERR_INVALID_ARGUMENT;
    }
    void *memory;
    status_t status = slab_alloc(&aspace_cache, job, &memory);
    if (status != OK) {
        return status;
    }
    struct aspace *aspace = memory;
    status = mmu_space_create(&aspace->space, job);
    if (status != OK) {
        slab_free(&aspace_cache, job, aspace);
        return status;
    }
    object_init(&aspace->object, &aspace_ops, OBJECT_ASPACE, job, provider);
    aspace->flags = flags;
    aspace->rover = MAP_BASE;
    spin_init(&aspace->lock, RANK_ASPACE);
    spin_init(&aspace->tables_lock, RANK_PAGE_TABLE);
    *out = aspace;
    return OK;
}

void aspace_switch(struct aspace *aspace) {
    assert(aspace == NULL || aspace->object.refs != 0);
    struct cpu *cpu = cpu_this();
    struct aspace *old = cpu->aspace;
    if (old == aspace) {
        return;
    }
    uint32_t bit = 1u << cpu->index;
    if (aspace != NULL) {
        __atomic_fetch_or(&aspace->cpus, bit, __ATOMIC_SEQ_CST);
    }
    mmu_load(aspace != NULL ? &aspace->space : NULL);
    cpu->aspace = aspace;
    cpu->aspace_switches++;
    if (old != NULL) {
        // The last touch: with this bit gone `old` may be freed.
        __atomic_fetch_and(&old->cpus, ~bit, __ATOMIC_RELEASE);
    }
}

static bool allows(const struct mapping *mapping, uint32_t access) {
    uint32_t have = mapping->flags & MAP_ACCESS;
    return have != 0 && ((access & FAULT_WRITE) == 0 || (have & MAP_WRITE) != 0) &&
           ((access & FAULT_EXECUTE) == 0 || (have & MAP_EXECUTE) != 0);
}

// Finds mapping and page behind an address. When it returns OK, the lock of the mapping's vmo is
// held.
static status_t lock_page(struct aspace *aspace, vaddr_t addr, uint32_t access,
                          struct mapping **out, struct vmo_view *view) {
    spin_lock(&aspace->lock);
    struct mapping *mapping = mapping_find(aspace, addr);
    if (mapping == NULL || mapping->start > addr || !allows(mapping, access)) {
        spin_unlock(&aspace->lock);
        return ERR_FAULT;
    }
    struct vmo *vmo = mapping->vmo;
    spin_lock(vmo->lock);
    spin_unlock(&aspace->lock);
    status_t status = vmo_resolve(vmo, mapping_index(mapping, addr), (access & FAULT_WRITE) != 0,
                                  aspace->object.job, view);
    if (status != OK) {
        spin_unlock(vmo->lock);
        return status == ERR_OUT_OF_RANGE ? ERR_FAULT : status;
    }
    *out = mapping;
    return OK;
}

status_t aspace_fault(struct aspace *aspace, vaddr_t addr, uint32_t access) {
    assert(spin_none_held());
    struct mapping *mapping;
    struct vmo_view view;
    addr = ALIGN_DOWN(addr, PAGE_SIZE);
    status_t status = lock_page(aspace, addr, access, &mapping, &view);
    if (status != OK) {
        return status;
    }
    struct spinlock *vmo_lock = mapping->vmo->lock;
    status = mapping_show(mapping, addr, &view);
    if (status == OK && (access & FAULT_WRITE) == 0 && !view.fresh) {
        mapping_show_around(mapping, addr);
    } else if (status == OK && (access & FAULT_WRITE) != 0 && view.fresh) {
        mapping_show_ahead(mapping, addr);
    }
    spin_unlock(vmo_lock);
    return status;
}

status_t aspace_page_hold(struct aspace *aspace, vaddr_t addr, bool write, struct page **out) {
    assert(spin_none_held());
    struct mapping *mapping;
    struct vmo_view view;
    status_t status = lock_page(aspace, addr, write ? FAULT_WRITE : FAULT_READ, &mapping, &view);
    if (status != OK) {
        return status;
    }
    if (view.page != NULL) {
        page_hold(view.page, write);
        *out = view.page;
    }
    spin_unlock(mapping->vmo->lock);
    return view.page != NULL ? OK : ERR_FAULT;
}

status_t aspace_futex_key(struct aspace *aspace, vaddr_t addr, uint64_t key[2]) {
    spin_lock(&aspace->lock);
    const struct mapping *mapping = mapping_find(aspace, addr);
    bool found = mapping != NULL && mapping->start <= addr;
    if (found) {
        key[0] = mapping->vmo->object.id;
        key[1] = (mapping->first << PAGE_SHIFT) + (addr - mapping->start);
    }
    spin_unlock(&aspace->lock);
    return found ? OK : ERR_FAULT;
}

// The first pin at or above an address.
static struct pin *pin_find(const struct aspace *aspace, vaddr_t addr) {
    assert(spin_held(&aspace->lock));
    struct tree_node *node = aspace->pins.root;
    struct pin *best = NULL;
    while (node != NULL) {
        struct pin *pin = tree_entry(node, struct pin, node);
        if (addr <= pin->addr) {
            best = pin;
            node = node->child[0];
        } else {
            node = node->child[1];
        }
    }
    return best;
}

static void pin_insert(struct aspace *aspace, struct pin *pin) {
    assert(spin_held(&aspace->lock));
    struct tree_node *parent = NULL;
    int side = 0;
    for (struct tree_node *node = aspace->pins.root; node != NULL; node = node->child[side]) {
        parent = node;
        side = pin->addr > tree_entry(node, struct pin, node)->addr;
    }
    tree_insert_at(&aspace->pins, parent, side, &pin->node);
}

bool aspace_has_pin(const struct aspace *aspace, vaddr_t start, vaddr_t end) {
    assert(spin_held(&aspace->lock) && start <= end);
    const struct pin *pin = pin_find(aspace, start);
    return pin != NULL && pin->addr < end;
}

// With aspace->lock held.
static status_t pin_page(struct aspace *aspace, vaddr_t addr, struct pin *pin) {
    assert(spin_held(&aspace->lock));
    assert(pin->vmo == NULL);
    struct mapping *mapping = mapping_find(aspace, addr);
    if (mapping == NULL || mapping->start > addr || (mapping->flags & MAP_READ) == 0 ||
        (mapping->flags & MAP_WRITE) == 0 || mapping->vmo->kind != VMO_ANONYMOUS) {
        return ERR_FAULT;
    }
    struct vmo *vmo = mapping->vmo;
    struct vmo_view view;
    spin_lock(vmo->lock);
    status_t status =
        vmo_resolve(vmo, mapping_index(mapping, addr), true, aspace->object.job, &view);
    if (status == OK && view.page->pins == UINT16_MAX) {
        status = ERR_LIMIT;
    }
    if (status == OK) {
        view.page->pins++;
        vmo->pins++;
        page_ref(view.page);
        object_ref(&vmo->object);
        pin->addr = addr;
        pin->vmo = vmo;
        pin->page = view.page;
    }
    spin_unlock(vmo->lock);
    return status == ERR_OUT_OF_RANGE ? ERR_FAULT : status;
}

status_t aspace_pin_block(struct aspace *aspace, vaddr_t addr, struct page **out) {
    if (!IS_ALIGNED(addr, PAGE_SIZE)) {
        return ERR_INVALID_ARGUMENT;
    }
    void *memory;
    status_t status = slab_alloc(&pin_cache, aspace->object.job, &memory);
    if (status != OK) {
        return status;
    }
    struct pin *pin = memory;
    spin_lock(&aspace->lock);
    status = pin_page(aspace, addr, pin);
    if (status == OK) {
        pin_insert(aspace, pin);
        *out = pin->page;
    }
    spin_unlock(&aspace->lock);
    if (status != OK) {
        slab_free(&pin_cache, aspace->object.job, pin);
    }
    return status;
}

void aspace_unpin_block(struct aspace *aspace, vaddr_t addr, struct page *page) {
    spin_lock(&aspace->lock);
    struct pin *pin = pin_find(aspace, addr);
    while (pin != NULL && pin->page != page) {
        struct tree_node *next = tree_next(&pin->node);
        pin = next != NULL ? tree_entry(next, struct pin, node) : NULL;
    }
    assert(pin != NULL && pin->addr == addr);
    tree_remove(&aspace->pins, &pin->node);
    struct vmo *vmo = pin->vmo;
    spin_lock(vmo->lock);
    assert(page->pins != 0 && vmo->pins != 0);
    page->pins--;
    vmo->pins--;
    spin_unlock(vmo->lock);
    spin_unlock(&aspace->lock);
    object_unref(&vmo->object);
    page_unref(page);
    slab_free(&pin_cache, aspace->object.job, pin);
}

// With aspace->lock held. Counts in the first QUERY_PAGES_MAX pages of the parts that have tables.
static uint32_t count_shown(struct aspace *aspace, const struct mapping *mapping) {
    assert(spin_held(&aspace->lock));
    uint32_t shown = 0;
    uint32_t looked = 0;
    vaddr_t end = mapping_end(mapping);
    vaddr_t at = mapping->start;
    spin_lock(&aspace->tables_lock);
    while (looked < QUERY_PAGES_MAX && (at = mmu_next(&aspace->space, at, end)) < end) {
        for (vaddr_t stop = MIN(end, at + STEP_PAGES * PAGE_SIZE); at < stop; at += PAGE_SIZE) {
            paddr_t page;
            shown += mmu_lookup(&aspace->space, at, &page) != 0;
            looked++;
        }
    }
    spin_unlock(&aspace->tables_lock);
    return shown;
}

// Which of the QUERY_PAGES pages from `addr` on are there, a bit a page. aspace->lock held.
static uint64_t pages_there(struct aspace *aspace, vaddr_t addr, vaddr_t end) {
    assert(spin_held(&aspace->lock));
    uint64_t bits = 0;
    spin_lock(&aspace->tables_lock);
    for (uint32_t i = 0; i < QUERY_PAGES && addr < end; i++, addr += PAGE_SIZE) {
        paddr_t page;
        bits |= (uint64_t)(mmu_lookup(&aspace->space, addr, &page) != 0) << i;
    }
    spin_unlock(&aspace->tables_lock);
    return bits;
}

status_t aspace_query(struct aspace *aspace, vaddr_t addr, struct mapping_info *info) {
    spin_lock(&aspace->lock);
    const struct mapping *mapping = mapping_find(aspace, addr);
    if (mapping != NULL) {
        *info = (struct mapping_info){
            .addr = mapping->start,
            .size_bytes = mapping->bytes,
            .vmo_id = mapping->vmo->object.id,
            .vmo_offset = mapping->first << PAGE_SHIFT,
            .flags = mapping->flags | mapping->inherit,
            .resident_pages = count_shown(aspace, mapping),
            .pages_there = pages_there(aspace, MAX(ALIGN_DOWN(addr, PAGE_SIZE), mapping->start),
                                       mapping_end(mapping)),
        };
    }
    spin_unlock(&aspace->lock);
    return mapping != NULL ? OK : ERR_NOT_FOUND;
}

uint64_t aspace_resident_pages(const struct aspace *aspace) {
    return __atomic_load_n(&aspace->resident, __ATOMIC_RELAXED);
}

const struct aspace_entry *aspace_entry(const struct aspace *aspace) {
    return &aspace->entry;
}

static bool is_entry(const struct aspace_entry *entry) {
    const vaddr_t addrs[] = {entry->redirect,     entry->upcall,       entry->exit_begin,
                             entry->exit_end,     entry->access_begin, entry->access_end,
                             entry->access_fault, entry->child};
    for (size_t i = 0; i < ARRAY_SIZE(addrs); i++) {
        if (addrs[i] < USER_MIN || addrs[i] >= USER_MAX) {
            return false;
        }
    }
    return true;
}

status_t aspace_set_entry(struct aspace *aspace, const struct aspace_entry *entry) {
    if (!is_entry(entry)) {
        return ERR_INVALID_ARGUMENT;
    }
    spin_lock(&aspace->lock);
    bool first = aspace->entry.redirect == 0;
    if (first) {
        memcpy(&aspace->entry.upcall, &entry->upcall, sizeof(*entry) - sizeof(entry->redirect));
        __atomic_store_n(&aspace->entry.redirect, entry->redirect, __ATOMIC_RELEASE);
    }
    spin_unlock(&aspace->lock);
    return first ? OK : ERR_BAD_STATE;
}
