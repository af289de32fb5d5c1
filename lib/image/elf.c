// SPDX-License-Identifier: MIT

#include <image/elf.h>

#include <abi/status.h>
#include <stdbool.h>

enum {
    CLASS_64 = 2,
    LITTLE_ENDIAN_DATA = 1,
    FORMAT_VERSION = 1,
    TYPE_EXECUTABLE = 2,
    HEADERS_MAX = 64,
};

enum header_type {
    HEADER_LOAD = 1,
    HEADER_DYNAMIC = 2,
    HEADER_INTERPRETER = 3,
    HEADER_TLS = 7,
};

struct file_header {
    uint8_t magic[4];
    uint8_t class;
    uint8_t data;
    uint8_t ident_version;
    uint8_t ident_rest[9];
    uint16_t type;
    uint16_t machine;
    uint32_t version;
    uint64_t entry;
    uint64_t program_headers;
    uint64_t section_headers;
    uint32_t flags;
    uint16_t header_bytes;
    uint16_t program_header_bytes;
    uint16_t program_header_count;
    uint16_t section_header_bytes;
    uint16_t section_header_count;
    uint16_t name_section;
};
static_assert(sizeof(struct file_header) == 64, "layout of an ELF64 header");

struct program_header {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t addr;
    uint64_t physical;
    uint64_t file_bytes;
    uint64_t memory_bytes;
    uint64_t align;
};
static_assert(sizeof(struct program_header) == 56, "layout of an ELF64 program header");

static status_t check_file_header(const struct file_header *header, size_t size) {
    if (__builtin_memcmp(header->magic, "\177ELF", 4) != 0 ||
        header->ident_version != FORMAT_VERSION || header->version != FORMAT_VERSION) {
        return ERR_CORRUPT;
    }
    if (header->class != CLASS_64 || header->data != LITTLE_ENDIAN_DATA ||
        header->type != TYPE_EXECUTABLE || header->machine != elf_machine) {
        return ERR_NOT_SUPPORTED;
    }
    if (header->program_header_bytes != sizeof(struct program_header) ||
        header->program_header_count == 0 || header->program_header_count > HEADERS_MAX) {
        return ERR_CORRUPT;
    }
    uint64_t table = (uint64_t)header->program_header_count * sizeof(struct program_header);
    if (header->program_headers > size || size - header->program_headers < table) {
        return ERR_CORRUPT;
    }
    return OK;
}

// Checks one loadable segment by itself.
static status_t check_segment(const struct program_header *header, size_t size, vaddr_t low,
                              vaddr_t high) {
    if (header->file_bytes > header->memory_bytes || header->offset > size ||
        size - header->offset < header->file_bytes) {
        return ERR_CORRUPT;
    }
    if (header->addr < low || header->addr >= high || high - header->addr < header->memory_bytes ||
        header->addr % PAGE_SIZE != header->offset % PAGE_SIZE) {
        return ERR_CORRUPT;
    }
    uint32_t both = ELF_WRITE | ELF_EXECUTE;
    if ((header->flags & both) == both || (header->flags & ELF_READ) == 0) {
        return ERR_NOT_SUPPORTED;
    }
    return OK;
}

static status_t add_segment(const struct program_header *header, struct elf_image *image) {
    if (image->count == ELF_SEGMENTS_MAX) {
        return ERR_NOT_SUPPORTED;
    }
    struct elf_segment *segment = &image->segments[image->count];
    *segment = (struct elf_segment){
        .addr = header->addr,
        .offset = header->offset,
        .file_bytes = header->file_bytes,
        .memory_bytes = header->memory_bytes,
        .access = header->flags & (ELF_READ | ELF_WRITE | ELF_EXECUTE),
    };
    if (image->count > 0) {
        const struct elf_segment *before = segment - 1;
        if (elf_segment_start(segment) < elf_segment_start(before) + elf_segment_bytes(before)) {
            return ERR_CORRUPT;
        }
    }
    image->count++;
    return OK;
}

static status_t read_program_header(const struct program_header *header, size_t size, vaddr_t low,
                                    vaddr_t high, struct elf_image *image) {
    switch (header->type) {
    case HEADER_DYNAMIC:
    case HEADER_INTERPRETER:
    case HEADER_TLS:
        return ERR_NOT_SUPPORTED;
    case HEADER_LOAD:
        break;
    default:
        return OK;
    }
    if (header->memory_bytes == 0) {
        return OK;
    }
    status_t status = check_segment(header, size, low, high);
    return status == OK ? add_segment(header, image) : status;
}

static bool entry_is_executable(const struct elf_image *image) {
    for (uint32_t i = 0; i < image->count; i++) {
        const struct elf_segment *segment = &image->segments[i];
        if ((segment->access & ELF_EXECUTE) != 0 && image->entry >= segment->addr &&
            image->entry - segment->addr < segment->memory_bytes) {
            return true;
        }
    }
    return false;
}

status_t elf_read(const void *file, size_t size, vaddr_t low, vaddr_t high,
                  struct elf_image *image) {
    // Copies: the file may lie at any address.
    struct file_header header;
    if (size < sizeof(header)) {
        return ERR_CORRUPT;
    }
    __builtin_memcpy(&header, file, sizeof(header));
    status_t status = check_file_header(&header, size);
    if (status != OK) {
        return status;
    }
    *image = (struct elf_image){.entry = header.entry};
    const uint8_t *at = (const uint8_t *)file + header.program_headers;
    for (uint32_t i = 0; i < header.program_header_count; i++) {
        struct program_header program;
        __builtin_memcpy(&program, at + i * sizeof(program), sizeof(program));
        status = read_program_header(&program, size, low, high, image);
        if (status != OK) {
            return status;
        }
    }
    return entry_is_executable(image) ? OK : ERR_CORRUPT;
}
