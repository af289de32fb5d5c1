// SPDX-License-Identifier: MIT
//
// The tables, and what is believed of a single record that an adopted vault holds. What records say
// of each other is looked at by repair.c, when one had to be dropped.

#include "records.h"

#include <abi/objects.h>
#include <abi/proto/fs.h>

// How many places the tables have, for the checks: set with the layout.
static uint32_t inode_places, name_places;

static bool inode_check(uint32_t index, const void *record) {
    const struct inode *inode = record;
    uint32_t type = inode->mode >> 12;
    bool known = type == FS_TYPE_DIRECTORY || type == FS_TYPE_REGULAR || type == FS_TYPE_LINK ||
                 type == FS_TYPE_CHARACTER || type == FS_TYPE_BLOCK || type == FS_TYPE_FIFO ||
                 type == FS_TYPE_SOCKET;
    (void)index;
    return known && inode->parent <= inode_places && inode->text <= name_places &&
           (type != FS_TYPE_DIRECTORY || inode->parent != 0) &&
           (type != FS_TYPE_LINK || inode->size <= TARGET_BYTES_MAX);
}

static bool name_check(uint32_t index, const void *record) {
    const struct name *name = record;
    (void)index;
    if (name->next > name_places) {
        return false;
    }
    if (name_kind(name) == NAME_PIECE) {
        return name_bytes(name) <= PIECE_TEXT;
    }
    return name_kind(name) == NAME_ENTRY && name_bytes(name) >= 1 &&
           name_bytes(name) <= NAME_BYTES_MAX && name->directory >= 1 &&
           name->directory <= inode_places && name->inode >= 1 && name->inode <= inode_places;
}

static bool description_check(uint32_t index, const void *record) {
    const struct description *description = record;
    bool open = description->inode != 0 && description->root != 0;
    bool closed =
        description->inode == 0 && description->root == 0 && description->deferral != HANDLE_NONE;
    return (description->key & NUMBER_MASK) == index + 1 &&
           (description->secret & NUMBER_MASK) == index + 1 && (open || closed) &&
           description->inode <= inode_places && description->root <= inode_places &&
           description->endpoint != HANDLE_NONE;
}

static bool mount_check(uint32_t index, const void *record) {
    const struct mount *mount = record;
    (void)index;
    return mount->root >= 1 && mount->root <= inode_places && mount->head.spare <= MOUNT_PURGED;
}

static bool cover_check(uint32_t index, const void *record) {
    const struct cover *cover = record;
    (void)index;
    return cover->inode >= 1 && cover->inode <= inode_places && cover->by != 0;
}

static bool lock_check(uint32_t index, const void *record) {
    const struct lock *lock = record;
    (void)index;
    return lock->inode >= 1 && lock->inode <= inode_places && lock->kind <= FS_LOCK_FLOCK &&
           (lock->type == FS_LOCK_READ || lock->type == FS_LOCK_WRITE) && lock->start <= lock->end;
}

void records_layout(struct vault_layout *layout, struct vault_table tables[TMPFS_TABLES],
                    uint32_t inodes, uint32_t names, uint32_t descriptions) {
    inode_places = inodes;
    name_places = names;
    tables[TABLE_STATE] = (struct vault_table){
        .name = "state",
        .record_bytes = sizeof(struct state),
        .count = 1,
        .handles = {{offsetof(struct state, groups), OBJECT_VMO},
                    {offsetof(struct state, files), OBJECT_JOB}},
    };
    tables[TABLE_INODES] = (struct vault_table){
        .name = "inodes",
        .record_bytes = sizeof(struct inode),
        .count = inodes,
        .handles = {{offsetof(struct inode, vmo), OBJECT_VMO},
                    {offsetof(struct inode, page), OBJECT_VMO},
                    {offsetof(struct inode, written), OBJECT_VMO}},
        .check = inode_check,
        .sparse = true,
    };
    tables[TABLE_NAMES] = (struct vault_table){
        .name = "names",
        .record_bytes = sizeof(struct name),
        .count = names,
        .check = name_check,
        .sparse = true,
    };
    tables[TABLE_DESCRIPTIONS] = (struct vault_table){
        .name = "descriptions",
        .record_bytes = sizeof(struct description),
        .count = descriptions,
        .handles = {{offsetof(struct description, endpoint), OBJECT_ENDPOINT},
                    {offsetof(struct description, deferral), OBJECT_VMO}},
        .check = description_check,
        .sparse = true,
    };
    tables[TABLE_MOUNTS] = (struct vault_table){
        .name = "mounts",
        .record_bytes = sizeof(struct mount),
        .count = MOUNTS_MAX,
        .check = mount_check,
        .sparse = true,
    };
    tables[TABLE_COVERS] = (struct vault_table){
        .name = "covers",
        .record_bytes = sizeof(struct cover),
        .count = MOUNTS_MAX,
        .check = cover_check,
        .sparse = true,
    };
    tables[TABLE_LOCKS] = (struct vault_table){
        .name = "locks",
        .record_bytes = sizeof(struct lock),
        .count = LOCKS_MAX,
        .check = lock_check,
        .sparse = true,
    };
    *layout = (struct vault_layout){
        .service = 0x46504d54, // "TMPF"
        .version = 5,
        .undo_bytes = 8192,
        .calls_max = 64,
        .forwarded_max = 32,
        .table_count = TMPFS_TABLES,
        .tables = tables,
    };
}
