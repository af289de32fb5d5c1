// SPDX-License-Identifier: MIT
//
// A file system in a few arrays: what the tests believe that tmpfsd has to do. It knows names,
// links, sizes, contents and modes, for a caller who may do everything; no times.
//
// Only what a single script needs: small, with no care for speed, and written without a look at how
// tmpfsd does it.
#pragma once

#include <abi/types.h>
#include <stdbool.h>

#define MODEL_NODES 48
#define MODEL_ENTRIES 64
#define MODEL_FILE_BYTES 20480
#define MODEL_NAME_BYTES 255
#define MODEL_TARGET_BYTES 400
#define MODEL_ROOT 0

struct model_node {
    uint32_t serial; // of this use of the place, 0: free
    uint32_t type;   // FS_TYPE_
    uint32_t mode;
    uint32_t links;
    uint32_t opens;
    uint32_t parent, parent_serial; // of a directory
    uint32_t size;
    char target[MODEL_TARGET_BYTES];
    uint8_t bytes[MODEL_FILE_BYTES];
};

struct model_entry {
    bool used;
    uint32_t directory, node;
    uint32_t bytes;
    char name[MODEL_NAME_BYTES];
};

struct model {
    uint32_t serial;
    struct model_node nodes[MODEL_NODES];
    struct model_entry entries[MODEL_ENTRIES];
};

// Where a path led.
struct model_walk {
    status_t status;
    bool plain; // the last part is a name, neither a dot nor the root
    bool slash;
    int32_t directory, entry, node; // -1: none
    uint32_t bytes;
    char name[MODEL_NAME_BYTES];
};

enum model_last { MODEL_FOLLOW, MODEL_NO_FOLLOW, MODEL_PARENT };

// An empty root directory.
void model_reset(struct model *model);
// Walks from a node; the root of all is MODEL_ROOT.
struct model_walk model_walk(const struct model *model, uint32_t from, const char *path,
                             enum model_last last);
// Whether the model can take so many more nodes and names: the script does not ask for more.
bool model_has_room(const struct model *model);
// Makes a node and its name. Returns the node.
uint32_t model_make(struct model *model, const struct model_walk *where, uint32_t type,
                    uint32_t mode);
void model_add(struct model *model, uint32_t directory, const char *name, uint32_t bytes,
               uint32_t node);
void model_remove(struct model *model, uint32_t entry);
// Nobody has it open any more, or it lost a name: the node may go.
void model_settle(struct model *model, uint32_t node);
// Names in a directory.
uint32_t model_count(const struct model *model, uint32_t directory);
// Whether a directory is another one or lies above it.
bool model_above(const struct model *model, uint32_t above, uint32_t node);
