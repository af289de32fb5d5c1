// SPDX-License-Identifier: MIT
//
// The mappings of a process. Where they are, what they allow and what is resident the kernel says;
// what they are called the libos says, in a list that is sorted by address but for what a wild
// program makes of it. Lines are cut where either of the two has a border, and joined again where
// neither shows a difference.

#include "procfs.h"

#include <sys/calls.h>
#include <sys/string.h>

#define LINES_MAX 65536 // mappings that are looked at
#define NAMES_PIECE 32  // entries of the list that are read at once
#define NAME_COLUMN 73  // where Linux begins the name
#define NAME_BYTES 1024

// The libos's list, read in pieces.
struct names {
    struct subject *subject;
    struct libos_list list;
    uint32_t next; // place in the list behind the piece
    uint32_t count, at;
    struct libos_mapping piece[NAMES_PIECE];
};

static void names_begin(struct names *names, struct subject *subject) {
    names->subject = subject;
    names->next = names->count = names->at = 0;
    if (!subject_read(subject, subject->info.mappings, &names->list, sizeof(names->list)) ||
        names->list.count > LINES_MAX) {
        names->list = (struct libos_list){0};
    }
}

// The entry at an address, or the next above it; null: none. Addresses rise from call to call.
static const struct libos_mapping *names_find(struct names *names, uint64_t addr) {
    for (;;) {
        for (; names->at < names->count; names->at++) {
            if (names->piece[names->at].end > addr) {
                return &names->piece[names->at];
            }
        }
        uint32_t left = names->list.count - names->next;
        uint32_t count = left < NAMES_PIECE ? left : NAMES_PIECE;
        vaddr_t from = names->list.first + (uint64_t)names->next * sizeof(names->piece[0]);
        if (count == 0 ||
            !subject_read(names->subject, from, names->piece, count * sizeof(names->piece[0]))) {
            return NULL;
        }
        names->next += count;
        names->count = count;
        names->at = 0;
    }
}

// A stretch with the same rights and the same name.
struct stretch {
    uint64_t start, end, resident;
    uint32_t flags; // MAP_
    struct libos_mapping entry;
    bool named; // entry is one
};

// What a run over all stretches does with each.
struct visitor {
    void (*visit)(struct visitor *visitor, const struct stretch *stretch);
};

static bool stretch_joins(const struct stretch *low, const struct stretch *high) {
    return low->end == high->start && low->flags == high->flags && low->named == high->named &&
           (!low->named || memcmp(&low->entry, &high->entry, sizeof(low->entry)) == 0);
}

// The stretch that begins at an address within a mapping.
static struct stretch stretch_at(struct names *names, const struct mapping_info *mapping,
                                 uint64_t start) {
    uint64_t end = mapping->addr + mapping->size_bytes;
    struct stretch stretch = {
        .start = start,
        .end = end,
        .flags = mapping->flags & (MAP_READ | MAP_WRITE | MAP_EXECUTE),
        .resident = start == mapping->addr ? mapping->resident_pages : 0,
    };
    const struct libos_mapping *entry = names_find(names, start);
    if (entry != NULL && entry->start <= start) {
        stretch.named = true;
        stretch.entry = *entry;
        stretch.end = entry->end < end ? entry->end : end;
    } else if (entry != NULL && entry->start < end) {
        stretch.end = entry->start;
    }
    return stretch;
}

static void visit_all(struct subject *subject, struct visitor *visitor) {
    struct names names;
    struct mapping_info mapping = {0};
    struct stretch last = {0};
    uint64_t addr = LINUX_ADDR_MIN;
    if (!subject_look(subject) || subject->aspace == HANDLE_NONE) {
        return;
    }
    names_begin(&names, subject);
    for (uint32_t i = 0;
         i < LINES_MAX && addr < LINUX_ADDR_MAX &&
         sys_aspace_query(subject->aspace, addr, &mapping) == OK && mapping.addr < LINUX_ADDR_MAX;
         i++) {
        uint64_t end = mapping.addr + mapping.size_bytes;
        for (addr = addr > mapping.addr ? addr : mapping.addr; addr < end;) {
            struct stretch next = stretch_at(&names, &mapping, addr);
            addr = next.end;
            if (stretch_joins(&last, &next)) {
                last.end = next.end;
                last.resident += next.resident;
                continue;
            }
            if (last.end != 0) {
                visitor->visit(visitor, &last);
            }
            last = next;
        }
    }
    if (last.end != 0) {
        visitor->visit(visitor, &last);
    }
}

// ---- sums

struct summing {
    struct visitor visitor; // first
    struct memory_sum sum;
};

static void add_up(struct visitor *visitor, const struct stretch *stretch) {
    struct memory_sum *sum = &((struct summing *)visitor)->sum;
    uint64_t pages = (stretch->end - stretch->start) / PAGE_SIZE;
    sum->all += pages;
    sum->resident += stretch->resident;
    if (stretch->named && stretch->entry.kind == MAPPING_STACK) {
        sum->stack += pages;
    } else if ((stretch->flags & MAP_EXECUTE) != 0) {
        sum->code += pages;
    } else if ((stretch->flags & MAP_WRITE) != 0) {
        sum->data += pages;
    }
}

struct memory_sum memory_sum(struct subject *subject) {
    struct summing summing = {.visitor = {add_up}};
    visit_all(subject, &summing.visitor);
    return summing.sum;
}

// ---- the file

struct writing {
    struct visitor visitor; // first
    const struct making *making;
};

static void add_name(const struct making *making, const struct libos_mapping *entry,
                     char name[NAME_BYTES]) {
    static const char *const fixed[] = {
        [MAPPING_BRK] = "[heap]",
        [MAPPING_STACK] = "[stack]",
        [MAPPING_VDSO] = "[vdso]",
        [MAPPING_CLOCK] = "[vvar]",
    };
    name[0] = '\0';
    if (entry->kind == MAPPING_FILE) {
        subject_string(making->subject, entry->name, name, NAME_BYTES);
    } else if (entry->kind < sizeof(fixed) / sizeof(fixed[0]) && fixed[entry->kind] != NULL) {
        (void)text_copy(name, NAME_BYTES, fixed[entry->kind]);
    }
}

static void add_line(struct visitor *visitor, const struct stretch *stretch) {
    const struct making *making = ((struct writing *)visitor)->making;
    struct text *text = making->text;
    bool file = stretch->named && stretch->entry.kind == MAPPING_FILE;
    uint64_t offset = file ? stretch->entry.offset + (stretch->start - stretch->entry.start) : 0;
    uint64_t device = file ? stretch->entry.device : 0;
    uint32_t line = text->used;
    text_add(text, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", stretch->start, stretch->end,
             (stretch->flags & MAP_READ) != 0 ? 'r' : '-',
             (stretch->flags & MAP_WRITE) != 0 ? 'w' : '-',
             (stretch->flags & MAP_EXECUTE) != 0 ? 'x' : '-',
             stretch->named && stretch->entry.shared != 0 ? 's' : 'p', offset,
             (uint32_t)(device >> 8 & 0xfff), (uint32_t)(device & 0xff),
             file ? stretch->entry.inode : 0UL);
    if (stretch->named) {
        char name[NAME_BYTES];
        add_name(making, &stretch->entry, name);
        while (name[0] != '\0' && text->used - line < NAME_COLUMN && text->used + 1 < text->size) {
            text_add(text, " ");
        }
        text_add(text, "%s", name);
    }
    text_add(text, "\n");
}

void make_process_maps(const struct making *making) {
    struct writing writing = {.visitor = {add_line}, .making = making};
    visit_all(making->subject, &writing.visitor);
}
