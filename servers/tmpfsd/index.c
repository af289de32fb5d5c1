// SPDX-License-Identifier: MIT
//
// Building what this instance needs for finding things, out of the records: one pass over each
// table, as far as it was ever used.

#include "tmpfs.h"

#include <server/memory.h>

static uint32_t buckets_for(uint32_t names) {
    uint32_t count = 64;
    while (count < names / 2) {
        count *= 2;
    }
    return count;
}

status_t index_create(struct tmpfs *fs) {
    uint32_t buckets = buckets_for(fs->name_count);
    size_t words = 3 * (size_t)fs->name_count + buckets + 2 * (size_t)fs->inode_count;
    size_t lists = fs->inode_count * (sizeof(struct name_list) + sizeof(struct fs_page *));
    uint32_t *memory = server_memory(words * sizeof(uint32_t) + lists);
    char *buffers = server_memory(2 * PATH_BYTES_MAX + WALK_BYTES_MAX + DATA_BYTES);
    if (memory == NULL || buffers == NULL) {
        return ERR_NO_MEMORY;
    }
    fs->pages = (struct fs_page **)memory;
    fs->lists = (struct name_list *)(fs->pages + fs->inode_count);
    memory += lists / sizeof(uint32_t);
    fs->chain = memory;
    fs->after = fs->chain + fs->name_count;
    fs->before = fs->after + fs->name_count;
    fs->buckets = fs->before + fs->name_count;
    fs->refs = fs->buckets + buckets;
    fs->named = fs->refs + fs->inode_count;
    fs->bucket_mask = buckets - 1;
    fs->path = buffers;
    fs->walk = fs->path + 2 * PATH_BYTES_MAX;
    fs->data = (uint8_t *)fs->walk + WALK_BYTES_MAX;
    return OK;
}

static const struct vault_head *used(const struct tmpfs *fs, uint32_t table, uint32_t index) {
    const struct vault_head *head = vault_record(&fs->server.vault, table, index);
    return head->used != 0 ? head : NULL;
}

void index_build(struct tmpfs *fs) {
    const struct vault *vault = &fs->server.vault;
    fs->inodes_free = fs->inode_count;
    fs->names_free = fs->name_count;
    fs->descriptions_free = fs->description_count;
    for (uint32_t i = 0; i < vault_touched(vault, TABLE_INODES); i++) {
        fs->inodes_free -= used(fs, TABLE_INODES, i) != NULL;
    }
    for (uint32_t i = 0; i < vault_touched(vault, TABLE_NAMES); i++) {
        const struct name *name = (const struct name *)used(fs, TABLE_NAMES, i);
        fs->names_free -= name != NULL;
        if (name != NULL && name_kind(name) == NAME_ENTRY) {
            name_enter(fs, i + 1);
        }
    }
    for (uint32_t i = 0; i < vault_touched(vault, TABLE_DESCRIPTIONS); i++) {
        const struct description *description =
            (const struct description *)used(fs, TABLE_DESCRIPTIONS, i);
        if (description != NULL) {
            fs->descriptions_free--;
            fs->refs[description->inode - 1]++;
            fs->refs[description->root - 1]++;
        }
    }
}
