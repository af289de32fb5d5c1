// SPDX-License-Identifier: MIT
//
// After records of the vault were dropped, because they failed their check: what is left is made to
// fit together again (the invariants of records.h). Names that lead nowhere go, files that have no
// name and are not open go, counts are counted anew. It is the ladder's third rung: loud, rare, and
// slow.
//
// Each change is a step of its own, so a death on the way leaves a vault that is no worse. It runs
// before the index is built, on the records alone.

#include "tmpfs.h"

#include <server/memory.h>
#include <sys/log.h>

// What is found by looking at all records.
struct survey {
    uint32_t *links;  // by inode - 1: names
    uint32_t *inside; // directories in it
    uint32_t *entries;
    uint32_t *opens; // descriptions
    uint8_t *owned;  // by name - 1: 1: a piece that belongs to something
    uint32_t changes;
};

static uint32_t touched(struct tmpfs *fs, uint32_t table) {
    return vault_touched(vault_of(fs), table);
}

static const struct inode *inode_at(struct tmpfs *fs, uint32_t number) {
    bool known = number >= 1 && number <= touched(fs, TABLE_INODES);
    return known && inode_get(fs, number)->head.used != 0 ? inode_get(fs, number) : NULL;
}

static const struct name *name_at(struct tmpfs *fs, uint32_t number, enum name_kind kind) {
    bool known = number >= 1 && number <= touched(fs, TABLE_NAMES);
    const struct name *name = known ? name_get(fs, number) : NULL;
    return name != NULL && name->head.used != 0 && name_kind(name) == kind ? name : NULL;
}

static void drop(struct tmpfs *fs, struct survey *survey, const struct vault_head *head) {
    vault_set(vault_of(fs), &head->used, 0);
    step_next(fs);
    survey->changes++;
}

// Whether a chain of pieces holds exactly so many bytes and belongs to nobody else; then it is
// owned.
static bool chain_take(struct tmpfs *fs, struct survey *survey, uint32_t first, uint32_t bytes) {
    uint32_t found = 0, steps = 0;
    for (uint32_t at = first; at != 0; at = name_get(fs, at)->next) {
        const struct name *piece = name_at(fs, at, NAME_PIECE);
        if (piece == NULL || survey->owned[at - 1] != 0 || steps++ > TARGET_BYTES_MAX) {
            return false;
        }
        found += name_bytes(piece);
    }
    if (found != bytes) {
        return false;
    }
    for (uint32_t at = first; at != 0; at = name_get(fs, at)->next) {
        survey->owned[at - 1] = 1;
    }
    return true;
}

static void look_at_inodes(struct tmpfs *fs, struct survey *survey) {
    for (uint32_t i = 1; i <= touched(fs, TABLE_INODES); i++) {
        const struct inode *inode = inode_at(fs, i);
        if (inode != NULL && is_link(inode) && inode->vmo == HANDLE_NONE &&
            !chain_take(fs, survey, inode->text, (uint32_t)inode->size)) {
            drop(fs, survey, &inode->head);
        }
    }
}

static void look_at_names(struct tmpfs *fs, struct survey *survey) {
    for (uint32_t i = 1; i <= touched(fs, TABLE_NAMES); i++) {
        const struct name *name = name_at(fs, i, NAME_ENTRY);
        if (name == NULL) {
            continue;
        }
        const struct inode *directory = inode_at(fs, name->directory);
        const struct inode *inode = inode_at(fs, name->inode);
        uint32_t bytes = name_bytes(name), first = bytes < NAME_TEXT ? bytes : NAME_TEXT;
        bool good = directory != NULL && is_directory(directory) && directory->links != 0 &&
                    inode != NULL && name->inode != INODE_ROOT &&
                    !mount_is_fresh_root(fs, name->inode) &&
                    (!is_directory(inode) ||
                     (inode->parent == name->directory && survey->links[name->inode - 1] == 0)) &&
                    chain_take(fs, survey, name->next, bytes - first);
        if (!good) {
            drop(fs, survey, &name->head);
            continue;
        }
        survey->links[name->inode - 1]++;
        survey->entries[name->directory - 1]++;
        survey->inside[name->directory - 1] += is_directory(inode);
    }
}

