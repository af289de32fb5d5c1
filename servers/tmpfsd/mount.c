// SPDX-License-Identifier: MIT
//
// Mounts, as far as a file server has to do with them. vfsd keeps the table; here is what a walk
// must know without asking: which places are covered, what a mount shows and what it allows, and
// who still uses it.
//
// A file system that was made for a mount is freed when the mount has ended and nobody uses it any
// more, neither through it nor through another mount that shows a part of it. That can be any
// number of files, so they go one by one, in steps of their own, whenever the event `purge` comes;
// a successor goes on with it.
//
// None of this is in an index of its own: the tables have few records, and most often one.

#include "tmpfs.h"

#include <sys/calls.h>

#define PURGE_SIGNAL 1u
#define PURGE_MAX 32 // names that go for one event
#define FLAGS_KNOWN                                                                                \
    (FS_MOUNT_READ_ONLY | FS_MOUNT_NO_SUID | FS_MOUNT_NO_DEVICES | FS_MOUNT_NO_EXECUTE |           \
     FS_MOUNT_NO_ACCESS_TIME)

static const struct mount *mount_at(const struct tmpfs *fs, uint32_t index) {
    const struct mount *mount = vault_record(&fs->server.vault, TABLE_MOUNTS, index);
    return mount->head.used != 0 ? mount : NULL;
}

static const struct cover *cover_at(const struct tmpfs *fs, uint32_t index) {
    const struct cover *cover = vault_record(&fs->server.vault, TABLE_COVERS, index);
    return cover->head.used != 0 ? cover : NULL;
}

static uint32_t mounts(const struct tmpfs *fs) {
    return vault_touched(&fs->server.vault, TABLE_MOUNTS);
}

static uint32_t covers(const struct tmpfs *fs) {
    return vault_touched(&fs->server.vault, TABLE_COVERS);
}

static const struct mount *mount_find(const struct tmpfs *fs, uint32_t id) {
    for (uint32_t i = 0; i < mounts(fs); i++) {
        const struct mount *mount = mount_at(fs, i);
        if (mount != NULL && mount->id == id) {
            return mount;
        }
    }
    return NULL;
}

uint32_t mount_flags(const struct tmpfs *fs, uint32_t id) {
    const struct mount *mount = mount_find(fs, id);
    if (mount != NULL && mount->head.spare != MOUNT_PURGED) {
        return mount->flags;
    }
    return id == 0 ? 0 : FS_MOUNT_READ_ONLY;
}

status_t mount_writable(const struct tmpfs *fs, uint32_t id) {
    return (mount_flags(fs, id) & FS_MOUNT_READ_ONLY) != 0 ? ERR_READ_ONLY : OK;
}

uint32_t mount_root(const struct tmpfs *fs, uint32_t id) {
    const struct mount *mount = id != 0 ? mount_find(fs, id) : NULL;
    return id == 0 ? INODE_ROOT : mount != NULL ? mount->root : 0;
}

bool mount_is_live(const struct tmpfs *fs, uint32_t id) {
    const struct mount *mount = id != 0 ? mount_find(fs, id) : NULL;
    return id == 0 || (mount != NULL && mount->head.spare == MOUNT_LIVE);
}

bool mount_is_fresh_root(const struct tmpfs *fs, uint32_t inode) {
    for (uint32_t i = 0; i < mounts(fs); i++) {
        const struct mount *mount = mount_at(fs, i);
        if (mount != NULL && mount->fresh != 0 && mount->root == inode) {
            return true;
        }
    }
    return false;
}

uint32_t cover_find(const struct tmpfs *fs, uint32_t mount, uint32_t inode) {
    for (uint32_t i = 0; i < covers(fs); i++) {
        const struct cover *cover = cover_at(fs, i);
        if (cover != NULL && cover->inode == inode && cover->mount == mount) {
            return cover->by;
        }
    }
    return 0;
}

