// SPDX-License-Identifier: MIT
//
// Mounting, changing, and ending mounts.

#include "vfsd.h"

#include <proto/fs_client.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/string.h>

#define REST_BYTES 256

// Root, or a native service.
static bool may_mount(const struct packet *packet) {
    return (uint32_t)packet->cookie == 0;
}

static void record_write(struct vfsd *vfs, const struct mount *place, const struct mount *with) {
    const size_t from = offsetof(struct vault_head, used);
    vault_set_bytes(vault_of(vfs), (const uint8_t *)place + from, (const uint8_t *)with + from,
                    sizeof(*with) - from);
    vfs->changed = true;
}

// What a description that a client has given is of. INVALID_ARGUMENT: it is of no file server.
static int64_t look_at(const struct vfsd *vfs, handle_t handle, uint32_t *type,
                       struct fs_space_reply *space) {
    struct handle_info info;
    status_t status = sys_handle_info(handle, &info);
    if (status != OK) {
        return status;
    }
    for (*type = 0; *type < TYPES; (*type)++) {
        if (vfs->providers[*type] == info.provider) {
            return fs_space(handle, space, INSTANT_NEVER);
        }
    }
    return ERR_INVALID_ARGUMENT;
}

static int64_t is_directory(handle_t handle, bool *directory) {
    const struct fs_stat_request request = {0};
    struct fs_stat_reply reply = {0};
    char rest[REST_BYTES];
    int64_t result = fs_stat(handle, &request, "", 0, &reply, rest, sizeof(rest), INSTANT_NEVER);
    *directory = reply.attributes.mode >> 12 == FS_TYPE_DIRECTORY;
    return result > FS_WALK_DONE ? ERR_BUSY : result;
}

// ---- paths, for the table

// The path of a description below `prefix`. One that is too long or gone is shown as a dash.
static void path_of(handle_t handle, const char *prefix, char out[PATH_BYTES]) {
    struct fs_place_reply place;
    char text[PATH_BYTES];
    int64_t result = fs_place(handle, &place, text, sizeof(text) - 1, INSTANT_NEVER);
    uint32_t before = strcmp(prefix, "/") == 0 ? 0 : (uint32_t)strlen(prefix);
    uint32_t bytes = result < 0 ? 0 : place.bytes;
    bytes = before != 0 && bytes == 1 ? 0 : bytes; // the root of a mount adds nothing
    if (result < 0 || before + bytes >= PATH_BYTES) {
        (void)text_copy(out, PATH_BYTES, "-");
        return;
    }
    memcpy(out, prefix, before);
    memcpy(out + before, text, bytes);
    out[before + bytes] = '\0';
}

// ---- making

// What the file servers know of a number goes. They may know nothing.
static void take_back(uint32_t id) {
    const struct fs_detach_request request = {.mount = id, .lazy = 1};
    for (uint32_t type = 0; type < TYPES; type++) {
        // NOT_FOUND is what is hoped for; there is nobody to tell anything else to.
        (void)!fs_detach(server_of(type), &request, INSTANT_NEVER);
    }
}

static void forget(struct vfsd *vfs, const struct mount *record) {
    struct vault *vault = vault_of(vfs);
    take_back(record->id);
    step_close(vault, record->root);
    step_close(vault, record->point);
    vault_set(vault, &record->root, HANDLE_NONE);
    vault_set(vault, &record->point, HANDLE_NONE);
    vault_set(vault, &record->head.used, 0);
}

void mount_recover(struct vfsd *vfs) {
    for (uint32_t i = 0; i < MOUNTS_MAX; i++) {
        const struct mount *record = mount_at(vfs, i);
        if (record != NULL && record->head.spare == MOUNT_MAKING) {
            forget(vfs, record);
            server_checkpoint(&vfs->server);
        }
    }
}

