// SPDX-License-Identifier: MIT
//
// The radix tree of pages. A table is named by its frame record; its entries are frame records too:
// of tables, or on the lowest level of the pages themselves. The record of a table counts the
// entries in use in `pins`, so that it is known at once when the table can go.
//
// The height grows when an index does not fit, by a new root whose entry 0 is the old one, and
// falls back to 0 when the last page has gone.
#include <mm/page_map.h>

#define TABLE_BITS 9
static_assert(1 << TABLE_BITS == PAGE_MAP_ENTRIES, "a table");
#define TABLE_ENTRIES PAGE_MAP_ENTRIES
#define HEIGHT_MAX 4

static struct page **entries(struct page *table) {
    return page_to_virt(table);
}

static uint32_t slot_of(uint64_t index, uint32_t level) {
    return (index >> (TABLE_BITS * level)) & (TABLE_ENTRIES - 1);
}

static uint32_t height_for(uint64_t index) {
    return index < PAGE_MAP_INLINE ? 0 : 1 + (63 - (uint32_t)__builtin_clzll(index)) / TABLE_BITS;
}

static bool covers(const struct page_map *map, uint64_t index) {
    return map->height == 0 ? index < PAGE_MAP_INLINE : index >> (TABLE_BITS * map->height) == 0;
}

// The place of an index, with the tables on the way to it, the lowest at [0]. Null when a table is
// missing, or the map not high enough.
static struct page **find_place(const struct page_map *map, uint64_t index,
                                struct page *path[HEIGHT_MAX]) {
    if (!covers(map, index)) {
        return NULL;
    }
    struct page *const *place = map->height == 0 ? &map->few[index] : &map->root;
    for (uint32_t level = map->height; level-- > 0;) {
        if (*place == NULL) {
            return NULL;
        }
        path[level] = *place;
        place = &entries(path[level])[slot_of(index, level)];
    }
    return (struct page **)place;
}

struct page *page_map_get(const struct page_map *map, uint64_t index) {
    struct page *path[HEIGHT_MAX];
    struct page *const *place = find_place(map, index, path);
    return place != NULL ? *place : NULL;
}

struct page *const *page_map_run(const struct page_map *map, uint64_t index, uint64_t *count) {
    struct page *path[HEIGHT_MAX];
    struct page *const *place = find_place(map, index, path);
    uint64_t span = map->height == 0 ? PAGE_MAP_INLINE : TABLE_ENTRIES;
    *count = place != NULL ? span - index % span : 0;
    return place;
}

static void entry_set(struct page *table, uint32_t slot, struct page *page) {
    assert(entries(table)[slot] == NULL && table->pins < TABLE_ENTRIES);
    entries(table)[slot] = page;
    page_mark_entry(table, slot);
    table->pins++;
}

// Makes the map high enough for an index.
static status_t grow(struct page_map *map, struct job *job, uint32_t height) {
    assert(height <= HEIGHT_MAX);
    while (map->height < height) {
        struct page *table = NULL;
        bool inline_pages = map->height == 0;
        uint64_t first = 0;
        if (inline_pages ? page_map_next(map, &first, PAGE_MAP_INLINE) != NULL
                         : map->root != NULL) {
            status_t status = page_alloc(job, PAGE_ALLOC_ZERO, &table);
            if (status != OK) {
                return status;
            }
            for (uint32_t i = 0; i < (inline_pages ? PAGE_MAP_INLINE : 1); i++) {
                if (map->few[i] != NULL) {
                    entry_set(table, i, map->few[i]);
                }
            }
        }
        map->root = table;
        map->height++;
    }
    return OK;
}

// Frees tables that have no entry, from the lowest level up.
static void prune(struct page_map *map, uint64_t index, struct page *path[HEIGHT_MAX],
                  uint32_t lowest) {
    for (uint32_t level = lowest; level < map->height && path[level]->pins == 0; level++) {
        page_unref(path[level]);
        if (level + 1 < map->height) {
            entries(path[level + 1])[slot_of(index, level + 1)] = NULL;
            path[level + 1]->pins--;
        } else {
            *map = (struct page_map){0};
        }
    }
}

