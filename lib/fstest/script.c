// SPDX-License-Identifier: MIT

#include "script_internal.h"

#include <abi/flags.h>
#include <abi/libos.h>
#include <abi/status.h>
#include <proto/fs_client.h>
#include <sys/calls.h>
#include <sys/string.h>

// ---- paths

static const char long_name[] =
    "a-name-that-does-not-fit-in-one-record-because-it-is-so-long-that-it-takes-two-of-them";

static void path_add(char *path, const char *text) {
    size_t at = strlen(path);
    (void)text_copy(path + at, MODEL_TARGET_BYTES - at, text);
}

static void path_add_name(struct script *script, char *path) {
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    uint64_t which = script_chance(script, 16);
    if (which == 0) {
        path_add(path, script_chance(script, 2) == 0 ? "." : "..");
    } else if (which == 1) {
        path_add(path, long_name);
    } else if (which == 2) {
        // The longest name, now and then one byte too long.
        size_t at = strlen(path), bytes = MODEL_NAME_BYTES + (script_chance(script, 4) == 0);
        if (at + bytes < MODEL_TARGET_BYTES) {
            memset(path + at, 'm', bytes);
            path[at + bytes] = '\0';
        }
    } else {
        path_add(path, names[script_chance(script, 5)]);
    }
}

static void path_make(struct script *script, char *path) {
    static const uint8_t lengths[] = {1, 1, 1, 2, 2, 3};
    uint32_t parts = lengths[script_chance(script, sizeof(lengths))];
    path[0] = '\0';
    if (script_chance(script, 8) == 0) {
        path_add(path, "/");
    }
    for (uint32_t i = 0; i < parts; i++) {
        path_add(path, i == 0 ? "" : script_chance(script, 8) == 0 ? "//" : "/");
        path_add_name(script, path);
    }
    if (script_chance(script, 16) == 0) {
        path_add(path, "/");
    }
}

// Where a path is relative to: the base, or an open directory.
static struct script_held choose_base(struct script *script) {
    const struct script_held *held = &script->held[script_chance(script, SCRIPT_HELD)];
    if (held->used && script->model.nodes[held->node].type == FS_TYPE_DIRECTORY) {
        return *held;
    }
    return (struct script_held){
        .handle = script->base,
        .node = MODEL_ROOT,
        .secret = script->base_secret,
    };
}

// ---- opening and closing

int64_t script_open(struct script *script, handle_t base, const char *path, uint32_t flags,
                    uint32_t mode, struct fs_open_reply *reply, handle_t *handle) {
    struct fs_open_request request = {.flags = flags, .mode = mode};
    handle_t handles[1] = {HANDLE_NONE};
    script->calls++;
    int64_t result = fs_open(base, &request, path, strlen(path), reply, script->window,
                             sizeof(script->window), handles, DEADLINE);
    *handle = handles[0];
    return result;
}

static status_t predict_open(const struct script *script, const struct model_walk *walk,
                             uint32_t flags) {
    const struct model *model = &script->model;
    if (walk->status != OK) {
        return walk->status;
    }
    if (walk->node < 0) {
        return (flags & FS_OPEN_CREATE) == 0              ? ERR_NOT_FOUND
               : walk->slash                              ? ERR_IS_DIRECTORY
               : model->nodes[walk->directory].links == 0 ? ERR_NOT_FOUND
                                                          : OK;
    }
    const struct model_node *node = &model->nodes[walk->node];
    bool directory = node->type == FS_TYPE_DIRECTORY;
    if ((flags & FS_OPEN_CREATE) != 0 && (flags & FS_OPEN_EXCLUSIVE) != 0) {
        return ERR_ALREADY_EXISTS;
    }
    if (node->type == FS_TYPE_LINK && (flags & FS_OPEN_PATH) == 0) {
        return ERR_TOO_MANY_LINKS;
    }
    if (!directory && (flags & FS_OPEN_DIRECTORY) != 0) {
        return ERR_NOT_DIRECTORY;
    }
    bool changes = (flags & (FS_OPEN_CREATE | FS_OPEN_WRITE | FS_OPEN_TRUNCATE)) != 0;
    return directory && changes ? ERR_IS_DIRECTORY : OK;
}

