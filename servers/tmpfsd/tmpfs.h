// SPDX-License-Identifier: MIT
//
// tmpfsd in memory: the server, and what this instance has made of its records for finding things.
//
// All that is volatile here can be made again from the records, and is at each start. Handlers
// first check and read windows, and may return an error; then they change records and the volatile
// part together, and nothing can fail any more. So the two never differ, and only a new start has
// to build the volatile part.
#pragma once

#include <abi/libos.h>
#include <abi/proto/fs.h>
#include <server/files.h>
#include <server/server.h>

#include "records.h"

#define PATH_BYTES_MAX 4096
#define WALK_BYTES_MAX 8192 // a path with what links have put before it
#define DATA_BYTES 65536    // moved in one piece between a window and a file
#define TMPFS_SECRETS 85    // got at a time: the call costs more than they do
#define SECRET_BYTES 6      // of each that are random
#define TMPFS_DEFERRED 256  // channels whose clients defer closes
#define LINKS_MAX 40        // symbolic links followed in one walk

#define TYPE_OF(mode) ((mode) >> 12)
#define MODE_PERMISSIONS 07777u
#define MODE_SETUID 04000u
#define MODE_SETGID 02000u
#define MODE_STICKY 01000u

// Names of a directory, in the order of their numbers; 0 ends.
struct name_list {
    uint32_t first, last;
};

// A description whose client defers closes.
struct deferred {
    uint32_t number;
    struct fs_deferral *page; // where its page is mapped; null: nowhere yet
};

struct tmpfs {
    struct server server;                                // first
    uint32_t inode_count, name_count, description_count; // places
    uint32_t inodes_free, names_free, descriptions_free;
    handle_t index;                         // vmo of what follows
    uint32_t inodes_reached, names_reached; // places for which that has its memory
    // By name - 1:
    uint32_t *chain; // next name of the same hash bucket
    uint32_t *after; // next name of the same directory
    uint32_t *before;
    uint32_t *buckets;
    uint32_t bucket_mask;
    // By inode - 1:
    struct name_list *lists;
    uint32_t *refs;         // descriptions that have it as object or root
    uint32_t *named;        // the name that it was last given; may mean another one by now
    struct fs_page **pages; // where its attribute page is mapped, null: nowhere
    // Inodes with an attribute page that the step under way has changed.
    uint32_t changed[VAULT_STEP_RECORDS], changed_count;
    // Buffers of the call that is served.
    char *path;           // 2 * PATH_BYTES_MAX
    char *walk;           // WALK_BYTES_MAX
    uint8_t *data;        // DATA_BYTES
    uint64_t handed_over; // key of the description that was made last, 0: looked at
    struct deferred deferred[TMPFS_DEFERRED];
    uint32_t deferred_count;
    uint32_t trim;  // inode to be cut after the commit, 0 for none
    uint32_t rest;  // bytes at the end of `walk` that a walk which left has not used
    uint32_t left;  // the mount that such a walk came to or went out of
    handle_t purge; // event: a file system is to be emptied
    uint8_t secrets[TMPFS_SECRETS][SECRET_BYTES]; // random, for descriptions to come
    uint32_t secrets_left;
    int64_t now;                    // what time_now has told of the step under way, 0: nothing
    int64_t epoch;                  // Unix time at monotonic time 0
    const struct clock_page *clock; // says so itself, null: not given
};

static inline struct vault *vault_of(struct tmpfs *fs) {
    return &fs->server.vault;
}

static inline bool is_directory(const struct inode *inode) {
    return TYPE_OF(inode->mode) == FS_TYPE_DIRECTORY;
}
static inline bool is_regular(const struct inode *inode) {
    return TYPE_OF(inode->mode) == FS_TYPE_REGULAR;
}
static inline bool is_link(const struct inode *inode) {
    return TYPE_OF(inode->mode) == FS_TYPE_LINK;
}

// Unix time in nanoseconds, the same for all that a call or a notice does.
int64_t time_now(struct tmpfs *fs);

// ---- index.c: building the volatile part

// Memory for it; NO_MEMORY. Then, when the records are there: makes it of them.
[[nodiscard]] status_t index_create(struct tmpfs *fs);
void index_build(struct tmpfs *fs);
// Takes the memory of the places of a table (TABLE_INODES, TABLE_NAMES) that its records have
// memory for. Returns whether there is enough.
bool index_reach(struct tmpfs *fs, uint32_t table);

