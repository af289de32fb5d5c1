// SPDX-License-Identifier: MIT
//
// The program's address space as Linux sees it: a list of what is mapped, for the searches and
// refusals that Linux makes and for /proc/self/maps. The mappings themselves are the kernel's.
//
// The list is an array that is sorted by address; neighbours that only differ in their place are
// one entry. It has room on both sides, so that what comes and goes at either end, as most mappings
// do, moves few others; and for each power of two it is known how far down there is no gap of that
// size, so that a search is short. Changes are made in the kernel first, then noted here, under the
// lock.
#pragma once

#include <abi/libos.h>
#include <stdbool.h>
#include <launch/launch.h>
#include <sys/mutex.h>

enum protection {
    PROT_READ = 1,
    PROT_WRITE = 2,
    PROT_EXEC = 4,
};

// A mapping; as `struct libos_mapping` others may read it.
struct mapping {
    uint64_t start, end; // whole pages
    uint64_t offset;     // in the file
    uint64_t device, inode;
    const char *name; // path of the file, never freed
    uint8_t kind;     // enum mapping_kind
    uint8_t protection;
    bool shared;
};

static_assert(sizeof(struct mapping) == sizeof(struct libos_mapping) &&
                  offsetof(struct mapping, name) == offsetof(struct libos_mapping, name) &&
                  offsetof(struct mapping, shared) == offsetof(struct libos_mapping, shared),
              "what others read");

#define VACANT_CLASSES 16

// Where searches of a class of sizes need not look: a range that is long enough for the class may
// be too short for all that is asked for.
struct vacancy {
    uint64_t above;      // between it and top no range of the class is free; 0: not known
    uint64_t like;       // bytes of the last search; 0: there was none
    uint64_t like_above; // between it and top no range of `like` bytes is free
};

struct memory {
    struct mutex lock;
    // Guarded by lock:
    struct mapping *list;
    uint32_t count, room; // room: in the whole block, of which `front` are unused before the list
    uint32_t front;
    struct vacancy vacant[VACANT_CLASSES]; // [c]: for searches for 2^c pages or more
    uint64_t top;                          // where searches for a gap begin, downwards
    uint64_t brk_start, brk;               // the heap of brk(2), exact
    uint64_t stack_low;
    struct memory_name *names; // paths of mapped files, each once, never freed
    uint64_t name_bytes;
};
static_assert(offsetof(struct memory, count) == offsetof(struct memory, list) + 8 &&
                  offsetof(struct memory, brk) == offsetof(struct memory, brk_start) + 8,
              "struct libos_list, and the words of brk");

static inline uint64_t page_up(uint64_t bytes) {
    return (bytes + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}
static inline uint64_t page_down(uint64_t bytes) {
    return bytes & ~(PAGE_SIZE - 1);
}

// MAP_ flags of a protection.
uint32_t memory_flags(uint32_t protection);
// The mapping at an address. lock held.
bool memory_lookup(struct memory *memory, uint64_t addr, struct mapping *out);
// Whether all of a range is mapped. lock held.
bool memory_covered(struct memory *memory, uint64_t start, uint64_t end);
// Whether nothing of a range is mapped. lock held.
bool memory_vacant(struct memory *memory, uint64_t start, uint64_t end);
// An address where so many bytes are free, 0 when there is none. `hint` is taken if it is free.
// lock held.
uint64_t memory_gap(struct memory *memory, uint64_t hint, uint64_t bytes, uint64_t high);
// Notes a mapping in place of what was there; takes a range out; changes a protection. lock held.
// False: no memory for the list.
[[nodiscard]] bool memory_note(struct memory *memory, const struct mapping *mapping);
[[nodiscard]] bool memory_forget(struct memory *memory, uint64_t start, uint64_t end);
[[nodiscard]] bool memory_note_protection(struct memory *memory, uint64_t start, uint64_t end,
                                          uint32_t protection);
// The path of a mapped file, kept for the entries of the list; null when there were too many, or no
// memory. lock held.
const char *memory_name(struct memory *memory, const char *path, size_t bytes);
// Maps fresh zeros at a place. Errors of vmo_create and aspace_map. lock held.
[[nodiscard]] status_t memory_map_zeros(uint64_t addr, uint64_t bytes, uint32_t protection,
                                        uint32_t extra);
// Maps a vmo at a place, also without any access. lock held.
[[nodiscard]] status_t memory_map(handle_t vmo, uint64_t offset, uint64_t addr, uint64_t bytes,
                                  uint32_t protection, uint32_t extra);
