// SPDX-License-Identifier: MIT
//
// Closing without a call (FS `defer`): a client that is the only one to have a description says in
// memory that it has closed it, and keeps the channel for the next file that it opens.
//
// So inodes and mounts may look used that are not. Whenever that matters, this server looks into
// the pages: before it frees what loses its last name, before it ends a mount or makes it
// read-only. It first says that it awaits the next close, so whatever is closed later is closed by
// the channel, as ever. Nothing else is different for a description with a page: what a page says
// is no part of the records, and is believed only of the client's own description.
//
// Between those moments a description that is closed keeps its inode and that one's attribute page;
// both go when the channel opens another file, or is closed.

#include "tmpfs.h"

#include <server/point.h>
#include <sys/calls.h>

static const struct description *description_at(const struct tmpfs *fs, const struct deferred *at) {
    return vault_record(&fs->server.vault, TABLE_DESCRIPTIONS, at->number - 1);
}

static struct deferred *find(struct tmpfs *fs, const struct description *description) {
    uint32_t number = (uint32_t)description->key & NUMBER_MASK;
    for (uint32_t i = 0; i < fs->deferred_count; i++) {
        if (fs->deferred[i].number == number) {
            return &fs->deferred[i];
        }
    }
    return NULL;
}

void defer_ends(struct tmpfs *fs, const struct description *description) {
    if (description->deferral == HANDLE_NONE) {
        return;
    }
    step_close(vault_of(fs), description->deferral);
    struct deferred *at = find(fs, description);
    if (at != NULL && at->page != NULL) {
        // Fails only for what is not mapped.
        (void)!sys_aspace_unmap(HANDLE_NONE, (vaddr_t)at->page, PAGE_SIZE);
    }
    if (at != NULL) {
        *at = fs->deferred[--fs->deferred_count];
    }
}

// Where the page is mapped; null: no memory for that.
static struct fs_deferral *page_map(struct deferred *at, handle_t vmo) {
    if (at->page == NULL) {
        int64_t addr = sys_aspace_map(HANDLE_NONE, vmo, 0, 0, PAGE_SIZE, MAP_READ | MAP_WRITE);
        at->page = addr < 0 ? NULL : (struct fs_deferral *)addr;
    }
    return at->page;
}

// Says in the page that the next close is awaited. Returns what was closed last.
static uint64_t announce(struct deferred *at, const struct description *description) {
    struct fs_deferral *page = page_map(at, description->deferral), copy = {0};
    if (page != NULL) {
        vault_store_64(&page->awaited, description->secret);
        // One of both sides sees what the other has stored.
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        return __atomic_load_n(&page->closed, __ATOMIC_RELAXED);
    }
    // A vmo of our own, with its page: it can't fail.
    (void)!sys_vmo_write(description->deferral, offsetof(struct fs_deferral, awaited),
                         &description->secret, sizeof(description->secret));
    (void)!sys_vmo_read(description->deferral, 0, &copy, sizeof(copy));
    return copy.closed;
}

void defer_await(struct tmpfs *fs, const struct description *description) {
    struct deferred *at = description->deferral != HANDLE_NONE ? find(fs, description) : NULL;
    if (at != NULL && description->awaited == 0) {
        (void)announce(at, description);
        vault_set(vault_of(fs), &description->awaited, 1);
    }
}

// Drops a description if its client has closed it; if not, its close is awaited. A step of its own.
static void settle(struct tmpfs *fs, struct deferred *at, const struct description *description) {
    if (description->awaited != 0) {
        return; // and so it is closed by the channel
    }
    if (announce(at, description) == description->secret) {
        uint32_t inode = description->inode, root = description->root;
        vault_set(vault_of(fs), &description->inode, 0);
        vault_set(vault_of(fs), &description->root, 0);
        inode_unref(fs, inode);
        inode_unref(fs, root);
    } else {
        vault_set(vault_of(fs), &description->awaited, 1);
    }
    server_checkpoint(&fs->server);
}

void defer_settle_inode(struct tmpfs *fs, uint32_t inode) {
    for (uint32_t i = 0; fs->refs[inode - 1] != 0 && i < fs->deferred_count; i++) {
        const struct description *description = description_at(fs, &fs->deferred[i]);
        if (description->inode == inode || description->root == inode) {
            settle(fs, &fs->deferred[i], description);
        }
    }
}

void defer_settle_mount(struct tmpfs *fs, uint32_t mount) {
    for (uint32_t i = 0; i < fs->deferred_count; i++) {
        const struct description *description = description_at(fs, &fs->deferred[i]);
        if (description->inode != 0 && description->mount == mount) {
            settle(fs, &fs->deferred[i], description);
        }
    }
}

// Whether it matters when a description ends.
static bool matters(const struct tmpfs *fs, const struct description *description) {
    return inode_get(fs, description->inode)->links == 0 ||
           !mount_is_live(fs, description->mount) || lock_description_has(fs, description->key);
}

void defer_bound(struct tmpfs *fs, const struct description *description) {
    if (matters(fs, description)) {
        defer_await(fs, description);
    }
}

int64_t tmpfs_defer(void *context, const struct packet *packet, handle_t handles_out[1]) {
    struct tmpfs *fs = context;
    const struct description *description = description_of(fs, packet);
    if (description == NULL || packet->key == 0) {
        return description == NULL ? ERR_NOT_FOUND : ERR_NOT_SUPPORTED;
    }
    if (description->deferral != HANDLE_NONE || fs->deferred_count == TMPFS_DEFERRED) {
        return description->deferral != HANDLE_NONE ? ERR_ALREADY_EXISTS : ERR_LIMIT;
    }
    if (matters(fs, description)) {
        return ERR_BAD_STATE;
    }
    int64_t made = sys_vmo_create(data_job(fs), PAGE_SIZE, 0);
    if (made < 0) {
        return data_status(made);
    }
    handle_t page = (handle_t)made;
    step_made(vault_of(fs), page);
    // Takes the memory for it.
    const struct fs_deferral none = {0};
    int64_t status = sys_vmo_write(page, 0, &none, sizeof(none));
    if (status < 0) {
        return data_status(status);
    }
    int64_t handle =
        sys_handle_duplicate(page, RIGHT_READ | RIGHT_WRITE | RIGHT_MAP | RIGHT_TRANSFER);
    if (handle < 0) {
        return handle;
    }
    handles_out[0] = (handle_t)handle;
    step_made(vault_of(fs), handles_out[0]);
    vault_set(vault_of(fs), &description->deferral, page);
    fs->deferred[fs->deferred_count++] =
        (struct deferred){.number = (uint32_t)packet->key & NUMBER_MASK};
    return OK;
}