// Lets the file servers make what the record `as` is to tell.
static int64_t attach(struct vfsd *vfs, struct mounting *mounting) {
    struct mount *as = &mounting->as;
    bool bind = mounting->shown != HANDLE_NONE;
    const struct fs_attach_request request = {
        .mount = as->id,
        .flags = as->flags,
        .fresh = !bind && as->type == TYPE_TMPFS,
        .mode = mounting->mode,
        .uid = mounting->uid,
        .gid = mounting->gid,
    };
    const struct fs_cover_request cover = {.mount = as->id};
    struct fs_space_reply space = {0};
    int64_t result =
        fs_attach(bind ? mounting->shown : server_of(as->type), &request, &as->root, INSTANT_NEVER);
    if (result < 0) {
        as->root = HANDLE_NONE;
        return result;
    }
    step_made(vault_of(vfs), as->root);
    result = fs_cover(mounting->target, &cover, &as->point, INSTANT_NEVER);
    if (result < 0) {
        return result;
    }
    step_made(vault_of(vfs), as->point);
    result = fs_space(as->root, &space, INSTANT_NEVER);
    as->device = space.device;
    return result;
}

int64_t mount_make(struct vfsd *vfs, struct mounting *mounting) {
    struct mount *as = &mounting->as;
    struct fs_space_reply space;
    uint32_t type;
    int64_t result = look_at(vfs, mounting->target, &type, &space);
    int32_t index = vault_find_free(vault_of(vfs), TABLE_MOUNTS);
    const struct mount *parent = result < 0 ? NULL : mount_find(vfs, space.mount);
    if (result < 0 || index < 0 || parent == NULL) {
        return result < 0 ? result : index < 0 ? ERR_LIMIT : ERR_NOT_FOUND;
    }
    const struct mount *record = vault_record(vault_of(vfs), TABLE_MOUNTS, (uint32_t)index);
    const struct state *state = state_of(vfs);
    as->head.used = 1;
    as->head.spare = MOUNT_MAKING;
    as->id = state->next_id;
    as->parent = parent->id;
    if (as->inner[0] == '\0') {
        (void)text_copy(as->inner, PATH_BYTES, "/");
    }
    record_write(vfs, record, as);
    vault_set(vault_of(vfs), &state->next_id, as->id + 1);
    server_checkpoint(&vfs->server);
    result = attach(vfs, mounting);
    if (result < 0) {
        take_back(as->id);
        step_close(vault_of(vfs), as->root);
        step_close(vault_of(vfs), as->point);
        vault_set(vault_of(vfs), &record->head.used, 0);
        server_checkpoint(&vfs->server);
        return result;
    }
    path_of(as->point, parent->path, as->path);
    as->head.spare = MOUNT_LIVE;
    record_write(vfs, record, as);
    return 0;
}

// ---- the request

// Takes the next text of the window. False: it is too long, or not there.
static bool take_text(const char **at, const char *end, uint32_t bytes, char *out, uint32_t size) {
    if (bytes >= size || bytes > (uint32_t)(end - *at)) {
        return false;
    }
    memcpy(out, *at, bytes);
    out[bytes] = '\0';
    *at += bytes;
    return true;
}

static int64_t read_window(struct vfsd *vfs, const struct packet *packet) {
    uint64_t done = 0;
    while (done < packet->in_bytes) {
        int64_t count =
            sys_call_read(packet->token, done, vfs->window + done, packet->in_bytes - done);
        if (count == ERR_NEEDS_PAGE) {
            return PROTOCOL_TOUCH_IN(done);
        }
        if (count <= 0) {
            return count == 0 || count == ERR_OUT_OF_RANGE ? ERR_FAULT : count;
        }
        done += (uint64_t)count;
    }
    return OK;
}

