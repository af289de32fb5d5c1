// SPDX-License-Identifier: MIT
//
// Everything but opening and listing. Nothing here can be changed by who looks.

#include "procfs.h"

#include <sys/calls.h>

#define PROC_MAGIC 0x9fa0 // what statfs of Linux says of its proc
#define NAME_BYTES_MAX 255

// Where a path leads; `rest` is that of the reply. Above 0: the walk left.
static int64_t find(struct procfs *fs, const struct packet *packet, uint32_t bytes, uint32_t flags,
                    struct route *route, uint32_t *rest, uint32_t *mount) {
    const struct description *from = description_of(fs, packet);
    int64_t status = from != NULL ? path_read(fs, packet) : ERR_NOT_FOUND;
    if (status == OK && bytes > packet->in_bytes) {
        status = ERR_INVALID_ARGUMENT;
    }
    status = status == OK ? walk_path(fs, packet, from, bytes, flags, route) : status;
    return status > 0 ? walk_leave(fs, packet, bytes, route, status, rest, mount) : status;
}

int64_t procfs_stat(OPERATION_ARGUMENTS(stat)) {
    struct procfs *fs = context;
    struct route route;
    uint32_t flags = (request->flags & FS_FIND_NO_FOLLOW) != 0 ? 0 : WALK_FOLLOW;
    int64_t status =
        find(fs, packet, (uint32_t)packet->in_bytes, flags, &route, &reply->rest, &reply->mount);
    return status == OK ? place_attributes(fs, route.place, &reply->attributes) : status;
}

int64_t procfs_read_link(void *context, const struct packet *packet,
                         struct fs_read_link_reply *reply) {
    char text[LINK_BYTES_MAX];
    struct route route;
    int64_t status =
        find(context, packet, (uint32_t)packet->in_bytes, 0, &route, &reply->rest, &reply->mount);
    if (status != OK) {
        return status;
    }
    if (node_infos[route.place.node].type != FS_TYPE_LINK) {
        return ERR_INVALID_ARGUMENT;
    }
    int64_t bytes = link_text(context, packet, route.place, text);
    if (bytes < 0) {
        return bytes;
    }
    reply->bytes =
        (uint64_t)bytes < packet->out_bytes ? (uint32_t)bytes : (uint32_t)packet->out_bytes;
    status = window_fill(packet, text, reply->bytes);
    return status == OK ? FS_WALK_DONE : status;
}

int64_t procfs_read(void *context, const struct packet *packet,
                    const struct fs_read_request *request) {
    struct procfs *fs = context;
    const struct description *file = description_of(fs, packet);
    if (file == NULL) {
        return ERR_NOT_FOUND;
    }
    if (node_infos[file->place.node].type == FS_TYPE_DIRECTORY) {
        return ERR_IS_DIRECTORY;
    }
    if ((file->flags & FS_OPEN_READ) == 0 || node_infos[file->place.node].type != FS_TYPE_REGULAR) {
        return ERR_FORBIDDEN;
    }
    bool own = request->offset == FS_AT_CELL;
    uint64_t offset = own ? file->offset : request->offset;
    status_t made =
        offset == 0 || file->snapshot == HANDLE_NONE ? snapshot_take(fs, packet, file) : OK;
    if (made != OK) {
        return made;
    }
    uint64_t bytes = offset < file->size ? file->size - offset : 0;
    bytes = bytes < request->size ? bytes : request->size;
    bytes = bytes < packet->out_bytes ? bytes : packet->out_bytes;
    if (bytes == 0) {
        return 0;
    }
    int64_t got = sys_vmo_read(file->snapshot, offset, fs->content, bytes);
    int64_t status = got < 0 ? got : window_fill(packet, fs->content, bytes);
    if (status != OK) {
        return status;
    }
    if (own) {
        vault_set(vault_of(fs), &file->offset, offset + bytes);
    }
    return (int64_t)bytes;
}

int64_t procfs_seek(OPERATION_ARGUMENTS(seek)) {
    struct procfs *fs = context;
    const struct description *file = description_of(fs, packet);
    if (file == NULL || packet->key == 0) {
        return file == NULL ? ERR_NOT_FOUND : ERR_NOT_SUPPORTED;
    }
    int64_t base = 0;
    switch (request->whence) {
    case FS_SEEK_SET:
        break;
    case FS_SEEK_CURRENT:
        base = (int64_t)file->offset;
        break;
    case FS_SEEK_END:
        base = file->size;
        break;
    case FS_SEEK_SWAP:
        if (file->offset != request->expected) {
            return ERR_WOULD_BLOCK;
        }
        break;
    default:
        return ERR_INVALID_ARGUMENT;
    }
    int64_t next;
    if (__builtin_add_overflow(base, request->offset, &next) || next < 0) {
        return ERR_INVALID_ARGUMENT;
    }
    if ((uint64_t)next != file->offset) {
        vault_set(vault_of(fs), &file->offset, (uint64_t)next);
    }
    reply->offset = (uint64_t)next;
    return 0;
}

// ---- places

