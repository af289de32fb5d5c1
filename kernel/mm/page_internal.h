// SPDX-License-Identifier: MIT
//
// Shared by the page allocator and its start-up.
#pragma once

#include <mm/page.h>

enum page_state {
    PAGE_HOLE,     // no RAM
    PAGE_RESERVED, // RAM that is not ours to give: kernel image, boot archive, frame table
    PAGE_USED,
    PAGE_FREE,   // first page of a free block
    PAGE_CACHED, // on the stack of a CPU
};

// Hands [start, end) to the allocator; page-aligned, never handed before.
void page_add_range(paddr_t start, paddr_t end);
