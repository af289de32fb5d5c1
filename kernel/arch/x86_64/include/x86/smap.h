// SPDX-License-Identifier: MIT
//
// For assembly: opening and closing user memory. On a CPU without SMAP these instructions do not
// exist; cpu.c overwrites every place listed in .smap_sites with no-operations before text becomes
// read-only.
#pragma once

#define SMAP_SITE_BYTES 3

#ifdef __ASSEMBLER__
// clang-format off
.macro SMAP_SITE instruction
881:
    \instruction
    .pushsection .smap_sites, "a"
    .quad 881b
    .popsection
.endm
// clang-format on
#define STAC SMAP_SITE stac
#define CLAC SMAP_SITE clac
#endif
