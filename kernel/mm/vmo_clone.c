// SPDX-License-Identifier: MIT
//
// Cloning. A clone takes a share of each page that it is to have, and the source's mappings lose
// their right to write there; from then on whoever writes makes a copy of its own (vmo.c, I3 and
// I4).
//
//             of an ordinary vmo     of an AT_WRITE clone
//   snapshot  its pages              its own pages, and where absent those of its source
//   AT_WRITE  none: reads the vmo    its own pages; reads its source
//
// A page into which somebody is copying at this moment, or that holds a thread block, is copied
// instead. The clone is known to nobody yet, so its own map needs no lock.
#include "vmo_internal.h"

#include <arch/cpu.h>

// Gives the clone a page, shared or (when it may be written without our seeing it) copied.
static status_t give(struct vmo *clone, uint64_t index, struct page *page) {
    assert(page_shares(page) != 0);
    struct page *given = page;
    if (page->pins != 0 || __atomic_load_n(&page->writers, __ATOMIC_ACQUIRE) != 0) {
        status_t status = page_alloc(clone->object.job, 0, &given);
        if (status != OK) {
            return status;
        }
        memcpy(page_to_virt(given), page_to_virt(page), PAGE_SIZE);
        page_adopt(given);
    } else {
        page_share(page);
    }
    status_t status = page_map_put(&clone->map, clone->object.job, index, given);
    if (status != OK) {
        page_unshare(given);
        page_unref(given);
        return status;
    }
    clone->resident++;
    return OK;
}

// Gives the clone what `from` has in a range, up to 512 pages, where it has nothing yet. `shift` is
// the index in `from` of the clone's page 0. Moves *index past what was done.
static status_t give_range(struct vmo *clone, struct vmo *from, uint64_t shift, uint64_t *index,
                           uint64_t end) {
    assert(spin_held(from->lock));
    assert(*index < end);
    uint64_t first = shift + *index;
    uint64_t at = first;
    uint64_t given_end = first;
    struct page *page = NULL;
    status_t status = OK;
    for (size_t i = 0; i < STEP_PAGES && status == OK; i++) {
        page = page_map_next(&from->map, &at, shift + end);
        if (page == NULL) {
            break;
        }
        if (page_map_get(&clone->map, at - shift) == NULL) {
            status = give(clone, at - shift, page);
        }
        given_end = ++at;
    }
    // What was given is protected also when the next page could not be.
    struct shootdown shootdown;
    shootdown_init(&shootdown);
    vmo_write_protect(from, first, given_end, &shootdown);
    shootdown_flush(&shootdown);
    *index = page == NULL ? end : given_end - shift;
    return status;
}

// All pages of `from` in the clone's range, in steps.
static status_t give_all(struct vmo *clone, struct vmo *from, uint64_t shift) {
    uint64_t index = 0;
    while (index < clone->pages) {
        spin_lock(from->lock);
        status_t status = give_range(clone, from, shift, &index, clone->pages);
        spin_unlock(from->lock);
        if (status != OK) {
            return status;
        }
        if (index < clone->pages) {
            arch_interrupt_window();
        }
    }
    return OK;
}

// Makes the clone one that reads `source`, which is not a clone itself.
static void attach(struct vmo *clone, struct vmo *source, uint64_t first) {
    assert(source->source == NULL && clone->source == NULL);
    clone->source = source;
    clone->source_first = first;
    clone->lock = source->lock;
    spin_lock(source->lock);
    list_push_back(&source->clones, &clone->clone_node);
    spin_unlock(source->lock);
}

static status_t check_range(struct vmo *source, uint64_t offset, uint64_t size, uint32_t flags) {
    if ((flags & ~CLONE_FLAGS_ALL) != 0 || !IS_ALIGNED(offset, PAGE_SIZE) ||
        !IS_ALIGNED(size, PAGE_SIZE) || size == 0) {
        return ERR_INVALID_ARGUMENT;
    }
    if (source->kind != VMO_ANONYMOUS || (source->flags & VMO_CONTIGUOUS) != 0) {
        return ERR_NOT_SUPPORTED;
    }
    uint64_t have = vmo_size(source);
    return offset > have || size > have - offset ? ERR_OUT_OF_RANGE : OK;
}

status_t vmo_clone(struct vmo *source, struct job *job, uint64_t offset, uint64_t size,
                   uint32_t flags, uint64_t provider, struct vmo **out) {
    status_t status = check_range(source, offset, size, flags);
    if (status != OK) {
        return status;
    }
    bool at_write = (flags & CLONE_AT_WRITE) != 0;
    struct vmo *root = source->source != NULL ? source->source : source;
    if (at_write && !object_try_ref(&root->object)) {
        return ERR_BAD_HANDLE;
    }
    struct vmo *clone;
    status = vmo_new(job, size >> PAGE_SHIFT, at_write ? 0 : source->flags, provider, &clone);
    if (status != OK) {
        if (at_write) {
            object_unref(&root->object);
        }
        return status;
    }
    uint64_t first = offset >> PAGE_SHIFT;
    uint64_t root_first = root == source ? first : source->source_first + first;
    if (at_write) {
        attach(clone, root, root_first);
    }
    if (!at_write || root != source) {
        status = give_all(clone, source, first);
    }
    if (status == OK && !at_write && root != source) {
        status = give_all(clone, root, root_first);
    }
    if (status != OK) {
        object_unref(&clone->object);
        return status;
    }
    *out = clone;
    return OK;
}
