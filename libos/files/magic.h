// SPDX-License-Identifier: MIT
//
// Links below /proc that a file server can't follow: what they lead to is a handle of this process,
// or a description of another one (FS_WALK_MAGIC). The rest of such a walk begins with a word that
// procfsd has made: "3" is a descriptor of the caller, "cwd", "root" and "exe" are what they say,
// and
// "@" with 16 hexadecimal digits is the secret of a description of the first file server.
#pragma once

#include <files/table.h>

struct magic {
    handle_t handle;          // speaks the fs protocol; NONE: only `file` is there
    bool owned;               // the caller closes it
    struct description *file; // a reference of the caller's, or null
    size_t word_bytes;        // of the rest that were used
};

// Finds what the rest begins with. ENOENT, ENOMEM.
[[nodiscard]] int64_t magic_find(const char *rest, size_t bytes, struct magic *magic);
// Opens what a descriptor shows that is no file: another descriptor for the same description, as
// far as it allows what is wanted. Takes the reference. EACCES, ENXIO, EMFILE.
[[nodiscard]] int64_t magic_open(struct description *file, uint32_t flags);
