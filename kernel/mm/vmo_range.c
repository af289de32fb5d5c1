// SPDX-License-Identifier: MIT
//
// What is done to a range of a vmo's pages: hiding them from page tables, freeing them, changing
// the size.
//
// Long operations work from the end of their range towards its beginning, a bounded piece a step,
// so that what is left is again a range with the same beginning. A piece has at most 512 pages of
// the vmo and touches few page tables, or is 512 indices long at most; the number of mappings that
// show one piece is not bounded here, but each costs its owner's job memory.
//
// Shrinking sets the size first, so that nothing past it can be found any more; then the pages
// between it and `used_end` are freed in steps. Growing waits until that is done: so pages that
// were cut off never come back.
#include "vmo_internal.h"

#include <object/job.h>

typedef void range_fn(struct mapping *mapping, vaddr_t start, vaddr_t end,
                      struct shootdown *shootdown);

static void for_mappings(struct vmo *vmo, uint64_t first, uint64_t end, range_fn *function,
                         struct shootdown *shootdown) {
    assert(spin_held(vmo->lock));
    list_for_each(node, &vmo->mappings) {
        struct mapping *mapping = list_entry(node, struct mapping, vmo_node);
        uint64_t from = MAX(first, mapping->first);
        uint64_t to = MIN(end, mapping->first + (mapping->bytes >> PAGE_SHIFT));
        if (from < to) {
            function(mapping, mapping_addr(mapping, from), mapping_addr(mapping, to), shootdown);
        }
    }
}

// The part of [*first, *end) of the source that a clone covers, as indices of the clone.
static bool in_clone(const struct vmo *clone, uint64_t *first, uint64_t *end) {
    if (*end <= clone->source_first) {
        return false;
    }
    *first = *first > clone->source_first ? *first - clone->source_first : 0;
    *end = MIN(*end - clone->source_first, clone->used_end);
    return *first < *end;
}

void vmo_hide(struct vmo *vmo, uint64_t first, uint64_t end, struct shootdown *shootdown) {
    assert(spin_held(vmo->lock));
    assert(first <= end);
    for_mappings(vmo, first, end, mapping_clear, shootdown);
    list_for_each(node, &vmo->clones) {
        struct vmo *clone = list_entry(node, struct vmo, clone_node);
        uint64_t from = first;
        uint64_t to = end;
        if (in_clone(clone, &from, &to)) {
            for_mappings(clone, from, to, mapping_clear, shootdown);
        }
    }
}

void vmo_write_protect(struct vmo *vmo, uint64_t first, uint64_t end, struct shootdown *shootdown) {
    assert(spin_held(vmo->lock));
    assert(first <= end);
    for_mappings(vmo, first, end, mapping_write_protect, shootdown);
}

void vmo_free_range(struct vmo *vmo, uint64_t first, uint64_t end, uint64_t most) {
    assert(spin_held(vmo->lock));
    assert(first <= end);
    struct job *payer = NULL; // nearly always the same for all
    uint64_t due = 0;
    for (; most != 0 && page_map_next(&vmo->map, &first, end) != NULL; first++, most--) {
        struct page *page = page_map_take(&vmo->map, first);
        vmo->resident--;
        page_unshare(page);
        if (page->job != payer) {
            job_uncharge(payer, RESOURCE_PAGES, due);
            payer = page->job;
            due = 0;
        }
        due += page_put(page);
    }
    job_uncharge(payer, RESOURCE_PAGES, due);
}

static uint32_t tables_in(struct vmo *vmo, uint64_t first, uint64_t end) {
    assert(spin_held(vmo->lock));
    uint32_t tables = 0;
    list_for_each(node, &vmo->mappings) {
        const struct mapping *mapping = list_entry(node, struct mapping, vmo_node);
        uint64_t from = MAX(first, mapping->first);
        uint64_t to = MIN(end, mapping->first + (mapping->bytes >> PAGE_SHIFT));
        if (from < to) {
            tables += mapping_tables(mapping, mapping_addr(mapping, from),
                                     mapping_addr(mapping, to), STEP_TABLES + 1);
        }
        if (tables > STEP_TABLES) {
            break;
        }
    }
    return tables;
}

