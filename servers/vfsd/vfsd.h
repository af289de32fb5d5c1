// SPDX-License-Identifier: MIT
//
// vfsd in parts: its records, the beginning, and what walks ask (main.c), mounting and its end
// (mount.c), options of mounts (options.c), the table as text (table.c), and named pipes (fifo.c).
#pragma once

#include <abi/mounts.h>
#include <abi/proto/fs.h>
#include <abi/proto/vfs.h>
#include <server/server.h>

#define MOUNTS_MAX 64   // at once; as many as a file server takes
#define FIFOS_MAX 64    // open at once: their streams are paid for by vfsd's job
#define OPENERS_MAX 256 // of all of them: descriptions, and calls that wait
#define WINDOW_BYTES 4096
#define SOURCE_BYTES 64
#define PATH_BYTES 256
#define OPTIONS_BYTES 64
#define ROOT_ID 0 // the mount that is there without being made

enum { TABLE_STATE, TABLE_MOUNTS, TABLE_FIFOS, TABLE_OPENERS, TABLES };

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
    uint64_t last_fifo; // pipes have numbers that are never used again, from 1
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

// A named pipe that somebody has open, or waits to.
struct fifo {
    struct vault_head head;
    uint64_t number; // key of its channel
    uint64_t device, inode;
    handle_t node;             // a description
    handle_t input, output;    // the ends of its stream: read, write
    handle_t endpoint, client; // of its channel
    uint32_t arrivals;         // openings for writing so far
};

enum opener_state {
    OPENER_WAITING,
    OPENER_MET,  // the other side has come; it may have gone again
    OPENER_OPEN, // it has its member
};

struct opener {
    struct vault_head head; // spare: enum opener_state
    uint32_t fifo;          // place of the pipe
    uint32_t side;          // VFS_FIFO_READER or VFS_FIFO_WRITER
    handle_t watch;         // shows PEER_CLOSED when it has gone
    handle_t member;        // not OPEN: the other event of the pair
    uint64_t process;       // not OPEN: the call that waits
    uint64_t thread, call_number;
};

struct vfsd {
    struct server server; // first
    char *window;         // WINDOW_BYTES
    struct mount_table *table;
    uint64_t providers[TYPES]; // the stamps of the file servers
    bool changed;              // the step under way changes the table
    uint64_t answered;         // a process of which the step under way answers a call that waited
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

// Handles that came with a request are closed: now when nothing was done, else with the step.
// Returns the result.
int64_t done_with(struct vfsd *vfs, const handle_t *handles, uint32_t count, int64_t result);

// ---- fifo.c

bool fifo_check(uint32_t index, const void *record);
bool opener_check(uint32_t index, const void *record);
// Puts right what a predecessor has left. Commits steps.
void fifo_start(struct vfsd *vfs);
// Somebody has closed a pipe, or has died waiting for one. Commits steps.
void fifo_notice(struct vfsd *vfs, const struct packet *packet);
// A step was committed.
void fifo_committed(struct vfsd *vfs);
int64_t vfsd_fifo_open(void *context, const struct packet *packet,
                       const struct vfs_fifo_open_request *request, const handle_t handles_in[1],
                       struct vfs_fifo_open_reply *reply, handle_t handles_out[3]);
int64_t vfsd_fifo_peer(void *context, const struct packet *packet,
                       const struct vfs_fifo_peer_request *request,
                       struct vfs_fifo_peer_reply *reply, handle_t handles_out[1]);

// ---- options.c

// Reads `mode=755,uid=0,...` of a tmpfs. INVALID_ARGUMENT for an option that is not known.
[[nodiscard]] status_t options_read(struct mounting *mounting, const char *text, uint32_t bytes);

// ---- table.c

// Writes the text of the table anew.
void table_write(struct vfsd *vfs);
