// SPDX-License-Identifier: MIT
//
// Opening: the walk, the checks, and one step that makes what is missing and the description.

#include "tmpfs.h"

#include <sys/calls.h>

#define OPEN_FLAGS                                                                                 \
    (FS_OPEN_READ | FS_OPEN_WRITE | FS_OPEN_CREATE | FS_OPEN_EXCLUSIVE | FS_OPEN_TRUNCATE |        \
     FS_OPEN_DIRECTORY | FS_OPEN_NO_FOLLOW | FS_OPEN_PATH | FS_OPEN_EXECUTE | FS_OPEN_TEMPORARY |  \
     FS_OPEN_ROOT | FS_OPEN_ROOT_OF)
// What counts beside PATH.
#define PATH_FLAGS                                                                                 \
    (FS_OPEN_PATH | FS_OPEN_DIRECTORY | FS_OPEN_NO_FOLLOW | FS_OPEN_ROOT | FS_OPEN_ROOT_OF)

// An open that is under way.
struct opening {
    struct route walk;
    uint32_t flags;
    uint32_t mode;
    bool creates; // a file with or without a name
};

static status_t check_flags(struct opening *opening, uint32_t flags) {
    if ((flags & ~OPEN_FLAGS) != 0) {
        return ERR_INVALID_ARGUMENT;
    }
    opening->flags = flags & (flags & FS_OPEN_PATH ? PATH_FLAGS : OPEN_FLAGS);
    bool create = (opening->flags & FS_OPEN_CREATE) != 0;
    bool temporary = (opening->flags & FS_OPEN_TEMPORARY) != 0;
    if ((create && (flags & (FS_OPEN_DIRECTORY | FS_OPEN_TEMPORARY)) != 0) ||
        (temporary && (flags & FS_OPEN_WRITE) == 0)) {
        return ERR_INVALID_ARGUMENT;
    }
    return OK;
}

// What is there may be opened like this.
static status_t check_existing(struct tmpfs *fs, const struct opening *opening) {
    const struct inode *inode = inode_get(fs, opening->walk.inode);
    uint32_t flags = opening->flags;
    if ((flags & (FS_OPEN_CREATE | FS_OPEN_EXCLUSIVE)) == (FS_OPEN_CREATE | FS_OPEN_EXCLUSIVE)) {
        return ERR_ALREADY_EXISTS;
    }
    if (is_link(inode) && (flags & FS_OPEN_PATH) == 0) {
        return ERR_TOO_MANY_LINKS;
    }
    if (!is_directory(inode) && (flags & (FS_OPEN_DIRECTORY | FS_OPEN_ROOT)) != 0) {
        return ERR_NOT_DIRECTORY;
    }
    if (is_directory(inode) && (flags & (FS_OPEN_CREATE | FS_OPEN_WRITE | FS_OPEN_TRUNCATE)) != 0) {
        return ERR_IS_DIRECTORY;
    }
    uint32_t view = mount_flags(fs, opening->walk.mount);
    uint32_t type = TYPE_OF(inode->mode);
    bool device = type == FS_TYPE_CHARACTER || type == FS_TYPE_BLOCK;
    bool runs = (flags & FS_OPEN_EXECUTE) != 0;
    if ((runs && (!is_regular(inode) || (view & FS_MOUNT_NO_EXECUTE) != 0)) ||
        (device && (flags & FS_OPEN_PATH) == 0 && (view & FS_MOUNT_NO_DEVICES) != 0)) {
        return ERR_FORBIDDEN;
    }
    if (is_regular(inode) && (flags & (FS_OPEN_WRITE | FS_OPEN_TRUNCATE)) != 0 &&
        (view & FS_MOUNT_READ_ONLY) != 0) {
        return ERR_READ_ONLY;
    }
    uint32_t bits = ((flags & FS_OPEN_READ) != 0 ? ACCESS_READ : 0) |
                    ((flags & (FS_OPEN_WRITE | FS_OPEN_TRUNCATE)) != 0 ? ACCESS_WRITE : 0) |
                    (runs ? ACCESS_SEARCH : 0);
    return access_allowed(opening->walk.caller, inode, bits) ? OK : ERR_FORBIDDEN;
}

static status_t check_room(struct tmpfs *fs, uint32_t name_bytes) {
    return inode_room(fs) && name_room(fs, name_bytes) ? OK : ERR_NO_SPACE;
}

