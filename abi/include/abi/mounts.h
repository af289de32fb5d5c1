// SPDX-License-Identifier: MIT
//
// The table of mounts as text, in a vmo that vfsd writes and procfsd reads. There are two texts:
// that of the parity of `sequence` counts, while the other one may be about to be written. So a
// reader finds a whole text also while vfsd is dead; when the sequence has changed after it has
// copied one, it begins again.
#pragma once

#include <abi/types.h>

#define MOUNT_TEXT_BYTES 32752

struct mount_text {
    uint32_t mounts_bytes; // of text: what stands in /proc/mounts
    uint32_t info_bytes;   // behind it: what stands in /proc/self/mountinfo
    char text[MOUNT_TEXT_BYTES];
};

struct mount_table {
    uint64_t sequence;
    uint64_t spare;
    struct mount_text texts[2];
};
static_assert(sizeof(struct mount_table) == 65536, "struct mount_table is ABI");
