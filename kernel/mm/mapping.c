// SPDX-License-Identifier: MIT
//
// Mappings: their place in the aspace's tree and in the vmo's list, splitting and joining them, and
// the page table entries that they are responsible for.
//
// Locks, outer to inner: aspace->lock, the vmo's lock, aspace->tables_lock. An operation on an
// aspace goes that way. An operation on a vmo must reach the page tables of every aspace that maps
// it, against the order of the first two; it can, because the vmo's lock alone is enough to read a
// mapping's range and to keep it linked (who changes either holds both), and the page tables have a
// lock of their own inside. A mapping keeps its aspace's tables alive only while it is linked: see
// aspace_destroy.
//
// No entry is made but with the lock of the mapping's vmo held, and a flush is done before that
// lock is dropped: invariants I1 and I2 of vmo.c.
#include <mm/mapping.h>

#include "aspace_internal.h"
#include "vmo_internal.h"

#include <mm/slab.h>
#include <sched/cpu.h>

#define TABLE_SPAN (512 * PAGE_SIZE) // what one page table of the lowest level covers
#define AROUND_PAGES 32

static struct slab_cache mapping_cache = SLAB_CACHE(struct mapping, "mapping");

status_t mapping_create(struct aspace *aspace, struct mapping **out) {
    void *memory;
    status_t status = slab_alloc(&mapping_cache, aspace->object.job, &memory);
    if (status == OK) {
        struct mapping *mapping = memory;
        mapping->handle.kind = HANDLE_MAPPING;
        mapping->aspace = aspace;
        mapping->job = aspace->object.job;
        *out = mapping;
    }
    return status;
}

static bool mapping_free(struct reap_item *item) {
    struct mapping *mapping = container_of(item, struct mapping, reap);
    slab_free(&mapping_cache, mapping->job, mapping);
    return true;
}

void mapping_discard(struct mapping *mapping) {
    assert(!mapping->linked);
    if (mapping->has_handle) {
        handle_node_drop(&mapping->handle);
    }
    if (mapping->vmo != NULL) {
        object_unref(vmo_object(mapping->vmo));
    }
    reap_add(&mapping->reap, mapping_free);
}

static struct mapping *from_node(struct tree_node *node) {
    return node != NULL ? tree_entry(node, struct mapping, node) : NULL;
}

struct mapping *mapping_find(const struct aspace *aspace, vaddr_t addr) {
    assert(spin_held(&aspace->lock));
    struct tree_node *node = aspace->mappings.root;
    struct mapping *best = NULL;
    while (node != NULL) {
        struct mapping *mapping = from_node(node);
        if (addr < mapping_end(mapping)) {
            best = mapping;
            node = node->child[0];
        } else {
            node = node->child[1];
        }
    }
    return best;
}

struct mapping *mapping_after(const struct mapping *mapping) {
    assert(spin_held(&mapping->aspace->lock));
    return from_node(tree_next(&mapping->node));
}

// With both locks held.
static void link_both(struct mapping *mapping) {
    assert(spin_held(&mapping->aspace->lock));
    assert(IS_ALIGNED(mapping->start | mapping->bytes, PAGE_SIZE) && mapping->bytes != 0);
    assert(!mapping->linked && spin_held(mapping->vmo->lock));
    struct aspace *aspace = mapping->aspace;
    struct tree_node *parent = NULL;
    struct tree_node *node = aspace->mappings.root;
    int side = 0;
    while (node != NULL) {
        parent = node;
        side = mapping->start > from_node(node)->start;
        node = node->child[side];
    }
    tree_insert_at(&aspace->mappings, parent, side, &mapping->node);
    aspace->mapping_count++;
    list_push_back(&mapping->vmo->mappings, &mapping->vmo_node);
    mapping->vmo->mapping_count++;
    mapping->linked = true;
}

static void unlink_both(struct mapping *mapping) {
    assert(spin_held(mapping->vmo->lock) && mapping->vmo->mapping_count != 0);
    assert(mapping->linked && spin_held(&mapping->aspace->lock));
    tree_remove(&mapping->aspace->mappings, &mapping->node);
    mapping->aspace->mapping_count--;
    list_remove(&mapping->vmo_node);
    mapping->vmo->mapping_count--;
    mapping->linked = false;
}

void mapping_link(struct mapping *mapping) {
    assert(spin_held(&mapping->aspace->lock));
    spin_lock(mapping->vmo->lock);
    link_both(mapping);
    spin_unlock(mapping->vmo->lock);
}

void mapping_forget(struct mapping *mapping) {
    assert(spin_held(&mapping->aspace->lock));
    struct spinlock *vmo_lock = mapping->vmo->lock;
    spin_lock(vmo_lock);
    unlink_both(mapping);
    spin_unlock(vmo_lock);
    mapping_discard(mapping);
}