// ---- inode.c

// The inode of a number; it is in use.
static inline const struct inode *inode_get(const struct tmpfs *fs, uint32_t number) {
    return vault_record(&fs->server.vault, TABLE_INODES, number - 1);
}
// Changes an inode: what `with` says replaces the record.
void inode_write(struct tmpfs *fs, uint32_t number, const struct inode *with);
// Whether there is room for one inode more. Takes the memory.
bool inode_room(struct tmpfs *fs);
// Makes an inode of what is given; all times are now. There must be room.
uint32_t inode_make(struct tmpfs *fs, const struct inode *of);
// One name less, and for a directory that was the last. Frees the inode when nobody has it open.
void inode_unlink(struct tmpfs *fs, uint32_t number);
// A description has it, or no more: then the inode may be freed.
void inode_ref(struct tmpfs *fs, uint32_t number);
void inode_unref(struct tmpfs *fs, uint32_t number);
// The parent of a directory, 0 when it is gone.
uint32_t inode_parent(const struct tmpfs *fs, uint32_t number);
// Without the flags of a mount, which depend on how one came to it.
void inode_attributes(const struct tmpfs *fs, uint32_t number, struct fs_attributes *out);
// st_dev of what is in the file system of an inode.
uint64_t inode_device(const struct tmpfs *fs, uint32_t number);

// ---- names.c

// Whether there is room for a name of so many bytes, or the target of a link. Takes the memory.
bool name_room(struct tmpfs *fs, uint32_t bytes);
uint32_t name_find(const struct tmpfs *fs, uint32_t directory, const char *name, uint32_t bytes);
static inline const struct name *name_get(const struct tmpfs *fs, uint32_t number) {
    return vault_record(&fs->server.vault, TABLE_NAMES, number - 1);
}
// Adds a name to a directory, or takes one away. Counts entries of the directory, and for an inode
// that is a directory its links and its parent; the times of the directory become now. The links of
// others are the caller's.
uint32_t name_add(struct tmpfs *fs, uint32_t directory, const char *name, uint32_t bytes,
                  uint32_t inode);
void name_remove(struct tmpfs *fs, uint32_t number);
// Lets a name mean another inode; counts as above.
void name_turn(struct tmpfs *fs, uint32_t number, uint32_t inode);
// Copies a name, up to NAME_BYTES_MAX bytes; returns how many.
uint32_t name_read(const struct tmpfs *fs, uint32_t number, char *out);
// The first name of a directory with a number from `from` on, 0 when there is none.
uint32_t name_next(const struct tmpfs *fs, uint32_t directory, uint32_t from);

// Stores a text in pieces; there is room. Returns the first.
uint32_t text_store(struct tmpfs *fs, const char *text, uint32_t bytes);
void text_free(struct tmpfs *fs, uint32_t piece);
// Copies a text of pieces, at most `size` bytes. Returns how many.
uint32_t text_read(const struct tmpfs *fs, uint32_t piece, char *out, uint32_t size);

// For index.c: enters a name of the records.
void name_enter(struct tmpfs *fs, uint32_t number);

// ---- access.c

struct caller {
    uint32_t uid, gid;
    uint64_t process; // whose further groups stand in procd's table
};

#define ACCESS_READ 4u
#define ACCESS_WRITE 2u
#define ACCESS_SEARCH 1u

// Who calls, as the stamp's cookie says.
struct caller caller_of(const struct packet *packet);
// Whether the caller may do all of some ACCESS_ bits with an inode.
bool access_allowed(struct caller caller, const struct inode *inode, uint32_t bits);
// Whether the caller has this group, as its own or one of its supplementary ones.
bool access_group(struct caller caller, uint32_t gid);
// Maps the table of groups that the record names, if there is one. Errors of aspace_map.
[[nodiscard]] status_t access_start(struct tmpfs *fs);
int64_t tmpfs_groups(void *context, const struct packet *packet, const handle_t handles_in[1]);
// Whether the caller owns it, or is root.
bool access_owner(struct caller caller, const struct inode *inode);
// Whether a name may be taken out of a directory: write and search, and the sticky bit.
// FORBIDDEN, NOT_PERMITTED; BUSY: something is mounted on it.
[[nodiscard]] status_t access_remove(struct tmpfs *fs, struct caller caller, uint32_t directory,
                                     uint32_t inode);