bool cover_anywhere(const struct tmpfs *fs, uint32_t inode) {
    for (uint32_t i = 0; i < covers(fs); i++) {
        const struct cover *cover = cover_at(fs, i);
        if (cover != NULL && cover->inode == inode) {
            return true;
        }
    }
    return false;
}

// ---- who uses a mount

// Descriptions of a mount that somebody has opened, all or those that may write.
static uint32_t users(struct tmpfs *fs, uint32_t id, uint32_t flags) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < vault_touched(vault_of(fs), TABLE_DESCRIPTIONS); i++) {
        const struct description *at = vault_record(vault_of(fs), TABLE_DESCRIPTIONS, i);
        count += at->head.used != 0 && at->inode != 0 && at->mount == id &&
                 (at->flags & DESCRIPTION_VIEW) == 0 && (flags == 0 || (at->flags & flags) != 0);
    }
    return count;
}

static bool is_parent(const struct tmpfs *fs, uint32_t id) {
    for (uint32_t i = 0; i < covers(fs); i++) {
        const struct cover *cover = cover_at(fs, i);
        if (cover != NULL && cover->mount == id) {
            return true;
        }
    }
    return false;
}

// Whether another mount shows some of the same file system.
static bool is_shared(const struct tmpfs *fs, const struct mount *of) {
    for (uint32_t i = 0; i < mounts(fs); i++) {
        const struct mount *mount = mount_at(fs, i);
        if (mount != NULL && mount != of && mount->device == of->device) {
            return true;
        }
    }
    return false;
}

void mount_settle(struct tmpfs *fs) {
    bool changed = true;
    while (changed) {
        changed = false;
        for (uint32_t i = 0; i < mounts(fs); i++) {
            const struct mount *mount = mount_at(fs, i);
            if (mount == NULL || mount->head.spare != MOUNT_DETACHED ||
                users(fs, mount->id, 0) != 0 || (mount->fresh != 0 && is_shared(fs, mount))) {
                continue;
            }
            if (mount->fresh != 0) {
                vault_set(vault_of(fs), &mount->head.spare, MOUNT_PURGED);
                (void)sys_event_signal(fs->purge, 0, PURGE_SIGNAL);
            } else {
                vault_set(vault_of(fs), &mount->head.used, 0);
                changed = true; // it may have been the last that shared another
            }
        }
    }
}

// ---- emptying

// Takes one name out of a file system that is emptied, or ends it. Returns whether more is left.
static bool purge_one(struct tmpfs *fs, const struct mount *mount) {
    uint32_t directory = mount->root, name;
    while ((name = name_next(fs, directory, 1)) != 0) {
        uint32_t inode = name_get(fs, name)->inode;
        if (!is_directory(inode_get(fs, inode)) || inode_get(fs, inode)->entries == 0) {
            name_remove(fs, name);
            inode_unlink(fs, inode);
            return true;
        }
        directory = inode;
    }
    inode_unlink(fs, mount->root);
    vault_set(vault_of(fs), &mount->head.used, 0);
    return false;
}

static const struct mount *purge_find(const struct tmpfs *fs) {
    for (uint32_t i = 0; i < mounts(fs); i++) {
        const struct mount *mount = mount_at(fs, i);
        if (mount != NULL && mount->head.spare == MOUNT_PURGED) {
            return mount;
        }
    }
    return NULL;
}

void mount_notice(struct tmpfs *fs) {
    (void)sys_event_signal(fs->purge, PURGE_SIGNAL, 0);
    const struct mount *mount = purge_find(fs);
    for (uint32_t i = 0; mount != NULL && i < PURGE_MAX; i++) {
        bool more = purge_one(fs, mount);
        server_checkpoint(&fs->server);
        mount = more ? mount : purge_find(fs);
    }
    if (mount != NULL) {
        (void)sys_event_signal(fs->purge, 0, PURGE_SIGNAL);
    }
}

