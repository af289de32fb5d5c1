// SPDX-License-Identifier: MIT
//
// How the page allocator learns of RAM: the usable ranges of the boot information, minus what lies
// in them already. The frame table is put into the first free place that is large enough. Every
// page of RAM gets a record; those of reserved pages have a reference for ever, so that physical
// vmos over them (the boot archive) can be handled like all others.
#include "page_internal.h"

#include <arch/boot.h>
#include <debug/log.h>

#define LOW_MEMORY_BYTES 0x100000 // firmware data; the start of the other CPUs

struct reserved {
    paddr_t start, end;
};

enum { RESERVED_LOW, RESERVED_KERNEL, RESERVED_ARCHIVE, RESERVED_FRAMES, RESERVED_COUNT };
static struct reserved reserved[RESERVED_COUNT];
static struct page *zero_page;

struct page *page_zero(void) {
    return zero_page;
}

static struct reserved pages_around(paddr_t start, paddr_t end) {
    return (struct reserved){ALIGN_DOWN(start, PAGE_SIZE), ALIGN_UP(end, PAGE_SIZE)};
}

// Finds the first piece of [start, end) at or after `start` that is not reserved.
static bool free_piece(paddr_t start, paddr_t end, struct reserved *out) {
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < RESERVED_COUNT; i++) {
            if (start >= reserved[i].start && start < reserved[i].end) {
                start = reserved[i].end;
                moved = true;
            }
        }
    }
    if (start >= end) {
        return false;
    }
    for (size_t i = 0; i < RESERVED_COUNT; i++) {
        if (reserved[i].start > start && reserved[i].start < reserved[i].end) {
            end = MIN(end, reserved[i].start);
        }
    }
    *out = (struct reserved){start, end};
    return true;
}

// Calls `visit` for each free piece of each usable range until it returns true.
static bool for_each_free(bool (*visit)(struct reserved piece, uint64_t value), uint64_t value) {
    for (uint32_t i = 0; i < boot_info.range_count; i++) {
        const struct boot_range *range = &boot_info.ranges[i];
        paddr_t start = ALIGN_UP(range->base, PAGE_SIZE);
        paddr_t end = ALIGN_DOWN(range->base + range->size, PAGE_SIZE);
        struct reserved piece;
        while (range->usable && start < end && free_piece(start, end, &piece)) {
            if (visit(piece, value)) {
                return true;
            }
            start = piece.end;
        }
    }
    return false;
}

static bool place_frames(struct reserved piece, uint64_t bytes) {
    if (piece.end - piece.start < bytes) {
        return false;
    }
    reserved[RESERVED_FRAMES] = (struct reserved){piece.start, piece.start + bytes};
    return true;
}

static bool add_piece(struct reserved piece, uint64_t value) {
    (void)value;
    page_add_range(piece.start, piece.end);
    return false;
}

static void mark_reserved(paddr_t start, paddr_t end) {
    for (paddr_t at = ALIGN_DOWN(start, PAGE_SIZE); at < end; at += PAGE_SIZE) {
        page_frames[at >> PAGE_SHIFT] = (struct page){.counts = 1, .state = PAGE_RESERVED};
    }
}

void page_init(void) {
    const struct boot_info *info = &boot_info;
    paddr_t top = info->archive + info->archive_size;
    for (uint32_t i = 0; i < info->range_count; i++) {
        if (info->ranges[i].usable) {
            top = MAX(top, info->ranges[i].base + info->ranges[i].size);
        }
    }
    reserved[RESERVED_LOW] = (struct reserved){0, LOW_MEMORY_BYTES};
    reserved[RESERVED_KERNEL] = pages_around(info->kernel_start, info->kernel_end);
    reserved[RESERVED_ARCHIVE] = pages_around(info->archive, info->archive + info->archive_size);
    page_frame_count = ALIGN_UP(top, PAGE_SIZE) >> PAGE_SHIFT;
    uint64_t bytes = ALIGN_UP(page_frame_count * sizeof(struct page), PAGE_SIZE);
    if (!for_each_free(place_frames, bytes)) {
        panic("no place for the frame table of %lu KiB", (unsigned long)(bytes >> 10));
    }
    page_frames = phys_to_virt(reserved[RESERVED_FRAMES].start);
    memset(page_frames, 0, bytes);
    for (uint32_t i = 0; i < info->range_count; i++) {
        if (info->ranges[i].usable) {
            mark_reserved(info->ranges[i].base, info->ranges[i].base + info->ranges[i].size);
        }
    }
    mark_reserved(info->archive, info->archive + info->archive_size);
    for_each_free(add_piece, 0);
    if (page_alloc(NULL, PAGE_ALLOC_ZERO, &zero_page) != OK) {
        panic("no memory");
    }
    log_line("memory: %lu MiB, %lu pages free", (unsigned long)(top >> 20),
             (unsigned long)page_free_count());
}
