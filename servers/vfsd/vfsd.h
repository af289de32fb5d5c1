// SPDX-License-Identifier: MIT
//
// vfsd in parts: its records and the beginning (main.c), what is asked (ask.c), mounting and its
// end (mount.c), and the table as text (table.c).
#pragma once

#include <abi/mounts.h>
#include <abi/proto/fs.h>
#include <abi/proto/vfs.h>
#include <server/server.h>

#define MOUNTS_MAX 64 // at once; as many as a file server takes
#define WINDOW_BYTES 4096
#define SOURCE_BYTES 64
#define PATH_BYTES 256
#define OPTIONS_BYTES 64
#define ROOT_ID 0 // the mount that is there without being made

enum { TABLE_STATE, TABLE_MOUNTS, TABLES };

enum mount_type { TYPE_TMPFS, TYPE_PROC, TYPES };

enum mount_state {
    MOUNT_LIVE,
    MOUNT_MAKING, // file servers may know it, or not
};

// One record.
struct state {
    struct vault_head head;
    uint32_t next_id;  // mounts have numbers that are never used again
    uint32_t started;  // 1: what is to be mounted at first was
    handle_t table;    // vmo: struct mount_table
    handle_t endpoint; // of the channel that processes get
    handle_t client;   // its other end, to give duplicates of to procd
    uint32_t spare;
};

struct mount {
    struct vault_head head; // spare: enum mount_state
    uint32_t id, parent;
    uint32_t flags; // FS_MOUNT_
    uint32_t type;  // enum mount_type
    uint64_t device;
    handle_t root, point; // descriptions: its root, and what it covers; NONE of the first
    char source[SOURCE_BYTES];
    char path[PATH_BYTES];  // of the point, as it was when it was mounted
    char inner[PATH_BYTES]; // which part of its file system it shows
    char options[OPTIONS_BYTES];
};

struct vfsd {
    struct server server; // first
    char *window;         // WINDOW_BYTES
    struct mount_table *table;
    uint64_t providers[TYPES]; // the stamps of the file servers
    bool changed;              // the step under way changes the table
};

static inline struct vault *vault_of(struct vfsd *vfs) {
    return &vfs->server.vault;
}
static inline const struct state *state_of(struct vfsd *vfs) {
    return vault_record(vault_of(vfs), TABLE_STATE, 0);
}
// The record at an index, null when it is free.
const struct mount *mount_at(struct vfsd *vfs, uint32_t index);
// The mount of a number, null when there is none.
const struct mount *mount_find(struct vfsd *vfs, uint32_t id);
// The channel of the file server of a type.
handle_t server_of(uint32_t type);
extern const char *const type_names[TYPES];

// ---- mount.c

// What is to be mounted.
struct mounting {
    struct mount as; // type, flags, source; the rest is found
    handle_t target; // description of what it covers
    handle_t shown;  // bind: description of what it shows, HANDLE_NONE otherwise
    uint32_t mode;   // of a fresh root
    uint32_t uid, gid;
};

// Mounts. The record is there before anything else and says MAKING, so that a successor can take
// back what was begun. Commits steps.
[[nodiscard]] int64_t mount_make(struct vfsd *vfs, struct mounting *mounting);
// Takes back what a predecessor has begun.
void mount_recover(struct vfsd *vfs);
int64_t vfsd_mount(void *context, const struct packet *packet,
                   const struct vfs_mount_request *request, const handle_t handles_in[2]);
int64_t vfsd_unmount(void *context, const struct packet *packet,
                     const struct vfs_unmount_request *request, const handle_t handles_in[1]);

// ---- options.c

// Reads `mode=755,uid=0,...` of a tmpfs. INVALID_ARGUMENT for an option that is not known.
[[nodiscard]] status_t options_read(struct mounting *mounting, const char *text, uint32_t bytes);

// ---- table.c

// Writes the text of the table anew.
void table_write(struct vfsd *vfs);