static void do_open(struct script *script) {
    static const uint32_t choices[] = {
        FS_OPEN_READ,
        FS_OPEN_READ | FS_OPEN_WRITE | FS_OPEN_CREATE,
        FS_OPEN_READ | FS_OPEN_WRITE | FS_OPEN_CREATE,
        FS_OPEN_READ | FS_OPEN_WRITE | FS_OPEN_CREATE,
        FS_OPEN_WRITE | FS_OPEN_CREATE | FS_OPEN_EXCLUSIVE,
        FS_OPEN_READ | FS_OPEN_WRITE | FS_OPEN_CREATE | FS_OPEN_TRUNCATE,
        FS_OPEN_READ | FS_OPEN_DIRECTORY,
        FS_OPEN_READ | FS_OPEN_DIRECTORY,
        FS_OPEN_PATH,
        FS_OPEN_READ | FS_OPEN_NO_FOLLOW,
        FS_OPEN_PATH | FS_OPEN_NO_FOLLOW,
    };
    struct script_held *held = &script->held[script_chance(script, SCRIPT_HELD)];
    if (held->used || !model_has_room(&script->model)) {
        return;
    }
    const struct script_held channel = *held; // when it is kept
    struct script_held base = choose_base(script);
    uint32_t flags = choices[script_chance(script, sizeof(choices) / sizeof(choices[0]))];
    uint32_t mode = (uint32_t)script_chance(script, 01000);
    path_make(script, script->path[0]);
    bool follows = (flags & (FS_OPEN_NO_FOLLOW | FS_OPEN_EXCLUSIVE)) == 0;
    struct model_walk walk = model_walk(&script->model, base.node, script->path[0],
                                        follows ? MODEL_FOLLOW : MODEL_NO_FOLLOW);
    struct fs_open_reply reply = {0};
    handle_t handle = channel.handle;
    status_t wanted = predict_open(script, &walk, flags);
    bool pipe = walk.node >= 0 && script->model.nodes[walk.node].type == FS_TYPE_FIFO;
    wanted = channel.kept && wanted == OK && pipe ? ERR_BAD_STATE : wanted;
    int64_t got =
        channel.kept
            ? script_reopen(script, &channel, base.secret, script->path[0], flags, mode, &reply)
            : script_open(script, base.handle, script->path[0], flags, mode, &reply, &handle);
    if (!script_expect(script, "open", got, wanted) || got != OK) {
        return;
    }
    (void)script_expect(script, "created", reply.created, walk.node < 0);
    uint32_t node = (uint32_t)walk.node;
    if (walk.node < 0) {
        node = model_make(&script->model, &walk, FS_TYPE_REGULAR, mode);
    } else if ((flags & FS_OPEN_TRUNCATE) != 0 &&
               script->model.nodes[node].type == FS_TYPE_REGULAR) {
        script->model.nodes[node].size = 0;
    }
    script->model.nodes[node].opens++;
    script_check_attributes(script, &reply.attributes, node);
    bool viewable = script->model.nodes[node].type == FS_TYPE_REGULAR && !(flags & FS_OPEN_PATH);
    (void)script_expect(script, "viewable", reply.viewable, viewable);
    *held = (struct script_held){
        .used = true,
        .handle = handle,
        .node = node,
        .flags = flags,
        .secret = reply.secret,
        .deferral = channel.deferral,
    };
    if (viewable && script_chance(script, 2) == 0) {
        script_do_view(script, held);
    }
}

static void close_held(struct script *script, struct script_held *held) {
    script_close_view(script, held);
    if (held->deferral != HANDLE_NONE && script_chance(script, 4) != 0) {
        held->kept = script_close_deferred(script, held);
    }
    if (!held->kept) {
        script_close_channel(script, held);
    }
    script->model.nodes[held->node].opens--;
    model_settle(&script->model, held->node);
    held->used = false;
}

static void do_close(struct script *script) {
    struct script_held *held = &script->held[script_chance(script, SCRIPT_HELD)];
    if (held->used) {
        close_held(script, held);
    } else if (held->kept && script_chance(script, 8) == 0) {
        script_close_channel(script, held);
    }
}

// ---- contents

static struct script_held *choose_held(struct script *script) {
    struct script_held *held = &script->held[script_chance(script, SCRIPT_HELD)];
    return held->used ? held : NULL;
}

