// SPDX-License-Identifier: MIT
//
// The calls of procfs-test in short forms.
#pragma once

#include <abi/proto/fs.h>
#include <abi/types.h>
#include <test/test.h>

enum { PROCD, PROCFSD, SERVICES };

#define TEXT_BYTES 2048
#define PATH_BYTES 64

// Two Linux processes: one has ended and is not waited for, one shows itself.
extern int32_t zombie, live;

// The root of /proc.
handle_t root(void);
int64_t open_at(handle_t base, const char *path, uint32_t flags, handle_t *file);
// Opens, and sees that it can be.
handle_t open_good(const char *path, uint32_t flags);
void close_good(handle_t handle);
int64_t try_open(const char *path, uint32_t flags);
int64_t read_at(handle_t file, uint64_t offset, void *to, uint32_t bytes);
// All of a file, by reads of a few bytes that move the shared offset. Bytes, or a status.
int64_t read_all(const char *path, uint32_t piece, char text[TEXT_BYTES]);
// A path of a process: `format` has one %d, or two, for its pid.
const char *path_of(char path[PATH_BYTES], const char *format, int32_t pid);
// A file is this, read in pieces; it begins with this, by one read.
void check_file(const char *path, uint32_t piece, const char *wanted);
void check_begin(const char *path, const char *wanted);
// A link says this; it can't be read for this reason.
void check_link(const char *path, const char *wanted);
void check_no_link(const char *path, int64_t wanted);
struct fs_stat_reply stat_at(const char *path, int64_t wanted);
// A walk leaves with that result and that rest.
void check_leaves(const char *path, int64_t result, const char *rest);
