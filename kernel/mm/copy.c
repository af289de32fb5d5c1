// SPDX-License-Identifier: MIT
//
// Copying between a vmo or an aspace and a buffer, page by page. The page is found and held under
// the locks, then the bytes are moved through the kernel's map of RAM with no lock at all, because
// the buffer may be user memory that faults. While it is held for writing, a snapshot of its vmo
// copies the page instead of sharing it (vmo.c, I4); it may be replaced, cut off or unmapped
// meanwhile, as if that had happened just before the copy or just after.
#include "aspace_internal.h"
#include "vmo_internal.h"

#include <mm/user.h>

struct copy {
    struct vmo *vmo; // one of these two
    struct aspace *aspace;
    uint64_t at; // offset or address
    uintptr_t buffer;
    enum copy_way way; // in: into the vmo or aspace
};

static bool is_write(const struct copy *copy) {
    return copy->way == COPY_IN || copy->way == COPY_IN_USER;
}

static status_t hold(const struct copy *copy, uint64_t at, struct page **out) {
    if (copy->aspace != NULL) {
        return aspace_page_hold(copy->aspace, at, is_write(copy), out);
    }
    struct vmo_view view;
    spin_lock(copy->vmo->lock);
    status_t status = vmo_resolve(copy->vmo, at >> PAGE_SHIFT, is_write(copy), NULL, &view);
    if (status == OK && view.page == NULL) {
        status = ERR_NOT_SUPPORTED;
    }
    if (status == OK) {
        page_hold(view.page, is_write(copy));
        *out = view.page;
    }
    spin_unlock(copy->vmo->lock);
    return status;
}

static status_t copy_piece(const struct copy *copy, size_t done, size_t bytes) {
    struct page *page;
    status_t status = hold(copy, copy->at + done, &page);
    if (status == OK) {
        char *memory = (char *)page_to_virt(page) + (copy->at + done) % PAGE_SIZE;
        status = copy_buffer(copy->way, memory, copy->buffer + done, bytes);
        page_release(page, is_write(copy));
    }
    return status;
}

static int64_t copy_run(const struct copy *copy, size_t size) {
    if (copy->at > UINT64_MAX - size) {
        return ERR_OUT_OF_RANGE;
    }
    size_t done = 0;
    while (done < size) {
        size_t bytes = MIN(size - done, PAGE_SIZE - (copy->at + done) % PAGE_SIZE);
        status_t status = copy_piece(copy, done, bytes);
        if (status == STATUS_PAGE_WAIT || (status != OK && done == 0)) {
            return status;
        }
        if (status != OK) {
            break;
        }
        done += bytes;
    }
    return (int64_t)done;
}

// A copy that begins right at the end of the vmo has nothing to do; past it there is no place.
static int64_t copy_vmo(const struct copy *copy, size_t size) {
    uint64_t have = vmo_size(copy->vmo);
    if (copy->at >= have) {
        return copy->at == have ? 0 : ERR_OUT_OF_RANGE;
    }
    return copy_run(copy, MIN(size, have - copy->at));
}

int64_t vmo_read(struct vmo *vmo, uint64_t offset, void *buffer, size_t size) {
    struct copy copy = {.vmo = vmo, .at = offset, .buffer = (uintptr_t)buffer, .way = COPY_OUT};
    return copy_vmo(&copy, size);
}

int64_t vmo_write(struct vmo *vmo, uint64_t offset, const void *buffer, size_t size) {
    struct copy copy = {.vmo = vmo, .at = offset, .buffer = (uintptr_t)buffer, .way = COPY_IN};
    return copy_vmo(&copy, size);
}

status_t vmo_word(struct vmo *vmo, uint64_t offset, bool write, uint32_t *word) {
    struct copy copy = {.vmo = vmo, .way = write ? COPY_IN : COPY_OUT};
    struct page *page;
    assert(offset % sizeof(*word) == 0);
    status_t status = hold(&copy, offset, &page);
    if (status == OK) {
        uint32_t *place = (uint32_t *)((char *)page_to_virt(page) + offset % PAGE_SIZE);
        if (write) {
            __atomic_store_n(place, *word, __ATOMIC_RELEASE);
        } else {
            *word = __atomic_load_n(place, __ATOMIC_ACQUIRE);
        }
        page_release(page, write);
    }
    return status;
}

int64_t vmo_read_user(struct vmo *vmo, uint64_t offset, vaddr_t buffer, size_t size) {
    struct copy copy = {.vmo = vmo, .at = offset, .buffer = buffer, .way = COPY_OUT_USER};
    return copy_vmo(&copy, size);
}

int64_t vmo_write_user(struct vmo *vmo, uint64_t offset, vaddr_t buffer, size_t size) {
    struct copy copy = {.vmo = vmo, .at = offset, .buffer = buffer, .way = COPY_IN_USER};
    return copy_vmo(&copy, size);
}

int64_t aspace_read_user(struct aspace *aspace, vaddr_t addr, vaddr_t buffer, size_t size) {
    struct copy copy = {.aspace = aspace, .at = addr, .buffer = buffer, .way = COPY_OUT_USER};
    return copy_run(&copy, size);
}

int64_t aspace_write_user(struct aspace *aspace, vaddr_t addr, vaddr_t buffer, size_t size) {
    struct copy copy = {.aspace = aspace, .at = addr, .buffer = buffer, .way = COPY_IN_USER};
    return copy_run(&copy, size);
}
