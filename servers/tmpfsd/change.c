// SPDX-License-Identifier: MIT
//
// Operations on names: make, remove, link, rename. Each walks, checks all that can be wrong, and
// then changes what it has to in one step.

#include "tmpfs.h"

#include <sys/calls.h>

// ---- making

static status_t check_make(const struct fs_make_request *request, const struct route *walk,
                           uint64_t target_bytes) {
    bool link = request->type == FS_TYPE_LINK;
    bool known = request->type == FS_TYPE_DIRECTORY || request->type == FS_TYPE_REGULAR ||
                 request->type == FS_TYPE_FIFO || link;
    bool device = request->type == FS_TYPE_CHARACTER || request->type == FS_TYPE_BLOCK;
    if ((!known && !device) || (!link && target_bytes != 0)) {
        return ERR_INVALID_ARGUMENT;
    }
    if (link && target_bytes == 0) {
        return ERR_NOT_FOUND;
    }
    if (target_bytes > TARGET_BYTES_MAX) {
        return ERR_NAME_TOO_LONG;
    }
    if (walk->inode == 0 && walk->slash && request->type != FS_TYPE_DIRECTORY) {
        return ERR_NOT_FOUND;
    }
    return device && walk->caller.uid != 0 ? ERR_NOT_PERMITTED : OK;
}

// Room for everything, and for the target of a link that is long, which is put into a vmo of its
// own.
static status_t prepare_make(struct tmpfs *fs, const struct route *walk, const char *target,
                             uint32_t target_bytes, struct inode *made) {
    bool in_vmo = target_bytes > TARGET_SHORT_MAX;
    uint32_t pieces_bytes = walk->text_bytes + (in_vmo ? 0 : target_bytes + PIECE_TEXT);
    if (!inode_room(fs) || !name_room(fs, pieces_bytes)) {
        return ERR_NO_SPACE;
    }
    if (!in_vmo) {
        return OK;
    }
    status_t status = data_make(fs, target_bytes, &made->vmo);
    int64_t done = status == OK ? sys_vmo_write(made->vmo, 0, target, target_bytes) : status;
    return done < 0 ? data_status(done) : OK;
}

int64_t tmpfs_make(OPERATION_ARGUMENTS(make)) {
    struct tmpfs *fs = context;
    const struct description *from = description_of(fs, packet);
    if (from == NULL) {
        return ERR_NOT_FOUND;
    }
    int64_t status = window_path(fs, packet);
    if (status == OK && request->path_bytes > packet->in_bytes) {
        status = ERR_INVALID_ARGUMENT;
    }
    if (status != OK) {
        return status;
    }
    struct route walk;
    walk_begin(&walk, packet, from);
    status = walk_path(fs, &walk, fs->path, request->path_bytes, WALK_PARENT);
    const char *target = fs->path + request->path_bytes;
    uint32_t target_bytes = (uint32_t)packet->in_bytes - request->path_bytes;
    status = status == OK ? check_make(request, &walk, target_bytes) : status;
    status = status == OK ? walk_vacant(fs, &walk) : status;
    if (status != OK) {
        return walk_answer(fs, packet, status, &reply->rest, &reply->mount);
    }
    bool directory = request->type == FS_TYPE_DIRECTORY;
    bool link = request->type == FS_TYPE_LINK;
    const struct inode *parent = inode_get(fs, walk.directory);
    bool inherits = (parent->mode & MODE_SETGID) != 0;
    struct inode made = {
        .mode = request->type << 12 | (link ? 0777 : request->mode & MODE_PERMISSIONS) |
                (inherits && directory ? MODE_SETGID : 0),
        .links = directory ? 2 : 1,
        .uid = walk.caller.uid,
        .gid = inherits ? parent->gid : walk.caller.gid,
        .size = target_bytes,
        .rdev = request->rdev,
        .parent = directory ? walk.directory : 0,
        .made_for = parent->made_for,
    };
    status = prepare_make(fs, &walk, target, target_bytes, &made);
    if (status != OK) {
        return status;
    }
    if (link && made.vmo == HANDLE_NONE) {
        made.text = text_store(fs, target, target_bytes);
    }
    (void)name_add(fs, walk.directory, walk.text, walk.text_bytes, inode_make(fs, &made));
    return FS_WALK_DONE;
}

