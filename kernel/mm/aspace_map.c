// SPDX-License-Identifier: MIT
//
// Changing the mappings of an aspace: map, unmap, protect, and revoking.
//
// Each works on its range in steps, from the end towards the beginning: what is left is then a
// range with the same beginning, and only the size has to be remembered until the call is
// restarted. A step is atomic: checks first, then the splits at its borders (the only thing that
// can fail, and one that changes nothing that shows), then what was asked. Replacing maps the new
// piece in the same step in which it takes the old one away, so that nobody else can get the place
// in between. Nearly all calls are done in one step.
//
// A gap is searched from the rover on: the end of what was placed last, or the lowest address
// unmapped since. So the search is short as a rule; at worst it walks over all mappings, of which
// an aspace has at most MAPPINGS_MAX.
#include "aspace_internal.h"
#include "vmo_internal.h"

#include <arch/cpu.h>

static bool is_step(struct aspace *aspace, vaddr_t start, vaddr_t end) {
    uint32_t mappings = 0;
    uint32_t tables = 0; // besides one for each mapping: many small ones may share one
    struct mapping *mapping = mapping_find(aspace, start);
    while (mapping != NULL && mapping->start < end) {
        uint32_t in_this = mapping_tables(mapping, MAX(start, mapping->start),
                                          MIN(end, mapping_end(mapping)), STEP_TABLES + 2);
        mappings++;
        tables += in_this > 0 ? in_this - 1 : 0;
        if (tables > STEP_TABLES || mappings > STEP_MAPPINGS) {
            return false;
        }
        mapping = mapping_after(mapping);
    }
    return true;
}

// Where the last piece of [start, end) begins that one step may do.
static vaddr_t last_step(struct aspace *aspace, vaddr_t start, vaddr_t end) {
    assert(spin_held(&aspace->lock));
    assert(start < end);
    while (end - start > PAGE_SIZE && !is_step(aspace, start, end)) {
        start += ALIGN_DOWN((end - start) / 2, PAGE_SIZE);
    }
    return start;
}

// Removes all mappings in a range, or changes nothing.
static status_t clear_range(struct aspace *aspace, vaddr_t start, vaddr_t end) {
    assert(spin_held(&aspace->lock));
    status_t status = mapping_split(aspace, start);
    if (status == OK) {
        status = mapping_split(aspace, end);
    }
    if (status != OK) {
        return status;
    }
    struct mapping *mapping = mapping_find(aspace, start);
    while (mapping != NULL && mapping->start < end) {
        struct mapping *next = mapping_after(mapping);
        mapping_remove(mapping);
        mapping = next;
    }
    return OK;
}

static bool is_free(struct aspace *aspace, vaddr_t start, vaddr_t end) {
    const struct mapping *mapping = mapping_find(aspace, start);
    return mapping == NULL || mapping->start >= end;
}

static bool gap_between(struct aspace *aspace, vaddr_t start, vaddr_t limit, uint64_t size,
                        vaddr_t *out) {
    assert(spin_held(&aspace->lock));
    struct mapping *mapping = mapping_find(aspace, start);
    while (mapping != NULL && mapping->start < limit) {
        if (mapping->start > start && mapping->start - start >= size) {
            break;
        }
        start = mapping_end(mapping);
        mapping = mapping_after(mapping);
    }
    vaddr_t end = mapping != NULL ? MIN(mapping->start, limit) : limit;
    *out = start;
    return end > start && end - start >= size;
}

static status_t find_gap(struct aspace *aspace, vaddr_t hint, uint64_t size, vaddr_t *out) {
    assert(spin_held(&aspace->lock));
    if (IS_ALIGNED(hint, PAGE_SIZE) && user_range(hint, size) &&
        is_free(aspace, hint, hint + size)) {
        *out = hint;
        return OK;
    }
    if (gap_between(aspace, aspace->rover, USER_MAX, size, out) ||
        gap_between(aspace, MAP_BASE, USER_MAX, size, out)) {
        aspace->rover = *out + size;
        return OK;
    }
    return gap_between(aspace, USER_MIN, MAP_BASE, size, out) ? OK : ERR_NO_MEMORY;
}

static bool allowed_access(const struct aspace *aspace, uint32_t flags) {
    return (flags & (MAP_WRITE | MAP_EXECUTE)) != (MAP_WRITE | MAP_EXECUTE) ||
           (aspace->flags & ASPACE_ALLOW_WX) != 0;
}

static status_t check_map(const struct aspace *aspace, uint64_t offset, vaddr_t addr, uint64_t size,
                          uint32_t flags) {
    if ((flags & ~MAP_FLAGS_ALL) != 0 || (flags & MAP_ACCESS) == 0 || size == 0 ||
        !IS_ALIGNED(offset, PAGE_SIZE) || !IS_ALIGNED(size, PAGE_SIZE) ||
        (flags & (MAP_FIXED | MAP_EXCLUSIVE)) == MAP_EXCLUSIVE ||
        (flags & MAP_INHERIT) == MAP_INHERIT ||
        ((flags & MAP_FIXED) != 0 && !IS_ALIGNED(addr, PAGE_SIZE)) ||
        !allowed_access(aspace, flags)) {
        return ERR_INVALID_ARGUMENT;
    }
    bool in_range = (flags & MAP_FIXED) != 0 ? user_range(addr, size) : size <= USER_MAX - USER_MIN;
    return in_range && offset <= VMO_MAX_BYTES ? OK : ERR_OUT_OF_RANGE;
}

