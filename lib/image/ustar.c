// SPDX-License-Identifier: MIT

#include <image/ustar.h>

#include <abi/status.h>
#include <stdbool.h>

#define BLOCK_BYTES 512

struct header {
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char type;
    char link[100];
    char magic[6];
    char version[2];
    char owner[32];
    char group[32];
    char major[8];
    char minor[8];
    char prefix[155];
    char unused[12];
};
static_assert(sizeof(struct header) == BLOCK_BYTES, "a ustar header is one block");

// Octal digits, ended by a space, a zero or the field's end. Returns false for anything else, and
// for a number that needs more than 63 bits.
static bool parse_octal(const char *field, size_t bytes, uint64_t *out) {
    uint64_t value = 0;
    size_t at = 0;
    while (at < bytes && field[at] == ' ') {
        at++;
    }
    size_t first = at;
    for (; at < bytes && field[at] >= '0' && field[at] <= '7'; at++) {
        if (value >> 60 != 0) {
            return false;
        }
        value = value << 3 | (uint64_t)(field[at] - '0');
    }
    *out = value;
    return at > first && (at == bytes || field[at] == ' ' || field[at] == '\0');
}

static bool is_zero_block(const uint8_t *block) {
    for (size_t i = 0; i < BLOCK_BYTES; i++) {
        if (block[i] != 0) {
            return false;
        }
    }
    return true;
}

// The sum of all bytes of the header, its checksum field read as spaces.
static bool checksum_matches(const struct header *header) {
    const uint8_t *bytes = (const uint8_t *)header;
    uint64_t sum = 0;
    for (size_t i = 0; i < BLOCK_BYTES; i++) {
        size_t field = offsetof(struct header, checksum);
        bool inside = i >= field && i < field + sizeof(header->checksum);
        sum += inside ? ' ' : bytes[i];
    }
    uint64_t stored;
    return parse_octal(header->checksum, sizeof(header->checksum), &stored) && stored == sum;
}

static size_t append_field(char *path, size_t at, const char *field, size_t bytes) {
    for (size_t i = 0; i < bytes && field[i] != '\0'; i++) {
        path[at++] = field[i];
    }
    return at;
}

// prefix/name without slashes at the ends.
static void read_path(const struct header *header, char path[USTAR_PATH_BYTES]) {
    size_t at = append_field(path, 0, header->prefix, sizeof(header->prefix));
    if (at > 0) {
        path[at++] = '/';
    }
    at = append_field(path, at, header->name, sizeof(header->name));
    while (at > 0 && path[at - 1] == '/') {
        at--;
    }
    path[at] = '\0';
}

status_t ustar_next(const void *archive, size_t size, size_t *offset, struct ustar_entry *entry) {
    if (*offset > size || size - *offset < BLOCK_BYTES) {
        return ERR_CORRUPT;
    }
    const uint8_t *block = (const uint8_t *)archive + *offset;
    if (is_zero_block(block)) {
        return ERR_NOT_FOUND;
    }
    const struct header *header = (const struct header *)block;
    uint64_t bytes;
    if (__builtin_memcmp(header->magic, "ustar", sizeof(header->magic)) != 0 ||
        !checksum_matches(header) || !parse_octal(header->size, sizeof(header->size), &bytes)) {
        return ERR_CORRUPT;
    }
    // Only regular files have content: the size of a link or a directory says nothing.
    bool regular = header->type == '0' || header->type == '\0';
    size_t room = size - *offset - BLOCK_BYTES;
    size_t content = regular ? bytes : 0;
    if (content > room) {
        return ERR_CORRUPT;
    }
    read_path(header, entry->path);
    entry->type = regular ? '0' : header->type;
    entry->data = block + BLOCK_BYTES;
    entry->size = content;
    size_t padded = (content + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
    *offset += BLOCK_BYTES + (padded < room ? padded : room);
    return OK;
}

static bool paths_equal(const char *a, const char *b) {
    while (*a == *b && *a != '\0') {
        a++;
        b++;
    }
    return *a == *b;
}

status_t ustar_find(const void *archive, size_t size, const char *path, struct ustar_entry *entry) {
    while (*path == '/') {
        path++;
    }
    size_t offset = 0;
    for (;;) {
        status_t status = ustar_next(archive, size, &offset, entry);
        if (status != OK) {
            return status;
        }
        if (entry->type == '0' && paths_equal(entry->path, path)) {
            return OK;
        }
    }
}
