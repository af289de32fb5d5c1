// SPDX-License-Identifier: MIT
//
// The boot information that describes host_ram, for tests of the real page allocator: low memory, a
// hole, and a range with a kernel image and a boot archive in it.
#include "host_boot.h"

#include "../../lib/boot_info.c"

__attribute__((constructor)) static void fill_boot_info(void) {
    boot_info.kernel_start = HOST_KERNEL;
    boot_info.kernel_end = HOST_KERNEL_END;
    boot_info.archive = HOST_ARCHIVE;
    boot_info.archive_size = HOST_ARCHIVE_BYTES;
    boot_range_add(0, 0x9fc00, true);
    boot_range_add(0x9fc00, 0x60400, false);
    boot_range_add(0x100000, HOST_RAM_HOLE - 0x100000, true);
    boot_range_add(HOST_RAM_HOLE_END, HOST_RAM_BYTES - HOST_RAM_HOLE_END, true);
}