status_t mount_start(struct tmpfs *fs) {
    int64_t event = sys_event_create();
    if (event < 0) {
        return (status_t)event;
    }
    fs->purge = (handle_t)event;
    status_t status = sys_object_bind(fs->purge, fs->server.port, PURGE_KEY, PURGE_SIGNAL);
    if (status == OK && purge_find(fs) != NULL) {
        status = sys_event_signal(fs->purge, 0, PURGE_SIGNAL);
    }
    return status;
}

// ---- the operations

// Native services have no credentials.
static bool is_native(const struct packet *packet) {
    return packet->cookie == 0;
}

static void record_write(struct tmpfs *fs, const void *place, const void *with, size_t bytes) {
    const size_t from = offsetof(struct vault_head, used);
    vault_set_bytes(vault_of(fs), (const uint8_t *)place + from, (const uint8_t *)with + from,
                    bytes - from);
}

// The root directory of a new file system.
static uint32_t make_root(struct tmpfs *fs, const struct fs_attach_request *request) {
    struct inode root = {
        .mode = (uint32_t)FS_TYPE_DIRECTORY << 12 | (request->mode & MODE_PERMISSIONS),
        .links = 2,
        .uid = request->uid,
        .gid = request->gid,
        .parent = INODE_ROOT,
        .made_for = request->mount,
    };
    uint32_t number = inode_make(fs, &root);
    struct inode next = *inode_get(fs, number);
    next.parent = number;
    next.parent_generation = next.generation;
    inode_write(fs, number, &next);
    return number;
}

static status_t check_attach(struct tmpfs *fs, const struct packet *packet,
                             const struct fs_attach_request *request) {
    const struct description *from = description_of(fs, packet);
    if (!is_native(packet)) {
        return ERR_NOT_PERMITTED;
    }
    if (from == NULL || (request->fresh == 0 && inode_get(fs, from->inode)->links == 0)) {
        return ERR_NOT_FOUND;
    }
    if (request->mount == 0 || (request->flags & ~FLAGS_KNOWN) != 0) {
        return ERR_INVALID_ARGUMENT;
    }
    if (mount_find(fs, request->mount) != NULL) {
        return ERR_ALREADY_EXISTS;
    }
    return request->fresh != 0 && !inode_room(fs) ? ERR_NO_SPACE : OK;
}

int64_t tmpfs_attach(void *context, const struct packet *packet,
                     const struct fs_attach_request *request, handle_t handles_out[1]) {
    struct tmpfs *fs = context;
    struct description as = {
        .flags = FS_OPEN_PATH | DESCRIPTION_VIEW,
        .mount = request->mount,
    };
    status_t status = check_attach(fs, packet, request);
    int32_t index = vault_find_free(vault_of(fs), TABLE_MOUNTS);
    status = status == OK && index < 0 ? ERR_LIMIT : status;
    status = status == OK ? description_make(fs, &as, &handles_out[0]) : status;
    if (status != OK) {
        return status;
    }
    const struct description *from = description_of(fs, packet);
    bool fresh = request->fresh != 0;
    as.inode = as.root = fresh ? make_root(fs, request) : from->inode;
    const struct mount mount = {
        .head = {.used = 1, .spare = MOUNT_LIVE},
        .id = request->mount,
        .flags = request->flags,
        .root = as.inode,
        .fresh = fresh,
        .device = inode_device(fs, as.inode),
    };
    record_write(fs, vault_record(vault_of(fs), TABLE_MOUNTS, (uint32_t)index), &mount,
                 sizeof(mount));
    description_store(fs, &as);
    return 0;
}

