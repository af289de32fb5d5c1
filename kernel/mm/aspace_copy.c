// SPDX-License-Identifier: MIT
//
// Copying the mappings of one aspace into another, for process_clone. Page tables are not copied:
// what the copy shows comes in by faults.
//
// The source is locked for one mapping at a time, and never together with the target: what changes
// meanwhile is copied before or after. A mapping that is to be copied gets a vmo of its own, a
// clone of what it shows; one that can't be written to, ever, or whose vmo can't be cloned, is
// shared, like one that asks for it: then its place in the derivation tree is beside the
// original's, so that depth does not grow with generations, and revoking reaches both.
#include "aspace_internal.h"
#include "vmo_internal.h"

#include <arch/cpu.h>

static bool is_shared(const struct mapping *mapping) {
    const struct vmo *vmo = mapping->vmo;
    return (mapping->inherit & MAP_INHERIT_SHARE) != 0 || (mapping->max_access & MAP_WRITE) == 0 ||
           vmo->kind != VMO_ANONYMOUS || (vmo->flags & VMO_CONTIGUOUS) != 0 ||
           mapping->first << PAGE_SHIFT >= vmo_size(vmo);
}

// Makes an unlinked mapping of `to` that shows what `mapping` does; null: that is being revoked.
static status_t resemble(struct mapping *mapping, struct aspace *to, bool shared,
                         struct mapping **out) {
    assert(spin_held(&mapping->aspace->lock));
    struct mapping *copy;
    status_t status = mapping_create(to, &copy);
    *out = NULL;
    if (status != OK) {
        return status;
    }
    if (shared && mapping->has_handle) {
        if (!handle_copy_node(&mapping->handle, &copy->handle)) {
            mapping_discard(copy);
            return OK;
        }
        copy->has_handle = true;
    }
    mapping_resemble(copy, mapping, mapping->start);
    *out = copy;
    return OK;
}

// Gives an unlinked mapping a clone of its vmo. Of a clone that reads its source, another such: it
// would have to take all pages of a file else.
static status_t own_vmo(struct mapping *copy) {
    assert(!copy->linked);
    struct vmo *vmo = copy->vmo;
    uint64_t bytes = MIN(copy->bytes, vmo_size(vmo) - (copy->first << PAGE_SHIFT));
    struct vmo *clone;
    status_t status = vmo_clone(vmo, copy->job, copy->first << PAGE_SHIFT, bytes,
                                vmo->source != NULL ? CLONE_AT_WRITE : 0, 0, &clone);
    if (status == OK) {
        object_unref(vmo_object(vmo));
        copy->vmo = clone;
        copy->first = 0;
    }
    return status;
}

// Links a copy where nothing is mapped yet; else it is forgotten.
static void place(struct aspace *to, struct mapping *copy) {
    assert(copy->aspace == to && !copy->linked);
    spin_lock(&to->lock);
    const struct mapping *there = mapping_find(to, copy->start);
    bool fits = !copy->revoked && (there == NULL || there->start >= mapping_end(copy));
    if (fits) {
        copy->origin = ++to->origins;
        mapping_link(copy);
    }
    spin_unlock(&to->lock);
    if (!fits) {
        mapping_discard(copy);
    }
}

// Copies the first mapping at or above *addr, and moves *addr past it: to 0 when there was none.
static status_t copy_next(struct aspace *from, struct aspace *to, vaddr_t share_end,
                          vaddr_t *addr) {
    struct mapping *copy = NULL;
    bool shared = false;
    status_t status = OK;
    spin_lock(&from->lock);
    struct mapping *mapping = mapping_find(from, *addr);
    *addr = mapping != NULL ? mapping_end(mapping) : 0;
    bool lent = *addr <= share_end;
    if (mapping != NULL && (lent || (mapping->inherit & MAP_INHERIT_DROP) == 0)) {
        shared = lent || is_shared(mapping);
        status = resemble(mapping, to, shared, &copy);
    }
    spin_unlock(&from->lock);
    if (copy == NULL) {
        return status;
    }
    status = shared ? OK : own_vmo(copy);
    if (status == OK) {
        place(to, copy);
    } else {
        mapping_discard(copy);
    }
    return status == ERR_OUT_OF_RANGE ? OK : status; // the vmo has just been cut off before it
}

status_t aspace_copy(struct aspace *from, struct aspace *to, vaddr_t share_end) {
    assert(from != to);
    assert(spin_none_held());
    status_t status = (from->flags & ~to->flags) == 0 ? OK : ERR_BAD_STATE;
    for (vaddr_t addr = USER_MIN; status == OK && addr != 0;) {
        status = copy_next(from, to, share_end, &addr);
        arch_interrupt_window();
    }
    if (status == OK) {
        (void)aspace_set_entry(to, &from->entry); // it may have one
    }
    return status;
}
