// SPDX-License-Identifier: MIT
//
// Moving bytes between a caller's windows and this server. The kernel does not wait for a pager
// here: an absent page ends the transfer, and when nothing was moved before it, the caller is told
// to touch it and to call again.

#include "tmpfs.h"

#include <sys/calls.h>

// What a handler returns for a failed copy at the offset `done` of a window.
static int64_t copy_failed(int64_t status, int64_t touch) {
    if (status == ERR_NEEDS_PAGE) {
        return touch;
    }
    return status == ERR_OUT_OF_RANGE || status == 0 ? ERR_FAULT : status;
}

int64_t window_read(const struct packet *packet, uint64_t done, void *to, uint64_t bytes) {
    int64_t count = sys_call_read(packet->token, done, to, bytes);
    return count > 0 ? count : copy_failed(count, PROTOCOL_TOUCH_IN(done));
}

int64_t window_write(const struct packet *packet, uint64_t done, const void *from, uint64_t bytes) {
    int64_t count = sys_call_write(packet->token, done, from, bytes);
    return count > 0 ? count : copy_failed(count, PROTOCOL_TOUCH_OUT(done));
}

int64_t window_path(struct tmpfs *fs, const struct packet *packet) {
    const void *text = request_inline(request_of(packet));
    uint64_t done = text != NULL ? packet->in_bytes : 0;
    if (text != NULL) {
        memcpy(fs->path, text, done);
    }
    while (done < packet->in_bytes) {
        int64_t count = window_read(packet, done, fs->path + done, packet->in_bytes - done);
        if (count < 0) {
            return count;
        }
        done += (uint64_t)count;
    }
    return OK;
}

int64_t window_fill(const struct packet *packet, const void *data, uint64_t bytes) {
    uint64_t done = 0;
    while (done < bytes) {
        int64_t count = window_write(packet, done, (const uint8_t *)data + done, bytes - done);
        if (count < 0) {
            return count;
        }
        done += (uint64_t)count;
    }
    return OK;
}
