// SPDX-License-Identifier: MIT

#include <load/elf.h>

#include <core/access.h>
#include <core/process.h>
#include <core/status.h>
#include <sys/calls.h>
#include <sys/string.h>

enum {
    CLASS_64 = 2,
    TYPE_EXECUTABLE = 2,
    TYPE_SHARED = 3,
    MACHINE_X86_64 = 62,
    HEADERS_MAX = 64,
    HEADER_LOAD = 1,
    HEADER_INTERPRETER = 3,
    HEADER_TABLE = 6,
};

struct file_header {
    uint8_t magic[4];
    uint8_t class, data, ident_version, ident_rest[9];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, program_headers, section_headers;
    uint32_t flags;
    uint16_t header_bytes, program_header_bytes, program_header_count;
    uint16_t section_header_bytes, section_header_count, name_section;
};
static_assert(sizeof(struct file_header) == 64, "layout of an ELF64 header");

struct program_header {
    uint32_t type, flags;
    uint64_t offset, addr, physical, file_bytes, memory_bytes, align;
};
static_assert(sizeof(struct program_header) == 56, "layout of an ELF64 program header");

static bool header_is_valid(const struct file_header *header, uint64_t bytes) {
    uint64_t table = (uint64_t)header->program_header_count * sizeof(struct program_header);
    return memcmp(header->magic, "\177ELF", 4) == 0 && header->class == CLASS_64 &&
           header->data == 1 && header->machine == MACHINE_X86_64 &&
           (header->type == TYPE_EXECUTABLE || header->type == TYPE_SHARED) &&
           header->program_header_bytes == sizeof(struct program_header) &&
           header->program_header_count > 0 && header->program_header_count <= HEADERS_MAX &&
           header->program_headers <= bytes && table <= bytes - header->program_headers;
}

static bool load_is_valid(const struct program_header *header, uint64_t bytes) {
    return header->file_bytes <= header->memory_bytes && header->offset <= bytes &&
           header->file_bytes <= bytes - header->offset && header->addr < LINUX_ADDR_MAX &&
           header->memory_bytes <= LINUX_ADDR_MAX - header->addr &&
           header->addr % PAGE_SIZE == header->offset % PAGE_SIZE;
}

static int64_t add_load(const struct program_header *header, uint64_t bytes,
                        struct elf_program *program) {
    if (header->memory_bytes == 0) {
        return 0;
    }
    if (!load_is_valid(header, bytes) || program->load_count == ELF_LOADS_MAX) {
        return -LINUX_ENOEXEC;
    }
    // Flags of a segment: 4 read, 2 write, 1 execute.
    uint32_t flags = header->flags;
    program->loads[program->load_count++] = (struct elf_load){
        .addr = header->addr,
        .offset = header->offset,
        .file_bytes = header->file_bytes,
        .memory_bytes = header->memory_bytes,
        .protection = ((flags & 4) != 0 ? PROT_READ : 0) | ((flags & 2) != 0 ? PROT_WRITE : 0) |
                      ((flags & 1) != 0 ? PROT_EXEC : 0),
    };
    uint64_t low = page_down(header->addr), high = page_up(header->addr + header->memory_bytes);
    program->low = low < program->low ? low : program->low;
    program->high = high > program->high ? high : program->high;
    return 0;
}

static int64_t read_interpreter(handle_t vmo, const struct program_header *header,
                                struct elf_program *program) {
    uint64_t bytes = header->file_bytes;
    if (bytes < 2 || bytes > sizeof(program->interpreter)) {
        return -LINUX_ENOEXEC;
    }
    int64_t got = sys_vmo_read(vmo, header->offset, program->interpreter, bytes);
    return got == (int64_t)bytes && program->interpreter[bytes - 1] == '\0' ? 0 : -LINUX_ENOEXEC;
}

// Where the program headers are in memory: in the segment that holds them in the file.
static void find_table(const struct file_header *header, struct elf_program *program) {
    for (uint32_t i = 0; program->headers == 0 && i < program->load_count; i++) {
        const struct elf_load *load = &program->loads[i];
        if (header->program_headers >= load->offset &&
            header->program_headers - load->offset < load->file_bytes) {
            program->headers = load->addr + (header->program_headers - load->offset);
        }
    }
}