void mapping_remove(struct mapping *mapping) {
    assert(spin_held(&mapping->aspace->lock));
    struct shootdown shootdown;
    shootdown_init(&shootdown);
    struct spinlock *vmo_lock = mapping->vmo->lock;
    spin_lock(vmo_lock);
    mapping_clear(mapping, mapping->start, mapping_end(mapping), &shootdown);
    shootdown_flush(&shootdown);
    unlink_both(mapping);
    spin_unlock(vmo_lock);
    mapping_discard(mapping);
}

void mapping_trim(struct mapping *mapping, vaddr_t end) {
    assert(end < mapping_end(mapping));
    assert(spin_held(&mapping->aspace->lock) && end > mapping->start);
    struct shootdown shootdown;
    shootdown_init(&shootdown);
    spin_lock(mapping->vmo->lock);
    mapping_clear(mapping, end, mapping_end(mapping), &shootdown);
    shootdown_flush(&shootdown);
    mapping->bytes = end - mapping->start;
    spin_unlock(mapping->vmo->lock);
}

void mapping_resemble(struct mapping *mapping, const struct mapping *other, vaddr_t addr) {
    mapping->vmo = other->vmo;
    object_ref(vmo_object(mapping->vmo));
    mapping->max_access = other->max_access;
    mapping->inherit = other->inherit;
    mapping->flags = other->flags;
    mapping->start = addr;
    mapping->bytes = mapping_end(other) - addr;
    mapping->first = mapping_index(other, addr);
}

status_t mapping_split(struct aspace *aspace, vaddr_t addr) {
    assert(spin_held(&aspace->lock));
    struct mapping *low = mapping_find(aspace, addr);
    if (low == NULL || low->start >= addr) {
        return OK;
    }
    if (aspace->mapping_count >= MAPPINGS_MAX) {
        return ERR_LIMIT;
    }
    struct mapping *high;
    status_t status = mapping_create(aspace, &high);
    if (status != OK) {
        return status;
    }
    if (low->has_handle && !handle_copy_node(&low->handle, &high->handle)) {
        // It is being revoked: mapping_revoked comes for it soon, and for nothing else.
        mapping_discard(high);
        mapping_remove(low);
        return OK;
    }
    high->has_handle = low->has_handle;
    high->origin = low->origin;
    mapping_resemble(high, low, addr);
    spin_lock(low->vmo->lock);
    low->bytes = addr - low->start;
    link_both(high);
    spin_unlock(low->vmo->lock);
    return OK;
}

static bool are_pieces(const struct mapping *low, const struct mapping *high) {
    return low->origin == high->origin && mapping_end(low) == high->start &&
           low->vmo == high->vmo && mapping_index(low, high->start) == high->first &&
           low->flags == high->flags;
}

struct mapping *mapping_merge(struct mapping *mapping) {
    assert(spin_held(&mapping->aspace->lock));
    struct mapping *high = mapping_after(mapping);
    if (high == NULL || !are_pieces(mapping, high)) {
        return high;
    }
    struct spinlock *vmo_lock = mapping->vmo->lock;
    spin_lock(vmo_lock);
    unlink_both(high);
    mapping->bytes += high->bytes;
    spin_unlock(vmo_lock);
    mapping_discard(high);
    return mapping;
}

static uint64_t weight(paddr_t page) {
    return page != page_to_phys(page_zero());
}

static vaddr_t table_end(vaddr_t addr, vaddr_t end) {
    return MIN(end, ALIGN_DOWN(addr, TABLE_SPAN) + TABLE_SPAN);
}

void mapping_clear(struct mapping *mapping, vaddr_t start, vaddr_t end,
                   struct shootdown *shootdown) {
    assert(spin_held(mapping->vmo->lock));
    assert(start >= mapping->start && end <= mapping_end(mapping));
    struct aspace *aspace = mapping->aspace;
    vaddr_t low = end;
    vaddr_t high = start;
    spin_lock(&aspace->tables_lock);
    vaddr_t at = start;
    while ((at = mmu_next(&aspace->space, at, end)) < end) {
        paddr_t page;
        low = MIN(low, at);
        for (; at < end && mmu_unmap(&aspace->space, at, &page); at += PAGE_SIZE) {
            aspace->resident -= weight(page);
        }
        high = at;
    }
    spin_unlock(&aspace->tables_lock);
    if (low < high) {
        shootdown_add(shootdown, aspace, low, high - low);
    }
}

static uint32_t mmu_flags_of(const struct mapping *mapping) {
    const struct vmo *vmo = mapping->vmo;
    uint32_t flags = MMU_USER;
    if (vmo->kind == VMO_PHYSICAL && page_frame(vmo->physical) == NULL) {
        flags |= MMU_UNCACHED;
    }
    flags |= (mapping->flags & MAP_ACCESS) != 0 ? MMU_READ : 0;
    flags |= (mapping->flags & MAP_WRITE) != 0 ? MMU_WRITE : 0;
    flags |= (mapping->flags & MAP_EXECUTE) != 0 ? MMU_EXECUTE : 0;
    return flags;
}

