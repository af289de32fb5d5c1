// SPDX-License-Identifier: MIT
//
// The order makes giving up simple: everything hangs on the address space and the process until the
// thread is started, so closing those handles takes it all away. A successor is made last of all:
// from then on it has the kept table, which must not be lost to a lack of memory.

#include <sys/spawn.h>

#include <abi/block.h>
#include <image/boot_table.h>
#include <image/elf.h>
#include <stdbool.h>
#include <sys/calls.h>
#include <sys/start.h>
#include <sys/string.h>
#include <sys/thread.h>

// Where things lie in a new process, far above its program.
#define PROGRAM_LOW 0x10000UL
#define PROGRAM_HIGH 0x100000000000UL
#define FIRST_REGION 0x7ff000000000UL
#define RECORD_ADDR (FIRST_REGION + BLOCK_REGION_BYTES)
static_assert(FIRST_REGION % BLOCK_REGION_BYTES == 0, "regions are aligned to their size");

static status_t first_error(int64_t a, int64_t b) {
    return (status_t)(a < 0 ? a : b < 0 ? b : OK);
}

// Maps `vmo` at a fixed place and closes it.
static status_t map_and_close(handle_t aspace, handle_t vmo, vaddr_t addr, uint64_t bytes,
                              uint32_t flags) {
    int64_t mapped = sys_aspace_map(aspace, vmo, 0, addr, bytes, flags | MAP_FIXED | MAP_EXCLUSIVE);
    (void)!sys_handle_close(vmo);
    return first_error(mapped, OK);
}

// Copies into a vmo in pieces that the kernel takes.
static status_t fill_vmo(handle_t vmo, uint64_t offset, const uint8_t *data, uint64_t bytes) {
    while (bytes > 0) {
        uint64_t piece = bytes < 1UL << 20 ? bytes : 1UL << 20;
        int64_t written = sys_vmo_write(vmo, offset, data, piece);
        if (written <= 0) {
            return written < 0 ? (status_t)written : ERR_OUT_OF_RANGE;
        }
        offset += (uint64_t)written;
        data += written;
        bytes -= (uint64_t)written;
    }
    return OK;
}

static uint32_t map_flags(const struct elf_segment *segment) {
    return (segment->access & ELF_READ ? MAP_READ : 0) |
           (segment->access & ELF_WRITE ? MAP_WRITE : 0) |
           (segment->access & ELF_EXECUTE ? MAP_EXECUTE : 0);
}

// Whether the pages of a segment can be those of the archive: nothing of it is written or zero, and
// it lies at the same place of a page. The page of its end holds what follows in the archive.
static bool lies_in_archive(uint64_t at, const struct elf_segment *segment) {
    return (segment->access & ELF_WRITE) == 0 && segment->file_bytes == segment->memory_bytes &&
           (at - segment->addr) % PAGE_SIZE == 0;
}

static status_t load_segment(const struct spawn_options *options, handle_t aspace,
                             const uint8_t *file, const struct elf_segment *segment) {
    const struct archive *archive = options->archive;
    uint64_t bytes = elf_segment_bytes(segment);
    uint64_t at = (uint64_t)(file + segment->offset - (const uint8_t *)archive->data);
    if (lies_in_archive(at, segment)) {
        int64_t mapped =
            sys_aspace_map(aspace, archive->vmo, at & ~(PAGE_SIZE - 1), elf_segment_start(segment),
                           bytes, map_flags(segment) | MAP_FIXED | MAP_EXCLUSIVE);
        return first_error(mapped, OK);
    }
    int64_t vmo = sys_vmo_create(options->job, bytes, 0);
    if (vmo < 0) {
        return (status_t)vmo;
    }
    status_t status = fill_vmo((handle_t)vmo, segment->addr % PAGE_SIZE, file + segment->offset,
                               segment->file_bytes);
    if (status != OK) {
        (void)!sys_handle_close((handle_t)vmo);
        return status;
    }
    return map_and_close(aspace, (handle_t)vmo, elf_segment_start(segment), bytes,
                         map_flags(segment));
}

static status_t load_program(const struct spawn_options *options, struct spawned *out) {
    const struct archive *archive = options->archive;
    const void *base = archive->data;
    struct elf_image image;
    status_t status = boot_table_find(archive->data, archive->size, options->path, PROGRAM_LOW,
                                      PROGRAM_HIGH, &image);
    if (status == ERR_NOT_FOUND) {
        // One that was put into the archive when it was packed already.
        struct ustar_entry file = {0};
        status = ustar_find(archive->data, archive->size, options->path, &file);
        base = file.data;
        status = status == OK ? elf_read(file.data, file.size, PROGRAM_LOW, PROGRAM_HIGH, &image)
                              : status;
    }
    for (uint32_t i = 0; status == OK && i < image.count; i++) {
        status = load_segment(options, out->aspace, base, &image.segments[i]);
    }
    out->entry = image.entry;
    return status;
}

// Gives one handle. Returns its number in the new table, or a status.
static int64_t give(const struct spawn_handle *wanted, handle_t process) {
    if (wanted->rights == SPAWN_KEPT) {
        return wanted->handle;
    }
    int64_t own = wanted->rights == SPAWN_MOVE
                      ? (int64_t)wanted->handle
                      : sys_handle_duplicate(wanted->handle, wanted->rights);
    int64_t given = own < 0 ? own : sys_handle_give(process, (handle_t)own, 0);
    if (given < 0 && own > 0 && wanted->rights != SPAWN_MOVE) {
        (void)!sys_handle_close((handle_t)own);
    }
    return given;
}

