// SPDX-License-Identifier: MIT
//
// Attribute pages: what a file is, in memory that clients read without asking (FS `view`).
//
// One page a file, which all its readers share, made when the first one asks and given up when the
// last description is closed. Not one for all files: who may map it would see them all. Not one for
// each description or client: then a write would have to find and change many.
//
// A page is no part of the undo log, because it says nothing that the inode's record does not say.
// It is written between the commit of a step and its answer, so nobody who was told of a change
// finds an older page; and a successor, before it answers anybody, compares all pages with the
// records and writes those that differ. In between a reader sees the state before the step, and
// that is right: nobody was told otherwise. `sequence` is odd while the page is written. Readers do
// not wait for it to become even, they call.

#include "tmpfs.h"

#include <server/point.h>
#include <sys/calls.h>

void page_begin(struct tmpfs *fs) {
    fs->changed_count = 0;
}

void page_note(struct tmpfs *fs, uint32_t number) {
    if (inode_get(fs, number)->page == HANDLE_NONE) {
        return;
    }
    for (uint32_t i = 0; i < fs->changed_count; i++) {
        if (fs->changed[i] == number) {
            return;
        }
    }
    // While starting there may be many steps before the pages are looked at, all of them.
    if (fs->changed_count < VAULT_STEP_RECORDS) {
        fs->changed[fs->changed_count++] = number;
    }
}

// Where a page is mapped for writing; null: no memory for that.
static struct fs_page *page_map(struct tmpfs *fs, uint32_t number) {
    struct fs_page **page = &fs->pages[number - 1];
    if (*page == NULL) {
        int64_t addr = sys_aspace_map(HANDLE_NONE, inode_get(fs, number)->page, 0, 0, PAGE_SIZE,
                                      MAP_READ | MAP_WRITE);
        *page = addr < 0 ? NULL : (struct fs_page *)addr;
    }
    return *page;
}

// What a page has to say.
static void page_fill(struct tmpfs *fs, uint32_t number, struct fs_page *page) {
    inode_attributes(fs, number, &page->attributes);
    page->leased = inode_get(fs, number)->written != HANDLE_NONE;
}

// Writes a page that readers may be looking at.
static void page_write(struct tmpfs *fs, uint32_t number, const struct fs_page *as) {
    struct fs_page *page = page_map(fs, number);
    if (page == NULL) {
        // The page can't be written, so nobody may believe it any more: one odd word, in place.
        const uint64_t odd = 1;
        (void)!sys_vmo_write(inode_get(fs, number)->page, 0, &odd, sizeof(odd));
        return;
    }
    uint64_t odd = page->sequence | 1;
    vault_store_64(&page->sequence, odd);
    vault_store(&page->attributes, &as->attributes, sizeof(as->attributes));
    vault_store_64(&page->leased, as->leased);
    vault_store_64(&page->sequence, odd + 1);
}

void page_write_changed(struct tmpfs *fs) {
    struct fs_page page;
    for (uint32_t i = 0; i < fs->changed_count; i++) {
        const struct inode *inode = inode_get(fs, fs->changed[i]);
        if (inode->head.used != 0 && inode->page != HANDLE_NONE) {
            page_fill(fs, fs->changed[i], &page);
            page_write(fs, fs->changed[i], &page);
        }
    }
    fs->changed_count = 0;
}

void page_write_stale(struct tmpfs *fs) {
    struct fs_page page, found;
    for (uint32_t i = 1; i <= vault_touched(vault_of(fs), TABLE_INODES); i++) {
        const struct inode *inode = inode_get(fs, i);
        if (inode->head.used == 0 || inode->page == HANDLE_NONE) {
            continue;
        }
        page_fill(fs, i, &page);
        int64_t count = sys_vmo_read(inode->page, 0, &found, sizeof(found));
        page.sequence = found.sequence;
        if (count != sizeof(found) || found.sequence % 2 != 0 ||
            memcmp(&found, &page, sizeof(page)) != 0) {
            page_write(fs, i, &page);
        }
    }
    page_begin(fs);
}

