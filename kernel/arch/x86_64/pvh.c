// SPDX-License-Identifier: MIT
//
// What the PVH loader tells, put into boot_info. The structures are those of the Xen project's
// start_info.h, version 1. They lie anywhere in the first 4 GiB, which the boot tables show; all of
// them are copied before anything else is allowed to write to memory.
#include <arch/boot.h>
#include <arch/physmap.h>
#include <x86/start.h>

#define PVH_MAGIC 0x336ec578
#define PVH_RAM 1
#define BOOT_TABLES_END 0x100000000UL
// The first 64 KiB are never used: null pointers stay recognisable, and the other CPUs start there.
#define LOW_RESERVED_BYTES 0x10000UL

struct pvh_start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, command, rsdp, memory_map;
    uint32_t memory_map_count, reserved;
};

struct pvh_module {
    uint64_t base, size, command, reserved;
};

struct pvh_range {
    uint64_t base, size;
    uint32_t type, reserved;
};

extern const char kernel_load_start[], kernel_data_end[];

// Kernel address of `bytes` at a physical address, or null when the boot tables do not show them.
static const void *pvh_pointer(paddr_t addr, uint64_t bytes) {
    return addr != 0 && addr < BOOT_TABLES_END && bytes <= BOOT_TABLES_END - addr
               ? phys_to_virt(addr)
               : NULL;
}

static void read_memory_map(const struct pvh_start_info *info) {
    uint64_t bytes = info->memory_map_count * sizeof(struct pvh_range);
    const struct pvh_range *ranges = pvh_pointer(info->memory_map, bytes);
    for (uint32_t i = 0; ranges != NULL && i < info->memory_map_count; i++) {
        boot_range_add(ranges[i].base, ranges[i].size, ranges[i].type == PVH_RAM);
    }
    boot_range_add(0, LOW_RESERVED_BYTES, false);
}

static void read_command(const struct pvh_start_info *info) {
    const char *command = pvh_pointer(info->command, BOOT_COMMAND_MAX);
    if (command != NULL) {
        memcpy(boot_info.command, command, strnlen(command, BOOT_COMMAND_MAX - 1));
    }
}

static void read_archive(const struct pvh_start_info *info) {
    const struct pvh_module *module = pvh_pointer(info->modules, sizeof(*module));
    if (info->module_count != 0 && module != NULL) {
        boot_info.archive = module->base;
        boot_info.archive_size = module->size;
    }
}

void pvh_read(paddr_t start_info) {
    const struct pvh_start_info *info = pvh_pointer(start_info, sizeof(*info));
    boot_info.kernel_start = (paddr_t)kernel_load_start;
    boot_info.kernel_end = (paddr_t)kernel_data_end - KERNEL_BASE;
    if (info == NULL || info->magic != PVH_MAGIC) {
        return; // no memory: page_init will say so
    }
    read_memory_map(info);
    read_command(info);
    read_archive(info);
    boot_info.acpi_rsdp = info->rsdp;
}