// Gives a new mapping its vmo: behind a handle, as a node of its derivation tree, or directly.
static status_t take_vmo(struct mapping *mapping, struct handle_table *table, handle_t handle,
                         struct vmo *vmo, uint32_t flags) {
    assert(!mapping->linked && mapping->vmo == NULL);
    uint32_t max = MAP_ACCESS;
    if (table != NULL) {
        // What is mapped can be read, whatever else is asked: page tables know no other way.
        uint32_t need = RIGHT_MAP | RIGHT_READ;
        need |= (flags & MAP_WRITE) != 0 ? RIGHT_WRITE : 0;
        need |= (flags & MAP_EXECUTE) != 0 ? RIGHT_EXECUTE : 0;
        uint32_t keep = RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE;
        status_t status =
            handle_derive_node(table, handle, OBJECT_VMO, need, keep, &mapping->handle);
        if (status != OK) {
            return status;
        }
        mapping->has_handle = true;
        vmo = vmo_from(mapping->handle.object);
        max = MAP_READ;
        max |= (mapping->handle.rights & RIGHT_WRITE) != 0 ? MAP_WRITE : 0;
        max |= (mapping->handle.rights & RIGHT_EXECUTE) != 0 ? MAP_EXECUTE : 0;
    }
    if (!object_try_ref(vmo_object(vmo))) {
        return ERR_BAD_HANDLE;
    }
    mapping->vmo = vmo;
    mapping->max_access = (uint8_t)max;
    return OK;
}

// Finds and clears the place for a mapping or, when that is too much for a step, for its last part.
static status_t make_room(struct aspace *aspace, vaddr_t *addr, uint64_t size, uint32_t flags,
                          vaddr_t *start) {
    assert(spin_held(&aspace->lock));
    if (aspace->mapping_count >= MAPPINGS_MAX) {
        return ERR_LIMIT;
    }
    if ((flags & MAP_FIXED) == 0) {
        status_t status = find_gap(aspace, *addr, size, addr);
        *start = *addr;
        return status;
    }
    vaddr_t end = *addr + size;
    *start = *addr;
    if (is_free(aspace, *addr, end)) {
        return OK;
    }
    if ((flags & MAP_EXCLUSIVE) != 0) {
        return ERR_ALREADY_EXISTS;
    }
    if (aspace_has_pin(aspace, *addr, end)) {
        return ERR_BUSY;
    }
    *start = last_step(aspace, *addr, end);
    return clear_range(aspace, *start, end);
}

status_t aspace_map_step(struct aspace *aspace, struct handle_table *table, handle_t handle,
                         struct vmo *vmo, uint64_t offset, vaddr_t addr, uint64_t *size,
                         uint32_t flags, vaddr_t *out) {
    assert(spin_none_held());
    status_t status = check_map(aspace, offset, addr, *size, flags);
    if (status != OK) {
        return status;
    }
    struct mapping *mapping;
    status = mapping_create(aspace, &mapping);
    if (status != OK) {
        return status;
    }
    status = take_vmo(mapping, table, handle, vmo, flags);
    if (status != OK) {
        mapping_discard(mapping);
        return status;
    }
    vaddr_t start;
    spin_lock(&aspace->lock);
    status = mapping->revoked ? ERR_BAD_HANDLE : make_room(aspace, &addr, *size, flags, &start);
    if (status == OK) {
        mapping->start = start;
        mapping->bytes = addr + *size - start;
        mapping->first = (offset + (start - addr)) >> PAGE_SHIFT;
        mapping->flags = flags & MAP_ACCESS;
        mapping->inherit = flags & MAP_INHERIT;
        mapping->origin = ++aspace->origins;
        mapping_link(mapping);
    }
    spin_unlock(&aspace->lock);
    if (status != OK) {
        mapping_discard(mapping);
        return status;
    }
    *out = addr;
    *size = start - addr;
    return OK;
}

void aspace_populate_step(struct aspace *aspace, vaddr_t addr, uint64_t size, uint64_t *done) {
    assert(spin_none_held());
    assert(*done <= size);
    spin_lock(&aspace->lock);
    const struct mapping *mapping = mapping_find(aspace, addr + *done);
    bool write = mapping != NULL && (mapping->flags & MAP_WRITE) != 0;
    spin_unlock(&aspace->lock);
    for (uint32_t i = 0; i < STEP_PAGES && *done < size; i++) {
        if (aspace_fault(aspace, addr + *done, write ? FAULT_WRITE : FAULT_READ) != OK) {
            *done = size;
            return;
        }
        *done += PAGE_SIZE;
    }
}

