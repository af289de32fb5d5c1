// SPDX-License-Identifier: MIT
//
// Everything but opening. Nothing here can be changed by who looks.

#include "procfs.h"

#include <ds/format.h>
#include <sys/calls.h>
#include <sys/string.h>

#define PROC_MAGIC 0x9fa0 // what statfs of Linux says of its proc
#define NAME_BYTES_MAX 255
#define PID_TEXT 12

// Where a path leads; `rest` is that of the reply. Above 0: the walk left.
static int64_t find(struct procfs *fs, const struct packet *packet, uint32_t bytes, uint32_t flags,
                    struct route *route, uint32_t *rest) {
    const struct description *from = description_of(fs, packet);
    int64_t status = from != NULL ? path_read(fs, packet) : ERR_NOT_FOUND;
    if (status == OK && bytes > packet->in_bytes) {
        status = ERR_INVALID_ARGUMENT;
    }
    status = status == OK ? walk_path(fs, packet, from, bytes, flags, route) : status;
    return status == FS_WALK_UP ? walk_leave(fs, packet, bytes, route, rest) : status;
}

int64_t procfs_stat(OPERATION_ARGUMENTS(stat)) {
    struct procfs *fs = context;
    struct route route;
    uint32_t flags = (request->flags & FS_FIND_NO_FOLLOW) != 0 ? 0 : WALK_FOLLOW;
    int64_t status = find(fs, packet, (uint32_t)packet->in_bytes, flags, &route, &reply->rest);
    return status == OK ? node_attributes(fs, route.node, route.pid, &reply->attributes) : status;
}