// Gives the handles and notes their numbers and the arguments in the record.
static status_t grant(const struct spawn_options *options, handle_t process,
                      struct start_record *record) {
    for (uint32_t i = 0; i < options->handle_count; i++) {
        const struct spawn_handle *wanted = &options->handles[i];
        if ((wanted->rights == SPAWN_KEPT) != (options->predecessor != HANDLE_NONE)) {
            return ERR_INVALID_ARGUMENT;
        }
        int64_t given = give(wanted, process);
        if (given < 0) {
            return (status_t)given;
        }
        if (options->given != NULL) {
            options->given[i] = (handle_t)given;
        }
        status_t status = start_record_add_handle(record, wanted->name, (handle_t)given);
        if (status != OK) {
            return status;
        }
    }
    for (uint32_t i = 0; i < options->argument_count; i++) {
        status_t status = start_record_add_argument(record, options->arguments[i]);
        if (status != OK) {
            return status;
        }
    }
    return OK;
}

// Puts the record into a page of its own in the new process.
static status_t place_record(handle_t aspace, const struct spawn_options *options,
                             const struct start_record *record) {
    int64_t vmo = sys_vmo_create(options->job, sizeof(*record), 0);
    if (vmo < 0) {
        return (status_t)vmo;
    }
    status_t status = fill_vmo((handle_t)vmo, 0, (const uint8_t *)record, sizeof(*record));
    if (status != OK) {
        (void)!sys_handle_close((handle_t)vmo);
        return status;
    }
    return map_and_close(aspace, (handle_t)vmo, RECORD_ADDR, sizeof(*record), MAP_READ);
}

static status_t make_process(const struct spawn_options *options, struct spawned *out) {
    struct process_options process = {.cookie = options->cookie, .provider = options->provider};
    // A long label is cut off: it is for people.
    (void)text_copy(process.label, sizeof(process.label),
                    options->label != NULL ? options->label : options->path);
    int64_t made = sys_process_create(options->job, out->aspace, options->predecessor,
                                      options->flags, &process);
    if (made < 0) {
        return (status_t)made;
    }
    out->process = (handle_t)made;
    return OK;
}

static status_t make_thread(struct spawned *out) {
    int64_t thread = sys_thread_create(out->process, FIRST_REGION);
    if (thread < 0) {
        return (status_t)thread;
    }
    out->thread = (handle_t)thread;
    out->block = FIRST_REGION;
    out->stack = thread_region_stack(FIRST_REGION);
    out->record = RECORD_ADDR;
    return OK;
}

// The address space with all but the record.
static status_t make_aspace(const struct spawn_options *options, struct spawned *out) {
    int64_t aspace = sys_aspace_create(options->job, 0);
    if (aspace < 0) {
        return (status_t)aspace;
    }
    out->aspace = (handle_t)aspace;
    status_t status = load_program(options, out);
    return status == OK ? thread_region_map(out->aspace, FIRST_REGION) : status;
}

static status_t prepare(const struct spawn_options *options, struct spawned *out) {
    struct start_record record;
    start_record_init(&record);
    bool succeeds = options->predecessor != HANDLE_NONE;
    status_t status = make_aspace(options, out);
    if (!succeeds) {
        // Handles can only be given to a process.
        status = status == OK ? make_process(options, out) : status;
    }
    status = status == OK ? grant(options, out->process, &record) : status;
    status = status == OK ? place_record(out->aspace, options, &record) : status;
    if (succeeds) {
        status = status == OK ? make_process(options, out) : status;
    }
    return status == OK ? make_thread(out) : status;
}

status_t spawn_prepare(const struct spawn_options *options, struct spawned *out) {
    *out = (struct spawned){0};
    status_t status = prepare(options, out);
    if (status != OK) {
        handle_t kept = options->predecessor != HANDLE_NONE ? out->process : HANDLE_NONE;
        if (out->process != HANDLE_NONE) {
            (void)!sys_task_kill(out->process, 0, 0);
        }
        out->process = kept != HANDLE_NONE ? HANDLE_NONE : out->process;
        spawned_close(out);
        out->process = kept;
    }
    return status;
}

status_t spawn_start(const struct spawned *spawned) {
    return sys_thread_start(spawned->thread, spawned->entry, spawned->stack, spawned->block,
                            spawned->record);
}

status_t spawn(const struct spawn_options *options, struct spawned *out) {
    status_t status = spawn_prepare(options, out);
    if (status != OK) {
        return status;
    }
    status = spawn_start(out);
    if (status != OK) {
        (void)!sys_task_kill(out->process, 0, 0);
        spawned_close(out);
    }
    return status;
}

void spawned_close(struct spawned *spawned) {
    handle_t handles[] = {spawned->thread, spawned->process, spawned->aspace};
    for (uint32_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++) {
        if (handles[i] != HANDLE_NONE) {
            (void)!sys_handle_close(handles[i]);
        }
    }
    *spawned = (struct spawned){0};
}
