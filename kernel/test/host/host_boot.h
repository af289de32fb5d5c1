// SPDX-License-Identifier: MIT
//
// host_boot.c: boot information for tests that link the real mm/page.c and mm/page_init.c.
#pragma once

#include "host.h"

#include <arch/boot.h>
#include <arch/physmap.h>

#define HOST_KERNEL 0x200000UL
#define HOST_KERNEL_END 0x2a1234UL
#define HOST_ARCHIVE 0x700800UL
#define HOST_ARCHIVE_BYTES 0x123456UL
#define HOST_RAM_HOLE 0x2fff000UL
#define HOST_RAM_HOLE_END 0x3400000UL