static void look_at_descriptions(struct tmpfs *fs, struct survey *survey) {
    for (uint32_t i = 0; i < touched(fs, TABLE_DESCRIPTIONS); i++) {
        const struct description *description = vault_record(vault_of(fs), TABLE_DESCRIPTIONS, i);
        if (description->head.used == 0 || description->inode == 0) {
            continue;
        }
        if (inode_at(fs, description->inode) == NULL || inode_at(fs, description->root) == NULL) {
            step_close(vault_of(fs), description->endpoint);
            step_close(vault_of(fs), description->deferral);
            drop(fs, survey, &description->head);
            continue;
        }
        survey->opens[description->inode - 1]++;
        survey->opens[description->root - 1]++;
    }
}

// A mount whose root went, and what it lay on, go; so does what lies on an inode that went.
static void look_at_mounts(struct tmpfs *fs, struct survey *survey) {
    for (uint32_t i = 0; i < touched(fs, TABLE_MOUNTS); i++) {
        const struct mount *mount = vault_record(vault_of(fs), TABLE_MOUNTS, i);
        if (mount->head.used != 0 && inode_at(fs, mount->root) == NULL) {
            drop(fs, survey, &mount->head);
        }
    }
    for (uint32_t i = 0; i < touched(fs, TABLE_COVERS); i++) {
        const struct cover *cover = vault_record(vault_of(fs), TABLE_COVERS, i);
        if (cover->head.used != 0 && inode_at(fs, cover->inode) == NULL) {
            drop(fs, survey, &cover->head);
        }
    }
}

// Counts of an inode that stays; one that nobody names or has open goes. Returns whether that
// leaves names behind: those in a directory that went, or that is open and has no name any more.
static bool settle_inode(struct tmpfs *fs, struct survey *survey, uint32_t number) {
    const struct inode *inode = inode_at(fs, number);
    if (inode == NULL) {
        return false;
    }
    bool root = number == INODE_ROOT || mount_is_fresh_root(fs, number);
    uint32_t names = root ? 1 : survey->links[number - 1];
    if (names == 0 && survey->opens[number - 1] == 0) {
        step_close(vault_of(fs), inode->vmo);
        step_close(vault_of(fs), inode->page);
        step_close(vault_of(fs), inode->written);
        drop(fs, survey, &inode->head);
        return true;
    }
    bool directory = is_directory(inode);
    struct inode next = *inode;
    next.links = !directory ? names : names != 0 ? 2 + survey->inside[number - 1] : 0;
    next.entries = directory ? survey->entries[number - 1] : 0;
    if (next.links != inode->links || next.entries != inode->entries) {
        inode_write(fs, number, &next);
        step_next(fs);
        survey->changes++;
    }
    return next.links == 0 && next.entries != 0;
}

static void free_pieces(struct tmpfs *fs, struct survey *survey) {
    for (uint32_t i = 1; i <= touched(fs, TABLE_NAMES); i++) {
        const struct name *piece = name_at(fs, i, NAME_PIECE);
        if (piece != NULL && survey->owned[i - 1] == 0) {
            drop(fs, survey, &piece->head);
        }
    }
}

// One look at everything. Returns whether names have to be looked at again.
static bool look(struct tmpfs *fs, struct survey *survey, uint8_t *memory, size_t bytes) {
    memset(memory, 0, bytes);
    survey->links = (uint32_t *)memory;
    survey->inside = survey->links + fs->inode_count;
    survey->entries = survey->inside + fs->inode_count;
    survey->opens = survey->entries + fs->inode_count;
    survey->owned = (uint8_t *)(survey->opens + fs->inode_count);
    look_at_inodes(fs, survey);
    look_at_names(fs, survey);
    look_at_descriptions(fs, survey);
    bool went = false;
    for (uint32_t i = 1; i <= touched(fs, TABLE_INODES); i++) {
        went |= settle_inode(fs, survey, i);
    }
    return went;
}

void repair(struct tmpfs *fs) {
    struct survey survey = {0};
    size_t bytes = 4 * sizeof(uint32_t) * (size_t)fs->inode_count + fs->name_count;
    uint8_t *memory = server_memory(bytes);
    if (memory == NULL) {
        log_printf("tmpfsd: no memory to look at the records");
        return;
    }
    while (look(fs, &survey, memory, bytes)) {
    }
    free_pieces(fs, &survey);
    look_at_mounts(fs, &survey);
    server_memory_free(memory, bytes);
    log_printf("tmpfsd: %u records were put in order after some were lost", survey.changes);
}
