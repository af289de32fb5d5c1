// SPDX-License-Identifier: MIT
//
// Looking at attributes, and changing them.

#include "tmpfs.h"

#include <sys/calls.h>
#include <sys/start.h>

#define BLOCK_BYTES PAGE_SIZE
#define TMPFS_MAGIC 0x01021994 // what statfs of Linux says of its tmpfs

int64_t tmpfs_stat(OPERATION_ARGUMENTS(stat)) {
    struct tmpfs *fs = context;
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
    status = walk_existing(fs, &walk, fs->path, (uint32_t)packet->in_bytes,
                           (request->flags & FS_FIND_NO_FOLLOW) != 0 ? 0 : WALK_FOLLOW);
    if (status != OK) {
        return walk_answer(fs, packet, status, &reply->rest, &reply->mount);
    }
    inode_attributes(fs, walk.inode, &reply->attributes);
    reply->attributes.mount_flags = mount_flags(fs, walk.mount);
    return FS_WALK_DONE;
}

// ---- changing

static status_t check_mode(struct caller caller, const struct inode *inode) {
    return access_owner(caller, inode) ? OK : ERR_NOT_PERMITTED;
}

// Only root gives files away; an owner may choose a group that is his own.
static status_t check_owner(struct caller caller, const struct inode *inode,
                            const struct fs_set_request *request) {
    bool same_uid = (request->what & FS_SET_UID) == 0 || request->uid == inode->uid;
    bool same_gid = (request->what & FS_SET_GID) == 0 || request->gid == inode->gid ||
                    access_group(caller, request->gid);
    bool allowed = caller.uid == 0 || (caller.uid == inode->uid && same_uid && same_gid);
    return allowed ? OK : ERR_NOT_PERMITTED;
}

static status_t check_size(struct caller caller, const struct description *description,
                           bool by_path, const struct inode *inode) {
    if (is_directory(inode)) {
        return ERR_IS_DIRECTORY;
    }
    if (!is_regular(inode)) {
        return ERR_INVALID_ARGUMENT;
    }
    if (by_path) {
        return access_allowed(caller, inode, ACCESS_WRITE) ? OK : ERR_FORBIDDEN;
    }
    return (description->flags & FS_OPEN_WRITE) != 0 ? OK : ERR_INVALID_ARGUMENT;
}

static status_t check_times(struct caller caller, const struct inode *inode, uint32_t what) {
    if (access_owner(caller, inode)) {
        return OK;
    }
    if ((what & (FS_SET_ACCESSED | FS_SET_MODIFIED)) != 0) {
        return ERR_NOT_PERMITTED;
    }
    return access_allowed(caller, inode, ACCESS_WRITE) ? OK : ERR_FORBIDDEN;
}

#define SET_OWNER (FS_SET_UID | FS_SET_GID)
#define SET_TIMES (FS_SET_ACCESSED | FS_SET_MODIFIED | FS_SET_ACCESSED_NOW | FS_SET_MODIFIED_NOW)
#define SET_ALL (FS_SET_MODE | SET_OWNER | FS_SET_SIZE | SET_TIMES)

static status_t check_set(struct caller caller, const struct description *description, bool by_path,
                          const struct inode *inode, const struct fs_set_request *request) {
    status_t status = (request->what & ~SET_ALL) != 0 ? ERR_INVALID_ARGUMENT : OK;
    if (status == OK && (request->what & FS_SET_MODE) != 0) {
        status = check_mode(caller, inode);
    }
    if (status == OK && (request->what & SET_OWNER) != 0) {
        status = check_owner(caller, inode, request);
    }
    if (status == OK && (request->what & FS_SET_SIZE) != 0) {
        status = check_size(caller, description, by_path, inode);
    }
    if (status == OK && (request->what & SET_TIMES) != 0) {
        status = check_times(caller, inode, request->what);
    }
    return status;
}

static void set_mode(struct caller caller, struct inode *next, uint32_t mode) {
    mode &= MODE_PERMISSIONS;
    if (caller.uid != 0 && !access_group(caller, next->gid)) {
        mode &= ~MODE_SETGID;
    }
    next->mode = (next->mode & ~MODE_PERMISSIONS) | mode;
}

