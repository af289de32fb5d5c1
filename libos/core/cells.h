// SPDX-License-Identifier: MIT
//
// The offset of an open file description, which all its holders share. A file server keeps it with
// the description (fs_seek) and moves it together with what a read or write does.
#pragma once

#include <abi/status.h>
#include <abi/types.h>
#include <proto/fs_client.h>

// Tells the offset in cell[0]; the second word is nobody's yet. Errors of fs_seek, WRONG_TYPE for
// what is no file.
static inline status_t cells_read(handle_t handle, uint64_t cell[2]) {
    const struct fs_seek_request request = {.whence = FS_SEEK_CURRENT};
    struct fs_seek_reply reply = {0};
    int64_t result = fs_seek(handle, &request, &reply, INSTANT_NEVER);
    cell[0] = reply.offset;
    cell[1] = 0;
    return (status_t)result;
}

// Makes the offset `new` if it is `old`. WOULD_BLOCK: it is another one; NOT_SUPPORTED: `which` is
// not 0.
static inline status_t cells_swap(handle_t handle, uint32_t which, uint64_t old, uint64_t new) {
    const struct fs_seek_request request = {
        .whence = FS_SEEK_SWAP,
        .offset = (int64_t) new,
        .expected = old,
    };
    struct fs_seek_reply reply;
    return which != 0 ? ERR_NOT_SUPPORTED
                      : (status_t)fs_seek(handle, &request, &reply, INSTANT_NEVER);
}