// It is filled before anybody else knows it, by a copy: most pages are never written again, and
// need not be mapped here.
status_t page_make(struct tmpfs *fs, uint32_t number, struct inode *next) {
    struct fs_page page = {.sequence = 0};
    int64_t made = sys_vmo_create(data_job(fs), PAGE_SIZE, 0);
    if (made < 0) {
        return data_status(made);
    }
    step_made(vault_of(fs), (handle_t)made);
    page_fill(fs, number, &page);
    int64_t count = sys_vmo_write((handle_t)made, 0, &page, sizeof(page));
    next->page = (handle_t)made;
    return count < 0 ? data_status(count) : OK;
}

void page_drop(struct tmpfs *fs, uint32_t number) {
    struct fs_page **page = &fs->pages[number - 1];
    step_close(vault_of(fs), inode_get(fs, number)->page);
    step_close(vault_of(fs), inode_get(fs, number)->written);
    if (*page != NULL) {
        // Fails only for what is not mapped.
        (void)!sys_aspace_unmap(HANDLE_NONE, (vaddr_t)*page, PAGE_SIZE);
        *page = NULL;
    }
}

void page_settle(struct inode *inode) {
    int64_t written = 0;
    if (inode->written != HANDLE_NONE) {
        // A vmo of our own; what its clients have stored in it is not to be believed more than what
        // utimensat would let them set.
        (void)!sys_vmo_read(inode->written, 0, &written, sizeof(written));
    }
    if (written > inode->changed) {
        inode->modified = inode->changed = written;
    }
}

// Makes what a view or a lease shows, as far as it is not there. *changes: the record has to be
// written.
static status_t prepare(struct tmpfs *fs, uint32_t number, bool lease, struct inode *next,
                        bool *changes) {
    *changes = next->page == HANDLE_NONE || next->vmo == HANDLE_NONE ||
               (lease && next->written == HANDLE_NONE);
    status_t status = next->vmo == HANDLE_NONE ? data_make(fs, next->size, &next->vmo) : OK;
    status = status == OK && next->page == HANDLE_NONE ? page_make(fs, number, next) : status;
    if (status != OK || !lease || next->written != HANDLE_NONE) {
        return status;
    }
    int64_t made = sys_vmo_create(data_job(fs), PAGE_SIZE, 0);
    if (made < 0) {
        return data_status(made);
    }
    step_made(vault_of(fs), (handle_t)made);
    next->written = (handle_t)made;
    return OK;
}

// Gives handles to what a file shows. Errors of handle_duplicate.
static int64_t give(struct tmpfs *fs, const handle_t *shown, uint32_t first_writable,
                    uint32_t count, handle_t *out) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t rights = RIGHT_READ | RIGHT_MAP | RIGHT_TRANSFER;
        int64_t handle =
            sys_handle_duplicate(shown[i], rights | (i >= first_writable ? RIGHT_WRITE : 0));
        if (handle < 0) {
            return handle;
        }
        step_made(vault_of(fs), (handle_t)handle);
        out[i] = (handle_t)handle;
    }
    return OK;
}

static int64_t show(struct tmpfs *fs, const struct packet *packet, bool lease,
                    handle_t *handles_out) {
    const struct description *description = description_of(fs, packet);
    if (description == NULL) {
        return ERR_NOT_FOUND;
    }
    uint32_t number = description->inode, access = FS_OPEN_READ | (lease ? FS_OPEN_WRITE : 0);
    struct inode next = *inode_get(fs, number);
    bool changes;
    if (!is_regular(&next)) {
        return ERR_NOT_SUPPORTED;
    }
    if ((description->flags & access) != access) {
        return ERR_FORBIDDEN;
    }
    int64_t status = prepare(fs, number, lease, &next, &changes);
    const handle_t shown[3] = {next.page, next.vmo, next.written};
    status = status == OK ? give(fs, shown, lease ? 1 : 2, lease ? 3 : 2, handles_out) : status;
    if (status == OK && changes) {
        inode_write(fs, number, &next);
        if (!lease) {
            page_begin(fs); // it tells of neither
        }
    }
    return status;
}

int64_t tmpfs_view(void *context, const struct packet *packet, handle_t handles_out[2]) {
    return show(context, packet, false, handles_out);
}

int64_t tmpfs_lease(void *context, const struct packet *packet, handle_t handles_out[3]) {
    return show(context, packet, true, handles_out);
}
