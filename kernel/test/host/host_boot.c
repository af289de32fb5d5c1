// SPDX-License-Identifier: MIT
//
// The boot information that describes host_ram, for tests of the real page allocator: low memory, a
// hole, and a range with a kernel image and a boot archive in it.
#include "host_boot.h"

struct boot_info boot_info = {
    .range_count = 4,
    .ranges =
        {
            {0, 0x9fc00, true},
            {0x9fc00, 0x60400, false},
            {0x100000, HOST_RAM_HOLE - 0x100000, true},
            {HOST_RAM_HOLE_END, HOST_RAM_BYTES - HOST_RAM_HOLE_END, true},
        },
    .kernel_start = HOST_KERNEL,
    .kernel_end = HOST_KERNEL_END,
    .archive = HOST_ARCHIVE,
    .archive_size = HOST_ARCHIVE_BYTES,
};
