// SPDX-License-Identifier: MIT
//
// Names of directories, and texts in pieces.
//
// A name is one record of 64 bytes as long as it is short, and a chain of them otherwise. It is
// found by a hash of directory and text. The names of a directory are also kept in the order of
// their numbers: a listing goes on behind a number, so it tells each name that stays exactly once,
// whatever comes and goes meanwhile.

#include "tmpfs.h"

#include <server/crc32c.h>

// ---- texts

static uint32_t piece_count(uint32_t bytes) {
    return (bytes + PIECE_TEXT - 1) / PIECE_TEXT;
}

bool name_room(struct tmpfs *fs, uint32_t bytes) {
    uint32_t used = fs->name_count - fs->names_free;
    return vault_room(vault_of(fs), TABLE_NAMES, used, 1 + piece_count(bytes)) &&
           index_reach(fs, TABLE_NAMES);
}

// Writes a record whose text is in `with`. Returns its number.
static uint32_t record_make(struct tmpfs *fs, const struct name *with) {
    uint32_t index = (uint32_t)vault_find_free(vault_of(fs), TABLE_NAMES);
    const struct name *name = vault_record(vault_of(fs), TABLE_NAMES, index);
    const size_t from = offsetof(struct vault_head, used);
    vault_set_bytes(vault_of(fs), (const uint8_t *)name + from, (const uint8_t *)with + from,
                    sizeof(*with) - from);
    fs->names_free--;
    return index + 1;
}

static void record_free(struct tmpfs *fs, uint32_t number) {
    vault_set(vault_of(fs), &name_get(fs, number)->head.used, 0);
    fs->names_free++;
}

uint32_t text_store(struct tmpfs *fs, const char *text, uint32_t bytes) {
    uint32_t first = 0;
    // From its end, so that each piece knows the next.
    while (bytes > 0) {
        uint32_t part = (bytes - 1) % PIECE_TEXT + 1;
        struct name piece = {
            .head = {.used = 1, .spare = (uint16_t)(NAME_PIECE << 12 | part)},
            .next = first,
        };
        bytes -= part;
        memcpy(piece.piece, text + bytes, part);
        first = record_make(fs, &piece);
    }
    return first;
}

void text_free(struct tmpfs *fs, uint32_t piece) {
    while (piece != 0) {
        uint32_t next = name_get(fs, piece)->next;
        record_free(fs, piece);
        piece = next;
    }
}

uint32_t text_read(const struct tmpfs *fs, uint32_t piece, char *out, uint32_t size) {
    uint32_t done = 0;
    while (piece != 0 && done < size) {
        const struct name *record = name_get(fs, piece);
        uint32_t bytes = name_bytes(record);
        bytes = bytes < size - done ? bytes : size - done;
        memcpy(out + done, record->piece, bytes);
        done += bytes;
        piece = bytes != 0 ? record->next : 0; // an empty piece would be a way round the bound
    }
    return done;
}

uint32_t name_read(const struct tmpfs *fs, uint32_t number, char *out) {
    const struct name *name = name_get(fs, number);
    uint32_t first = name_bytes(name) < NAME_TEXT ? name_bytes(name) : NAME_TEXT;
    memcpy(out, name->text, first);
    uint32_t rest = name_bytes(name) - first;
    return rest != 0 ? first + text_read(fs, name->next, out + first, rest) : first;
}

// ---- finding

static uint32_t hash_of(uint32_t directory, const char *name, uint32_t bytes) {
    return crc32c(directory, name, bytes);
}

static bool name_is(const struct tmpfs *fs, const struct name *name, const char *text,
                    uint32_t bytes) {
    if (name_bytes(name) != bytes) {
        return false;
    }
    uint32_t first = bytes < NAME_TEXT ? bytes : NAME_TEXT;
    if (memcmp(name->text, text, first) != 0) {
        return false;
    }
    if (bytes == first) {
        return true;
    }
    char rest[NAME_BYTES_MAX];
    uint32_t more = text_read(fs, name->next, rest, bytes - first);
    return more == bytes - first && memcmp(rest, text + first, more) == 0;
}

uint32_t name_find(const struct tmpfs *fs, uint32_t directory, const char *name, uint32_t bytes) {
    uint32_t hash = hash_of(directory, name, bytes);
    uint32_t number = fs->buckets[hash & fs->bucket_mask];
    while (number != 0) {
        const struct name *record = name_get(fs, number);
        if (record->hash == hash && record->directory == directory &&
            name_is(fs, record, name, bytes)) {
            return number;
        }
        number = fs->chain[number - 1];
    }
    return 0;
}

