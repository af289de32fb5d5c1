// SPDX-License-Identifier: MIT
//
// Building what this instance needs for finding things, out of the records: one pass over each
// table, as far as it was ever used.

#include "tmpfs.h"

#include <abi/flags.h>
#include <server/memory.h>
#include <sys/calls.h>

#define REACH_STEP 256

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
    size_t bytes = (words * sizeof(uint32_t) + lists + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    char *buffers = server_memory(2 * PATH_BYTES_MAX + WALK_BYTES_MAX + DATA_BYTES);
    int64_t vmo = sys_vmo_create(HANDLE_NONE, bytes, 0);
    int64_t addr =
        vmo < 0 ? vmo
                : sys_aspace_map(HANDLE_NONE, (handle_t)vmo, 0, 0, bytes, MAP_READ | MAP_WRITE);
    if (addr < 0 || buffers == NULL) {
        return ERR_NO_MEMORY;
    }
    uint32_t *memory = (uint32_t *)addr;
    fs->index = (handle_t)vmo;
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

// Takes the memory of items of an array that were never used, all zero from then on.
static bool reach(const struct tmpfs *fs, const void *array, size_t item, uint32_t from,
                  uint32_t to) {
    static const uint8_t zeros[PAGE_SIZE];
    size_t at = (size_t)((const uint8_t *)array - (const uint8_t *)fs->pages) + from * item;
    size_t end = at + (to - from) * item;
    while (at < end) {
        int64_t done =
            sys_vmo_write(fs->index, at, zeros, end - at < PAGE_SIZE ? end - at : PAGE_SIZE);
        if (done < 0) {
            return false;
        }
        at += (size_t)done;
    }
    return true;
}

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

bool index_reach(struct tmpfs *fs, uint32_t table) {
    bool inodes = table == TABLE_INODES;
    uint32_t *reached = inodes ? &fs->inodes_reached : &fs->names_reached;
    uint32_t wanted = vault_of(fs)->backed[table];
    if (wanted <= *reached) {
        return true;
    }
    // Some more, so that most calls find it done.
    wanted = least(wanted + REACH_STEP, inodes ? fs->inode_count : fs->name_count);
    bool good = inodes ? reach(fs, fs->pages, sizeof(*fs->pages), *reached, wanted) &&
                             reach(fs, fs->lists, sizeof(*fs->lists), *reached, wanted) &&
                             reach(fs, fs->refs, sizeof(*fs->refs), *reached, wanted) &&
                             reach(fs, fs->named, sizeof(*fs->named), *reached, wanted)
                       : reach(fs, fs->chain, sizeof(*fs->chain), *reached, wanted) &&
                             reach(fs, fs->after, sizeof(*fs->after), *reached, wanted) &&
                             reach(fs, fs->before, sizeof(*fs->before), *reached, wanted);
    *reached = good ? wanted : *reached;
    return good;
}

static const struct vault_head *used(const struct tmpfs *fs, uint32_t table, uint32_t index) {
    const struct vault_head *head = vault_record(&fs->server.vault, table, index);
    return head->used != 0 ? head : NULL;
}

void index_build(struct tmpfs *fs) {
    const struct vault *vault = &fs->server.vault;
    fs->inodes_reached = vault_touched(vault, TABLE_INODES);
    fs->names_reached = vault_touched(vault, TABLE_NAMES);
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
        if (description == NULL) {
            continue;
        }
        fs->descriptions_free--;
        if (description->deferral != HANDLE_NONE && fs->deferred_count < TMPFS_DEFERRED) {
            fs->deferred[fs->deferred_count++] = (struct deferred){.number = i + 1};
        }
        if (description->inode != 0) {
            fs->refs[description->inode - 1]++;
            fs->refs[description->root - 1]++;
        }
    }
}
