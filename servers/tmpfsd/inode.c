// SPDX-License-Identifier: MIT
//
// The life of inodes: made with a name or a description, freed when the last of both is gone.

#include "tmpfs.h"

#include <sys/calls.h>

#define BLOCK_BYTES 512
#define DEVICE_FIRST 1  // st_dev of the first file system
#define DEVICE_FRESH 32 // and of others: the number of their mount is added

int64_t time_now(struct tmpfs *fs) {
    if (fs->now == 0) {
        int64_t boot = fs->clock != NULL
                           ? __atomic_load_n(&fs->clock->realtime_ns, __ATOMIC_RELAXED)
                           : fs->epoch;
        fs->now = boot + (int64_t)sys_clock_get();
    }
    return fs->now;
}

void inode_write(struct tmpfs *fs, uint32_t number, const struct inode *with) {
    const struct inode *inode = inode_get(fs, number);
    const size_t from = offsetof(struct vault_head, used);
    vault_set_bytes(vault_of(fs), (const uint8_t *)inode + from, (const uint8_t *)with + from,
                    sizeof(*with) - from);
    page_note(fs, number);
}

bool inode_room(struct tmpfs *fs) {
    uint32_t used = fs->inode_count - fs->inodes_free;
    return vault_room(vault_of(fs), TABLE_INODES, used, 1) && index_reach(fs, TABLE_INODES);
}

uint32_t inode_make(struct tmpfs *fs, const struct inode *of) {
    uint32_t index = (uint32_t)vault_find_free(vault_of(fs), TABLE_INODES);
    uint32_t number = index + 1;
    bool reused = index < vault_touched(vault_of(fs), TABLE_INODES);
    struct inode inode = *of;
    inode.head.used = 1;
    inode.generation = reused ? inode_get(fs, number)->generation + 1 : 1;
    inode.accessed = inode.modified = inode.changed = inode.created = time_now(fs);
    inode_write(fs, number, &inode);
    fs->inodes_free--;
    return number;
}

static void inode_free(struct tmpfs *fs, uint32_t number) {
    const struct inode *inode = inode_get(fs, number);
    if (inode->text != 0) {
        text_free(fs, inode->text);
    }
    step_close(vault_of(fs), inode->vmo);
    page_drop(fs, number);
    vault_set(vault_of(fs), &inode->head.used, 0);
    fs->inodes_free++;
}

void inode_unlink(struct tmpfs *fs, uint32_t number) {
    struct inode next = *inode_get(fs, number);
    next.links = is_directory(&next) ? 0 : next.links - 1;
    page_settle(&next);
    next.changed = time_now(fs);
    inode_write(fs, number, &next);
    if (next.links == 0 && fs->refs[number - 1] == 0) {
        inode_free(fs, number);
    }
}

void inode_ref(struct tmpfs *fs, uint32_t number) {
    fs->refs[number - 1]++;
}

void inode_unref(struct tmpfs *fs, uint32_t number) {
    const struct inode *inode = inode_get(fs, number);
    if (--fs->refs[number - 1] != 0) {
        return;
    }
    if (inode->links == 0) {
        inode_free(fs, number);
    } else if (inode->page != HANDLE_NONE) {
        struct inode next = *inode;
        page_drop(fs, number);
        page_settle(&next);
        next.page = next.written = HANDLE_NONE;
        inode_write(fs, number, &next);
    }
}

uint32_t inode_parent(const struct tmpfs *fs, uint32_t number) {
    const struct inode *inode = inode_get(fs, number);
    const struct inode *parent = inode_get(fs, inode->parent);
    bool lives = parent->head.used != 0 && is_directory(parent) &&
                 parent->generation == inode->parent_generation;
    return lives ? inode->parent : 0;
}

uint64_t inode_device(const struct tmpfs *fs, uint32_t number) {
    uint32_t made_for = inode_get(fs, number)->made_for;
    return made_for == 0 ? DEVICE_FIRST : DEVICE_FRESH + made_for;
}

void inode_attributes(const struct tmpfs *fs, uint32_t number, struct fs_attributes *out) {
    struct inode settled;
    const struct inode *inode = inode_get(fs, number);
    struct vmo_info info = {0};
    if (inode->written != HANDLE_NONE) {
        settled = *inode;
        page_settle(&settled);
        inode = &settled;
    }
    if (inode->vmo != HANDLE_NONE) {
        // A vmo of our own: it can't fail, and if it does there are no blocks to tell of.
        (void)!sys_object_get(inode->vmo, &info, sizeof(info));
    }
    *out = (struct fs_attributes){
        .device = inode_device(fs, number),
        .inode = number,
        .size = inode->size,
        .blocks = info.resident_pages * (PAGE_SIZE / BLOCK_BYTES),
        .rdev = inode->rdev,
        .accessed = inode->accessed,
        .modified = inode->modified,
        .changed = inode->changed,
        .created = inode->created,
        .links = inode->links,
        .mode = inode->mode,
        .uid = inode->uid,
        .gid = inode->gid,
        .block_bytes = PAGE_SIZE,
    };
}
