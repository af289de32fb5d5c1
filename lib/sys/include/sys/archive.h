// SPDX-License-Identifier: MIT
//
// The boot archive, mapped into this process.
#pragma once

#include <abi/types.h>
#include <image/ustar.h>

struct archive {
    const void *data;
    size_t size;
    handle_t vmo; // stays its owner's
};

// Maps the archive of a vmo handle with READ and MAP for reading. Errors of object_get and
// aspace_map.
[[nodiscard]] status_t archive_map(handle_t vmo, struct archive *archive);
void archive_unmap(struct archive *archive);

// What the header of an entry says beside name, type and size (ustar, as in image/ustar.h).
struct archive_details {
    uint32_t mode; // permission bits
    uint32_t uid, gid;
    uint32_t major, minor; // of a device
    uint64_t modified;     // Unix time in seconds
    char link[101];        // what a hard or symbolic link names, zero-terminated
};
// Reads the details of an entry that ustar_next has given.
void archive_details(const struct ustar_entry *entry, struct archive_details *details);