int64_t procfs_read_link(void *context, const struct packet *packet,
                         struct fs_read_link_reply *reply) {
    char text[PID_TEXT];
    struct route route;
    int64_t status = find(context, packet, (uint32_t)packet->in_bytes, 0, &route, &reply->rest);
    if (status != OK) {
        return status;
    }
    if (node_infos[route.node].type != FS_TYPE_LINK) {
        return ERR_INVALID_ARGUMENT;
    }
    int64_t pid = process_caller(packet);
    if (pid < 0) {
        return pid;
    }
    uint32_t bytes = (uint32_t)text_format(text, sizeof(text), "%d", (int32_t)pid);
    reply->bytes = bytes < packet->out_bytes ? bytes : (uint32_t)packet->out_bytes;
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
    if (node_infos[file->node].type == FS_TYPE_DIRECTORY) {
        return ERR_IS_DIRECTORY;
    }
    if (file->snapshot == HANDLE_NONE) {
        return ERR_FORBIDDEN;
    }
    bool own = request->offset == FS_AT_CELL;
    uint64_t offset = own ? file->offset : request->offset;
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

// ---- listing

// As getdents64 has it.
struct entry {
    uint64_t inode;
    uint64_t cursor;
    uint16_t bytes;
    uint8_t type;
    char name[];
} __attribute__((packed));

// Cursors: 0 the directory, 1 its parent, then 1 + the last node told; the last pid told follows
// behind CURSOR_PIDS.
#define CURSOR_PIDS 256

struct found {
    uint32_t node;
    int32_t pid;
    uint64_t cursor; // behind it
    char name[NAME_BYTES_MAX + 1];
};

static bool next_pid(uint64_t cursor, struct found *found) {
    struct proc_list_reply process;
    int32_t after = cursor >= CURSOR_PIDS ? (int32_t)(cursor - CURSOR_PIDS) : 0;
    if (process_after(after, &process) != OK) {
        return false;
    }
    found->node = NODE_PROCESS;
    found->pid = process.pid;
    found->cursor = CURSOR_PIDS + (uint64_t)process.pid;
    (void)text_format(found->name, sizeof(found->name), "%d", process.pid);
    return true;
}

// What comes at a cursor. False at the end.
static bool next_entry(const struct description *directory, uint64_t cursor, struct found *found) {
    *found = (struct found){
        .node = directory->node,
        .pid = directory->pid,
        .cursor = cursor + 1,
    };
    if (cursor <= 1) {
        (void)text_copy(found->name, sizeof(found->name), cursor == 0 ? "." : "..");
        uint32_t parent = node_infos[directory->node].parent;
        found->node = cursor == 0 ? directory->node : parent != NODE_NONE ? parent : NODE_ROOT;
        found->pid = found->node == NODE_ROOT ? 0 : found->pid;
        return true;
    }
    uint32_t node = cursor < CURSOR_PIDS ? node_next(directory->node, (uint32_t)cursor - 2) : 0;
    if (node != NODE_NONE) {
        found->node = node;
        found->cursor = node + 2;
        (void)text_copy(found->name, sizeof(found->name), node_infos[node].name);
        return true;
    }
    return directory->node == NODE_ROOT && next_pid(cursor, found);
}

static uint32_t entry_add(char *at, uint32_t room, const struct found *found) {
    uint32_t name_bytes = (uint32_t)strlen(found->name);
    uint32_t bytes = ((uint32_t)offsetof(struct entry, name) + name_bytes + 1 + 7) & ~7u;
    if (bytes > room) {
        return 0;
    }
    struct entry *entry = (struct entry *)at;
    memset(entry, 0, bytes);
    entry->inode = node_inode(found->node, found->pid);
    entry->cursor = found->cursor;
    entry->bytes = (uint16_t)bytes;
    entry->type = node_infos[found->node].type;
    memcpy(entry->name, found->name, name_bytes);
    return bytes;
}

int64_t procfs_list(OPERATION_ARGUMENTS(list)) {
    struct procfs *fs = context;
    const struct description *directory = description_of(fs, packet);
    bool own = request->cursor == FS_AT_CELL;
    if (directory == NULL) {
        return ERR_NOT_FOUND;
    }
    if (node_infos[directory->node].type != FS_TYPE_DIRECTORY) {
        return ERR_NOT_DIRECTORY;
    }
    if ((directory->flags & FS_OPEN_READ) == 0) {
        return ERR_FORBIDDEN;
    }
    if (own && packet->key == 0) {
        return ERR_NOT_SUPPORTED; // a root channel has no offset
    }
    uint64_t cursor = own ? directory->offset : request->cursor;
    uint32_t size = packet->out_bytes < LIST_BYTES ? (uint32_t)packet->out_bytes : LIST_BYTES;
    uint32_t used = 0;
    struct found found;
    while (next_entry(directory, cursor, &found)) {
        uint32_t bytes = entry_add(fs->content + used, size - used, &found);
        if (bytes == 0 && used == 0) {
            return ERR_BUFFER_TOO_SMALL;
        }
        if (bytes == 0) {
            break;
        }
        used += bytes;
        cursor = found.cursor;
    }
    reply->cursor = cursor;
    int64_t status = window_fill(packet, fs->content, used);
    if (status != OK) {
        return status;
    }
    if (own && used != 0) {
        vault_set(vault_of(fs), &directory->offset, cursor);
    }
    return (int64_t)used;
}

// ---- places

int64_t procfs_place(void *context, const struct packet *packet, struct fs_place_reply *reply) {
    struct procfs *fs = context;
    const struct description *file = description_of(fs, packet);
    if (file == NULL) {
        return ERR_NOT_FOUND;
    }
    // The names from below to the top; no node is deeper than three.
    char pid[PID_TEXT] = "";
    const char *names[4];
    uint32_t count = 0;
    if (file->pid != 0) {
        (void)text_format(pid, sizeof(pid), "%d", file->pid);
    }
    for (uint32_t node = file->node; node != NODE_NONE && node != NODE_ROOT && count < 4;
         node = node_infos[node].parent) {
        names[count++] = node == NODE_PROCESS ? pid : node_infos[node].name;
    }
    struct text text = {.bytes = fs->content, .size = PATH_BYTES_MAX};
    text_add(&text, "%s", fs->at);
    while (count > 0) {
        text_add(&text, "/%s", names[--count]);
    }
    reply->bytes = text.used;
    return text.used > packet->out_bytes ? ERR_NAME_TOO_LONG
                                         : window_fill(packet, text.bytes, text.used);
}

int64_t procfs_space(void *context, const struct packet *packet, struct fs_space_reply *reply) {
    (void)context;
    (void)packet;
    *reply = (struct fs_space_reply){
        .block_bytes = PAGE_SIZE,
        .magic = PROC_MAGIC,
        .name_bytes_max = NAME_BYTES_MAX,
    };
    return 0;
}

int64_t procfs_sync(void *context, const struct packet *packet) {
    (void)context;
    (void)packet;
    return 0;
}

// ---- what Linux's proc refuses, too

int64_t procfs_write(OPERATION_ARGUMENTS(write)) {
    (void)context, (void)packet, (void)request, (void)reply;
    return ERR_FORBIDDEN;
}

int64_t procfs_set(OPERATION_ARGUMENTS(set)) {
    struct route route;
    uint32_t flags = (request->flags & FS_FIND_NO_FOLLOW) != 0 ? 0 : WALK_FOLLOW;
    int64_t status = find(context, packet, (uint32_t)packet->in_bytes, flags, &route, &reply->rest);
    return status == OK ? ERR_NOT_PERMITTED : status;
}

int64_t procfs_make(OPERATION_ARGUMENTS(make)) {
    struct route route;
    int64_t status = find(context, packet, request->path_bytes, WALK_NEW, &route, &reply->rest);
    return status != OK ? status : route.is_new ? ERR_NOT_FOUND : ERR_ALREADY_EXISTS;
}

int64_t procfs_remove(OPERATION_ARGUMENTS(remove)) {
    struct route route;
    (void)request;
    int64_t status = find(context, packet, (uint32_t)packet->in_bytes, 0, &route, &reply->rest);
    return status == OK ? ERR_NOT_PERMITTED : status;
}

int64_t procfs_rename(OPERATION_ARGUMENTS(rename)) {
    (void)context, (void)packet, (void)request, (void)reply;
    return ERR_CROSS_DEVICE;
}

int64_t procfs_link(OPERATION_ARGUMENTS(link)) {
    (void)context, (void)packet, (void)request, (void)reply;
    return ERR_CROSS_DEVICE;
}

int64_t procfs_memory(OPERATION_ARGUMENTS(memory), handle_t handles_out[1]) {
    (void)context, (void)packet, (void)request, (void)reply, (void)handles_out;
    return ERR_NOT_SUPPORTED;
}