// The status for reading or writing through a description, OK when it can be.
static status_t predict_access(const struct script *script, const struct script_held *held,
                               uint32_t flag) {
    const struct model_node *node = &script->model.nodes[held->node];
    return node->type == FS_TYPE_DIRECTORY ? ERR_IS_DIRECTORY
           : (held->flags & FS_OPEN_PATH)  ? ERR_FORBIDDEN
           : (held->flags & flag) == 0     ? ERR_FORBIDDEN
           : node->type != FS_TYPE_REGULAR ? ERR_INVALID_ARGUMENT
                                           : OK;
}

static void node_resize(struct model_node *node, uint32_t size) {
    if (size > node->size) {
        memset(node->bytes + node->size, 0, size - node->size);
    }
    node->size = size;
}

static void do_write(struct script *script) {
    struct script_held *held = choose_held(script);
    if (held == NULL) {
        return;
    }
    struct model_node *node = &script->model.nodes[held->node];
    uint64_t how = script_chance(script, 4); // 0: at the end, 1: at the description's offset
    uint32_t bytes = (uint32_t)script_chance(script, script_chance(script, 2) == 0 ? 100 : 6000);
    uint32_t offset = how == 0   ? node->size
                      : how == 1 ? held->offset
                                 : (uint32_t)script_chance(script, 14000);
    if (offset + bytes > MODEL_FILE_BYTES) {
        return;
    }
    for (uint32_t i = 0; i < bytes; i++) {
        script->bytes[i] = (uint8_t)(script->random >> (i % 57));
    }
    struct fs_write_request request = {
        .offset = how == 0   ? FS_AT_END
                  : how == 1 ? FS_AT_CELL
                             : offset,
        .size = bytes,
    };
    struct fs_write_reply reply = {0};
    status_t wanted = predict_access(script, held, FS_OPEN_WRITE);
    script->calls++;
    int64_t got = fs_write(held->handle, &request, script->bytes, bytes, &reply, DEADLINE);
    if (script_expect(script, "write", got, wanted == OK ? (int64_t)bytes : wanted) &&
        wanted == OK) {
        (void)script_expect(script, "offset after it", (int64_t)reply.offset, offset + bytes);
        if (bytes != 0) {
            node_resize(node, offset + bytes > node->size ? offset + bytes : node->size);
            memcpy(node->bytes + offset, script->bytes, bytes);
            held->offset = how < 2 ? offset + bytes : held->offset;
        }
    }
}

int64_t script_check_read(struct script *script, const struct script_held *held, uint32_t offset,
                          uint32_t size, bool own) {
    const struct model_node *node = &script->model.nodes[held->node];
    struct fs_read_request request = {.offset = own ? FS_AT_CELL : offset, .size = size};
    status_t status = predict_access(script, held, FS_OPEN_READ);
    uint32_t left = offset < node->size ? node->size - offset : 0;
    int64_t wanted = status != OK ? status : (int64_t)(left < size ? left : size);
    memset(script->bytes, 0xee, sizeof(script->bytes));
    script->calls++;
    int64_t got = fs_read(held->handle, &request, script->bytes, size, DEADLINE);
    if (script_expect(script, "read", got, wanted) && got > 0) {
        script_check_bytes(script, "a byte that was read", script->bytes, node->bytes + offset,
                           (uint32_t)got);
        (void)script_expect(script, "the byte behind", script->bytes[got], 0xee);
    }
    return got;
}

static void do_read(struct script *script) {
    struct script_held *held = choose_held(script);
    if (held == NULL) {
        return;
    }
    bool own = script_chance(script, 2) == 0;
    uint32_t offset = own ? held->offset : (uint32_t)script_chance(script, 16000);
    uint32_t size = (uint32_t)script_chance(script, MODEL_FILE_BYTES);
    int64_t got = script_check_read(script, held, offset, size, own);
    held->offset += own && got > 0 ? (uint32_t)got : 0;
}

