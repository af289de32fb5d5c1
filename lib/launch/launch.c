// SPDX-License-Identifier: MIT

#include <launch/launch.h>

#include <abi/block.h>
#include <abi/limits.h>
#include <stdbool.h>
#include <sys/calls.h>

static uint64_t whole_pages(uint64_t bytes) {
    return (bytes + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

// Copies into a vmo in pieces that the kernel takes.
static status_t write_all(handle_t vmo, uint64_t offset, const uint8_t *data, uint64_t bytes) {
    while (bytes > 0) {
        uint64_t piece = bytes < COPY_MAX_BYTES ? bytes : COPY_MAX_BYTES;
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

status_t launch_record(handle_t job, struct libos_record *record, const struct libos_fd *fds,
                       const void *text, uint64_t text_bytes, handle_t *vmo) {
    uint64_t fd_bytes = (uint64_t)record->fd_count * sizeof(*fds);
    if (record->fd_count > LIBOS_FDS_MAX || text_bytes > LIBOS_RECORD_BYTES_MAX ||
        sizeof(*record) + fd_bytes + text_bytes > LIBOS_RECORD_BYTES_MAX) {
        return ERR_OUT_OF_RANGE;
    }
    record->magic = LIBOS_RECORD_MAGIC;
    record->version = LIBOS_RECORD_VERSION;
    record->fds = sizeof(*record);
    record->text = record->fds + fd_bytes;
    record->text_bytes = text_bytes;
    record->bytes = record->text + text_bytes;
    int64_t made = sys_vmo_create(job, record->bytes, 0);
    if (made < 0) {
        return (status_t)made;
    }
    *vmo = (handle_t)made;
    status_t status = write_all(*vmo, 0, (const uint8_t *)record, sizeof(*record));
    status = status == OK ? write_all(*vmo, record->fds, (const uint8_t *)fds, fd_bytes) : status;
    status = status == OK ? write_all(*vmo, record->text, text, text_bytes) : status;
    if (status != OK) {
        (void)!sys_handle_close(*vmo);
    }
    return status;
}

// Maps a vmo at its fixed place; HANDLE_NONE is left out.
static status_t map_at(handle_t aspace, handle_t vmo, vaddr_t addr, uint64_t bytes,
                       uint32_t flags) {
    if (vmo == HANDLE_NONE) {
        return OK;
    }
    int64_t mapped =
        sys_aspace_map(aspace, vmo, 0, addr, whole_pages(bytes), flags | MAP_FIXED | MAP_EXCLUSIVE);
    return mapped < 0 ? (status_t)mapped : OK;
}

status_t launch_region(handle_t job, handle_t aspace, uint32_t index, vaddr_t *block) {
    const uint32_t masked = 1;
    *block = libos_region(index);
    int64_t vmo = sys_vmo_create(job, BLOCK_REGION_BYTES, 0);
    if (vmo < 0) {
        return (status_t)vmo;
    }
    status_t status = write_all((handle_t)vmo, offsetof(struct thread_block, masked),
                                (const uint8_t *)&masked, sizeof(masked));
    if (status == OK) {
        status = map_at(aspace, (handle_t)vmo, *block, BLOCK_REGION_BYTES, MAP_READ | MAP_WRITE);
    }
    (void)!sys_handle_close((handle_t)vmo);
    if (status == OK) {
        status = sys_aspace_unmap(aspace, *block + PAGE_SIZE, PAGE_SIZE);
    }
    return status;
}

static status_t header_read(handle_t libos, struct libos_header *header) {
    int64_t got = sys_vmo_read(libos, 0, header, sizeof(*header));
    if (got < 0) {
        return (status_t)got;
    }
    bool good = got == sizeof(*header) && header->magic == LIBOS_MAGIC &&
                header->version == LIBOS_VERSION && header->image_bytes > 0 &&
                header->image_bytes <= LIBOS_TEXT_BYTES_MAX;
    return good ? OK : ERR_CORRUPT;
}

status_t launch_map(const struct launch_options *options, struct launched *out) {
    struct libos_header header;
    handle_t aspace = options->aspace;
    status_t status = header_read(options->libos, &header);
    if (status != OK) {
        return status;
    }
    const struct {
        handle_t vmo;
        uint32_t flags;
        vaddr_t addr;
        uint64_t bytes;
    } parts[] = {
        {options->libos, MAP_READ | MAP_EXECUTE | MAP_INHERIT_SHARE, LIBOS_TEXT,
         header.image_bytes},
        {options->clock, MAP_READ | MAP_INHERIT_SHARE, LIBOS_CLOCK, PAGE_SIZE},
        {options->identity, MAP_READ | MAP_INHERIT_DROP, LIBOS_IDENTITY, PAGE_SIZE},
        {options->signals, MAP_READ | MAP_WRITE | MAP_INHERIT_DROP, LIBOS_SIGNALS, PAGE_SIZE},
    };
    for (size_t i = 0; status == OK && i < sizeof(parts) / sizeof(parts[0]); i++) {
        status = map_at(aspace, parts[i].vmo, parts[i].addr, parts[i].bytes, parts[i].flags);
    }
    struct libos_record record;
    int64_t got = sys_vmo_read(options->record, 0, &record, sizeof(record));
    if (status == OK && got != sizeof(record)) {
        status = got < 0 ? (status_t)got : ERR_CORRUPT;
    }
    if (status == OK) {
        status = map_at(aspace, options->record, LIBOS_RECORD, record.bytes,
                        MAP_READ | MAP_INHERIT_DROP);
    }
    status = status == OK ? launch_region(options->job, aspace, 0, &out->block) : status;
    status = status == OK ? sys_aspace_set_entry(aspace, &header.entry) : status;
    out->start = header.start;
    out->stack = out->block + BLOCK_REGION_BYTES - LIBOS_THREAD_BYTES - 8;
    return status;
}
