// SPDX-License-Identifier: MIT
//
// Where a walk goes on that has left its file system: vfsd knows. Of the mounts the first one that
// this process comes to is remembered, which most often is /proc; numbers of mounts are never used
// again, so what is remembered stays true.
#pragma once

#include <files/table.h>

// vfsd's channel; HANDLE_NONE when there is none.
handle_t mounts_server(void);
// The root of a mount. *owned: the handle is the caller's to close; otherwise it is remembered.
// ENOENT.
[[nodiscard]] int64_t mounts_root(uint32_t mount, handle_t *root, bool *owned);
// What a mount covers, as a place from which no walk leads above the process's root. The handle is
// the caller's. ENOENT.
[[nodiscard]] int64_t mounts_up(uint32_t mount, handle_t *point);
// The path of a directory, as the process sees it: its bytes in `path`, which has PATH_BYTES.
// ENOENT: it was removed, or lies outside of the process's root. ENAMETOOLONG.
[[nodiscard]] int64_t mounts_place(handle_t directory, char *path);