static void do_seek(struct script *script) {
    struct script_held *held = choose_held(script);
    if (held == NULL) {
        return;
    }
    struct fs_seek_request request = {
        .whence = (uint32_t)script_chance(script, 5), // 4: none
        .offset = (int64_t)script_chance(script, 8000) - 2000,
        .expected = held->offset + script_chance(script, 2),
    };
    const struct model_node *node = &script->model.nodes[held->node];
    int64_t base = request.whence == FS_SEEK_CURRENT ? held->offset
                   : request.whence == FS_SEEK_END   ? node->size
                                                     : 0;
    status_t wanted =
        request.whence > FS_SEEK_SWAP || base + request.offset < 0           ? ERR_INVALID_ARGUMENT
        : request.whence == FS_SEEK_SWAP && request.expected != held->offset ? ERR_WOULD_BLOCK
                                                                             : OK;
    struct fs_seek_reply reply = {0};
    script->calls++;
    int64_t got = fs_seek(held->handle, &request, &reply, DEADLINE);
    if (script_expect(script, "seek", got, wanted) && got == OK) {
        held->offset = (uint32_t)(base + request.offset);
        (void)script_expect(script, "the new offset", (int64_t)reply.offset, held->offset);
    }
}

static void do_memory(struct script *script) {
    const struct script_held *held = choose_held(script);
    if (held == NULL) {
        return;
    }
    const struct model_node *node = &script->model.nodes[held->node];
    bool write = script_chance(script, 2) == 0;
    struct fs_memory_request request = {.access = MAP_READ | (write ? MAP_WRITE : 0)};
    struct fs_memory_reply reply = {0};
    handle_t pages[1];
    bool reads = (held->flags & FS_OPEN_READ) != 0 && (held->flags & FS_OPEN_PATH) == 0;
    status_t wanted = node->type != FS_TYPE_REGULAR                         ? ERR_NOT_SUPPORTED
                      : !reads || (write && !(held->flags & FS_OPEN_WRITE)) ? ERR_FORBIDDEN
                                                                            : OK;
    script->calls++;
    int64_t got = fs_memory(held->handle, &request, &reply, pages, DEADLINE);
    if (!script_expect(script, "memory", got, wanted) || got != OK) {
        return;
    }
    (void)script_expect(script, "its size", (int64_t)reply.size, node->size);
    if (node->size != 0) {
        uint32_t page_end = (node->size + (uint32_t)PAGE_SIZE - 1) & ~((uint32_t)PAGE_SIZE - 1);
        (void)script_expect(script, "vmo_read",
                            sys_vmo_read(pages[0], 0, script->bytes, node->size), node->size);
        script_check_bytes(script, "a byte of the memory", script->bytes, node->bytes, node->size);
        uint32_t tail = page_end - node->size;
        if (tail != 0) {
            static const uint8_t zeros[PAGE_SIZE];
            (void)script_expect(script, "vmo_read of the tail",
                                sys_vmo_read(pages[0], node->size, script->bytes, tail), tail);
            script_check_bytes(script, "a byte past the end", script->bytes, zeros, tail);
        }
    }
    (void)script_expect(script, "handle_close", sys_handle_close(pages[0]), OK);
}

static void do_view(struct script *script) {
    struct script_held *held = choose_held(script);
    if (held != NULL) {
        script_do_view(script, held);
    }
}

static void do_lease(struct script *script) {
    struct script_held *held = choose_held(script);
    if (held != NULL) {
        script_do_lease(script, held);
    }
}

// ---- attributes

int64_t script_stat(struct script *script, handle_t base, const char *path, uint32_t flags,
                    struct fs_attributes *attributes) {
    struct fs_stat_request request = {.flags = flags};
    struct fs_stat_reply reply;
    script->calls++;
    int64_t result = fs_stat(base, &request, path, strlen(path), &reply, script->window,
                             sizeof(script->window), DEADLINE);
    *attributes = reply.attributes;
    return result;
}

static void do_stat(struct script *script) {
    struct script_held base = choose_base(script);
    bool follow = script_chance(script, 2) == 0;
    struct fs_attributes attributes = {0};
    path_make(script, script->path[0]);
    struct model_walk walk = model_walk(&script->model, base.node, script->path[0],
                                        follow ? MODEL_FOLLOW : MODEL_NO_FOLLOW);
    status_t wanted = walk.status != OK ? walk.status : walk.node < 0 ? ERR_NOT_FOUND : OK;
    int64_t got = script_stat(script, base.handle, script->path[0], follow ? 0 : FS_FIND_NO_FOLLOW,
                              &attributes);
    if (script_expect(script, "stat", got, wanted) && got == OK) {
        script_check_attributes(script, &attributes, (uint32_t)walk.node);
    }
}

