// SPDX-License-Identifier: MIT
//
// Sizes up to SMALL_MAX are rounded up to a power of two and come from a free list for that power,
// which is filled by cutting up chunks; chunks are never given back. Larger ones are mappings of
// their own and go back at once. A word before each piece says which it is, and tells a wrong free.

#include <sys/heap.h>

#include <stdint.h>
#include <sys/calls.h>
#include <sys/log.h>
#include <sys/mutex.h>
#include <sys/string.h>

#define SMALL_MIN_SHIFT 5  // 32 bytes
#define SMALL_MAX_SHIFT 15 // 32 KiB
#define CHUNK_BYTES 65536UL
#define MAGIC_USED 0x68656170u
#define MAGIC_FREE 0x66726565u

// Stands before each piece.
struct piece {
    uint32_t magic;
    uint32_t shift; // of its size; 0: a mapping of `bytes`
    union {
        uint64_t bytes;     // of the mapping
        struct piece *next; // in a free list
    };
};
static_assert(sizeof(struct piece) == 16, "pieces keep the alignment");

static struct mutex lock; // guards everything below
static struct piece *free_lists[SMALL_MAX_SHIFT + 1];
static uint64_t mapped_bytes;

static void *map_pages(uint64_t bytes) {
    if (bytes > HEAP_MAX_BYTES - mapped_bytes) {
        return NULL;
    }
    int64_t vmo = sys_vmo_create(HANDLE_NONE, bytes, 0);
    if (vmo < 0) {
        return NULL;
    }
    int64_t addr = sys_aspace_map(HANDLE_NONE, (handle_t)vmo, 0, 0, bytes, MAP_READ | MAP_WRITE);
    (void)!sys_handle_close((handle_t)vmo);
    if (addr < 0) {
        return NULL;
    }
    mapped_bytes += bytes;
    return (void *)addr;
}

static struct piece *map_piece(size_t bytes) {
    uint64_t whole = (bytes + sizeof(struct piece) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    struct piece *piece = map_pages(whole);
    if (piece != NULL) {
        piece->shift = 0;
        piece->bytes = whole;
    }
    return piece;
}

// Cuts a new chunk into pieces of 1 << shift bytes, headers included.
static void fill_list(uint32_t shift) {
    uint8_t *chunk = map_pages(CHUNK_BYTES);
    if (chunk == NULL) {
        return;
    }
    for (uint64_t at = 0; at < CHUNK_BYTES; at += 1UL << shift) {
        struct piece *piece = (struct piece *)(chunk + at);
        *piece = (struct piece){.magic = MAGIC_FREE, .shift = shift, .next = free_lists[shift]};
        free_lists[shift] = piece;
    }
}

static struct piece *take_small(uint32_t shift) {
    if (free_lists[shift] == NULL) {
        fill_list(shift);
    }
    struct piece *piece = free_lists[shift];
    if (piece != NULL) {
        free_lists[shift] = piece->next;
        piece->bytes = 0;
    }
    return piece;
}

void *malloc(size_t bytes) {
    if (bytes == 0 || bytes > HEAP_MAX_BYTES) {
        return NULL;
    }
    uint32_t shift = SMALL_MIN_SHIFT;
    while (shift <= SMALL_MAX_SHIFT && bytes + sizeof(struct piece) > 1UL << shift) {
        shift++;
    }
    mutex_lock(&lock);
    struct piece *piece = shift <= SMALL_MAX_SHIFT ? take_small(shift) : map_piece(bytes);
    mutex_unlock(&lock);
    if (piece == NULL) {
        return NULL;
    }
    piece->magic = MAGIC_USED;
    return piece + 1;
}

void *calloc(size_t count, size_t bytes) {
    size_t whole;
    if (__builtin_mul_overflow(count, bytes, &whole)) {
        return NULL;
    }
    void *memory = malloc(whole);
    return memory != NULL ? memset(memory, 0, whole) : NULL;
}

void free(void *memory) {
    if (memory == NULL) {
        return;
    }
    struct piece *piece = (struct piece *)memory - 1;
    if (piece->magic != MAGIC_USED || piece->shift > SMALL_MAX_SHIFT) {
        panic("free: %p was not allocated", memory);
    }
    mutex_lock(&lock);
    piece->magic = MAGIC_FREE;
    if (piece->shift != 0) {
        piece->next = free_lists[piece->shift];
        free_lists[piece->shift] = piece;
    } else {
        mapped_bytes -= piece->bytes;
        (void)!sys_aspace_unmap(HANDLE_NONE, (vaddr_t)piece, piece->bytes);
    }
    mutex_unlock(&lock);
}