// ---- walk.c

enum walk_flags {
    WALK_FOLLOW = 1 << 0, // a link in the last name
    WALK_PARENT = 1 << 1, // never a link in the last name, also when a slash follows it
};

enum walk_last { LAST_NOTHING, LAST_ROOT, LAST_DOT, LAST_DOTS, LAST_NAME };

struct route {
    struct caller caller;
    uint32_t base, root; // inodes
    uint32_t mount;
    bool confined; // no walk goes above the root; otherwise it is that of the mount
    bool arrives;  // the base is the root of a mount, which may be covered itself
    // Where it led:
    uint32_t directory; // with LAST_NAME: where the last name is, or would be
    uint32_t name;      // it, 0: there is none
    uint32_t inode;     // 0: there is none
    enum walk_last last;
    bool slash; // a slash follows the last name
    uint32_t text_bytes;
    char text[NAME_BYTES_MAX + 9]; // the last name, in whole words
};

// Begins at a description.
void walk_begin(struct route *walk, const struct packet *packet, const struct description *from);
// Walks a path of up to PATH_BYTES_MAX bytes. A last name that does not exist is no error. What it
// returns goes back as the result of the call: at a mount point that is FS_WALK_MOUNT, unless it is
// the last name with WALK_PARENT.
//   NOT_FOUND, NOT_DIRECTORY, FORBIDDEN, TOO_MANY_LINKS, NAME_TOO_LONG
[[nodiscard]] status_t walk_path(struct tmpfs *fs, struct route *walk, const char *path,
                                 uint32_t bytes, uint32_t flags);
// The same to something that exists. The empty path is the description's object.
[[nodiscard]] status_t walk_existing(struct tmpfs *fs, struct route *walk, const char *path,
                                     uint32_t bytes, uint32_t flags);
// The result of a call whose walk has ended with `result`: the rest of one that left goes into the
// out window, and its size and the mount into the reply.
[[nodiscard]] int64_t walk_answer(struct tmpfs *fs, const struct packet *packet, int64_t result,
                                  uint32_t *rest, uint32_t *mount);
// Whether a new name may be made where the walk led. ALREADY_EXISTS, NOT_FOUND, FORBIDDEN,
// READ_ONLY.
[[nodiscard]] status_t walk_vacant(struct tmpfs *fs, const struct route *walk);
// Reads the target of a link: its bytes, at most TARGET_BYTES_MAX. NO_MEMORY.
[[nodiscard]] int64_t link_target(struct tmpfs *fs, const struct inode *link, char *out);

// ---- window.c

// Reads the whole in-window, a path or two, to fs->path. OK, or what the handler is to return.
[[nodiscard]] int64_t window_path(struct tmpfs *fs, const struct packet *packet);
// Fills the out-window from its beginning. OK, or what the handler is to return.
[[nodiscard]] int64_t window_fill(const struct packet *packet, const void *data, uint64_t bytes);
// Whether a handler's result asks the caller to touch a page and to call again.
static inline bool window_touches(int64_t result) {
    return result < INT32_MIN;
}
// One piece of a longer transfer at `done` bytes: how many bytes went, or, when there were none,
// what the handler is to return if nothing was changed so far.
[[nodiscard]] int64_t window_read(const struct packet *packet, uint64_t done, void *to,
                                  uint64_t bytes);
[[nodiscard]] int64_t window_write(const struct packet *packet, uint64_t done, const void *from,
                                   uint64_t bytes);

// ---- mount.c

#define PURGE_KEY (SERVER_KEYS >> 1) // of the event `purge`