static void do_set(struct script *script) {
    struct script_held *held = choose_held(script);
    bool by_path = held == NULL || script_chance(script, 2) == 0;
    struct script_held base = choose_base(script);
    script->path[0][0] = '\0';
    if (by_path) {
        path_make(script, script->path[0]);
    } else {
        base = *held;
    }
    struct fs_set_request request = {
        .what = script_chance(script, 3) == 0 ? FS_SET_MODE | FS_SET_MODIFIED_NOW : FS_SET_SIZE,
        .mode = (uint32_t)script_chance(script, 010000),
        .size = script_chance(script, MODEL_FILE_BYTES),
    };
    struct fs_set_reply reply;
    struct model_walk walk = model_walk(&script->model, base.node, script->path[0], MODEL_FOLLOW);
    status_t wanted = walk.status != OK ? walk.status : walk.node < 0 ? ERR_NOT_FOUND : OK;
    if (wanted == OK && (request.what & FS_SET_SIZE) != 0) {
        uint32_t type = script->model.nodes[walk.node].type;
        bool may = by_path || ((base.flags & FS_OPEN_WRITE) && !(base.flags & FS_OPEN_PATH));
        wanted = type == FS_TYPE_DIRECTORY         ? ERR_IS_DIRECTORY
                 : type != FS_TYPE_REGULAR || !may ? ERR_INVALID_ARGUMENT
                                                   : OK;
    }
    script->calls++;
    int64_t got = fs_set(base.handle, &request, script->path[0], strlen(script->path[0]), &reply,
                         script->window, sizeof(script->window), DEADLINE);
    if (!script_expect(script, "set", got, wanted) || got != OK) {
        return;
    }
    struct model_node *node = &script->model.nodes[walk.node];
    if ((request.what & FS_SET_SIZE) != 0) {
        node_resize(node, (uint32_t)request.size);
    } else {
        node->mode = request.mode;
    }
}

// ---- names

static void do_make(struct script *script) {
    static const uint32_t types[] = {FS_TYPE_DIRECTORY, FS_TYPE_DIRECTORY, FS_TYPE_LINK,
                                     FS_TYPE_LINK,      FS_TYPE_FIFO,      FS_TYPE_CHARACTER,
                                     FS_TYPE_REGULAR};
    if (!model_has_room(&script->model)) {
        return;
    }
    struct script_held base = choose_base(script);
    uint32_t type = types[script_chance(script, sizeof(types) / sizeof(types[0]))];
    bool link = type == FS_TYPE_LINK;
    path_make(script, script->path[0]);
    path_make(script, script->path[1]);
    struct fs_make_request request = {
        .type = type,
        .mode = (uint32_t)script_chance(script, 01000),
        .path_bytes = (uint32_t)strlen(script->path[0]),
    };
    size_t target_bytes = link ? strlen(script->path[1]) : 0;
    char *both = (char *)script->bytes;
    memcpy(both, script->path[0], request.path_bytes);
    memcpy(both + request.path_bytes, script->path[1], target_bytes);
    struct model_walk walk = model_walk(&script->model, base.node, script->path[0], MODEL_PARENT);
    status_t wanted = walk.status;
    if (wanted == OK) {
        wanted = walk.node >= 0 ? ERR_ALREADY_EXISTS
                 : (walk.slash && type != FS_TYPE_DIRECTORY) ||
                         script->model.nodes[walk.directory].links == 0
                     ? ERR_NOT_FOUND
                     : OK;
    }
    struct fs_make_reply reply;
    script->calls++;
    int64_t got = fs_make(base.handle, &request, both, request.path_bytes + target_bytes, &reply,
                          script->window, sizeof(script->window), DEADLINE);
    if (!script_expect(script, "make", got, wanted) || got != OK) {
        return;
    }
    // A directory inherits the set-group-id bit of the one that it lies in.
    uint32_t inherited =
        type == FS_TYPE_DIRECTORY ? script->model.nodes[walk.directory].mode & 02000 : 0;
    uint32_t node = model_make(&script->model, &walk, type, link ? 0777 : request.mode | inherited);
    if (link) {
        (void)text_copy(script->model.nodes[node].target, MODEL_TARGET_BYTES, script->path[1]);
        script->model.nodes[node].size = (uint32_t)target_bytes;
    }
}

