// SPDX-License-Identifier: MIT
//
// The kernel's one program loader. The archive and the program in it are hostile input, checked by
// ds/ustar.h and ds/elf.h before anything is made of them.
#include <abi/block.h>
#include <arch/boot.h>
#include <boot/start.h>
#include <debug/log.h>
#include <ds/elf.h>
#include <ds/ustar.h>
#include <mm/aspace.h>
#include <mm/page.h>
#include <mm/vmo.h>
#include <object/job.h>

#define INIT_DEFAULT_PATH "sbin/init"
// Where the first thread's region lies, far above the program.
#define INIT_REGION 0x7ff000000000ULL
static_assert(INIT_REGION % BLOCK_REGION_BYTES == 0, "regions are aligned to their size");

// Maps new memory at a fixed place and fills its beginning, from `skip` on, with `bytes` of data.
static status_t map_filled(struct aspace *aspace, vaddr_t addr, uint64_t size, uint32_t flags,
                           uint64_t skip, const void *data, uint64_t bytes) {
    struct vmo *vmo;
    status_t status = vmo_create(job_root, size, 0, 0, &vmo);
    if (status != OK) {
        return status;
    }
    int64_t written = bytes > 0 ? vmo_write(vmo, skip, data, bytes) : 0;
    if (written < 0) {
        status = (status_t)written;
    } else {
        assert((uint64_t)written == bytes);
        vaddr_t mapped;
        status =
            aspace_map(aspace, NULL, HANDLE_NONE, vmo, 0, addr, size, flags | MAP_FIXED, &mapped);
    }
    // The mapping holds a reference of its own.
    object_unref(vmo_object(vmo));
    return status;
}

static status_t load_segment(struct aspace *aspace, const struct ustar_entry *file,
                             const struct elf_segment *segment) {
    uint32_t flags = 0;
    flags |= segment->access & ELF_READ ? MAP_READ : 0;
    flags |= segment->access & ELF_WRITE ? MAP_WRITE : 0;
    flags |= segment->access & ELF_EXECUTE ? MAP_EXECUTE : 0;
    const uint8_t *data = (const uint8_t *)file->data + segment->offset;
    return map_filled(aspace, elf_segment_start(segment), elf_segment_bytes(segment), flags,
                      segment->addr % PAGE_SIZE, data, segment->file_bytes);
}

// The block, a page without access, and the stack.
static status_t map_region(struct aspace *aspace) {
    status_t status =
        map_filled(aspace, INIT_REGION, BLOCK_REGION_BYTES, MAP_READ | MAP_WRITE, 0, NULL, 0);
    if (status != OK) {
        return status;
    }
    return aspace_protect(aspace, INIT_REGION + PAGE_SIZE, PAGE_SIZE, 0);
}

// Finds the program's file.
static status_t find_program(const char *path, struct ustar_entry *file) {
    if (boot_info.archive == 0 || boot_info.archive_size == 0) {
        log_line("boot: there is no boot archive");
        return ERR_NOT_FOUND;
    }
    status_t status =
        ustar_find(phys_to_virt(boot_info.archive), boot_info.archive_size, path, file);
    if (status == ERR_NOT_FOUND) {
        log_line("boot: no init in the boot archive: %s", path);
    } else if (status != OK) {
        log_line("boot: the boot archive is damaged");
    }
    return status;
}

status_t boot_load_init(struct aspace *aspace, vaddr_t *entry, vaddr_t *block) {
    char path[INIT_PATH_BYTES] = INIT_DEFAULT_PATH;
    (void)boot_option("init", path, sizeof(path));
    struct ustar_entry file;
    status_t status = find_program(path, &file);
    if (status != OK) {
        return status;
    }
    struct elf_image image;
    status = elf_read(file.data, file.size, USER_MIN, INIT_REGION, &image);
    if (status != OK) {
        log_line("boot: %s is %s", path,
                 status == ERR_CORRUPT ? "damaged" : "no static program for this machine");
        return status;
    }
    for (uint32_t i = 0; status == OK && i < image.count; i++) {
        status = load_segment(aspace, &file, &image.segments[i]);
    }
    status = status == OK ? map_region(aspace) : status;
    if (status != OK) {
        log_line("boot: no memory for %s", path);
        return status;
    }
    *entry = image.entry;
    *block = INIT_REGION;
    return OK;
}
