// SPDX-License-Identifier: MIT
//
// The boot archive, mapped into this process.
#pragma once

#include <abi/types.h>
#include <image/ustar.h>

struct archive {
    const void *data;
    size_t size;
};

// Maps the archive of a vmo handle with READ and MAP for reading. Errors of object_get and
// aspace_map.
[[nodiscard]] status_t archive_map(handle_t vmo, struct archive *archive);
void archive_unmap(struct archive *archive);