// Type, source and options as they stand in the window.
static int64_t read_request(struct vfsd *vfs, const struct packet *packet,
                            const struct vfs_mount_request *request, struct mounting *mounting) {
    char type[16];
    const char *at = vfs->window, *end = at + packet->in_bytes;
    int64_t status = read_window(vfs, packet);
    if (status != OK) {
        return status;
    }
    bool read = take_text(&at, end, request->type_bytes, type, sizeof(type)) &&
                take_text(&at, end, request->source_bytes, mounting->as.source, SOURCE_BYTES);
    if (!read || request->data_bytes > (uint32_t)(end - at)) {
        return ERR_INVALID_ARGUMENT;
    }
    mounting->as.flags = request->flags;
    if ((request->what & (VFS_MOUNT_BIND | VFS_MOUNT_REMOUNT)) != 0) {
        return OK;
    }
    for (uint32_t i = 0; i < TYPES; i++) {
        if (strcmp(type, type_names[i]) == 0) {
            mounting->as.type = i;
            return i == TYPE_TMPFS ? options_read(mounting, at, request->data_bytes) : OK;
        }
    }
    return ERR_NO_SUCH_CALL;
}

// ---- the operations

// The mount whose root a description is of. INVALID_ARGUMENT: it is of nothing like that.
static int64_t mount_of_root(struct vfsd *vfs, handle_t root, const struct mount **mount) {
    struct fs_space_reply space;
    uint32_t type;
    int64_t result = look_at(vfs, root, &type, &space);
    if (result < 0) {
        return result;
    }
    *mount = space.is_root != 0 ? mount_find(vfs, space.mount) : NULL;
    return *mount != NULL ? OK : ERR_INVALID_ARGUMENT;
}

static int64_t remount(struct vfsd *vfs, handle_t target, uint32_t flags) {
    const struct mount *mount;
    int64_t result = mount_of_root(vfs, target, &mount);
    if (result < 0) {
        return result;
    }
    const struct fs_remount_request request = {.mount = mount->id, .flags = flags};
    result = fs_remount(server_of(mount->type), &request, INSTANT_NEVER);
    if (result == OK) {
        vault_set(vault_of(vfs), &mount->flags, flags);
        vfs->changed = true;
    }
    return result;
}

// A bind shows what is there already, and is told as that is.
static int64_t prepare_bind(struct vfsd *vfs, struct mounting *mounting, handle_t source) {
    struct fs_space_reply space;
    uint32_t type;
    int64_t result = look_at(vfs, source, &type, &space);
    const struct mount *of = result < 0 ? NULL : mount_find(vfs, space.mount);
    if (of == NULL) {
        return result < 0 ? result : ERR_INVALID_ARGUMENT;
    }
    mounting->shown = source;
    mounting->as.type = of->type;
    mounting->as.flags = of->flags; // those of the call count only for a remount
    (void)text_copy(mounting->as.source, SOURCE_BYTES, of->source);
    (void)text_copy(mounting->as.options, OPTIONS_BYTES, of->options);
    path_of(source, of->inner, mounting->as.inner);
    return 0;
}

static int64_t mount_new(struct vfsd *vfs, struct mounting *mounting, handle_t source, bool bind) {
    bool over_directory, shows_directory = true;
    int64_t result = bind ? prepare_bind(vfs, mounting, source) : 0;
    result = result < 0 ? result : is_directory(mounting->target, &over_directory);
    if (result >= 0 && bind) {
        result = is_directory(source, &shows_directory);
    }
    if (result >= 0 && over_directory != shows_directory) {
        return ERR_NOT_DIRECTORY;
    }
    return result < 0 ? result : mount_make(vfs, mounting);
}

int64_t done_with(struct vfsd *vfs, const handle_t *handles, uint32_t count, int64_t result) {
    for (uint32_t i = 0; i < count; i++) {
        if (result < 0) {
            (void)!sys_handle_close(handles[i]);
        } else {
            step_close(vault_of(vfs), handles[i]);
        }
    }
    return result;
}