static status_t check_range(vaddr_t addr, uint64_t size) {
    if (!IS_ALIGNED(addr, PAGE_SIZE) || !IS_ALIGNED(size, PAGE_SIZE) || size == 0) {
        return ERR_INVALID_ARGUMENT;
    }
    return user_range(addr, size) ? OK : ERR_OUT_OF_RANGE;
}

status_t aspace_unmap_step(struct aspace *aspace, vaddr_t addr, uint64_t *size) {
    assert(spin_none_held());
    status_t status = check_range(addr, *size);
    if (status != OK) {
        return status;
    }
    vaddr_t end = addr + *size;
    spin_lock(&aspace->lock);
    vaddr_t start = addr;
    status = ERR_BUSY;
    if (!aspace_has_pin(aspace, addr, end)) {
        start = last_step(aspace, addr, end);
        status = clear_range(aspace, start, end);
    }
    if (status == OK) {
        *size = start - addr;
        if (start >= MAP_BASE) {
            aspace->rover = MIN(aspace->rover, start);
        }
    }
    spin_unlock(&aspace->lock);
    return status;
}

// Whether all of a range is mapped, by handles that allow the access.
static status_t check_protect(struct aspace *aspace, vaddr_t addr, vaddr_t end, uint32_t flags) {
    assert(spin_held(&aspace->lock));
    const struct mapping *mapping = mapping_find(aspace, addr);
    status_t status = OK;
    while (addr < end) {
        if (mapping == NULL || mapping->start > addr) {
            return ERR_NOT_FOUND;
        }
        if ((flags & ~(uint32_t)mapping->max_access) != 0) {
            status = ERR_ACCESS_DENIED;
        }
        addr = mapping_end(mapping);
        mapping = mapping_after(mapping);
    }
    return status;
}

static void set_access(struct mapping *mapping, uint32_t flags) {
    assert(spin_held(&mapping->aspace->lock));
    assert(mapping->linked);
    struct shootdown shootdown;
    shootdown_init(&shootdown);
    spin_lock(mapping->vmo->lock);
    mapping->flags = flags;
    if (flags == 0) {
        mapping_clear(mapping, mapping->start, mapping_end(mapping), &shootdown);
    } else {
        mapping_narrow(mapping, mapping->start, mapping_end(mapping), 0, &shootdown);
    }
    shootdown_flush(&shootdown);
    spin_unlock(mapping->vmo->lock);
}

static status_t protect_range(struct aspace *aspace, vaddr_t start, vaddr_t end, uint32_t flags) {
    assert(spin_held(&aspace->lock));
    status_t status = mapping_split(aspace, start);
    if (status == OK) {
        status = mapping_split(aspace, end);
    }
    struct mapping *mapping = mapping_find(aspace, start);
    while (status == OK && mapping != NULL && mapping->start < end) {
        if (mapping->flags != flags) {
            set_access(mapping, flags);
        }
        mapping = mapping_after(mapping);
    }
    // Pieces that are alike again, or were split for nothing, become one.
    mapping = mapping_find(aspace, start - PAGE_SIZE);
    while (mapping != NULL && mapping->start <= end) {
        mapping = mapping_merge(mapping);
    }
    return status;
}

status_t aspace_protect_step(struct aspace *aspace, vaddr_t addr, uint64_t *size, uint32_t flags) {
    assert(spin_none_held());
    if ((flags & ~(uint32_t)MAP_ACCESS) != 0 || !allowed_access(aspace, flags)) {
        return ERR_INVALID_ARGUMENT;
    }
    status_t status = check_range(addr, *size);
    if (status != OK) {
        return status;
    }
    vaddr_t end = addr + *size;
    spin_lock(&aspace->lock);
    status = check_protect(aspace, addr, end, flags);
    if (status == OK) {
        vaddr_t start = last_step(aspace, addr, end);
        status = protect_range(aspace, start, end, flags);
        *size = start - addr;
    }
    spin_unlock(&aspace->lock);
    return status;
}

// The node has been unlinked, so the mapping is not copied any more. It may not be in place yet,
// and it may be gone; its memory and its aspace's stay readable until this entry ends. Thread
// blocks in it stay pinned, but the process can't see them any more.
void mapping_revoked(struct handle *node) {
    assert(spin_none_held());
    struct mapping *mapping = container_of(node, struct mapping, handle);
    struct aspace *aspace = mapping->aspace;
    for (bool more = true; more;) {
        spin_lock(&aspace->lock);
        mapping->revoked = true;
        more = mapping->linked;
        if (more) {
            vaddr_t start = last_step(aspace, mapping->start, mapping_end(mapping));
            more = start > mapping->start;
            if (more) {
                mapping_trim(mapping, start);
            } else {
                mapping_remove(mapping);
            }
        }
        spin_unlock(&aspace->lock);
        if (more) {
            arch_interrupt_window();
        }
    }
}