static void unlink_node(struct script *script, uint32_t number) {
    struct model_node *node = &script->model.nodes[number];
    node->links = node->type == FS_TYPE_DIRECTORY ? 0 : node->links - 1;
    model_settle(&script->model, number);
}

static status_t predict_remove(const struct script *script, const struct model_walk *walk,
                               bool directory, const char *path) {
    if (walk->status != OK) {
        return walk->status;
    }
    if (!walk->plain) {
        // What stands before the last slashes.
        bool dot = walk->bytes == 1, root = strlen(path) > 0 && walk->bytes == 0;
        return !directory ? ERR_IS_DIRECTORY
               : root     ? ERR_BUSY
               : dot      ? ERR_INVALID_ARGUMENT
                          : ERR_NOT_EMPTY;
    }
    if (walk->node < 0) {
        return ERR_NOT_FOUND;
    }
    bool is_directory = script->model.nodes[walk->node].type == FS_TYPE_DIRECTORY;
    if (directory) {
        return !is_directory                                            ? ERR_NOT_DIRECTORY
               : model_count(&script->model, (uint32_t)walk->node) != 0 ? ERR_NOT_EMPTY
                                                                        : OK;
    }
    return is_directory ? ERR_IS_DIRECTORY : walk->slash ? ERR_NOT_DIRECTORY : OK;
}

static void do_remove(struct script *script) {
    struct script_held base = choose_base(script);
    bool directory = script_chance(script, 3) == 0;
    path_make(script, script->path[0]);
    struct fs_remove_request request = {.directory = directory};
    struct fs_remove_reply reply;
    struct model_walk walk = model_walk(&script->model, base.node, script->path[0], MODEL_PARENT);
    status_t wanted = predict_remove(script, &walk, directory, script->path[0]);
    script->calls++;
    int64_t got = fs_remove(base.handle, &request, script->path[0], strlen(script->path[0]), &reply,
                            script->window, sizeof(script->window), DEADLINE);
    if (script_expect(script, "remove", got, wanted) && got == OK) {
        model_remove(&script->model, (uint32_t)walk.entry);
        unlink_node(script, (uint32_t)walk.node);
    }
}

static void do_link(struct script *script) {
    if (!model_has_room(&script->model)) {
        return;
    }
    struct script_held base = choose_base(script), to = choose_base(script);
    bool follow = script_chance(script, 2) == 0;
    path_make(script, script->path[0]);
    path_make(script, script->path[1]);
    struct fs_link_request request = {
        .secret = to.secret,
        .flags = follow ? 0 : FS_FIND_NO_FOLLOW,
        .path_bytes = (uint32_t)strlen(script->path[0]),
    };
    size_t new_bytes = strlen(script->path[1]);
    memcpy(script->bytes, script->path[0], request.path_bytes);
    memcpy(script->bytes + request.path_bytes, script->path[1], new_bytes);
    struct model_walk old = model_walk(&script->model, base.node, script->path[0],
                                       follow ? MODEL_FOLLOW : MODEL_NO_FOLLOW);
    struct model_walk new = model_walk(&script->model, to.node, script->path[1], MODEL_PARENT);
    status_t wanted = old.status != OK ? old.status : old.node < 0 ? ERR_NOT_FOUND : new.status;
    if (wanted == OK) {
        wanted = new.node >= 0                                             ? ERR_ALREADY_EXISTS
                 : script->model.nodes[new.directory].links == 0           ? ERR_NOT_FOUND
                 : script->model.nodes[old.node].type == FS_TYPE_DIRECTORY ? ERR_NOT_PERMITTED
                 : new.slash || script->model.nodes[old.node].links == 0   ? ERR_NOT_FOUND
                                                                           : OK;
    }
    struct fs_link_reply reply;
    script->calls++;
    int64_t got = fs_link(base.handle, &request, script->bytes, request.path_bytes + new_bytes,
                          &reply, script->window, sizeof(script->window), DEADLINE);
    if (script_expect(script, "link", got, wanted) && got == OK) {
        script->model.nodes[old.node].links++;
        model_add(&script->model, (uint32_t) new.directory, new.name, new.bytes,
                  (uint32_t)old.node);
    }
}

