// SPDX-License-Identifier: MIT
//
// What tmpfsd keeps in its vault. Records refer to each other by *numbers*: the place in the table
// plus one, 0 for none.
//
//   inode        a file, directory, link or device node
//   name         an entry of a directory; or a piece of text that did not fit in one: the rest of a
//                long name, or the target of a symbolic link
//   description  an open file description: what a client's channel names
//   mount        a view of a file system, of its own or of what is somewhere in the tree
//   cover        a place that walks leave, because something is mounted on it
//   lock         an advisory lock of a stretch of a file, or of a whole one
//
// Bytes of regular files are not in the vault: they lie in a vmo each, whose handle is in the
// inode, so they survive in the handle table.
//
// Invariants, between steps:
//   R1  Each name lies in a directory that has not been removed, and names an inode in use.
//   R2  links of a directory: 2 + directories in it, 0 when removed; of others: names.
//   R3  entries of a directory: names in it, without the two for itself and its parent.
//   R4  An inode in use has links, or a description has it as its object or root.
//   R5  Each piece of text belongs to exactly one name or link.
//   R6  Bytes of a file's vmo past its size are of no meaning, and become zero before they could be
//       seen: the vmo may be longer or shorter than the file.
//   R7  What the attribute page of an inode tells is what its record says; it is written after each
//       step (page.c). A file that is leased was modified and changed at the time in its page
//       `written`, when that is after `changed`.
//   R8  A mount that is fresh has a root inode of its own, which has no name and is its own parent.
#pragma once

#include <abi/types.h>
#include <server/vault.h>

#define NAME_BYTES_MAX 255
#define NAME_TEXT 40  // bytes of a name in its first piece
#define PIECE_TEXT 52 // bytes in each further piece
#define NAME_PIECES_MAX 6
#define TARGET_BYTES_MAX 4095 // of a symbolic link
#define TARGET_SHORT_MAX 156  // a target up to here lies in pieces, a longer one in a vmo
#define INODE_ROOT 1

#define LOCKS_MAX 1024
#define MOUNTS_MAX 64 // views at once; and places that are covered

enum {
    TABLE_STATE,
    TABLE_INODES,
    TABLE_NAMES,
    TABLE_DESCRIPTIONS,
    TABLE_MOUNTS,
    TABLE_COVERS,
    TABLE_LOCKS,
    TMPFS_TABLES
};

// One record: how far this file system has come.
struct state {
    struct vault_head head;
    uint32_t filled;   // 1: all of the boot archive is in it
    uint32_t made_for; // the mount that its file system was made for; 0: the first file system
    handle_t groups;   // vmo of struct group_table, NONE: not given yet
    handle_t files;    // the job that contents are charged to, NONE: tmpfsd's own
};

enum inode_flags {
    INODE_TRIM = 1 << 0,     // made shorter: the vmo may still have to be cut
    INODE_LINKABLE = 1 << 1, // without a name, but may be given one
};

struct inode {
    struct vault_head head; // spare: enum inode_flags
    uint32_t mode;          // type << 12 | permission bits
    uint32_t links;
    uint32_t uid, gid;
    uint64_t size; // of a link: of its target; of a directory: 0
    int64_t accessed, modified, changed, created;
    uint64_t rdev;
    uint32_t generation;        // rises each time the place is used again
    uint32_t parent;            // of a directory: the inode of its parent, which may be gone when
    uint32_t parent_generation; // it was removed itself: then the generations differ
    handle_t vmo;               // contents; none: all zeros
    uint32_t text;              // of a link: the first piece of its target
    uint32_t entries;
    handle_t page;     // of a regular file: its attribute page, while a client has asked for it
    uint32_t made_for; // the mount that its file system was made for; 0: the first file system
    handle_t written;  // of a regular file: when it was written without a call; NONE: by nobody
    uint32_t spare;
};

enum name_kind { NAME_ENTRY = 1, NAME_PIECE = 2 };

struct name {
    struct vault_head head; // spare: enum name_kind << 12 | bytes, of a piece: bytes in it
    uint32_t next;          // piece
    union {
        struct {
            uint32_t directory, inode;
            uint32_t hash;
            char text[NAME_TEXT];
        };
        char piece[PIECE_TEXT];
    };
};
static_assert(sizeof(struct name) == 64, "names are small");

struct description {
    struct vault_head head;
    uint64_t key;    // of its channel
    uint64_t secret; // low bits: its number
    uint32_t inode, root;
    uint32_t name;  // by which it was opened, a hint
    uint32_t flags; // FS_OPEN_
    handle_t endpoint;
    uint32_t mount;  // to which it belongs
    uint64_t offset; // shared by all who have the channel; of a directory: cursor of its listing
    // The page by which the client defers closes; NONE: it does not. Then inode and root may be 0:
    // it has closed, and there is only the channel.
    handle_t deferral;
    uint32_t awaited; // 1: the client was told that its next close is awaited
};
static_assert(sizeof(struct description) == 64, "descriptions are small");

// In the flags of a description: the root of a mount that vfsd keeps for whoever comes to it.
#define DESCRIPTION_VIEW (1u << 31)

enum mount_state {
    MOUNT_LIVE,
    MOUNT_DETACHED, // covers nothing any more, but is still in use
    MOUNT_PURGED,   // is being emptied
};

struct mount {
    struct vault_head head; // spare: enum mount_state
    uint32_t id;            // given by vfsd; 0: how the first view is changed
    uint32_t flags;         // FS_MOUNT_
    uint32_t root;          // inode
    uint32_t fresh;         // 1: the root was made for it
    uint64_t device;        // of the file system that it shows
};
static_assert(sizeof(struct mount) == 32, "mounts are small");

struct cover {
    struct vault_head head;
    uint32_t mount, inode; // which inode, seen through which mount
    uint32_t by;           // the mount that lies on it
    uint32_t spare;
};
static_assert(sizeof(struct cover) == 24, "covers are small");

struct lock {
    struct vault_head head;
    uint32_t inode;
    uint32_t kind;       // FS_LOCK_PROCESS, _DESCRIPTION, _FLOCK
    uint32_t type;       // FS_LOCK_READ, _WRITE
    int32_t pid;         // what a process says of itself, for others to see
    uint64_t owner;      // kernel id of a process, or key of a description
    uint64_t start, end; // the last byte; UINT64_MAX: to the end, however long it gets
};
static_assert(sizeof(struct lock) == 48, "locks are small");

#define NUMBER_BITS 20 // of a description: the low bits of its key and secret
#define NUMBER_MASK ((1u << NUMBER_BITS) - 1)

static inline uint32_t name_kind(const struct name *name) {
    return name->head.spare >> 12;
}
static inline uint32_t name_bytes(const struct name *name) {
    return name->head.spare & 0xfff;
}

// Makes the layout for so many records; `layout` points to `tables`.
void records_layout(struct vault_layout *layout, struct vault_table tables[TMPFS_TABLES],
                    uint32_t inodes, uint32_t names, uint32_t descriptions);