// Walks to what is to be opened, or to the place where it is to be made.
static status_t find(struct tmpfs *fs, struct opening *opening, uint32_t path_bytes) {
    struct route *walk = &opening->walk;
    uint32_t flags = opening->flags;
    bool create = (flags & FS_OPEN_CREATE) != 0;
    bool no_follow = (flags & FS_OPEN_NO_FOLLOW) != 0 || (create && (flags & FS_OPEN_EXCLUSIVE));
    status_t status = walk_path(fs, walk, fs->path, path_bytes, no_follow ? 0 : WALK_FOLLOW);
    if (status != OK) {
        return status;
    }
    if ((flags & FS_OPEN_TEMPORARY) != 0) {
        if (walk->inode == 0 || !is_directory(inode_get(fs, walk->inode))) {
            return walk->inode == 0 ? ERR_NOT_FOUND : ERR_NOT_DIRECTORY;
        }
        walk->directory = walk->inode;
        walk->inode = 0;
        opening->creates = true;
        status = walk_vacant(fs, walk);
        return status == OK ? check_room(fs, 0) : status;
    }
    if (walk->inode != 0) {
        return check_existing(fs, opening);
    }
    if (!create) {
        return ERR_NOT_FOUND;
    }
    opening->creates = true;
    status = walk->slash ? ERR_IS_DIRECTORY : walk_vacant(fs, walk);
    return status == OK ? check_room(fs, walk->text_bytes) : status;
}

// Makes the file: its inode, and a name unless it is to have none.
static void create(struct tmpfs *fs, struct opening *opening) {
    struct route *walk = &opening->walk;
    const struct inode *directory = inode_get(fs, walk->directory);
    bool temporary = (opening->flags & FS_OPEN_TEMPORARY) != 0;
    bool linkable = temporary && (opening->flags & FS_OPEN_EXCLUSIVE) == 0;
    struct inode file = {
        .head = {.spare = linkable ? INODE_LINKABLE : 0},
        .mode = (uint32_t)FS_TYPE_REGULAR << 12 | (opening->mode & MODE_PERMISSIONS),
        .links = temporary ? 0 : 1,
        .uid = walk->caller.uid,
        .gid = (directory->mode & MODE_SETGID) != 0 ? directory->gid : walk->caller.gid,
        .made_for = directory->made_for,
    };
    walk->inode = inode_make(fs, &file);
    if (!temporary) {
        walk->name = name_add(fs, walk->directory, walk->text, walk->text_bytes, walk->inode);
    }
}

static void truncate(struct tmpfs *fs, uint32_t number) {
    struct inode next = *inode_get(fs, number);
    if (is_regular(&next)) {
        data_resize(fs, number, &next, 0);
        next.modified = next.changed = time_now(fs);
        inode_write(fs, number, &next);
    }
}

// The walk has left this file system: the handle is one more of where it began.
static int64_t open_left(struct tmpfs *fs, const struct packet *packet, int64_t result,
                         const struct description *from, struct fs_open_reply *reply,
                         handle_t *client) {
    struct description as = {
        .flags = FS_OPEN_PATH | (from->flags & FS_OPEN_ROOT),
        .inode = from->inode,
        .root = from->root,
        .mount = from->mount,
    };
    result = walk_answer(fs, packet, result, &reply->rest, &reply->mount);
    status_t status = result > FS_WALK_DONE ? description_make(fs, &as, client) : OK;
    if (status != OK || result <= FS_WALK_DONE) {
        return status != OK ? status : result;
    }
    description_store(fs, &as);
    return result;
}

// The root of the new description, 0: itself.
static status_t choose_root(struct tmpfs *fs, const struct fs_open_request *request,
                            const struct description *from, const struct opening *opening,
                            struct description *as) {
    if ((opening->flags & FS_OPEN_ROOT) != 0) {
        return OK;
    }
    if ((opening->flags & FS_OPEN_ROOT_OF) != 0) {
        from = description_by_secret(fs, request->secret);
        if (from == NULL || from->mount != as->mount) {
            return ERR_CROSS_DEVICE;
        }
    }
    as->root = from->root;
    as->flags |= from->flags & FS_OPEN_ROOT;
    return OK;
}

// All that can be done before anything is changed: the walk from a description, the checks, and
// what the new description will be. An error, or a walk result.
static int64_t open_prepare(struct tmpfs *fs, const struct packet *packet,
                            const struct fs_open_request *request, const struct description *from,
                            struct opening *opening, struct description *as) {
    opening->mode = request->mode;
    opening->creates = false;
    int64_t status = window_path(fs, packet);
    status = status == OK ? check_flags(opening, request->flags) : status;
    if (status != OK) {
        return status;
    }
    walk_begin(&opening->walk, packet, from);
    status = find(fs, opening, (uint32_t)packet->in_bytes);
    *as = (struct description){.flags = opening->flags & ~(uint32_t)FS_OPEN_ROOT_OF,
                               .mount = from->mount};
    return status == OK ? choose_root(fs, request, from, opening, as) : status;
}