int64_t tmpfs_cover(void *context, const struct packet *packet,
                    const struct fs_cover_request *request, handle_t handles_out[1]) {
    struct tmpfs *fs = context;
    const struct description *from = description_of(fs, packet);
    if (!is_native(packet)) {
        return ERR_NOT_PERMITTED;
    }
    bool there = from != NULL && inode_get(fs, from->inode)->links != 0;
    if (!there || mount_root(fs, from->mount) == 0) {
        return ERR_NOT_FOUND;
    }
    if (request->mount == 0 || cover_find(fs, from->mount, from->inode) != 0) {
        return request->mount == 0 ? ERR_INVALID_ARGUMENT : ERR_BUSY;
    }
    struct description as = {
        .flags = FS_OPEN_PATH,
        .inode = from->inode,
        .root = mount_root(fs, from->mount),
        .name = from->name,
        .mount = from->mount,
    };
    const struct cover cover = {
        .head = {.used = 1},
        .mount = from->mount,
        .inode = from->inode,
        .by = request->mount,
    };
    int32_t index = vault_find_free(vault_of(fs), TABLE_COVERS);
    status_t status = index < 0 ? ERR_LIMIT : description_make(fs, &as, &handles_out[0]);
    if (status != OK) {
        return status;
    }
    record_write(fs, vault_record(vault_of(fs), TABLE_COVERS, (uint32_t)index), &cover,
                 sizeof(cover));
    description_store(fs, &as);
    return 0;
}

int64_t tmpfs_detach(void *context, const struct packet *packet,
                     const struct fs_detach_request *request) {
    struct tmpfs *fs = context;
    if (!is_native(packet)) {
        return ERR_NOT_PERMITTED;
    }
    defer_settle_mount(fs, request->mount);
    const struct mount *mount = request->mount != 0 ? mount_find(fs, request->mount) : NULL;
    const struct description *from = description_of(fs, packet);
    bool own =
        from != NULL && from->mount == request->mount && (from->flags & DESCRIPTION_VIEW) == 0;
    bool known = mount != NULL && mount->head.spare == MOUNT_LIVE;
    if (known && request->lazy == 0 &&
        (users(fs, request->mount, 0) > own || is_parent(fs, request->mount))) {
        return ERR_BUSY;
    }
    if (known) {
        vault_set(vault_of(fs), &mount->head.spare, MOUNT_DETACHED);
    }
    for (uint32_t i = 0; i < covers(fs) && request->mount != 0; i++) {
        const struct cover *cover = cover_at(fs, i);
        if (cover != NULL && cover->by == request->mount) {
            vault_set(vault_of(fs), &cover->head.used, 0);
            known = true;
        }
    }
    mount_settle(fs);
    return known ? 0 : ERR_NOT_FOUND;
}

// The first view has a record only when its flags were changed.
static const struct mount *first_view(struct tmpfs *fs) {
    const struct mount first = {
        .head = {.used = 1, .spare = MOUNT_LIVE},
        .root = INODE_ROOT,
        .device = inode_device(fs, INODE_ROOT),
    };
    const struct mount *mount = mount_find(fs, 0);
    int32_t index = mount == NULL ? vault_find_free(vault_of(fs), TABLE_MOUNTS) : -1;
    if (index >= 0) {
        mount = vault_record(vault_of(fs), TABLE_MOUNTS, (uint32_t)index);
        record_write(fs, mount, &first, sizeof(first));
    }
    return mount;
}

int64_t tmpfs_remount(void *context, const struct packet *packet,
                      const struct fs_remount_request *request) {
    struct tmpfs *fs = context;
    if (!is_native(packet)) {
        return ERR_NOT_PERMITTED;
    }
    if ((request->flags & ~FLAGS_KNOWN) != 0) {
        return ERR_INVALID_ARGUMENT;
    }
    if ((request->flags & FS_MOUNT_READ_ONLY) != 0) {
        defer_settle_mount(fs, request->mount); // before first_view, which may change the records
    }
    const struct mount *mount =
        request->mount != 0 ? mount_find(fs, request->mount) : first_view(fs);
    if (mount == NULL || mount->head.spare != MOUNT_LIVE) {
        return mount == NULL && request->mount == 0 ? ERR_LIMIT : ERR_NOT_FOUND;
    }
    bool closes = (request->flags & ~mount->flags & FS_MOUNT_READ_ONLY) != 0;
    if (closes && users(fs, request->mount, FS_OPEN_WRITE) != 0) {
        return ERR_BUSY;
    }
    vault_set(vault_of(fs), &mount->flags, request->flags);
    return 0;
}