uint32_t place_path(struct procfs *fs, const char *prefix, struct place place) {
    char names[4][PLACE_NAME]; // from below to the top; no place is deeper
    uint32_t count = 0;
    for (; place.node != NODE_ROOT && count < 4; place = place_above(place)) {
        place_name(place, names[count++]);
    }
    struct text text = {.bytes = fs->content, .size = PATH_BYTES_MAX};
    text_add(&text, "%s", prefix);
    while (count > 0) {
        text_add(&text, "/%s", names[--count]);
    }
    return text.used;
}

int64_t procfs_place(void *context, const struct packet *packet, struct fs_place_reply *reply) {
    struct procfs *fs = context;
    const struct description *file = description_of(fs, packet);
    if (file == NULL) {
        return ERR_NOT_FOUND;
    }
    bool root = file->place.node == NODE_ROOT;
    reply->mount = file->mount;
    reply->bytes = place_path(fs, file->mount == 0 ? fs->at : root ? "/" : "", file->place);
    return reply->bytes > packet->out_bytes ? ERR_NAME_TOO_LONG
                                            : window_fill(packet, fs->content, reply->bytes);
}

int64_t procfs_space(void *context, const struct packet *packet, struct fs_space_reply *reply) {
    const struct description *file = description_of(context, packet);
    if (file == NULL) {
        return ERR_NOT_FOUND;
    }
    *reply = (struct fs_space_reply){
        .block_bytes = PAGE_SIZE,
        .magic = PROC_MAGIC,
        .name_bytes_max = NAME_BYTES_MAX,
        .device = PROC_DEVICE,
        .mount = file->mount,
        .is_root = file->place.node == NODE_ROOT,
    };
    return 0;
}

int64_t procfs_sync(void *context, const struct packet *packet) {
    (void)context;
    (void)packet;
    return 0;
}

// ---- changes

#define STORE_BYTES 128 // of a value that is written

// A value is written at once, whatever the offset; more than there is room for is not looked at.
int64_t procfs_write(OPERATION_ARGUMENTS(write)) {
    struct procfs *fs = context;
    char text[STORE_BYTES + 1] = "";
    const struct description *file = description_of(fs, packet);
    if (file == NULL || (file->flags & FS_OPEN_WRITE) == 0) {
        return file == NULL ? ERR_NOT_FOUND : ERR_FORBIDDEN;
    }
    uint64_t bytes = request->size < packet->in_bytes ? request->size : packet->in_bytes;
    uint64_t taken = bytes < STORE_BYTES ? bytes : STORE_BYTES;
    int64_t status = window_take(packet, text, taken);
    if (status != OK) {
        return status;
    }
    for (uint32_t i = 0; i < taken; i++) {
        text[i] = text[i] == '\n' ? '\0' : text[i];
    }
    status = node_infos[file->place.node].store(text);
    if (status != OK) {
        return status;
    }
    reply->offset = file->offset + bytes;
    vault_set(vault_of(fs), &file->offset, reply->offset);
    return (int64_t)bytes;
}

// ---- what Linux's proc refuses, too

int64_t procfs_set(OPERATION_ARGUMENTS(set)) {
    struct route route;
    uint32_t flags = (request->flags & FS_FIND_NO_FOLLOW) != 0 ? 0 : WALK_FOLLOW;
    int64_t status = find(context, packet, (uint32_t)packet->in_bytes, flags, &route, &reply->rest,
                          &reply->mount);
    // A shell that writes into a file cuts it first.
    bool cut = request->what == FS_SET_SIZE && request->size == 0 && status == OK &&
               node_infos[route.place.node].store != NULL && (uint32_t)packet->cookie == 0;
    return status == OK && !cut ? ERR_NOT_PERMITTED : status;
}

int64_t procfs_make(OPERATION_ARGUMENTS(make)) {
    struct route route;
    int64_t status =
        find(context, packet, request->path_bytes, WALK_NEW, &route, &reply->rest, &reply->mount);
    return status != OK ? status : route.is_new ? ERR_NOT_FOUND : ERR_ALREADY_EXISTS;
}

int64_t procfs_remove(OPERATION_ARGUMENTS(remove)) {
    struct route route;
    (void)request;
    int64_t status =
        find(context, packet, (uint32_t)packet->in_bytes, 0, &route, &reply->rest, &reply->mount);
    return status == OK ? ERR_NOT_PERMITTED : status;
}

// Nothing here gets another name, but the old path may lead elsewhere through a link of a process:
// a file without a name gets one by that of its descriptor.
int64_t procfs_rename(OPERATION_ARGUMENTS(rename)) {
    struct route route;
    int64_t status =
        find(context, packet, request->path_bytes, 0, &route, &reply->rest, &reply->mount);
    reply->second = 0;
    return status == OK ? ERR_CROSS_DEVICE : status;
}

int64_t procfs_link(OPERATION_ARGUMENTS(link)) {
    struct route route;
    uint32_t flags = (request->flags & FS_FIND_NO_FOLLOW) != 0 ? 0 : WALK_FOLLOW;
    int64_t status =
        find(context, packet, request->path_bytes, flags, &route, &reply->rest, &reply->mount);
    reply->second = 0;
    return status == OK ? ERR_CROSS_DEVICE : status;
}

int64_t procfs_memory(OPERATION_ARGUMENTS(memory), handle_t handles_out[1]) {
    (void)context, (void)packet, (void)request, (void)reply, (void)handles_out;
    return ERR_NOT_SUPPORTED;
}