// ---- removing

// The last name is one that can be taken away. `directory`: as rmdir wants it.
static status_t check_last(const struct route *walk, bool directory) {
    switch (walk->last) {
    case LAST_NAME:
        return walk->inode != 0 ? OK : ERR_NOT_FOUND;
    case LAST_NOTHING:
        return ERR_NOT_FOUND;
    case LAST_DOT:
        return directory ? ERR_INVALID_ARGUMENT : ERR_IS_DIRECTORY;
    case LAST_DOTS:
        return directory ? ERR_NOT_EMPTY : ERR_IS_DIRECTORY;
    default:
        return directory ? ERR_BUSY : ERR_IS_DIRECTORY;
    }
}

static status_t check_kind(const struct inode *inode, bool directory, bool slash) {
    if (directory) {
        return !is_directory(inode) ? ERR_NOT_DIRECTORY : inode->entries != 0 ? ERR_NOT_EMPTY : OK;
    }
    return is_directory(inode) ? ERR_IS_DIRECTORY : slash ? ERR_NOT_DIRECTORY : OK;
}

// An inode is to lose a name: if it is the last, who has it open in fact must be known.
static void settle_last(struct tmpfs *fs, uint32_t number) {
    const struct inode *inode = inode_get(fs, number);
    if (is_directory(inode) || inode->links == 1) {
        defer_settle_inode(fs, number);
    }
}

int64_t tmpfs_remove(OPERATION_ARGUMENTS(remove)) {
    struct tmpfs *fs = context;
    const struct description *from = description_of(fs, packet);
    bool directory = request->directory != 0;
    if (from == NULL) {
        return ERR_NOT_FOUND;
    }
    int64_t status = window_path(fs, packet);
    if (status != OK) {
        return status;
    }
    struct route walk;
    walk_begin(&walk, packet, from);
    status = walk_path(fs, &walk, fs->path, (uint32_t)packet->in_bytes, WALK_PARENT);
    status = status == OK && walk.last == LAST_NAME ? mount_writable(fs, walk.mount) : status;
    status = status == OK ? check_last(&walk, directory) : status;
    status = status == OK ? access_remove(fs, walk.caller, walk.directory, walk.inode) : status;
    status = status == OK ? check_kind(inode_get(fs, walk.inode), directory, walk.slash) : status;
    if (status != OK) {
        return walk_answer(fs, packet, status, &reply->rest, &reply->mount);
    }
    settle_last(fs, walk.inode);
    name_remove(fs, walk.name);
    inode_unlink(fs, walk.inode);
    return FS_WALK_DONE;
}

// ---- two paths

// The paths of a request in fs->path, and where the second one begins.
static int64_t two_paths(struct tmpfs *fs, const struct packet *packet, uint32_t path_bytes) {
    int64_t status = window_path(fs, packet);
    return status == OK && path_bytes > packet->in_bytes ? ERR_INVALID_ARGUMENT : status;
}

// What the new path of a pair is relative to.
static const struct description *description_to(struct tmpfs *fs, const struct description *from,
                                                uint64_t secret) {
    return secret == 0 ? from : description_by_secret(fs, secret);
}