uint32_t name_next(const struct tmpfs *fs, uint32_t directory, uint32_t from) {
    const struct name_list *list = &fs->lists[directory - 1];
    uint32_t number = list->first;
    if (from >= 1 && from <= vault_touched(&fs->server.vault, TABLE_NAMES)) {
        // Nearly always the name that is asked for is still there.
        const struct name *name = name_get(fs, from);
        bool there =
            name->head.used != 0 && name_kind(name) == NAME_ENTRY && name->directory == directory;
        number = there ? from : number;
    }
    while (number != 0 && number < from) {
        number = fs->after[number - 1];
    }
    return number;
}

// ---- the volatile part

void name_enter(struct tmpfs *fs, uint32_t number) {
    const struct name *name = name_get(fs, number);
    fs->named[name->inode - 1] = number;
    uint32_t *bucket = &fs->buckets[name->hash & fs->bucket_mask];
    fs->chain[number - 1] = *bucket;
    *bucket = number;
    struct name_list *list = &fs->lists[name->directory - 1];
    uint32_t before = list->last;
    while (before > number) {
        before = fs->before[before - 1];
    }
    uint32_t after = before != 0 ? fs->after[before - 1] : list->first;
    fs->before[number - 1] = before;
    fs->after[number - 1] = after;
    *(before != 0 ? &fs->after[before - 1] : &list->first) = number;
    *(after != 0 ? &fs->before[after - 1] : &list->last) = number;
}

static void name_leave(struct tmpfs *fs, uint32_t number) {
    const struct name *name = name_get(fs, number);
    uint32_t *at = &fs->buckets[name->hash & fs->bucket_mask];
    while (*at != number) {
        at = &fs->chain[*at - 1];
    }
    *at = fs->chain[number - 1];
    struct name_list *list = &fs->lists[name->directory - 1];
    uint32_t before = fs->before[number - 1], after = fs->after[number - 1];
    *(before != 0 ? &fs->after[before - 1] : &list->first) = after;
    *(after != 0 ? &fs->before[after - 1] : &list->last) = before;
}

// ---- changing

// A directory has `names` more entries, of which `directories` are directories.
static void directory_count(struct tmpfs *fs, uint32_t directory, int32_t names,
                            int32_t directories) {
    struct inode next = *inode_get(fs, directory);
    next.entries += (uint32_t)names;
    next.links += (uint32_t)directories;
    next.modified = next.changed = time_now(fs);
    inode_write(fs, directory, &next);
}

// An inode has a name in a directory: if it is one itself, that is its parent now.
static void inode_settle(struct tmpfs *fs, uint32_t number, uint32_t directory) {
    const struct inode *inode = inode_get(fs, number);
    if (is_directory(inode)) {
        struct inode next = *inode;
        next.parent = directory;
        next.parent_generation = inode_get(fs, directory)->generation;
        inode_write(fs, number, &next);
    }
}

uint32_t name_add(struct tmpfs *fs, uint32_t directory, const char *name, uint32_t bytes,
                  uint32_t inode) {
    uint32_t first = bytes < NAME_TEXT ? bytes : NAME_TEXT;
    struct name record = {
        .head = {.used = 1, .spare = (uint16_t)(NAME_ENTRY << 12 | bytes)},
        .next = text_store(fs, name + first, bytes - first),
        .directory = directory,
        .inode = inode,
        .hash = hash_of(directory, name, bytes),
    };
    memcpy(record.text, name, first);
    uint32_t number = record_make(fs, &record);
    name_enter(fs, number);
    inode_settle(fs, inode, directory);
    directory_count(fs, directory, 1, is_directory(inode_get(fs, inode)));
    return number;
}

void name_remove(struct tmpfs *fs, uint32_t number) {
    const struct name *name = name_get(fs, number);
    uint32_t directory = name->directory;
    bool of_directory = is_directory(inode_get(fs, name->inode));
    name_leave(fs, number);
    text_free(fs, name->next);
    record_free(fs, number);
    directory_count(fs, directory, -1, of_directory ? -1 : 0);
}

void name_turn(struct tmpfs *fs, uint32_t number, uint32_t inode) {
    const struct name *name = name_get(fs, number);
    int32_t before = is_directory(inode_get(fs, name->inode));
    int32_t after = is_directory(inode_get(fs, inode));
    vault_set(vault_of(fs), &name->inode, inode);
    fs->named[inode - 1] = number;
    inode_settle(fs, inode, name->directory);
    directory_count(fs, name->directory, 0, after - before);
}
