// SPDX-License-Identifier: MIT

#include <sys/archive.h>

#include <sys/calls.h>
#include <sys/string.h>

status_t archive_map(handle_t vmo, struct archive *archive) {
    struct vmo_info info;
    status_t status = sys_object_get(vmo, &info, sizeof(info));
    if (status != OK) {
        return status;
    }
    int64_t addr = sys_aspace_map(HANDLE_NONE, vmo, 0, 0, info.size_bytes, MAP_READ);
    if (addr < 0) {
        return (status_t)addr;
    }
    *archive = (struct archive){.data = (const void *)addr, .size = info.size_bytes, .vmo = vmo};
    return OK;
}

void archive_unmap(struct archive *archive) {
    (void)!sys_aspace_unmap(HANDLE_NONE, (vaddr_t)archive->data, archive->size);
    *archive = (struct archive){0};
}

// Octal digits of a header's field; 0 for what is no number: damage there harms nobody.
static uint64_t read_octal(const uint8_t *field, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes && field[i] >= '0' && field[i] <= '7'; i++) {
        value = value << 3 | (uint64_t)(field[i] - '0');
    }
    return value;
}

void archive_details(const struct ustar_entry *entry, struct archive_details *details) {
    // The header is the block before the contents.
    const uint8_t *header = (const uint8_t *)entry->data - 512;
    *details = (struct archive_details){
        .mode = (uint32_t)read_octal(header + 100, 8) & 07777,
        .uid = (uint32_t)read_octal(header + 108, 8),
        .gid = (uint32_t)read_octal(header + 116, 8),
        .modified = read_octal(header + 136, 12),
        .major = (uint32_t)read_octal(header + 329, 8),
        .minor = (uint32_t)read_octal(header + 337, 8),
    };
    memcpy(details->link, header + 157, sizeof(details->link) - 1);
}