status_t page_map_put(struct page_map *map, struct job *job, uint64_t index, struct page *page) {
    assert(page != NULL);
    status_t status = grow(map, job, height_for(index));
    if (status != OK) {
        return status;
    }
    if (map->height == 0) {
        assert(map->few[index] == NULL);
        map->few[index] = page;
        return OK;
    }
    struct page *path[HEIGHT_MAX];
    struct page *table = map->root;
    for (uint32_t level = map->height; level-- > 0;) {
        if (table == NULL) {
            status = page_alloc(job, PAGE_ALLOC_ZERO, &table);
            if (status != OK && level + 1 == map->height) {
                *map = (struct page_map){0};
                return status;
            }
            if (status != OK) {
                prune(map, index, path, level + 1);
                return status;
            }
            if (level + 1 == map->height) {
                map->root = table;
            } else {
                entry_set(path[level + 1], slot_of(index, level + 1), table);
            }
        }
        path[level] = table;
        table = entries(table)[slot_of(index, level)];
    }
    entry_set(path[0], slot_of(index, 0), page);
    return OK;
}

void page_map_put_run(struct page_map *map, uint64_t index, struct page *first, size_t count) {
    struct page *path[HEIGHT_MAX];
    assert(map->height != 0 && index % TABLE_ENTRIES + count <= TABLE_ENTRIES);
    (void)find_place(map, index, path);
    for (size_t i = 0; i < count; i++) {
        entry_set(path[0], slot_of(index + i, 0), &first[i]);
    }
}

void page_map_replace(struct page_map *map, uint64_t index, struct page *page) {
    struct page *path[HEIGHT_MAX];
    struct page **place = find_place(map, index, path);
    assert(place != NULL && *place != NULL);
    *place = page;
}

struct page *page_map_take(struct page_map *map, uint64_t index) {
    struct page *path[HEIGHT_MAX];
    struct page **place = find_place(map, index, path);
    assert(place != NULL && *place != NULL);
    struct page *page = *place;
    *place = NULL;
    if (map->height != 0) {
        path[0]->pins--;
        prune(map, index, path, 0);
    }
    return page;
}

// Looks from *index to the end of the lowest table that it falls in, or of the empty part around
// it.
static struct page *scan(const struct page_map *map, uint64_t *index) {
    assert(map->height != 0 && map->root != NULL);
    struct page *table = map->root;
    uint32_t level = map->height - 1;
    for (;;) {
        uint32_t slot = slot_of(*index, level);
        uint32_t shift = TABLE_BITS * level;
        struct page *const *at = entries(table);
        if (at[slot] == NULL) {
            while ((slot = page_next_marked(table, slot)) < TABLE_ENTRIES && at[slot] == NULL) {
                slot++;
            }
            uint64_t table_first = *index >> (shift + TABLE_BITS) << (shift + TABLE_BITS);
            *index = table_first + ((uint64_t)slot << shift);
            if (slot == TABLE_ENTRIES) {
                return NULL;
            }
        }
        table = at[slot];
        if (level-- == 0) {
            return table;
        }
    }
}

struct page *page_map_next(const struct page_map *map, uint64_t *index, uint64_t end) {
    if (map->height == 0) {
        for (; *index < MIN(end, (uint64_t)PAGE_MAP_INLINE); (*index)++) {
            if (map->few[*index] != NULL) {
                return map->few[*index];
            }
        }
        return NULL;
    }
    while (map->root != NULL && *index < end && covers(map, *index)) {
        struct page *page = scan(map, index);
        if (page != NULL) {
            return *index < end ? page : NULL;
        }
    }
    return NULL;
}

uint64_t page_map_count(const struct page_map *map, uint64_t first, uint64_t end, uint64_t limit) {
    uint64_t count = 0;
    while (count < limit && page_map_next(map, &first, end) != NULL) {
        count++;
        first++;
    }
    return count;
}
