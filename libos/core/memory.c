// SPDX-License-Identifier: MIT

#include <core/memory.h>

#include <abi/libos.h>
#include <core/heap.h>
#include <core/process.h>
#include <sys/calls.h>
#include <sys/string.h>

#define FIRST_ROOM 64
#define MAPPINGS_MAX 65530         // as Linux
#define NAME_BYTES_MAX (1UL << 20) // of paths of mapped files: only for /proc to show

uint32_t memory_flags(uint32_t protection) {
    uint32_t flags = 0;
    if ((protection & PROT_WRITE) != 0) {
        flags |= MAP_READ | MAP_WRITE; // the processor knows no writing without reading
    }
    if ((protection & PROT_EXEC) != 0) {
        flags |= MAP_READ | MAP_EXECUTE;
    }
    return flags | ((protection & PROT_READ) != 0 ? MAP_READ : 0);
}

// The first mapping that ends above an address; count when there is none.
static uint32_t find(const struct memory *memory, uint64_t addr) {
    uint32_t low = 0, high = memory->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (memory->list[middle].end > addr) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

bool memory_lookup(struct memory *memory, uint64_t addr, struct mapping *out) {
    uint32_t at = find(memory, addr);
    if (at == memory->count || memory->list[at].start > addr) {
        return false;
    }
    *out = memory->list[at];
    return true;
}

bool memory_covered(struct memory *memory, uint64_t start, uint64_t end) {
    for (uint32_t at = find(memory, start); start < end; at++) {
        if (at == memory->count || memory->list[at].start > start) {
            return false;
        }
        start = memory->list[at].end;
    }
    return true;
}

bool memory_vacant(struct memory *memory, uint64_t start, uint64_t end) {
    uint32_t at = find(memory, start);
    return at == memory->count || memory->list[at].start >= end;
}

// Which of memory->vacant is about ranges of so many bytes: of the largest power of two within.
static uint32_t class_of(uint64_t bytes) {
    uint32_t class = 63 - (uint32_t)__builtin_clzll(bytes / PAGE_SIZE);
    return class < VACANT_CLASSES ? class : VACANT_CLASSES - 1;
}

// The first range of so many bytes from `end` downwards, 0 when there is none. Where the first one
// of at least `least` bytes ends is left in *above.
static uint64_t gap_below(const struct memory *memory, uint64_t bytes, uint64_t end, uint64_t least,
                          uint64_t *above) {
    *above = 0;
    for (uint32_t at = find(memory, end - 1);; at--) {
        uint64_t low = at > 0 ? memory->list[at - 1].end : LINUX_ADDR_MIN;
        if (at < memory->count && memory->list[at].start < end) {
            end = memory->list[at].start;
        }
        if (end >= low && end - low >= least && *above == 0) {
            *above = end;
        }
        if (end >= low && end - low >= bytes) {
            return end - bytes;
        }
        if (at == 0) {
            return 0;
        }
    }
}

uint64_t memory_gap(struct memory *memory, uint64_t hint, uint64_t bytes, uint64_t high) {
    hint = page_down(hint);
    if (hint >= LINUX_ADDR_MIN && hint < LINUX_ADDR_MAX && bytes <= LINUX_ADDR_MAX - hint &&
        memory_vacant(memory, hint, hint + bytes)) {
        return hint;
    }
    struct vacancy *known = &memory->vacant[class_of(bytes)];
    uint64_t above, least = PAGE_SIZE << class_of(bytes), start = high;
    bool first = high == memory->top; // what is known is about searches from there
    if (first && known->above != 0 && known->above < start) {
        start = known->above;
    }
    bool whole = true; // nothing of `least` bytes is passed over
    if (first && known->like != 0 && known->like <= bytes && known->like_above < start) {
        start = known->like_above;
        whole = false;
    }
    uint64_t found = gap_below(memory, bytes, start, least, &above);
    if (first && whole && above != 0) {
        known->above = above;
    }
    if (first && found != 0) {
        known->like = bytes;
        known->like_above = found + bytes;
    }
    return found;
}

// Notes that a range is vacant: searches for as much or less begin no lower than its end.
static void note_vacant(struct memory *memory, uint64_t start, uint64_t end) {
    for (uint32_t class = 0; class <= class_of(end - start); class ++) {
        struct vacancy *known = &memory->vacant[class];
        known->above = known->above != 0 && known->above < end ? end : known->above;
        if (known->like <= end - start && known->like_above < end) {
            known->like_above = end;
        }
    }
}

// Gives the list a place in which it has as much room on either side as it is long, or the most
// that it may be.
static bool spread(struct memory *memory) {
    uint32_t room = FIRST_ROOM;
    while (room < 3 * memory->count && room < 2 * MAPPINGS_MAX) {
        room *= 2;
    }
    struct mapping *old = memory->list - memory->front;
    struct mapping *new = room == memory->room ? old : heap_alloc_dirty(room * sizeof(*new));
    if (new == NULL) {
        return false;
    }
    uint32_t front = (room - memory->count) / 2;
    if (memory->count > 0) {
        memmove(new + front, memory->list, memory->count * sizeof(*new));
    }
    if (new != old && memory->room > 0) {
        heap_free(old, memory->room * sizeof(*old));
    }
    memory->list = new + front;
    memory->front = front;
    memory->room = room;
    return true;
}

// Makes room for `more` entries, on either side.
static bool reserve(struct memory *memory, uint32_t more) {
    if (memory->count + more > MAPPINGS_MAX) {
        return false;
    }
    uint32_t back = memory->room - memory->front - memory->count;
    return (memory->front >= more && back >= more) || spread(memory);
}

// Opens a gap in the list; the shorter part of it moves.
static void insert(struct memory *memory, uint32_t at, const struct mapping *mapping) {
    if (at < memory->count / 2) {
        memory->front--;
        memory->list--;
        memmove(&memory->list[0], &memory->list[1], at * sizeof(*mapping));
    } else {
        memmove(&memory->list[at + 1], &memory->list[at], (memory->count - at) * sizeof(*mapping));
    }
    memory->list[at] = *mapping;
    memory->count++;
}

static void drop(struct memory *memory, uint32_t first, uint32_t last) {
    uint32_t gone = last - first, behind = memory->count - last;
    if (first < behind) {
        memmove(&memory->list[gone], &memory->list[0], first * sizeof(*memory->list));
        memory->list += gone;
        memory->front += gone;
    } else {
        memmove(&memory->list[first], &memory->list[last], behind * sizeof(*memory->list));
    }
    memory->count -= gone;
}

static bool joins(const struct mapping *low, const struct mapping *high) {
    return low->end == high->start && low->kind == high->kind &&
           low->protection == high->protection && low->shared == high->shared &&
           low->name == high->name && low->inode == high->inode &&
           (low->kind != MAPPING_FILE || low->offset + (low->end - low->start) == high->offset);
}

// Splits the mapping that an address lies within. reserve(1) came before.
static void split(struct memory *memory, uint64_t addr) {
    uint32_t at = find(memory, addr);
    if (at == memory->count || memory->list[at].start >= addr) {
        return;
    }
    struct mapping high = memory->list[at];
    high.offset += high.kind == MAPPING_FILE ? addr - high.start : 0;
    high.start = addr;
    memory->list[at].end = addr;
    insert(memory, at + 1, &high);
}

// Joins the entry with its neighbours.
static void join(struct memory *memory, uint32_t at) {
    if (at + 1 < memory->count && joins(&memory->list[at], &memory->list[at + 1])) {
        memory->list[at].end = memory->list[at + 1].end;
        drop(memory, at + 1, at + 2);
    }
    if (at > 0 && at < memory->count && joins(&memory->list[at - 1], &memory->list[at])) {
        memory->list[at - 1].end = memory->list[at].end;
        drop(memory, at, at + 1);
    }
}

bool memory_forget(struct memory *memory, uint64_t start, uint64_t end) {
    if (!reserve(memory, 2)) {
        return false;
    }
    split(memory, start);
    split(memory, end);
    uint32_t first = find(memory, start), last = first;
    while (last < memory->count && memory->list[last].start < end) {
        last++;
    }
    if (last > first) {
        drop(memory, first, last);
        note_vacant(memory, first > 0 ? memory->list[first - 1].end : LINUX_ADDR_MIN,
                    first < memory->count ? memory->list[first].start : LINUX_ADDR_MAX);
    }
    return true;
}

bool memory_note(struct memory *memory, const struct mapping *mapping) {
    if (!memory_forget(memory, mapping->start, mapping->end) || !reserve(memory, 1)) {
        return false;
    }
    uint32_t at = find(memory, mapping->start);
    insert(memory, at, mapping);
    join(memory, at);
    return true;
}

bool memory_note_protection(struct memory *memory, uint64_t start, uint64_t end,
                            uint32_t protection) {
    if (!reserve(memory, 2)) {
        return false;
    }
    split(memory, start);
    split(memory, end);
    for (uint32_t at = find(memory, start); at < memory->count && memory->list[at].start < end;
         at++) {
        memory->list[at].protection = (uint8_t)protection;
    }
    join(memory, find(memory, end - 1));
    join(memory, find(memory, start));
    return true;
}

struct memory_name {
    struct memory_name *next;
    size_t bytes;
    char path[];
};

const char *memory_name(struct memory *memory, const char *path, size_t bytes) {
    for (const struct memory_name *name = memory->names; name != NULL; name = name->next) {
        if (name->bytes == bytes && memcmp(name->path, path, bytes) == 0) {
            return name->path;
        }
    }
    struct memory_name *name =
        memory->name_bytes < NAME_BYTES_MAX ? heap_alloc(sizeof(*name) + bytes + 1) : NULL;
    if (name == NULL) {
        return NULL;
    }
    memcpy(name->path, path, bytes);
    name->bytes = bytes;
    name->next = memory->names;
    memory->names = name;
    memory->name_bytes += bytes;
    return name->path;
}

status_t memory_map(handle_t vmo, uint64_t offset, uint64_t addr, uint64_t bytes,
                    uint32_t protection, uint32_t extra) {
    uint32_t flags = memory_flags(protection);
    int64_t mapped = sys_aspace_map(HANDLE_NONE, vmo, offset, addr, bytes,
                                    (flags != 0 ? flags : MAP_READ) | MAP_FIXED | extra);
    if (mapped < 0) {
        return (status_t)mapped;
    }
    return flags == 0 ? sys_aspace_protect(HANDLE_NONE, addr, bytes, 0) : OK;
}

status_t memory_map_zeros(uint64_t addr, uint64_t bytes, uint32_t protection, uint32_t extra) {
    int64_t vmo = sys_vmo_create(HANDLE_NONE, bytes, 0);
    if (vmo < 0) {
        return (status_t)vmo;
    }
    status_t status = memory_map((handle_t)vmo, 0, addr, bytes, protection, extra);
    (void)!sys_handle_close((handle_t)vmo);
    return status;
}
