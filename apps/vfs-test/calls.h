// SPDX-License-Identifier: MIT
//
// The calls of vfs-test in short forms. What a libos does between the servers is done here by hand.
#pragma once

#include <abi/proto/fs.h>
#include <abi/proto/vfs.h>
#include <abi/types.h>
#include <stddef.h>
#include <test/test.h>

// The services; PROCD is there because the others call it.
enum { TMPFSD, PROCFSD, PROCD, VFSD, SERVICES };

#define PATH_BYTES 256
#define TEXT_BYTES 2048

// The root of the first file system.
handle_t root(void);

// ---- files

int64_t open_at(handle_t base, const char *path, uint32_t flags, handle_t *file);
// Opens, and sees that it can be.
handle_t open_good(handle_t base, const char *path, uint32_t flags);
void close_good(handle_t handle);
int64_t make_at(handle_t base, uint32_t type, const char *path);
int64_t make_folder(handle_t base, const char *path);
int64_t remove_at(handle_t base, const char *path, bool directory);
// Stats a path, which must come to `wanted`. What was found, and with a walk that leaves the mount
// that it came to.
struct fs_stat_reply stat_at(handle_t base, const char *path, int64_t wanted);
// The mount that a walk comes to.
uint32_t walk_to(handle_t base, const char *path);
// A file of /proc is this, from its beginning to its end.
void check_proc_file(handle_t proc, const char *path, const char *wanted);

// ---- mounts

// The process whose mountinfo is read.
extern int32_t shown_pid;

struct mounting {
    handle_t target;
    handle_t source; // HANDLE_NONE: the target again
    uint32_t what, flags;
    const char *type, *shown, *options; // null: "tmpfs", "test" and no options
};
int64_t mount(const struct mounting *mounting);
// A tmpfs without options.
int64_t mount_on(handle_t target, uint32_t flags);
int64_t remount(handle_t target, uint32_t flags);
int64_t bind(handle_t target, handle_t source);
int64_t unmount(handle_t target, uint32_t lazy);
// Ends the mount of a number, through a description of its root.
int64_t unmount_number(uint32_t number, uint32_t lazy);
// The root of a mount; what it covers.
handle_t root_of(uint32_t number);
handle_t point_of(uint32_t number);
// There is no such mount, says vfsd.
void check_gone(uint32_t number);
// These lines, as format and arguments, stand in the table of mounts behind that of the root.
void check_table(const char *format, ...) __attribute__((format(printf, 1, 2)));
// The line of a mount in /proc/PID/mountinfo begins with this, from its fourth field on.
void check_info(uint32_t number, const char *wanted);
