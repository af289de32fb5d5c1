// SPDX-License-Identifier: MIT
//
// Paths: each operation of the fs protocol that takes one goes to the file server of the directory
// that the path begins at; when the walk leaves that server, the libos goes on at the right place.
#pragma once

#include <files/table.h>

#define AT_CURRENT (-100) // AT_FDCWD
#define PATH_BYTES 4096   // with its zero

struct path_open {
    uint32_t flags, mode; // FS_OPEN_; permission bits, the umask taken off
    // out:
    handle_t handle; // the caller's
    uint64_t secret;
    struct fs_attributes attributes;
    // In: what is no file of a server may be found, too (/proc/self/fd/1 that is a pipe). Out: it,
    // with a reference of the caller's and without a handle; null: a file was opened.
    bool takes_description;
    struct description *description;
    bool viewable;
    // In: it may be opened by a channel that was kept. Out: that, which `handle` is of; null: a
    // channel of its own.
    bool reuses;
    struct deferral *deferral;
};

// Closes what was opened, when nothing is to become of it.
void path_close(const struct path_open *open);
// Opens a path from a directory descriptor or AT_CURRENT on. Negative errors of Linux.
[[nodiscard]] int64_t path_open(struct linux_thread *self, int directory, const char *path,
                                size_t bytes, struct path_open *open);
[[nodiscard]] int64_t path_stat(int directory, const char *path, size_t bytes, uint32_t flags,
                                struct fs_attributes *attributes);
[[nodiscard]] int64_t path_set(int directory, const char *path, size_t bytes,
                               const struct fs_set_request *request);
[[nodiscard]] int64_t path_make(int directory, const char *path, size_t bytes,
                                struct fs_make_request *request, const char *target,
                                size_t target_bytes);
[[nodiscard]] int64_t path_remove(int directory, const char *path, size_t bytes, bool is_directory);
// Length of the target, which is put into `target` as far as it fits.
[[nodiscard]] int64_t path_read_link(int directory, const char *path, size_t bytes, char *target,
                                     size_t room);
struct path_pair {
    int old_directory, new_directory;
    const char *old, *new;
    size_t old_bytes, new_bytes;
};
[[nodiscard]] int64_t path_rename(const struct path_pair *pair, uint32_t flags);
[[nodiscard]] int64_t path_link(const struct path_pair *pair, uint32_t flags);

// Copies a path of the program in. Its length; ENOENT for an empty one unless that is allowed.
[[nodiscard]] int64_t path_in(char path[PATH_BYTES], uint64_t from, bool may_be_empty);