// The FS_MOUNT_ flags of a mount. Of one that is gone: nothing can be changed.
uint32_t mount_flags(const struct tmpfs *fs, uint32_t mount);
// The root of a mount, 0: it is gone.
uint32_t mount_root(const struct tmpfs *fs, uint32_t mount);
// OK, or READ_ONLY.
[[nodiscard]] status_t mount_writable(const struct tmpfs *fs, uint32_t mount);
// The mount that covers an inode in a view; 0: none does.
uint32_t cover_find(const struct tmpfs *fs, uint32_t mount, uint32_t inode);
// Whether anything is mounted on an inode, in any view.
bool cover_anywhere(const struct tmpfs *fs, uint32_t inode);
// Whether a mount has neither ended nor been detached.
bool mount_is_live(const struct tmpfs *fs, uint32_t mount);
// Whether an inode is the root of a file system of its own.
bool mount_is_fresh_root(const struct tmpfs *fs, uint32_t inode);
// Frees mounts that have come out of use, and begins to empty their file systems.
void mount_settle(struct tmpfs *fs);
// Makes the event for that, and goes on with what a predecessor has begun.
[[nodiscard]] status_t mount_start(struct tmpfs *fs);
void mount_notice(struct tmpfs *fs);

// ---- lock.c

// A description, or a process, is no more: neither are its locks. Commits steps.
void lock_description_ends(struct tmpfs *fs, uint64_t key);
void lock_process_ends(struct tmpfs *fs, uint64_t process);
// Whether a description has locks of its own.
bool lock_description_has(const struct tmpfs *fs, uint64_t key);

// ---- description.c

// The description that a call came through; the root channels have one that is in no table. Null:
// it is closed.
const struct description *description_of(struct tmpfs *fs, const struct packet *packet);
// The description with a secret, or null.
const struct description *description_by_secret(struct tmpfs *fs, uint64_t secret);
// Makes channel and record of the description that `as` tells of. LIMIT, NO_MEMORY. Then, when
// nothing can fail any more, stores it.
[[nodiscard]] status_t description_make(struct tmpfs *fs, struct description *as, handle_t *client);
void description_store(struct tmpfs *fs, const struct description *as);
// The last handle of the channel with this key is closed.
void description_closed(struct server *server, uint64_t key);
// The client has the handle of the one that was made last: what it has closed already is dropped.
void description_handed_over(struct server *server);

// The description that a call came through, also when it is closed and there is only its channel.
// Null: the root channels, and what is no more.
const struct description *description_channel(struct tmpfs *fs, const struct packet *packet);
// Makes what `as` tells of the description of a channel that has been made, in place of the old
// one. Nothing can fail but the secret: NO_MEMORY, then nothing is changed.
[[nodiscard]] status_t description_renew(struct tmpfs *fs, const struct description *old,
                                         struct description *as);
void description_replace(struct tmpfs *fs, const struct description *old,
                         const struct description *as);

// ---- defer.c

// Drops what clients have closed of an inode, which is to lose its last name, or of a mount; from
// now on their closes are awaited. Commits steps, so the step under way must not have changed
// anything yet.
void defer_settle_inode(struct tmpfs *fs, uint32_t inode);
void defer_settle_mount(struct tmpfs *fs, uint32_t mount);
// The next close of a description must be heard of.
void defer_await(struct tmpfs *fs, const struct description *description);
// A description describes another object now: whether its close must be heard of.
void defer_bound(struct tmpfs *fs, const struct description *description);
// The channel is closed, in the step that frees the record.
void defer_ends(struct tmpfs *fs, const struct description *description);

// ---- data.c

// Cuts an inode's vmo to its size, and makes the rest of the last page zero.
void data_trim(const struct inode *inode);
// Prepares a larger size: the vmo, if there is one, is long enough, and what comes into sight
// before `from` is zero; the rest is going to be written. Changes nothing that can be seen.
// FILE_TOO_LARGE, NO_SPACE, NO_MEMORY.
[[nodiscard]] status_t data_extend(const struct inode *inode, uint64_t from, uint64_t size);
// In `next`, a copy of the inode, sets a size that data_extend has prepared, or a smaller one.
void data_resize(struct tmpfs *fs, uint32_t number, struct inode *next, uint64_t size);
// The job that contents are charged to; HANDLE_NONE: tmpfsd's own.
handle_t data_job(const struct tmpfs *fs);
// Makes a vmo for contents of so many bytes, within a step. NO_SPACE, NO_MEMORY.
[[nodiscard]] status_t data_make(struct tmpfs *fs, uint64_t bytes, handle_t *vmo);
// Statuses of vmo calls as those of this protocol.
status_t data_status(int64_t status);

