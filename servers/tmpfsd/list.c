// SPDX-License-Identifier: MIT
//
// Looking around: listing a directory, reading a link, telling a path.

#include "tmpfs.h"

#include <sys/calls.h>

// Cursors of a listing: 0 the directory itself, 1 its parent, then number + 1 of a name. What is
// told is where to go on, so the cursor behind the name n is that of n + 1.
#define CURSOR_PARENT 1
#define CURSOR_NAMES 2

#define NO_ROOM UINT32_MAX

// Begins an entry at `at` of the buffer, with a name of so many bytes. Null when it does not fit.
static struct file_entry *entry_begin(struct tmpfs *fs, uint32_t at, uint32_t size, uint32_t inode,
                                      uint64_t cursor, uint32_t bytes) {
    const struct file_entry as = {
        .inode = inode,
        .cursor = cursor,
        .type = (uint8_t)TYPE_OF(inode_get(fs, inode)->mode),
    };
    return file_entry_begin((char *)fs->data + at, size - at, &as, bytes);
}

// The entries `.` and `..`.
static struct file_entry *dot_entry(struct tmpfs *fs, const struct description *description,
                                    uint32_t at, uint32_t size, uint64_t cursor) {
    uint32_t inode = description->inode;
    uint32_t bytes = cursor == CURSOR_PARENT ? 2 : 1;
    if (cursor == CURSOR_PARENT && inode != description->root) {
        uint32_t parent = inode_parent(fs, inode);
        inode = parent != 0 ? parent : inode;
    }
    struct file_entry *entry = entry_begin(fs, at, size, inode, cursor + 1, bytes);
    if (entry != NULL) {
        memcpy(entry->name, "..", bytes);
    }
    return entry;
}

// Adds the entry at a cursor, and moves the cursor on. Returns the end of it; `at` at the end of
// the directory; NO_ROOM when it does not fit.
static uint32_t entry_next(struct tmpfs *fs, const struct description *description, uint32_t at,
                           uint32_t size, uint64_t *cursor) {
    struct file_entry *entry;
    if (*cursor <= CURSOR_PARENT) {
        entry = dot_entry(fs, description, at, size, *cursor);
    } else {
        uint64_t from = *cursor - CURSOR_NAMES + 1;
        uint32_t number =
            from <= fs->name_count ? name_next(fs, description->inode, (uint32_t)from) : 0;
        if (number == 0) {
            return at;
        }
        const struct name *name = name_get(fs, number);
        entry = entry_begin(fs, at, size, name->inode, (uint64_t)number + CURSOR_NAMES,
                            name_bytes(name));
        if (entry != NULL) {
            (void)name_read(fs, number, entry->name);
        }
    }
    if (entry == NULL) {
        return NO_ROOM;
    }
    *cursor = entry->cursor;
    return at + entry->bytes;
}

int64_t tmpfs_list(OPERATION_ARGUMENTS(list)) {
    struct tmpfs *fs = context;
    const struct description *description = description_of(fs, packet);
    if (description == NULL) {
        return ERR_NOT_FOUND;
    }
    const struct inode *inode = inode_get(fs, description->inode);
    if (!is_directory(inode)) {
        return ERR_NOT_DIRECTORY;
    }
    if ((description->flags & FS_OPEN_READ) == 0) {
        return ERR_FORBIDDEN;
    }
    uint32_t size = packet->out_bytes < DATA_BYTES ? (uint32_t)packet->out_bytes : DATA_BYTES;
    uint32_t end = 0;
    bool own = request->cursor == FS_AT_CELL;
    if (own && packet->key == 0) {
        return ERR_NOT_SUPPORTED; // a root channel has no offset
    }
    uint64_t cursor = own ? description->offset : request->cursor;
    while (inode->links != 0) { // one that was removed is empty
        uint32_t next = entry_next(fs, description, end, size, &cursor);
        if (next == NO_ROOM && end == 0) {
            return ERR_BUFFER_TOO_SMALL;
        }
        if (next == end || next == NO_ROOM) {
            break;
        }
        end = next;
    }
    reply->cursor = cursor;
    int64_t status = window_fill(packet, fs->data, end);
    if (status != OK) {
        return status;
    }
    if (own && end != 0) {
        vault_set(vault_of(fs), &description->offset, cursor);
    }
    return (int64_t)end;
}

