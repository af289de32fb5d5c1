// SPDX-License-Identifier: MIT
//
// The kernel's one program loader. It understands neither archives nor program files: the boot
// table at the beginning of the archive says which bytes go where (abi/boot_table.h). Archive and
// table may be damaged; every number is checked before anything is made of it.
#include <abi/block.h>
#include <abi/boot_table.h>
#include <arch/boot.h>
#include <boot/start.h>
#include <debug/log.h>
#include <mm/aspace.h>
#include <mm/page.h>
#include <mm/vmo.h>
#include <object/job.h>

#define INIT_DEFAULT_PATH "sbin/init"
// Where the first thread's region lies, far above the program.
#define INIT_REGION 0x7ff000000000ULL
static_assert(INIT_REGION % BLOCK_REGION_BYTES == 0, "regions are aligned to their size");

// Maps a vmo at a fixed place, and gives it up: the mapping holds a reference of its own.
static status_t map_fixed(struct aspace *aspace, struct vmo *vmo, vaddr_t addr, uint64_t size,
                          uint32_t flags) {
    vaddr_t mapped;
    status_t status = aspace_map_step(aspace, NULL, HANDLE_NONE, vmo, 0, addr, &size,
                                      flags | MAP_FIXED | MAP_EXCLUSIVE, &mapped);
    assert(status != OK || size == 0); // the place was free
    object_unref(vmo_object(vmo));
    return status;
}

// Maps new memory at a fixed place and fills its beginning, from `skip` on, with `bytes` of data.
static status_t map_filled(struct aspace *aspace, vaddr_t addr, uint64_t size, uint32_t flags,
                           uint64_t skip, const void *data, uint64_t bytes) {
    assert(bytes <= size && skip <= size - bytes);
    struct vmo *vmo;
    status_t status = vmo_create(job_root, size, 0, 0, &vmo);
    if (status != OK) {
        return status;
    }
    int64_t written = bytes > 0 ? vmo_write(vmo, skip, data, bytes) : 0;
    if (written < 0) {
        object_unref(vmo_object(vmo));
        return (status_t)written;
    }
    assert((uint64_t)written == bytes);
    return map_fixed(aspace, vmo, addr, size, flags);
}

static bool segment_valid(const struct boot_segment *segment) {
    return segment->addr >= USER_MIN && segment->addr < INIT_REGION && segment->memory_bytes != 0 &&
           segment->memory_bytes <= INIT_REGION - segment->addr &&
           segment->file_bytes <= segment->memory_bytes &&
           segment->offset <= boot_info.archive_size &&
           segment->file_bytes <= boot_info.archive_size - segment->offset &&
           (segment->access & BOOT_READ) != 0 &&
           (segment->access & (BOOT_WRITE | BOOT_EXECUTE)) != (BOOT_WRITE | BOOT_EXECUTE);
}

static status_t load_segment(struct aspace *aspace, const struct boot_segment *segment) {
    if (!segment_valid(segment)) {
        return ERR_CORRUPT;
    }
    uint32_t flags = MAP_READ;
    flags |= (segment->access & BOOT_WRITE) != 0 ? MAP_WRITE : 0;
    flags |= (segment->access & BOOT_EXECUTE) != 0 ? MAP_EXECUTE : 0;
    const char *archive = phys_to_virt(boot_info.archive);
    vaddr_t start = ALIGN_DOWN(segment->addr, PAGE_SIZE);
    uint64_t size = ALIGN_UP(segment->addr + segment->memory_bytes, PAGE_SIZE) - start;
    status_t status;
    if ((segment->access & BOOT_WRITE) == 0 && segment->file_bytes == segment->memory_bytes &&
        (segment->offset - segment->addr) % PAGE_SIZE == 0) {
        struct vmo *vmo;
        paddr_t place = boot_info.archive + ALIGN_DOWN(segment->offset, PAGE_SIZE);
        status = vmo_create_physical(job_root, place, size, &vmo);
        status = status == OK ? map_fixed(aspace, vmo, start, size, flags) : status;
        return status == ERR_ALREADY_EXISTS ? ERR_CORRUPT : status;
    }
    status = map_filled(aspace, start, size, flags, segment->addr - start,
                        archive + segment->offset, segment->file_bytes);
    return status == ERR_ALREADY_EXISTS ? ERR_CORRUPT : status; // two that overlap
}

// The block, a page without access, and the stack.
static status_t map_region(struct aspace *aspace) {
    status_t status =
        map_filled(aspace, INIT_REGION, BLOCK_REGION_BYTES, MAP_READ | MAP_WRITE, 0, NULL, 0);
    if (status != OK) {
        return status;
    }
    uint64_t guard = PAGE_SIZE;
    return aspace_protect_step(aspace, INIT_REGION + PAGE_SIZE, &guard, 0);
}

// The table, or null when it is damaged.
static const struct boot_table *read_table(void) {
    const struct boot_table *table =
        (void *)((char *)phys_to_virt(boot_info.archive) + BOOT_TABLE_OFFSET);
    if (boot_info.archive_size < BOOT_TABLE_OFFSET + sizeof(*table) ||
        table->magic != BOOT_TABLE_MAGIC ||
        table->count > (boot_info.archive_size - BOOT_TABLE_OFFSET - sizeof(*table)) /
                           sizeof(table->programs[0])) {
        return NULL;
    }
    const uint64_t *words = &table->count;
    const uint64_t *end = (const uint64_t *)&table->programs[table->count];
    uint64_t sum = table->magic;
    while (words < end) {
        sum += *words++;
    }
    return sum == table->sum ? table : NULL;
}

static status_t find_program(const char *path, const struct boot_program **out) {
    if (boot_info.archive == 0) {
        log_line("boot: there is no boot archive");
        return ERR_NOT_FOUND;
    }
    const struct boot_table *table = read_table();
    if (table == NULL) {
        log_line("boot: the boot archive is damaged");
        return ERR_CORRUPT;
    }
    for (uint64_t i = 0; i < table->count; i++) {
        if (strncmp(table->programs[i].path, path, BOOT_PATH_BYTES) == 0) {
            *out = &table->programs[i];
            return OK;
        }
    }
    log_line("boot: no init in the boot archive: %s", path);
    return ERR_NOT_FOUND;
}

status_t boot_load_init(struct aspace *aspace, vaddr_t *entry, vaddr_t *block) {
    char path[BOOT_PATH_BYTES] = INIT_DEFAULT_PATH;
    (void)boot_option("init", path, sizeof(path));
    const struct boot_program *program;
    status_t status = find_program(path, &program);
    if (status != OK) {
        return status;
    }
    status = program->segment_count <= BOOT_SEGMENTS_MAX ? OK : ERR_CORRUPT;
    for (uint64_t i = 0; status == OK && i < program->segment_count; i++) {
        status = load_segment(aspace, &program->segments[i]);
    }
    status = status == OK ? map_region(aspace) : status;
    if (status != OK) {
        log_line(status == ERR_CORRUPT ? "boot: %s is damaged" : "boot: no memory for %s", path);
        return status;
    }
    *entry = program->entry;
    *block = INIT_REGION;
    return OK;
}