void mapping_narrow(struct mapping *mapping, vaddr_t start, vaddr_t end, uint32_t remove,
                    struct shootdown *shootdown) {
    assert(spin_held(mapping->vmo->lock));
    assert(start >= mapping->start && end <= mapping_end(mapping));
    struct aspace *aspace = mapping->aspace;
    spin_lock(&aspace->tables_lock);
    bool changed =
        mmu_protect(&aspace->space, start, end - start, mmu_flags_of(mapping) & ~remove) != 0;
    spin_unlock(&aspace->tables_lock);
    if (changed) {
        shootdown_add(shootdown, aspace, start, end - start);
    }
}

void mapping_write_protect(struct mapping *mapping, vaddr_t start, vaddr_t end,
                           struct shootdown *shootdown) {
    if ((mapping->flags & MAP_WRITE) != 0) {
        mapping_narrow(mapping, start, end, MMU_WRITE, shootdown);
    }
}

uint32_t mapping_tables(const struct mapping *mapping, vaddr_t start, vaddr_t end, uint32_t limit) {
    assert(start < end);
    struct aspace *aspace = mapping->aspace;
    uint32_t tables = 0;
    spin_lock(&aspace->tables_lock);
    vaddr_t at = start;
    while (tables < limit && (at = mmu_next(&aspace->space, at, end)) < end) {
        tables++;
        at = table_end(at, end);
    }
    spin_unlock(&aspace->tables_lock);
    return tables;
}

status_t mapping_show(struct mapping *mapping, vaddr_t addr, const struct vmo_view *view) {
    assert(spin_held(mapping->vmo->lock));
    assert(addr >= mapping->start && addr < mapping_end(mapping));
    struct aspace *aspace = mapping->aspace;
    uint32_t flags = mmu_flags_of(mapping) & ~(view->writable ? 0 : (uint32_t)MMU_WRITE);
    paddr_t old;
    status_t status = OK;
    spin_lock(&aspace->tables_lock);
    uint32_t old_flags = mmu_lookup(&aspace->space, addr, &old);
    bool present = old_flags != 0;
    assert(!present || old == view->addr);
    if (!present || (flags & ~old_flags) != 0) {
        status = mmu_map(&aspace->space, aspace->object.job, addr, view->addr, flags);
        if (status == OK && !present) {
            aspace->resident += weight(view->addr);
        }
    }
    spin_unlock(&aspace->tables_lock);
    if (present && cpu_this()->aspace == aspace) {
        // The entry was or is right: this CPU has faulted on an older, narrower one.
        mmu_flush_local(addr, PAGE_SIZE);
    }
    return status;
}

void mapping_show_ahead(struct mapping *mapping, vaddr_t addr) {
    struct vmo *vmo = mapping->vmo;
    assert(spin_held(vmo->lock));
    struct aspace *aspace = mapping->aspace;
    vaddr_t next = addr + PAGE_SIZE;
    size_t room = (table_end(addr, mapping_end(mapping)) - next) >> PAGE_SHIFT;
    paddr_t pages[AHEAD_MAX];
    size_t count = vmo_go_ahead(vmo, mapping_index(mapping, addr), pages, MIN(room, AHEAD_MAX));
    if (count != 0) {
        spin_lock(&aspace->tables_lock);
        mmu_fill(&aspace->space, next, pages, count, mmu_flags_of(mapping));
        aspace->resident += count;
        spin_unlock(&aspace->tables_lock);
    }
}

void mapping_show_around(struct mapping *mapping, vaddr_t addr) {
    assert(spin_held(mapping->vmo->lock));
    struct aspace *aspace = mapping->aspace;
    vaddr_t window = ALIGN_DOWN(addr, AROUND_PAGES * PAGE_SIZE);
    vaddr_t start = MAX(window, mapping->start);
    vaddr_t end = MIN(window + AROUND_PAGES * PAGE_SIZE, mapping_end(mapping));
    size_t count = (end - start) >> PAGE_SHIFT;
    paddr_t pages[AROUND_PAGES];
    vmo_peek(mapping->vmo, mapping_index(mapping, start), pages, count);
    spin_lock(&aspace->tables_lock);
    // The window lies in one page table, which is there since `addr` was shown.
    mmu_fill(&aspace->space, start, pages, count, mmu_flags_of(mapping));
    for (size_t i = 0; i < count; i++) {
        aspace->resident += pages[i] != 0; // never the zero page
    }
    spin_unlock(&aspace->tables_lock);
}