int64_t elf_read(handle_t vmo, uint64_t bytes, struct elf_program *program) {
    struct file_header header;
    if (bytes < sizeof(header) ||
        sys_vmo_read(vmo, 0, &header, sizeof(header)) != (int64_t)sizeof(header) ||
        !header_is_valid(&header, bytes)) {
        return -LINUX_ENOEXEC;
    }
    *program = (struct elf_program){
        .relocatable = header.type == TYPE_SHARED,
        .entry = header.entry,
        .header_count = header.program_header_count,
        .low = UINT64_MAX,
    };
    for (uint32_t i = 0; i < header.program_header_count; i++) {
        struct program_header one;
        uint64_t at = header.program_headers + i * sizeof(one);
        if (sys_vmo_read(vmo, at, &one, sizeof(one)) != (int64_t)sizeof(one)) {
            return -LINUX_EIO;
        }
        int64_t result = one.type == HEADER_LOAD          ? add_load(&one, bytes, program)
                         : one.type == HEADER_INTERPRETER ? read_interpreter(vmo, &one, program)
                                                          : 0;
        if (result < 0) {
            return result;
        }
    }
    find_table(&header, program);
    bool placed = program->relocatable || program->low >= LINUX_ADDR_MIN;
    return program->load_count > 0 && placed ? 0 : -LINUX_ENOEXEC;
}

// Maps the part of a segment that comes from the file: a copy that shares what is not written.
static status_t map_file_part(handle_t vmo, const struct elf_load *load, uint64_t base) {
    uint64_t start = page_down(load->addr + base);
    uint64_t bytes = page_up(load->addr + base + load->file_bytes) - start;
    int64_t clone = sys_vmo_clone(vmo, page_down(load->offset), bytes, CLONE_AT_WRITE);
    if (clone < 0) {
        return (status_t)clone;
    }
    status_t status = memory_map((handle_t)clone, 0, start, bytes, load->protection, 0);
    (void)!sys_handle_close((handle_t)clone);
    // What follows in the last page reads as zero where the segment is larger than its file part.
    uint64_t end = load->addr + base + load->file_bytes;
    if (status == OK && load->memory_bytes > load->file_bytes &&
        (load->protection & PROT_WRITE) != 0 && end < start + bytes &&
        access_clear((void *)end, start + bytes - end) != 0) {
        return ERR_FAULT;
    }
    return status;
}

static status_t map_load(struct memory *memory, const struct program_source *source,
                         const struct elf_load *load, uint64_t base) {
    struct mapping mapping = {
        .start = page_down(load->addr + base),
        .end = page_up(load->addr + base + load->file_bytes),
        .offset = page_down(load->offset),
        .device = source->device,
        .inode = source->inode,
        .name = source->name,
        .kind = MAPPING_FILE,
        .protection = (uint8_t)load->protection,
    };
    status_t status = OK;
    if (load->file_bytes > 0) {
        status = map_file_part(source->vmo, load, base);
        if (status == OK && !memory_note(memory, &mapping)) {
            status = ERR_NO_MEMORY;
        }
    } else {
        mapping.end = mapping.start;
    }
    struct mapping zeros = {
        .start = mapping.end,
        .end = page_up(load->addr + base + load->memory_bytes),
        .protection = mapping.protection,
    };
    if (status == OK && zeros.end > zeros.start) {
        status = memory_map_zeros(zeros.start, zeros.end - zeros.start, load->protection, 0);
        if (status == OK && !memory_note(memory, &zeros)) {
            status = ERR_NO_MEMORY;
        }
    }
    return status;
}

int64_t elf_map(const struct program_source *source, const struct elf_program *program,
                uint64_t base) {
    struct memory *memory = &process_current()->memory;
    status_t status = OK;
    mutex_lock(&memory->lock);
    for (uint32_t i = 0; status == OK && i < program->load_count; i++) {
        status = map_load(memory, source, &program->loads[i], base);
    }
    mutex_unlock(&memory->lock);
    return status == OK ? 0 : status == ERR_LIMIT ? -LINUX_ENOMEM : linux_result(status);
}