int64_t tmpfs_link(OPERATION_ARGUMENTS(link)) {
    struct tmpfs *fs = context;
    const struct description *from = description_of(fs, packet);
    if (from == NULL) {
        return ERR_NOT_FOUND;
    }
    int64_t status = two_paths(fs, packet, request->path_bytes);
    if (status != OK) {
        return status;
    }
    const struct description *to = description_to(fs, from, request->secret);
    if (to == NULL) {
        return ERR_CROSS_DEVICE;
    }
    struct route old, new;
    uint32_t old_bytes = request->path_bytes;
    walk_begin(&old, packet, from);
    status = walk_existing(fs, &old, fs->path, old_bytes,
                           (request->flags & FS_FIND_NO_FOLLOW) != 0 ? 0 : WALK_FOLLOW);
    if (status != OK) {
        return walk_answer(fs, packet, status, &reply->rest, &reply->mount);
    }
    walk_begin(&new, packet, to);
    status = walk_path(fs, &new, fs->path + old_bytes, (uint32_t)packet->in_bytes - old_bytes,
                       WALK_PARENT);
    reply->second = 1;
    status = status == OK ? walk_vacant(fs, &new) : status;
    status = status == OK && old.mount != new.mount ? ERR_CROSS_DEVICE : status;
    if (status != OK) {
        return walk_answer(fs, packet, status, &reply->rest, &reply->mount);
    }
    struct inode next = *inode_get(fs, old.inode);
    if (is_directory(&next)) {
        return ERR_NOT_PERMITTED;
    }
    if (new.slash || (next.links == 0 && (next.head.spare & INODE_LINKABLE) == 0)) {
        return ERR_NOT_FOUND;
    }
    if (!name_room(fs, new.text_bytes)) {
        return ERR_NO_SPACE;
    }
    next.links++;
    page_settle(&next);
    next.changed = time_now(fs);
    inode_write(fs, old.inode, &next);
    (void)name_add(fs, new.directory, new.text, new.text_bytes, old.inode);
    return FS_WALK_DONE;
}

// ---- renaming

// Whether a directory is another one, or lies above it.
static bool is_above(const struct tmpfs *fs, uint32_t above, uint32_t inode) {
    for (uint32_t steps = 0; inode != 0 && steps <= fs->inode_count; steps++) {
        if (inode == above) {
            return true;
        }
        uint32_t parent = inode_parent(fs, inode);
        inode = parent != inode ? parent : 0;
    }
    return false;
}

// A directory that comes below another parent is changed itself: its way up.
static bool may_move(const struct tmpfs *fs, const struct route *from, const struct route *to) {
    const struct inode *inode = inode_get(fs, from->inode);
    return !is_directory(inode) || from->directory == to->directory ||
           access_allowed(from->caller, inode, ACCESS_WRITE);
}

// What stands in the way at the new name may be replaced.
static status_t check_replaced(struct tmpfs *fs, const struct route *old, const struct route *new) {
    const struct inode *moved = inode_get(fs, old->inode);
    const struct inode *replaced = inode_get(fs, new->inode);
    status_t status = access_remove(fs, new->caller, new->directory, new->inode);
    if (status != OK) {
        return status;
    }
    if (is_directory(moved)) {
        return !is_directory(replaced)  ? ERR_NOT_DIRECTORY
               : replaced->entries != 0 ? ERR_NOT_EMPTY
                                        : OK;
    }
    return is_directory(replaced) ? ERR_IS_DIRECTORY : OK;
}

// Both names may change places.
static status_t check_exchange(struct tmpfs *fs, const struct route *old, const struct route *new) {
    status_t status = access_remove(fs, new->caller, new->directory, new->inode);
    if (status != OK) {
        return status;
    }
    if (is_directory(inode_get(fs, new->inode)) && is_above(fs, new->inode, old->directory)) {
        return ERR_INVALID_ARGUMENT;
    }
    return may_move(fs, new, old) ? OK : ERR_FORBIDDEN;
}

