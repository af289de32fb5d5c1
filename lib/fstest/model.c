// SPDX-License-Identifier: MIT

#include <fstest/model.h>

#include <abi/proto/fs.h>
#include <abi/status.h>
#include <sys/string.h>

#define WALK_BYTES 8193 // as tmpfsd, and a zero
#define LINKS_MAX 40

void model_reset(struct model *model) {
    model->serial = 1;
    memset(model->entries, 0, sizeof(model->entries));
    for (uint32_t i = 0; i < MODEL_NODES; i++) {
        model->nodes[i].serial = 0;
    }
    struct model_node *root = &model->nodes[MODEL_ROOT];
    root->serial = 1;
    root->type = FS_TYPE_DIRECTORY;
    root->mode = 0755;
    root->links = 2;
    root->opens = 1;
    root->parent = MODEL_ROOT;
    root->parent_serial = 1;
    root->size = 0;
}

static int32_t find(const struct model *model, uint32_t directory, const char *name,
                    uint32_t bytes) {
    for (uint32_t i = 0; i < MODEL_ENTRIES; i++) {
        const struct model_entry *entry = &model->entries[i];
        if (entry->used && entry->directory == directory && entry->bytes == bytes &&
            memcmp(entry->name, name, bytes) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

static int32_t parent_of(const struct model *model, uint32_t node) {
    if (node == MODEL_ROOT) {
        return MODEL_ROOT;
    }
    const struct model_node *parent = &model->nodes[model->nodes[node].parent];
    return parent->serial == model->nodes[node].parent_serial ? (int32_t)model->nodes[node].parent
                                                              : -1;
}

static struct model_walk failed(status_t status) {
    return (struct model_walk){.status = status, .directory = -1, .entry = -1, .node = -1};
}

// Splits off the first part of a path: its length, and where the rest begins.
static uint32_t part(const char *path, const char **rest) {
    uint32_t bytes = 0;
    while (path[bytes] != '\0' && path[bytes] != '/') {
        bytes++;
    }
    *rest = path + bytes;
    return bytes;
}

static const char *without_slashes(const char *path) {
    while (*path == '/') {
        path++;
    }
    return path;
}

static void step(const struct model *model, struct model_walk *walk, uint32_t directory) {
    walk->directory = walk->entry = -1;
    walk->plain = false;
    if (walk->bytes == 1 && walk->name[0] == '.') {
        walk->node = (int32_t)directory;
    } else if (walk->bytes == 2 && memcmp(walk->name, "..", 2) == 0) {
        walk->node = parent_of(model, directory);
    } else {
        walk->plain = true;
        walk->directory = (int32_t)directory;
        walk->entry = find(model, directory, walk->name, walk->bytes);
        walk->node = walk->entry >= 0 ? (int32_t)model->entries[walk->entry].node : -1;
    }
}

struct model_walk model_walk(const struct model *model, uint32_t from, const char *path,
                             enum model_last last) {
    struct model_walk walk = failed(OK);
    char text[2][WALK_BYTES];
    uint32_t turn = 0, links = 0;
    (void)text_copy(text[0], WALK_BYTES, path);
    const char *at = text[0];
    uint32_t here = *at == '/' ? MODEL_ROOT : from;
    walk.node = (int32_t)here;
    for (;;) {
        const char *rest;
        at = without_slashes(at);
        if (*at == '\0') {
            return walk;
        }
        if (model->nodes[here].type != FS_TYPE_DIRECTORY) {
            return failed(ERR_NOT_DIRECTORY);
        }
        walk.bytes = part(at, &rest);
        if (walk.bytes > MODEL_NAME_BYTES) {
            return failed(ERR_NAME_TOO_LONG);
        }
        memcpy(walk.name, at, walk.bytes);
        walk.slash = *rest == '/';
        bool is_last = *without_slashes(rest) == '\0';
        step(model, &walk, here);
        if (walk.node < 0) {
            return is_last && walk.plain ? walk : failed(ERR_NOT_FOUND);
        }
        const struct model_node *node = &model->nodes[walk.node];
        bool follows = !is_last || last == MODEL_FOLLOW || (walk.slash && last != MODEL_PARENT);
        if (node->type == FS_TYPE_LINK && follows) {
            if (++links > LINKS_MAX) {
                return failed(ERR_TOO_MANY_LINKS);
            }
            char *to = text[turn ^= 1];
            if (strlen(node->target) + strlen(rest) >= WALK_BYTES) {
                return failed(ERR_NAME_TOO_LONG);
            }
            (void)text_copy(to, WALK_BYTES, node->target);
            (void)text_copy(to + strlen(to), WALK_BYTES - strlen(to), rest);
            at = to;
            if (*at == '/') {
                here = MODEL_ROOT;
                walk.node = MODEL_ROOT;
                walk.plain = false;
                walk.directory = walk.entry = -1;
            }
            continue;
        }
        if (is_last && walk.slash && last != MODEL_PARENT && node->type != FS_TYPE_DIRECTORY) {
            return failed(ERR_NOT_DIRECTORY);
        }
        here = (uint32_t)walk.node;
        at = rest;
    }
}

static int32_t free_node(const struct model *model) {
    for (uint32_t i = 0; i < MODEL_NODES; i++) {
        if (model->nodes[i].serial == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

static int32_t free_entry(const struct model *model) {
    for (uint32_t i = 0; i < MODEL_ENTRIES; i++) {
        if (!model->entries[i].used) {
            return (int32_t)i;
        }
    }
    return -1;
}

bool model_has_room(const struct model *model) {
    return free_node(model) >= 0 && free_entry(model) >= 0;
}

void model_add(struct model *model, uint32_t directory, const char *name, uint32_t bytes,
               uint32_t node) {
    struct model_entry *entry = &model->entries[free_entry(model)];
    *entry = (struct model_entry){
        .used = true,
        .directory = directory,
        .node = node,
        .bytes = bytes,
    };
    memcpy(entry->name, name, bytes);
    if (model->nodes[node].type == FS_TYPE_DIRECTORY) {
        model->nodes[node].parent = directory;
        model->nodes[node].parent_serial = model->nodes[directory].serial;
        model->nodes[directory].links++;
    }
}

uint32_t model_make(struct model *model, const struct model_walk *where, uint32_t type,
                    uint32_t mode) {
    uint32_t node = (uint32_t)free_node(model);
    struct model_node *made = &model->nodes[node];
    made->serial = ++model->serial;
    made->type = type;
    made->mode = mode;
    made->links = type == FS_TYPE_DIRECTORY ? 2 : 1;
    made->opens = 0;
    made->size = 0;
    made->target[0] = '\0';
    model_add(model, (uint32_t)where->directory, where->name, where->bytes, node);
    return node;
}

void model_remove(struct model *model, uint32_t entry) {
    struct model_entry *gone = &model->entries[entry];
    gone->used = false;
    if (model->nodes[gone->node].type == FS_TYPE_DIRECTORY) {
        model->nodes[gone->directory].links--;
    }
}

void model_settle(struct model *model, uint32_t node) {
    if (model->nodes[node].links == 0 && model->nodes[node].opens == 0) {
        model->nodes[node].serial = 0;
    }
}

uint32_t model_count(const struct model *model, uint32_t directory) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < MODEL_ENTRIES; i++) {
        count += model->entries[i].used && model->entries[i].directory == directory;
    }
    return count;
}

bool model_above(const struct model *model, uint32_t above, uint32_t node) {
    for (;;) {
        if (node == above) {
            return true;
        }
        int32_t parent = parent_of(model, node);
        if (parent < 0 || (uint32_t)parent == node) {
            return false;
        }
        node = (uint32_t)parent;
    }
}