static status_t predict_replace(const struct script *script, const struct model_walk *old,
                                const struct model_walk *new) {
    bool moved = script->model.nodes[old->node].type == FS_TYPE_DIRECTORY;
    bool replaced = script->model.nodes[new->node].type == FS_TYPE_DIRECTORY;
    bool empty = model_count(&script->model, (uint32_t) new->node) == 0;
    return moved      ? !replaced ? ERR_NOT_DIRECTORY
                        : empty   ? OK
                                  : ERR_NOT_EMPTY
           : replaced ? ERR_IS_DIRECTORY
                      : OK;
}

static status_t predict_rename(const struct script *script, const struct model_walk *old,
                               const struct model_walk *new, uint32_t flags) {
    const struct model *model = &script->model;
    bool exchange = (flags & FS_RENAME_EXCHANGE) != 0;
    status_t status = old->status != OK ? old->status : new->status;
    if (status != OK) {
        return status;
    }
    if (!old->plain || !new->plain) {
        return ERR_BUSY;
    }
    if (old->node < 0 || (exchange && new->node < 0)) {
        return ERR_NOT_FOUND;
    }
    if (new->node >= 0 && (flags & FS_RENAME_NO_REPLACE) != 0) {
        return ERR_ALREADY_EXISTS;
    }
    bool directory = model->nodes[old->node].type == FS_TYPE_DIRECTORY;
    if (!directory && (old->slash || (new->slash && !exchange))) {
        return ERR_NOT_DIRECTORY;
    }
    if (directory && model_above(model, (uint32_t)old->node, (uint32_t) new->directory)) {
        return ERR_INVALID_ARGUMENT;
    }
    if (new->node < 0) {
        return model->nodes[new->directory].links == 0 ? ERR_NOT_FOUND : OK;
    }
    if (new->node == old->node) {
        return OK;
    }
    if (exchange) {
        bool loops = model->nodes[new->node].type == FS_TYPE_DIRECTORY &&
                     model_above(model, (uint32_t) new->node, (uint32_t)old->directory);
        return loops ? ERR_INVALID_ARGUMENT : OK;
    }
    return predict_replace(script, old, new);
}

static void rename_model(struct script *script, const struct model_walk *old,
                         const struct model_walk *new, uint32_t flags) {
    struct model *model = &script->model;
    if (old->node == new->node) {
        return;
    }
    model_remove(model, (uint32_t)old->entry);
    if (new->node >= 0) {
        model_remove(model, (uint32_t) new->entry);
    }
    model_add(model, (uint32_t) new->directory, new->name, new->bytes, (uint32_t)old->node);
    if ((flags & FS_RENAME_EXCHANGE) != 0) {
        model_add(model, (uint32_t)old->directory, old->name, old->bytes, (uint32_t) new->node);
    } else if (new->node >= 0) {
        unlink_node(script, (uint32_t) new->node);
    }
}

static void do_rename(struct script *script) {
    if (!model_has_room(&script->model)) {
        return;
    }
    static const uint32_t choices[] = {0, 0, 0, FS_RENAME_NO_REPLACE, FS_RENAME_EXCHANGE};
    struct script_held base = choose_base(script), to = choose_base(script);
    path_make(script, script->path[0]);
    path_make(script, script->path[1]);
    struct fs_rename_request request = {
        .secret = to.secret,
        .flags = choices[script_chance(script, 5)],
        .path_bytes = (uint32_t)strlen(script->path[0]),
    };
    size_t new_bytes = strlen(script->path[1]);
    memcpy(script->bytes, script->path[0], request.path_bytes);
    memcpy(script->bytes + request.path_bytes, script->path[1], new_bytes);
    struct model_walk old = model_walk(&script->model, base.node, script->path[0], MODEL_PARENT);
    struct model_walk new = model_walk(&script->model, to.node, script->path[1], MODEL_PARENT);
    status_t wanted = predict_rename(script, &old, &new, request.flags);
    struct fs_rename_reply reply;
    script->calls++;
    int64_t got = fs_rename(base.handle, &request, script->bytes, request.path_bytes + new_bytes,
                            &reply, script->window, sizeof(script->window), DEADLINE);
    if (script_expect(script, "rename", got, wanted) && got == OK) {
        rename_model(script, &old, &new, request.flags);
    }
}