static bool is_step(struct vmo *vmo, uint64_t first, uint64_t end) {
    if (end - first <= STEP_PAGES) {
        return true;
    }
    if (page_map_count(&vmo->map, first, end, STEP_PAGES + 1) > STEP_PAGES) {
        return false;
    }
    uint32_t tables = tables_in(vmo, first, end);
    list_for_each(node, &vmo->clones) {
        struct vmo *clone = list_entry(node, struct vmo, clone_node);
        uint64_t from = first;
        uint64_t to = end;
        if (tables <= STEP_TABLES && in_clone(clone, &from, &to)) {
            tables += tables_in(clone, from, to);
        }
    }
    return tables <= STEP_TABLES;
}

// Where the last piece of [first, end) begins that one step may do.
static uint64_t last_step(struct vmo *vmo, uint64_t first, uint64_t end) {
    assert(first <= end);
    while (!is_step(vmo, first, end)) {
        first += (end - first) / 2;
    }
    return first;
}

static void drop(struct vmo *vmo, uint64_t first, uint64_t end) {
    assert(spin_held(vmo->lock));
    struct shootdown shootdown;
    shootdown_init(&shootdown);
    vmo_hide(vmo, first, end, &shootdown);
    shootdown_flush(&shootdown);
    vmo_free_range(vmo, first, end, UINT64_MAX);
}

static bool has_pins(struct vmo *vmo, uint64_t first, uint64_t end) {
    assert(spin_held(vmo->lock));
    struct page *page;
    while (vmo->pins != 0 && (page = page_map_next(&vmo->map, &first, end)) != NULL) {
        if (page->pins != 0) {
            return true;
        }
        first++;
    }
    return false;
}

static status_t set_size_step(struct vmo *vmo, uint64_t pages) {
    assert(spin_held(vmo->lock));
    assert(vmo->used_end >= vmo->pages);
    if (pages < vmo->pages) {
        if (has_pins(vmo, pages, vmo->pages)) {
            return ERR_BUSY;
        }
        __atomic_store_n(&vmo->pages, pages, __ATOMIC_RELAXED);
    }
    if (vmo->used_end > vmo->pages) {
        uint64_t first = last_step(vmo, vmo->pages, vmo->used_end);
        drop(vmo, first, vmo->used_end);
        vmo->used_end = first;
        if (first > vmo->pages) {
            return STATUS_RESTART;
        }
    }
    if (pages > vmo->pages) {
        vmo->used_end = pages;
        __atomic_store_n(&vmo->pages, pages, __ATOMIC_RELAXED);
    }
    return OK;
}

status_t vmo_set_size(struct vmo *vmo, uint64_t size) {
    if ((vmo->flags & VMO_RESIZABLE) == 0) {
        return ERR_NOT_SUPPORTED;
    }
    if (size > VMO_MAX_BYTES) {
        return ERR_OUT_OF_RANGE;
    }
    spin_lock(vmo->lock);
    status_t status = set_size_step(vmo, ALIGN_UP(size, PAGE_SIZE) >> PAGE_SHIFT);
    spin_unlock(vmo->lock);
    return status;
}

static status_t decommit_step(struct vmo *vmo, uint64_t first, uint64_t *end) {
    if (*end > vmo->pages) {
        return ERR_OUT_OF_RANGE;
    }
    if (has_pins(vmo, first, *end)) {
        return ERR_BUSY;
    }
    // Where no page is there is nothing to do: the zero page may go on being shown.
    if (page_map_count(&vmo->map, first, *end, 1) != 0) {
        uint64_t from = last_step(vmo, first, *end);
        drop(vmo, from, *end);
        *end = from;
    } else {
        *end = first;
    }
    return OK;
}

status_t vmo_decommit(struct vmo *vmo, uint64_t offset, uint64_t *size) {
    if (vmo->kind != VMO_ANONYMOUS || vmo->source != NULL || (vmo->flags & VMO_CONTIGUOUS) != 0) {
        return ERR_NOT_SUPPORTED;
    }
    if (!IS_ALIGNED(offset, PAGE_SIZE) || !IS_ALIGNED(*size, PAGE_SIZE)) {
        return ERR_INVALID_ARGUMENT;
    }
    if (offset > VMO_MAX_BYTES || *size > VMO_MAX_BYTES) {
        return ERR_OUT_OF_RANGE;
    }
    uint64_t first = offset >> PAGE_SHIFT;
    uint64_t end = (offset + *size) >> PAGE_SHIFT;
    spin_lock(vmo->lock);
    status_t status = decommit_step(vmo, first, &end);
    spin_unlock(vmo->lock);
    *size = (end - first) << PAGE_SHIFT;
    return status;
}