int64_t tmpfs_read_link(void *context, const struct packet *packet,
                        struct fs_read_link_reply *reply) {
    struct tmpfs *fs = context;
    char target[TARGET_BYTES_MAX];
    const struct description *from = description_of(fs, packet);
    if (from == NULL) {
        return ERR_NOT_FOUND;
    }
    int64_t status = window_path(fs, packet);
    if (status != OK) {
        return status;
    }
    struct route walk;
    walk_begin(&walk, packet, from);
    status = walk_existing(fs, &walk, fs->path, (uint32_t)packet->in_bytes, 0);
    if (status != OK) {
        return walk_answer(fs, packet, status, &reply->rest, &reply->mount);
    }
    const struct inode *inode = inode_get(fs, walk.inode);
    if (!is_link(inode)) {
        return ERR_INVALID_ARGUMENT;
    }
    int64_t bytes = link_target(fs, inode, target);
    if (bytes < 0) {
        return bytes;
    }
    reply->bytes =
        (uint32_t)bytes < packet->out_bytes ? (uint32_t)bytes : (uint32_t)packet->out_bytes;
    status = window_fill(packet, target, reply->bytes);
    return status == OK ? FS_WALK_DONE : status;
}

// ---- paths

static bool is_name_of(const struct tmpfs *fs, uint32_t inode, uint32_t number) {
    uint32_t count = vault_touched(&fs->server.vault, TABLE_NAMES);
    const struct name *name = number != 0 && number <= count ? name_get(fs, number) : NULL;
    return name != NULL && name->head.used != 0 && name_kind(name) == NAME_ENTRY &&
           name->inode == inode;
}

// A name of an inode: the hint or the last that it was given if that still is one, which it always
// is of a directory; else the first that there is, 0 for none.
static uint32_t name_of(const struct tmpfs *fs, uint32_t inode, uint32_t hint) {
    if (is_name_of(fs, inode, hint)) {
        return hint;
    }
    if (is_name_of(fs, inode, fs->named[inode - 1])) {
        return fs->named[inode - 1];
    }
    uint32_t count = vault_touched(&fs->server.vault, TABLE_NAMES);
    for (uint32_t i = inode_get(fs, inode)->links != 0 ? 1 : count + 1; i <= count; i++) {
        if (is_name_of(fs, inode, i)) {
            return i;
        }
    }
    return 0;
}

// The path of a description's object, in fs->path from *at to the end. NOT_FOUND, NAME_TOO_LONG.
static status_t path_of(struct tmpfs *fs, const struct description *from, char **at) {
    // Written backwards from the end of the buffer.
    char text[NAME_BYTES_MAX];
    char *end = fs->path + PATH_BYTES_MAX;
    *at = end;
    uint32_t hint = from->name;
    for (uint32_t inode = from->inode; inode != from->root;) {
        uint32_t number = inode != INODE_ROOT ? name_of(fs, inode, hint) : 0;
        if (number == 0) {
            return ERR_NOT_FOUND;
        }
        uint32_t bytes = name_read(fs, number, text);
        if (bytes + 1 > (uint32_t)(*at - fs->path)) {
            return ERR_NAME_TOO_LONG;
        }
        *at -= bytes;
        memcpy(*at, text, bytes);
        *--*at = '/';
        inode = name_get(fs, number)->directory;
        hint = 0;
    }
    if (*at == end) {
        *--*at = '/';
    }
    return OK;
}

// Puts the path into the out window, its length into *bytes.
static int64_t path_tell(struct tmpfs *fs, const struct packet *packet,
                         const struct description *from, uint32_t *bytes) {
    char *at;
    status_t status = path_of(fs, from, &at);
    if (status != OK) {
        return status;
    }
    *bytes = (uint32_t)(fs->path + PATH_BYTES_MAX - at);
    return *bytes > packet->out_bytes ? ERR_NAME_TOO_LONG : window_fill(packet, at, *bytes);
}

// The mount from whose root the path is told; 0: from a root above which no walk goes.
static uint32_t mount_of_path(const struct description *from) {
    return (from->flags & FS_OPEN_ROOT) != 0 ? 0 : from->mount;
}

int64_t tmpfs_place(void *context, const struct packet *packet, struct fs_place_reply *reply) {
    struct tmpfs *fs = context;
    const struct description *from = description_of(fs, packet);
    if (from == NULL) {
        return ERR_NOT_FOUND;
    }
    reply->mount = mount_of_path(from);
    return path_tell(fs, packet, from, &reply->bytes);
}

int64_t tmpfs_place_of(OPERATION_ARGUMENTS(place_of)) {
    struct tmpfs *fs = context;
    const struct description *from = description_by_secret(fs, request->secret);
    if (from == NULL) {
        return ERR_NOT_FOUND;
    }
    reply->offset = from->offset;
    reply->mount = mount_of_path(from);
    int64_t status = path_tell(fs, packet, from, &reply->bytes);
    reply->deleted = status == ERR_NOT_FOUND;
    return reply->deleted ? 0 : status;
}