// ---- page.c

// The step under way changes an inode: its page is written after the commit.
void page_note(struct tmpfs *fs, uint32_t number);
// A step begins: nothing is changed yet.
void page_begin(struct tmpfs *fs);
// The step is committed: writes the pages of what it has changed. Nothing can fail.
void page_write_changed(struct tmpfs *fs);
// At the start: writes what a predecessor did not come to.
void page_write_stale(struct tmpfs *fs);
// In `next`, a copy of the inode, makes the page, which tells of what the record says now.
// NO_SPACE, NO_MEMORY.
[[nodiscard]] status_t page_make(struct tmpfs *fs, uint32_t number, struct inode *next);
// Nobody has the inode open any more, in a step that also changes inode->page or frees the inode.
void page_drop(struct tmpfs *fs, uint32_t number);
// Brings the times of a copy of an inode up to what writers without calls have said: to be done
// before `changed` is set.
void page_settle(struct inode *inode);

// ---- fill.c

// Makes the tree out of the boot archive, or goes on with it.
[[nodiscard]] status_t fill(struct tmpfs *fs);
// Makes the step under way happen, and begins another. Only while starting.
void step_next(struct tmpfs *fs);

// ---- repair.c

// Makes the records fit together again, after some were dropped.
void repair(struct tmpfs *fs);

// ---- The operations: open.c, data.c, page.c, attributes.c, change.c, list.c

int64_t tmpfs_open(OPERATION_ARGUMENTS(open), handle_t handles_out[1]);
int64_t tmpfs_reopen(OPERATION_ARGUMENTS(reopen));
int64_t tmpfs_defer(void *context, const struct packet *packet, handle_t handles_out[1]);
int64_t tmpfs_stat(OPERATION_ARGUMENTS(stat));
int64_t tmpfs_read(void *context, const struct packet *packet,
                   const struct fs_read_request *request);
int64_t tmpfs_write(OPERATION_ARGUMENTS(write));
int64_t tmpfs_list(OPERATION_ARGUMENTS(list));
int64_t tmpfs_set(OPERATION_ARGUMENTS(set));
int64_t tmpfs_make(OPERATION_ARGUMENTS(make));
int64_t tmpfs_remove(OPERATION_ARGUMENTS(remove));
int64_t tmpfs_rename(OPERATION_ARGUMENTS(rename));
int64_t tmpfs_link(OPERATION_ARGUMENTS(link));
int64_t tmpfs_read_link(void *context, const struct packet *packet,
                        struct fs_read_link_reply *reply);
int64_t tmpfs_place(void *context, const struct packet *packet, struct fs_place_reply *reply);
int64_t tmpfs_place_of(OPERATION_ARGUMENTS(place_of));
int64_t tmpfs_again(void *context, const struct packet *packet,
                    const struct fs_again_request *request, handle_t handles_out[1]);
int64_t tmpfs_memory(OPERATION_ARGUMENTS(memory), handle_t handles_out[1]);
int64_t tmpfs_seek(OPERATION_ARGUMENTS(seek));
int64_t tmpfs_view(void *context, const struct packet *packet, handle_t handles_out[2]);
int64_t tmpfs_lease(void *context, const struct packet *packet, handle_t handles_out[3]);
int64_t tmpfs_sync(void *context, const struct packet *packet);
int64_t tmpfs_identify(void *context, const struct packet *packet, struct fs_identify_reply *reply);
int64_t tmpfs_lock(void *context, const struct packet *packet,
                   const struct fs_lock_request *request);
int64_t tmpfs_lock_test(OPERATION_ARGUMENTS(lock_test));
int64_t tmpfs_attach(void *context, const struct packet *packet,
                     const struct fs_attach_request *request, handle_t handles_out[1]);
int64_t tmpfs_cover(void *context, const struct packet *packet,
                    const struct fs_cover_request *request, handle_t handles_out[1]);
int64_t tmpfs_detach(void *context, const struct packet *packet,
                     const struct fs_detach_request *request);
int64_t tmpfs_remount(void *context, const struct packet *packet,
                      const struct fs_remount_request *request);
int64_t tmpfs_space(void *context, const struct packet *packet, struct fs_space_reply *reply);