// The path of an open file, if it has one name: it must lead to the same file.
static void do_place(struct script *script) {
    const struct script_held *held = choose_held(script);
    if (held == NULL) {
        return;
    }
    struct fs_place_reply reply = {0};
    char path[1024] = "";
    script->calls++;
    int64_t got = fs_place(held->handle, &reply, path, sizeof(path) - 1, DEADLINE);
    if (got == ERR_NAME_TOO_LONG) {
        return;
    }
    bool named = script->model.nodes[held->node].links != 0;
    if (!script_expect(script, "place", got, named ? OK : ERR_NOT_FOUND) || got != OK) {
        return;
    }
    path[reply.bytes] = '\0';
    struct model_walk walk = model_walk(&script->model, MODEL_ROOT, path, MODEL_NO_FOLLOW);
    (void)script_expect(script, "where it is", walk.node, held->node);
}

// ---- a script

void script_begin(struct script *script, handle_t root, const char *home, uint64_t seed) {
    struct fs_make_request request = {
        .type = FS_TYPE_DIRECTORY,
        .mode = 0755,
        .path_bytes = (uint32_t)strlen(home),
    };
    struct fs_make_reply made;
    struct fs_open_reply opened = {0};
    memset(script->held, 0, sizeof(script->held));
    script->random = seed;
    script->steps = script->calls = 0;
    script->failure = NULL;
    model_reset(&script->model);
    (void)script_expect(script, "make home",
                        fs_make(root, &request, home, strlen(home), &made, script->window,
                                sizeof(script->window), DEADLINE),
                        OK);
    (void)script_expect(
        script, "open home",
        script_open(script, root, home, FS_OPEN_READ | FS_OPEN_ROOT, 0, &opened, &script->base),
        OK);
    script->base_secret = opened.secret;
}

bool script_step(struct script *script) {
    static void (*const operations[])(struct script *) = {
        do_open,   do_open,  do_open,   do_close, do_write, do_write, do_read,         do_memory,
        do_stat,   do_set,   do_make,   do_make,  do_make,  do_link,  do_rename,       do_rename,
        do_remove, do_place, do_remove, do_seek,  do_view,  do_lease, script_do_defer,
    };
    script->steps++;
    operations[script_chance(script, sizeof(operations) / sizeof(operations[0]))](script);
    script_check_views(script);
    return script->failure == NULL;
}

bool script_compare(struct script *script) {
    if (script->failure == NULL) {
        script_check_tree(script, script->base, MODEL_ROOT, 0);
    }
    return script->failure == NULL;
}

// Removes what is in a directory, by the model's word.
static void clear(struct script *script, handle_t handle, uint32_t directory, uint32_t depth) {
    for (uint32_t i = 0; i < MODEL_ENTRIES && depth < SCRIPT_DEPTH_MAX; i++) {
        const struct model_entry *entry = &script->model.entries[i];
        if (!entry->used || entry->directory != directory) {
            continue;
        }
        char name[MODEL_NAME_BYTES + 1];
        memcpy(name, entry->name, entry->bytes);
        name[entry->bytes] = '\0';
        bool is_directory = script->model.nodes[entry->node].type == FS_TYPE_DIRECTORY;
        struct fs_open_reply opened;
        handle_t inner;
        if (is_directory &&
            script_open(script, handle, name, FS_OPEN_READ, 0, &opened, &inner) == OK) {
            clear(script, inner, entry->node, depth + 1);
            (void)!sys_handle_close(inner);
        }
        struct fs_remove_request request = {.directory = is_directory};
        struct fs_remove_reply reply;
        (void)script_expect(script, "remove at the end",
                            fs_remove(handle, &request, name, strlen(name), &reply, script->window,
                                      sizeof(script->window), DEADLINE),
                            OK);
    }
}

void script_end(struct script *script, handle_t root, const char *home) {
    for (uint32_t i = 0; i < SCRIPT_HELD; i++) {
        if (script->held[i].used) {
            close_held(script, &script->held[i]);
        }
        if (script->held[i].kept) {
            script_close_channel(script, &script->held[i]);
        }
    }
    clear(script, script->base, MODEL_ROOT, 0);
    (void)!sys_handle_close(script->base);
    struct fs_remove_request request = {.directory = 1};
    struct fs_remove_reply reply;
    (void)script_expect(script, "remove home",
                        fs_remove(root, &request, home, strlen(home), &reply, script->window,
                                  sizeof(script->window), DEADLINE),
                        OK);
}
