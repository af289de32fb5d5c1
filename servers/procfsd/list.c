// SPDX-License-Identifier: MIT
//
// Listing directories.

#include "procfs.h"

#include <sys/string.h>

// Cursors: 0 the directory, 1 its parent, then 2 + the last node told; names that are numbers
// follow from CURSOR_NUMBERS on, which is 1 + the last number told above it.
#define CURSOR_NUMBERS 256

struct found {
    struct place place;
    uint64_t cursor; // behind it
};

// The first number from `number` on in a directory whose names are numbers, and its node; -1: none.
static int32_t next_number(struct place directory, struct subject *subject, int32_t number,
                           uint32_t *node) {
    struct subject next;
    switch (directory.node) {
    case NODE_ROOT:
        *node = NODE_PROCESS;
        return subject_after(number - 1, &next) == OK ? next.known.pid : -1;
    case NODE_TASKS:
        *node = NODE_TASK;
        number = subject_thread(subject, number - 1);
        return number > 0 ? number : -1;
    case NODE_FDS:
    case NODE_FDINFOS:
        *node = directory.node == NODE_FDS ? NODE_FD : NODE_FDINFO;
        return subject_next_file(subject, number);
    default:
        return -1;
    }
}

// What comes at a cursor. False at the end.
static bool next_entry(struct place directory, struct subject *subject, uint64_t cursor,
                       struct found *found) {
    if (cursor <= 1) {
        *found = (struct found){cursor == 0 ? directory : place_above(directory), cursor + 1};
        return true;
    }
    *found = (struct found){.place = directory};
    uint32_t node =
        cursor < CURSOR_NUMBERS ? node_next(directory.node, (uint32_t)cursor - 2) : NODE_NONE;
    if (node != NODE_NONE) {
        found->place.node = node;
        found->cursor = node + 2;
        return true;
    }
    int32_t number = cursor > CURSOR_NUMBERS ? (int32_t)(cursor - CURSOR_NUMBERS) : 0;
    number = next_number(directory, subject, number, &found->place.node);
    if (number < 0) {
        return false;
    }
    found->cursor = CURSOR_NUMBERS + (uint64_t)number + 1;
    if (directory.node == NODE_ROOT) {
        found->place.pid = number;
    } else {
        found->place.number = number;
    }
    return true;
}

static uint32_t entry_add(char *at, uint32_t room, const struct found *found, const char *name) {
    const struct file_entry as = {
        .inode = place_inode(found->place),
        .cursor = found->cursor,
        .type = node_infos[found->place.node].type,
    };
    uint32_t bytes = (uint32_t)strlen(name);
    struct file_entry *entry = file_entry_begin(at, room, &as, bytes);
    if (entry == NULL) {
        return 0;
    }
    memcpy(entry->name, name, bytes);
    return entry->bytes;
}

// Fills fs->content from a cursor on, which moves. Its bytes, or BUFFER_TOO_SMALL.
static int64_t fill(struct procfs *fs, struct place directory, struct subject *subject,
                    uint32_t size, uint64_t *cursor) {
    uint32_t used = 0;
    struct found found;
    while (next_entry(directory, subject, *cursor, &found)) {
        char name[PLACE_NAME] = "..";
        if (*cursor == 0) {
            name[1] = '\0';
        } else if (*cursor > 1) {
            place_name(found.place, name);
        }
        uint32_t bytes = entry_add(fs->content + used, size - used, &found, name);
        if (bytes == 0) {
            return used != 0 ? (int64_t)used : ERR_BUFFER_TOO_SMALL;
        }
        used += bytes;
        *cursor = found.cursor;
    }
    return (int64_t)used;
}

int64_t procfs_list(OPERATION_ARGUMENTS(list)) {
    struct procfs *fs = context;
    const struct description *directory = description_of(fs, packet);
    bool own = request->cursor == FS_AT_CELL;
    if (directory == NULL) {
        return ERR_NOT_FOUND;
    }
    if (node_infos[directory->place.node].type != FS_TYPE_DIRECTORY) {
        return ERR_NOT_DIRECTORY;
    }
    if ((directory->flags & FS_OPEN_READ) == 0) {
        return ERR_FORBIDDEN;
    }
    if (own && packet->key == 0) {
        return ERR_NOT_SUPPORTED; // a root channel has no offset
    }
    struct subject subject = {0};
    if (directory->place.pid != 0 && subject_open(directory->place.pid, &subject) != OK) {
        return ERR_NOT_FOUND;
    }
    uint64_t cursor = own ? directory->offset : request->cursor;
    uint32_t size = packet->out_bytes < LIST_BYTES ? (uint32_t)packet->out_bytes : LIST_BYTES;
    int64_t used = fill(fs, directory->place, &subject, size, &cursor);
    subject_close(&subject);
    int64_t status = used > 0 ? window_fill(packet, fs->content, (uint64_t)used) : used;
    if (status != OK) {
        return status;
    }
    reply->cursor = cursor;
    if (own && used != 0) {
        vault_set(vault_of(fs), &directory->offset, cursor);
    }
    return used;
}