static void set_owner(struct inode *next, const struct fs_set_request *request) {
    next->uid = (request->what & FS_SET_UID) != 0 ? request->uid : next->uid;
    next->gid = (request->what & FS_SET_GID) != 0 ? request->gid : next->gid;
    if (!is_directory(next)) {
        next->mode &= ~(MODE_SETUID | ((next->mode & 010) != 0 ? MODE_SETGID : 0));
    }
}

static void set_times(struct inode *next, const struct fs_set_request *request, int64_t now) {
    next->accessed = (request->what & FS_SET_ACCESSED) != 0 ? request->accessed : next->accessed;
    next->modified = (request->what & FS_SET_MODIFIED) != 0 ? request->modified : next->modified;
    next->accessed = (request->what & FS_SET_ACCESSED_NOW) != 0 ? now : next->accessed;
    next->modified = (request->what & FS_SET_MODIFIED_NOW) != 0 ? now : next->modified;
}

int64_t tmpfs_set(OPERATION_ARGUMENTS(set)) {
    struct tmpfs *fs = context;
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
    status = walk_existing(fs, &walk, fs->path, (uint32_t)packet->in_bytes,
                           (request->flags & FS_FIND_NO_FOLLOW) != 0 ? 0 : WALK_FOLLOW);
    if (status != OK) {
        return walk_answer(fs, packet, status, &reply->rest, &reply->mount);
    }
    if (mount_writable(fs, walk.mount) != OK) {
        return ERR_READ_ONLY;
    }
    struct inode next = *inode_get(fs, walk.inode);
    bool sized = (request->what & FS_SET_SIZE) != 0;
    status = check_set(walk.caller, from, packet->in_bytes != 0, &next, request);
    status = status == OK && sized ? data_extend(&next, request->size, request->size) : status;
    if (status != OK) {
        return status;
    }
    int64_t now = time_now(fs);
    page_settle(&next);
    if ((request->what & FS_SET_MODE) != 0) {
        set_mode(walk.caller, &next, request->mode);
    }
    if ((request->what & SET_OWNER) != 0) {
        set_owner(&next, request);
    }
    if (sized) {
        data_resize(fs, walk.inode, &next, request->size);
        next.modified = now;
    }
    set_times(&next, request, now);
    next.changed = now;
    inode_write(fs, walk.inode, &next);
    return FS_WALK_DONE;
}

// ---- the whole

int64_t tmpfs_sync(void *context, const struct packet *packet) {
    // What is in memory is where it stays.
    (void)context;
    (void)packet;
    return 0;
}

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

int64_t tmpfs_space(void *context, const struct packet *packet, struct fs_space_reply *reply) {
    struct tmpfs *fs = context;
    const struct description *from = description_of(fs, packet);
    struct job_usage usage = {0}, files = {0};
    if (from == NULL) {
        return ERR_NOT_FOUND;
    }
    handle_t job = start_handle("job");
    if (job != HANDLE_NONE && data_job(fs) != HANDLE_NONE) {
        // Without them there is nothing to tell of blocks.
        (void)!sys_object_get(job, &usage, sizeof(usage));
        (void)!sys_object_get(data_job(fs), &files, sizeof(files));
    }
    // Contents share the limit with what tmpfsd itself needs.
    uint64_t own = usage.memory_pages - least(files.memory_pages, usage.memory_pages);
    uint64_t blocks = usage.limits.memory_pages - least(own, usage.limits.memory_pages);
    *reply = (struct fs_space_reply){
        .block_bytes = BLOCK_BYTES,
        .blocks = blocks,
        .blocks_free = blocks - least(files.memory_pages, blocks),
        .files = fs->inode_count,
        .files_free = fs->inodes_free,
        .magic = TMPFS_MAGIC,
        .name_bytes_max = NAME_BYTES_MAX,
        .device = inode_device(fs, from->inode),
        .mount = from->mount,
        .mount_flags = mount_flags(fs, from->mount),
        .is_root = from->inode == mount_root(fs, from->mount),
    };
    return 0;
}

int64_t tmpfs_identify(void *context, const struct packet *packet,
                       struct fs_identify_reply *reply) {
    struct tmpfs *fs = context;
    const struct description *from = description_of(fs, packet);
    if (from == NULL) {
        return ERR_NOT_FOUND;
    }
    *reply = (struct fs_identify_reply){
        .device = inode_device(fs, from->inode),
        .inode = from->inode,
        .type = TYPE_OF(inode_get(fs, from->inode)->mode),
        .access = from->flags & (FS_OPEN_READ | FS_OPEN_WRITE),
    };
    return 0;
}
