// SPDX-License-Identifier: MIT

#include <image/boot_table.h>

#include <abi/boot_table.h>
#include <abi/status.h>
#include <stdbool.h>

static_assert((int)BOOT_EXECUTE == ELF_EXECUTE && (int)BOOT_WRITE == ELF_WRITE &&
                  (int)BOOT_READ == ELF_READ && BOOT_SEGMENTS_MAX == ELF_SEGMENTS_MAX,
              "the table says it as program files do");

static status_t table_get(const void *archive, size_t size, const struct boot_table **out) {
    const struct boot_table *table = (const void *)((const uint8_t *)archive + BOOT_TABLE_OFFSET);
    if (size < BOOT_TABLE_OFFSET + sizeof(*table) || table->magic != BOOT_TABLE_MAGIC) {
        return ERR_NOT_FOUND;
    }
    if (table->count > (size - BOOT_TABLE_OFFSET - sizeof(*table)) / sizeof(table->programs[0])) {
        return ERR_CORRUPT;
    }
    uint64_t sum = table->magic;
    const uint64_t *end = (const uint64_t *)&table->programs[table->count];
    for (const uint64_t *word = &table->count; word < end; word++) {
        sum += *word;
    }
    *out = table;
    return sum == table->sum ? OK : ERR_CORRUPT;
}

static bool path_is(const char table[BOOT_PATH_BYTES], const char *path) {
    for (size_t i = 0; i < BOOT_PATH_BYTES; i++) {
        if (table[i] != path[i] || table[i] == '\0') {
            return table[i] == path[i];
        }
    }
    return false;
}

static bool segment_valid(const struct boot_segment *segment, size_t size, vaddr_t low,
                          vaddr_t high) {
    const uint64_t both = BOOT_WRITE | BOOT_EXECUTE;
    return segment->memory_bytes != 0 && segment->file_bytes <= segment->memory_bytes &&
           segment->addr >= low && segment->addr < high &&
           segment->memory_bytes <= high - segment->addr && segment->offset <= size &&
           segment->file_bytes <= size - segment->offset && (segment->access & BOOT_READ) != 0 &&
           (segment->access & both) != both && segment->access <= (both | BOOT_READ);
}

static status_t read_program(const struct boot_program *program, size_t size, vaddr_t low,
                             vaddr_t high, struct elf_image *image) {
    *image = (struct elf_image){.entry = program->entry};
    if (program->segment_count > BOOT_SEGMENTS_MAX) {
        return ERR_CORRUPT;
    }
    bool entered = false;
    for (uint32_t i = 0; i < program->segment_count; i++) {
        const struct boot_segment *from = &program->segments[i];
        struct elf_segment *to = &image->segments[i];
        if (!segment_valid(from, size, low, high)) {
            return ERR_CORRUPT;
        }
        *to = (struct elf_segment){.addr = from->addr,
                                   .offset = from->offset,
                                   .file_bytes = from->file_bytes,
                                   .memory_bytes = from->memory_bytes,
                                   .access = (uint32_t)from->access};
        if (i > 0 &&
            elf_segment_start(to) < elf_segment_start(to - 1) + elf_segment_bytes(to - 1)) {
            return ERR_CORRUPT;
        }
        entered |= (to->access & ELF_EXECUTE) != 0 && program->entry >= to->addr &&
                   program->entry - to->addr < to->memory_bytes;
        image->count++;
    }
    return entered ? OK : ERR_CORRUPT;
}

status_t boot_table_find(const void *archive, size_t size, const char *path, vaddr_t low,
                         vaddr_t high, struct elf_image *image) {
    const struct boot_table *table;
    status_t status = table_get(archive, size, &table);
    if (status != OK) {
        return status;
    }
    while (path[0] == '/') {
        path++;
    }
    for (uint64_t i = 0; i < table->count; i++) {
        if (path_is(table->programs[i].path, path)) {
            return read_program(&table->programs[i], size, low, high, image);
        }
    }
    return ERR_NOT_FOUND;
}
