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

static struct page *zero_page;

struct page *page_zero(void) {
    return zero_page;
}

static void reserve(paddr_t start, paddr_t end) {
    boot_range_add(start, end - start, false);
}

// Finds room for the frame table, and takes it out of the usable ranges.
static paddr_t place_frames(uint64_t bytes) {
    for (uint32_t i = 0; i < boot_info.range_count; i++) {
        const struct boot_range *range = &boot_info.ranges[i];
        if (range->usable && range->size >= bytes) {
            paddr_t start = range->base;
            reserve(start, start + bytes);
            return start;
        }
    }
    panic("no place for the frame table of %lu KiB", (unsigned long)(bytes >> 10));
}

static void mark_reserved(paddr_t start, paddr_t end) {
    for (paddr_t at = ALIGN_DOWN(start, PAGE_SIZE); at < end; at += PAGE_SIZE) {
        page_frames[at >> PAGE_SHIFT] = (struct page){.counts = 1, .state = PAGE_RESERVED};
    }
}

void page_init(void) {
    static struct boot_info ram; // as it was, before anything is taken out
    ram = boot_info;
    paddr_t archive_end = ram.archive + ram.archive_size;
    paddr_t top = archive_end;
    for (uint32_t i = 0; i < ram.range_count; i++) {
        top = ram.ranges[i].usable ? MAX(top, ram.ranges[i].base + ram.ranges[i].size) : top;
    }
    reserve(0, LOW_MEMORY_BYTES);
    reserve(ram.kernel_start, ram.kernel_end);
    reserve(ram.archive, archive_end);
    page_frame_count = ALIGN_UP(top, PAGE_SIZE) >> PAGE_SHIFT;
    uint64_t bytes = ALIGN_UP(page_frame_count * sizeof(struct page), PAGE_SIZE);
    page_frames = phys_to_virt(place_frames(bytes));
    memset(page_frames, 0, bytes);
    for (uint32_t i = 0; i < ram.range_count; i++) {
        if (ram.ranges[i].usable) {
            mark_reserved(ram.ranges[i].base, ram.ranges[i].base + ram.ranges[i].size);
        }
    }
    mark_reserved(ram.archive, archive_end);
    for (uint32_t i = 0; i < boot_info.range_count; i++) {
        const struct boot_range *range = &boot_info.ranges[i];
        if (range->usable) {
            page_add_range(range->base, range->base + range->size);
        }
    }
    if (page_alloc(NULL, PAGE_ALLOC_ZERO, &zero_page) != OK) {
        panic("no memory");
    }
    log_line("memory: %lu MiB, %lu pages free", (unsigned long)(top >> 20),
             (unsigned long)page_free_count());
}