static status_t check_rename(struct tmpfs *fs, const struct route *old, const struct route *new,
                             uint32_t flags) {
    if (old->last != LAST_NAME || new->last != LAST_NAME) {
        return old->last == LAST_NOTHING || new->last == LAST_NOTHING ? ERR_NOT_FOUND : ERR_BUSY;
    }
    bool exchange = (flags & FS_RENAME_EXCHANGE) != 0;
    if (old->inode == 0 || (exchange && new->inode == 0)) {
        return ERR_NOT_FOUND;
    }
    if (new->inode != 0 && (flags & FS_RENAME_NO_REPLACE) != 0) {
        return ERR_ALREADY_EXISTS;
    }
    const struct inode *moved = inode_get(fs, old->inode);
    if (!is_directory(moved) && (old->slash || (new->slash && !exchange))) {
        return ERR_NOT_DIRECTORY;
    }
    if (is_directory(moved) && is_above(fs, old->inode, new->directory)) {
        return ERR_INVALID_ARGUMENT;
    }
    status_t status = access_remove(fs, old->caller, old->directory, old->inode);
    if (status != OK) {
        return status;
    }
    if (!may_move(fs, old, new)) {
        return ERR_FORBIDDEN;
    }
    if (new->inode == 0) {
        status = walk_vacant(fs, new);
        return status == OK && !name_room(fs, new->text_bytes) ? ERR_NO_SPACE : status;
    }
    if (new->inode == old->inode) {
        return OK;
    }
    return exchange ? check_exchange(fs, old, new) : check_replaced(fs, old, new);
}

static void inode_changed(struct tmpfs *fs, uint32_t number) {
    struct inode next = *inode_get(fs, number);
    page_settle(&next);
    next.changed = time_now(fs);
    inode_write(fs, number, &next);
}

int64_t tmpfs_rename(OPERATION_ARGUMENTS(rename)) {
    struct tmpfs *fs = context;
    const struct description *from = description_of(fs, packet);
    const uint32_t both = FS_RENAME_NO_REPLACE | FS_RENAME_EXCHANGE;
    if (from == NULL) {
        return ERR_NOT_FOUND;
    }
    int64_t status = two_paths(fs, packet, request->path_bytes);
    if (status == OK && ((request->flags & ~both) != 0 || (request->flags & both) == both)) {
        status = ERR_INVALID_ARGUMENT;
    }
    if (status != OK) {
        return status;
    }
    const struct description *to = description_to(fs, from, request->secret);
    if (to == NULL) {
        return ERR_CROSS_DEVICE;
    }
    struct route old, new;
    uint32_t old_bytes = request->path_bytes;
    walk_begin(&old, packet, from);
    walk_begin(&new, packet, to);
    status = walk_path(fs, &old, fs->path, old_bytes, WALK_PARENT);
    if (status == OK) {
        reply->second = 1;
        status = walk_path(fs, &new, fs->path + old_bytes, (uint32_t)packet->in_bytes - old_bytes,
                           WALK_PARENT);
    }
    status = status == OK && old.mount != new.mount ? ERR_CROSS_DEVICE : status;
    status = status == OK ? mount_writable(fs, old.mount) : status;
    status = status == OK ? check_rename(fs, &old, &new, request->flags) : status;
    if (status != OK || old.inode == new.inode) { // two names of the same file: nothing is done
        return walk_answer(fs, packet, status, &reply->rest, &reply->mount);
    }
    bool exchange = (request->flags & FS_RENAME_EXCHANGE) != 0;
    if (!exchange && new.inode != 0) {
        settle_last(fs, new.inode);
    }
    inode_changed(fs, old.inode);
    if (exchange) {
        inode_changed(fs, new.inode);
        name_turn(fs, new.name, old.inode);
        name_turn(fs, old.name, new.inode);
    } else if (new.inode != 0) {
        name_turn(fs, new.name, old.inode);
        name_remove(fs, old.name);
        inode_unlink(fs, new.inode);
    } else {
        (void)name_add(fs, new.directory, new.text, new.text_bytes, old.inode);
        name_remove(fs, old.name);
    }
    return FS_WALK_DONE;
}