// Makes what is missing, and says in `as` what was found or made. Nothing can fail.
static void open_commit(struct tmpfs *fs, const struct description *from, struct opening *opening,
                        struct description *as) {
    if (opening->creates) {
        create(fs, opening);
    } else if ((opening->flags & FS_OPEN_TRUNCATE) != 0) {
        truncate(fs, opening->walk.inode);
    }
    as->inode = opening->walk.inode;
    as->root = as->root != 0 ? as->root : as->inode;
    // The empty path is what the description itself was opened by.
    as->name = opening->walk.last == LAST_NOTHING ? from->name : opening->walk.name;
}

// What both open and reopen tell of the new description.
static void tell_opened(struct tmpfs *fs, const struct description *as,
                        struct fs_attributes *attributes, uint64_t *secret, uint32_t *viewable) {
    inode_attributes(fs, as->inode, attributes);
    attributes->mount_flags = mount_flags(fs, as->mount);
    *secret = as->secret;
    *viewable = is_regular(inode_get(fs, as->inode)) && (as->flags & FS_OPEN_PATH) == 0;
}

int64_t tmpfs_open(OPERATION_ARGUMENTS(open), handle_t handles_out[1]) {
    struct tmpfs *fs = context;
    struct opening opening;
    struct description as;
    const struct description *from = description_of(fs, packet);
    if (from == NULL) {
        return ERR_NOT_FOUND;
    }
    int64_t status = open_prepare(fs, packet, request, from, &opening, &as);
    if (status > FS_WALK_DONE) {
        return open_left(fs, packet, status, from, reply, &handles_out[0]);
    }
    status = status == OK ? description_make(fs, &as, &handles_out[0]) : status;
    if (status != OK) {
        return status;
    }
    open_commit(fs, from, &opening, &as);
    description_store(fs, &as);
    tell_opened(fs, &as, &reply->attributes, &reply->secret, &reply->viewable);
    reply->created = opening.creates;
    return FS_WALK_DONE;
}

// ---- for a channel that has been made

int64_t tmpfs_reopen(OPERATION_ARGUMENTS(reopen)) {
    struct tmpfs *fs = context;
    struct opening opening;
    struct description as;
    const struct fs_open_request open = {.flags = request->flags, .mode = request->mode};
    const struct description *old = description_channel(fs, packet);
    if (old == NULL || old->deferral == HANDLE_NONE || old->awaited != 0) {
        return ERR_BAD_STATE;
    }
    const struct description *from = description_by_secret(fs, request->from);
    if (from == NULL || (request->flags & (FS_OPEN_TEMPORARY | FS_OPEN_ROOT_OF)) != 0) {
        return from == NULL ? ERR_BAD_STATE : ERR_INVALID_ARGUMENT;
    }
    int64_t status = open_prepare(fs, packet, &open, from, &opening, &as);
    if (status > FS_WALK_DONE) {
        return walk_answer(fs, packet, status, &reply->rest, &reply->mount);
    }
    bool pipe = status == OK && !opening.creates &&
                TYPE_OF(inode_get(fs, opening.walk.inode)->mode) == FS_TYPE_FIFO;
    status = pipe ? ERR_BAD_STATE : status; // its node is handed to another server
    status = status == OK ? description_renew(fs, old, &as) : status;
    if (status != OK) {
        return status;
    }
    open_commit(fs, from, &opening, &as);
    description_replace(fs, old, &as);
    tell_opened(fs, &as, &reply->attributes, &reply->secret, &reply->viewable);
    reply->created = opening.creates;
    return FS_WALK_DONE;
}

int64_t tmpfs_again(void *context, const struct packet *packet,
                    const struct fs_again_request *request, handle_t handles_out[1]) {
    struct tmpfs *fs = context;
    const struct description *from = description_by_secret(fs, request->secret);
    (void)packet;
    if (from == NULL) {
        return ERR_NOT_FOUND;
    }
    struct description as = {
        .flags = FS_OPEN_PATH | (from->flags & FS_OPEN_ROOT),
        .inode = from->inode,
        .root = from->root,
        .name = from->name,
        .mount = from->mount,
    };
    status_t status = description_make(fs, &as, &handles_out[0]);
    if (status == OK) {
        description_store(fs, &as);
    }
    return status;
}
