// SPDX-License-Identifier: MIT
//
// Opening: the walk, the checks, and one step that makes what is missing and the description.

#include "tmpfs.h"

#include <sys/calls.h>

#define OPEN_FLAGS                                                                                 \
    (FS_OPEN_READ | FS_OPEN_WRITE | FS_OPEN_CREATE | FS_OPEN_EXCLUSIVE | FS_OPEN_TRUNCATE |        \
     FS_OPEN_DIRECTORY | FS_OPEN_NO_FOLLOW | FS_OPEN_PATH | FS_OPEN_EXECUTE | FS_OPEN_TEMPORARY |  \
     FS_OPEN_ROOT)
// What counts beside PATH.
#define PATH_FLAGS (FS_OPEN_PATH | FS_OPEN_DIRECTORY | FS_OPEN_NO_FOLLOW | FS_OPEN_ROOT)

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
    if ((flags & FS_OPEN_EXECUTE) != 0 && !is_regular(inode)) {
        return ERR_FORBIDDEN;
    }
    uint32_t bits = ((flags & FS_OPEN_READ) != 0 ? ACCESS_READ : 0) |
                    ((flags & (FS_OPEN_WRITE | FS_OPEN_TRUNCATE)) != 0 ? ACCESS_WRITE : 0) |
                    ((flags & FS_OPEN_EXECUTE) != 0 ? ACCESS_SEARCH : 0);
    return access_allowed(opening->walk.caller, inode, bits) ? OK : ERR_FORBIDDEN;
}

static status_t check_room(const struct tmpfs *fs, uint32_t name_bytes) {
    return fs->inodes_free != 0 && name_room(fs, name_bytes) ? OK : ERR_NO_SPACE;
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

// Makes channel and record of the description that `as` tells of. LIMIT, NO_MEMORY.
static status_t describe(struct tmpfs *fs, struct description *as, handle_t *client) {
    int32_t index = vault_find_free(vault_of(fs), TABLE_DESCRIPTIONS);
    if (index < 0) {
        return ERR_LIMIT;
    }
    const struct description *place =
        vault_record(vault_of(fs), TABLE_DESCRIPTIONS, (uint32_t)index);
    bool reused = (uint32_t)index < vault_touched(vault_of(fs), TABLE_DESCRIPTIONS);
    uint64_t uses = reused ? (place->key >> NUMBER_BITS) + 1 : 1;
    uint32_t number = (uint32_t)index + 1;
    as->key = (uses << NUMBER_BITS | number) & (SERVER_KEYS - 1);
    status_t status = sys_random_get(&as->secret, sizeof(as->secret));
    as->secret = (as->secret & ~(uint64_t)NUMBER_MASK) | number;
    as->head.used = 1;
    return status == OK ? server_channel(&fs->server, as->key, 0, client, &as->endpoint) : status;
}

static void describe_write(struct tmpfs *fs, const struct description *as) {
    const struct description *place =
        vault_record(vault_of(fs), TABLE_DESCRIPTIONS, (uint32_t)(as->key & NUMBER_MASK) - 1);
    const size_t from = offsetof(struct vault_head, used);
    vault_set_bytes(vault_of(fs), (const uint8_t *)place + from, (const uint8_t *)as + from,
                    sizeof(*as) - from);
    fs->descriptions_free--;
    inode_ref(fs, as->inode);
    inode_ref(fs, as->root);
}

// The walk has left this file system: the handle is that of the directory where.
static int64_t open_left(struct tmpfs *fs, const struct packet *packet, int64_t result,
                         struct fs_open_reply *reply, handle_t *client) {
    struct description as = {
        .flags = FS_OPEN_PATH | FS_OPEN_DIRECTORY,
        .inode = fs->mount,
        .root = fs->mount,
    };
    result = walk_answer(fs, packet, result, &reply->rest);
    status_t status = result > FS_WALK_DONE ? describe(fs, &as, client) : OK;
    if (status != OK || result <= FS_WALK_DONE) {
        return status != OK ? status : result;
    }
    describe_write(fs, &as);
    return result;
}

int64_t tmpfs_open(OPERATION_ARGUMENTS(open), handle_t handles_out[1]) {
    struct tmpfs *fs = context;
    struct opening opening = {.mode = request->mode};
    const struct description *from = description_of(fs, packet);
    if (from == NULL) {
        return ERR_NOT_FOUND;
    }
    int64_t status = window_path(fs, packet);
    status = status == OK ? check_flags(&opening, request->flags) : status;
    if (status != OK) {
        return status;
    }
    walk_begin(&opening.walk, packet, from);
    status = find(fs, &opening, (uint32_t)packet->in_bytes);
    struct description as = {.flags = opening.flags};
    if (status > FS_WALK_DONE) {
        return open_left(fs, packet, status, reply, &handles_out[0]);
    }
    status = status == OK ? describe(fs, &as, &handles_out[0]) : status;
    if (status != OK) {
        return status;
    }
    // From here on nothing can fail.
    if (opening.creates) {
        create(fs, &opening);
    } else if ((opening.flags & FS_OPEN_TRUNCATE) != 0) {
        truncate(fs, opening.walk.inode);
    }
    as.inode = opening.walk.inode;
    as.root = (opening.flags & FS_OPEN_ROOT) != 0 ? as.inode : from->root;
    // The empty path is what the description itself was opened by.
    as.name = opening.walk.last == LAST_NOTHING ? from->name : opening.walk.name;
    describe_write(fs, &as);
    inode_attributes(fs, as.inode, &reply->attributes);
    reply->secret = as.secret;
    reply->created = opening.creates;
    reply->viewable = is_regular(inode_get(fs, as.inode)) && (as.flags & FS_OPEN_PATH) == 0;
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
        .flags = FS_OPEN_PATH,
        .inode = from->inode,
        .root = from->root,
        .name = from->name,
    };
    status_t status = describe(fs, &as, &handles_out[0]);
    if (status == OK) {
        describe_write(fs, &as);
    }
    return status;
}
