// SPDX-License-Identifier: MIT
//
// Reading a ustar archive in memory (POSIX.1-2017, pax utility, "ustar Interchange Format"). The
// archive is hostile input: every header has its checksum verified, every size is checked against
// what is there, and each step moves forward by at least a block, so that no content leads to a
// loop.
#pragma once

#include <abi/types.h>

#define USTAR_PATH_BYTES 257 // longest path, with its terminating zero: prefix, slash, name

// One file of an archive; `data` points into it.
struct ustar_entry {
    char path[USTAR_PATH_BYTES]; // without a slash at either end
    char type;                   // '0' file, '5' directory, '2' symbolic link, ...
    const void *data;
    size_t size;
};

// Reads the entry at *offset (0 at first) and moves *offset to the next. NOT_FOUND: the archive's
// end; CORRUPT: a damaged header, or the archive ends without its end mark.
[[nodiscard]] status_t ustar_next(const void *archive, size_t size, size_t *offset,
                                  struct ustar_entry *entry);

// Finds the regular file of a path; slashes at the path's beginning don't count. NOT_FOUND,
// CORRUPT.
[[nodiscard]] status_t ustar_find(const void *archive, size_t size, const char *path,
                                  struct ustar_entry *entry);