static int64_t mount_request(struct vfsd *vfs, const struct packet *packet,
                             const struct vfs_mount_request *request,
                             const handle_t handles_in[2]) {
    struct mounting mounting = {.target = handles_in[0], .mode = 01777};
    uint32_t type;
    struct fs_space_reply space;
    if (!may_mount(packet)) {
        return ERR_NOT_PERMITTED;
    }
    int64_t result = read_request(vfs, packet, request, &mounting);
    // Before anything is asked of a channel that a client has sent: is it a file server's?
    result = result == OK ? look_at(vfs, mounting.target, &type, &space) : result;
    if (result != OK) {
        return result;
    }
    bool bind = (request->what & VFS_MOUNT_BIND) != 0;
    return (request->what & VFS_MOUNT_REMOUNT) != 0
               ? remount(vfs, mounting.target, request->flags)
               : mount_new(vfs, &mounting, handles_in[1], bind);
}

int64_t vfsd_mount(void *context, const struct packet *packet,
                   const struct vfs_mount_request *request, const handle_t handles_in[2]) {
    return done_with(context, handles_in, 2, mount_request(context, packet, request, handles_in));
}

// ---- the end

// A mount that lies in another one; null: none does.
static const struct mount *child_of(struct vfsd *vfs, uint32_t id) {
    for (uint32_t i = 1; i < MOUNTS_MAX; i++) {
        const struct mount *mount = mount_at(vfs, i);
        if (mount != NULL && mount->parent == id) {
            return mount;
        }
    }
    return NULL;
}

// Ends one mount in the file servers, through a description of it that does not count as use.
static int64_t detach(struct vfsd *vfs, const struct mount *mount, handle_t through, bool lazy) {
    struct vault *vault = vault_of(vfs);
    const struct fs_detach_request request = {.mount = mount->id, .lazy = lazy};
    int64_t result = fs_detach(through, &request, INSTANT_NEVER);
    if (mount->type != TYPE_TMPFS && (result >= 0 || result == ERR_NOT_FOUND)) {
        // What it covers is not its own server's.
        result = fs_detach(server_of(TYPE_TMPFS), &request, INSTANT_NEVER);
    }
    if (result < 0 && result != ERR_NOT_FOUND) {
        return result;
    }
    step_close(vault, mount->root);
    step_close(vault, mount->point);
    vault_set(vault, &mount->root, HANDLE_NONE);
    vault_set(vault, &mount->point, HANDLE_NONE);
    vault_set(vault, &mount->head.used, 0);
    vfs->changed = true;
    return 0;
}

// Ends all that lies in a mount, the deepest first. Commits steps.
static void detach_children(struct vfsd *vfs, uint32_t id) {
    const struct mount *child;
    while ((child = child_of(vfs, id)) != NULL) {
        const struct mount *deeper;
        while ((deeper = child_of(vfs, child->id)) != NULL) {
            child = deeper;
        }
        // A lazy end is never refused; if it were, this would not end.
        if (detach(vfs, child, server_of(child->type), true) < 0) {
            return;
        }
        server_checkpoint(&vfs->server);
    }
}

static int64_t unmount_request(struct vfsd *vfs, const struct packet *packet,
                               const struct vfs_unmount_request *request, handle_t target) {
    const struct mount *mount;
    if (!may_mount(packet)) {
        return ERR_NOT_PERMITTED;
    }
    int64_t result = mount_of_root(vfs, target, &mount);
    if (result < 0) {
        return result;
    }
    if (mount->id == ROOT_ID || (request->lazy == 0 && child_of(vfs, mount->id) != NULL)) {
        return ERR_BUSY;
    }
    if (request->lazy != 0) {
        detach_children(vfs, mount->id);
    }
    return detach(vfs, mount, target, request->lazy != 0);
}

int64_t vfsd_unmount(void *context, const struct packet *packet,
                     const struct vfs_unmount_request *request, const handle_t handles_in[1]) {
    return done_with(context, handles_in, 1,
                     unmount_request(context, packet, request, handles_in[0]));
}
