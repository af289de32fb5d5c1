// SPDX-License-Identifier: MIT
//
// A sparse array of pages: up to 8 inline, beyond that a radix tree of tables with 512 entries. So
// a vmo of a few pages costs no table, one of up to 2 MiB costs one, and an index in 1 TiB is three
// tables away. Tables are pages of their own, charged to a job; one that has become empty is freed.
// The caller does all locking. Zeroed memory is an empty map.
#pragma once

#include <mm/page.h>

#define PAGE_MAP_INLINE 8
#define PAGE_MAP_ENTRIES 512 // of a table

struct page_map {
    uint32_t height; // levels of tables; 0: inline
    union {
        struct page *few[PAGE_MAP_INLINE];
        struct page *root; // the page that is the topmost table; null: empty
    };
};

// The page at an index, or null.
struct page *page_map_get(const struct page_map *map, uint64_t index);
// Where the pages from an index on stand: *count places side by side. Null: no page is near, and
// *count is 0.
struct page *const *page_map_run(const struct page_map *map, uint64_t index, uint64_t *count);
// Fills an empty place. NO_MEMORY, LIMIT (for tables): nothing changed.
[[nodiscard]] status_t page_map_put(struct page_map *map, struct job *job, uint64_t index,
                                    struct page *page);
// Fills `count` places, which are empty and lie in the same table as the page before the first.
void page_map_put_run(struct page_map *map, uint64_t index, struct page *first, size_t count);
// Puts another page where one is.
void page_map_replace(struct page_map *map, uint64_t index, struct page *page);
// Empties a place where a page is, and frees tables with it. Returns the page.
struct page *page_map_take(struct page_map *map, uint64_t index);
// The first page at or after *index and before `end`; moves *index to it. Null when there is none.
struct page *page_map_next(const struct page_map *map, uint64_t *index, uint64_t end);
// How many pages there are in a range; stops counting at `limit`.
uint64_t page_map_count(const struct page_map *map, uint64_t first, uint64_t end, uint64_t limit);
