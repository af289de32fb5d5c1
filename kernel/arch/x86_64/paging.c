// SPDX-License-Identifier: MIT
//
// The kernel's half of all address spaces. Text is executable and read-only, everything else is not
// executable, and nothing is both writable and executable, also not by way of the physmap: there
// the image's text and read-only data are read-only too. The top-level entries are all made at boot
// and shared by every address space; so later additions below them (device registers, stacks) need
// no update anywhere.
//
// Before the page allocator runs, tables come from the pages after the kernel image; kernel_end in
// boot_info moves with them.
#include <arch/boot.h>
#include <arch/mmu.h>
#include <arch/physmap.h>
#include <mm/page.h>
#include <x86/paging.h>
#include <x86/regs.h>

#define LARGE_1G_BIT 26 // CPUID 0x80000001 edx
#define LEVEL_SIZE(level) (1UL << LEVEL_SHIFT(level))
#define CPUID_EXTENDED_MAX 0x80000000
#define CPUID_EXTENDED 0x80000001
#define CPUID_PHYS_BITS 0x80000008 // eax, lowest byte
#define PHYS_BITS_DEFAULT 36

extern const char kernel_text_start[], kernel_text_end[];
extern const char kernel_rodata_start[], kernel_rodata_end[];
extern const char kernel_data_start[], kernel_data_end[];

static uint64_t root[TABLE_ENTRIES] __attribute__((aligned(4096)));
paddr_t mmu_kernel_root;
static int largest_leaf = 1; // level of the largest page that the CPU has
static paddr_t phys_end;     // first address beyond what the CPU can reach
static vaddr_t window_next = WINDOW_BASE;

static paddr_t image_to_phys(const void *addr) {
    return (paddr_t)addr - KERNEL_BASE;
}

const uint64_t *paging_root_table(void) {
    return root;
}

// A page of the memory after the image, before page_init knows of it.
static paddr_t early_page(void) {
    paddr_t page = ALIGN_UP(boot_info.kernel_end, PAGE_SIZE);
    bool usable = false;
    for (uint32_t i = 0; i < boot_info.range_count; i++) {
        const struct boot_range *range = &boot_info.ranges[i];
        usable |= range->usable && page >= range->base && page - range->base < range->size;
    }
    if (!usable || (page + PAGE_SIZE > boot_info.archive &&
                    page < boot_info.archive + boot_info.archive_size)) {
        panic("no memory for page tables at 0x%lx", page);
    }
    boot_info.kernel_end = page + PAGE_SIZE;
    memset(phys_to_virt(page), 0, PAGE_SIZE);
    return page;
}

static paddr_t kernel_page(void) {
    if (page_total_count() == 0) {
        return early_page();
    }
    struct page *page;
    if (page_alloc(NULL, PAGE_ALLOC_ZERO, &page) != OK) {
        panic("no memory for the kernel's own mappings");
    }
    return page_to_phys(page);
}

// The entry for `addr` in a table of the given level, whose parents are made as needed.
static uint64_t *kernel_entry(vaddr_t addr, int level) {
    uint64_t *table = root;
    for (int at = ROOT_LEVEL; at > level; at--) {
        uint64_t *entry = &table[TABLE_INDEX(addr, at)];
        if (*entry == 0) {
            *entry = kernel_page() | PTE_PRESENT | PTE_WRITE;
        }
        assert((*entry & PTE_LARGE) == 0);
        table = phys_to_virt(*entry & PTE_ADDRESS);
    }
    return &table[TABLE_INDEX(addr, level)];
}

// Maps [addr, addr + size) to memory at `phys`, all whole pages, with the largest pages that fit,
// but none of a higher level than `leaf`.
static void kernel_map(vaddr_t addr, paddr_t phys, uint64_t size, uint64_t flags, int leaf) {
    assert(IS_ALIGNED(addr | phys | size, PAGE_SIZE));
    assert((flags & PTE_WRITE) == 0 || (flags & PTE_NO_EXECUTE) != 0);
    flags |= PTE_PRESENT | PTE_ACCESSED | PTE_GLOBAL;
    if ((flags & PTE_WRITE) != 0) {
        flags |= PTE_DIRTY;
    }
    while (size != 0) {
        int level = leaf;
        while (level > 0 &&
               (size < LEVEL_SIZE(level) || !IS_ALIGNED(addr | phys, LEVEL_SIZE(level)))) {
            level--;
        }
        *kernel_entry(addr, level) = phys | flags | (level > 0 ? PTE_LARGE : 0);
        addr += LEVEL_SIZE(level);
        phys += LEVEL_SIZE(level);
        size -= LEVEL_SIZE(level);
    }
}

static void map_image_part(const char *start, const char *end, uint64_t flags) {
    uint64_t size = ALIGN_UP((uint64_t)end, PAGE_SIZE) - (uint64_t)start;
    kernel_map((vaddr_t)start, image_to_phys(start), size, flags, 0);
}

// Maps the part of [start, end) that lies in [from, to) into the physmap.
static void map_ram_part(paddr_t start, paddr_t end, paddr_t from, paddr_t to, uint64_t flags) {
    start = MAX(start, from);
    end = MIN(end, to);
    if (start < end) {
        kernel_map((vaddr_t)phys_to_virt(start), start, end - start, flags | PTE_NO_EXECUTE,
                   largest_leaf);
    }
}

static void map_ram(void) {
    paddr_t fixed_start = image_to_phys(kernel_text_start);
    paddr_t fixed_end = ALIGN_UP(image_to_phys(kernel_rodata_end), PAGE_SIZE);
    for (uint32_t i = 0; i < boot_info.range_count; i++) {
        const struct boot_range *range = &boot_info.ranges[i];
        if (range->usable) {
            paddr_t end = range->base + range->size;
            map_ram_part(range->base, end, 0, fixed_start, PTE_WRITE);
            map_ram_part(range->base, end, fixed_start, fixed_end, 0);
            map_ram_part(range->base, end, fixed_end, UINT64_MAX, PTE_WRITE);
        }
    }
}

// Makes the top-level entries that later mappings will need.
static void make_top_level(void) {
    static const vaddr_t areas[] = {PHYSMAP_BASE, WINDOW_BASE, STACKS_BASE, KERNEL_BASE};
    for (size_t i = 0; i < ARRAY_SIZE(areas); i++) {
        (void)kernel_entry(areas[i], ROOT_LEVEL - 1);
    }
}

void paging_init(void) {
    uint32_t features = cpuid_read(CPUID_EXTENDED, 0).edx;
    msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_NXE);
    if ((features & (1u << LARGE_1G_BIT)) != 0) {
        largest_leaf = 2;
    }
    uint32_t bits = PHYS_BITS_DEFAULT;
    if (cpuid_read(CPUID_EXTENDED_MAX, 0).eax >= CPUID_PHYS_BITS) {
        bits = cpuid_read(CPUID_PHYS_BITS, 0).eax & 0xff;
    }
    phys_end = 1UL << bits;
    make_top_level();
    map_image_part(kernel_text_start, kernel_text_end, 0);
    map_image_part(kernel_rodata_start, kernel_rodata_end, PTE_NO_EXECUTE);
    map_image_part(kernel_data_start, kernel_data_end, PTE_WRITE | PTE_NO_EXECUTE);
    map_ram();
    mmu_kernel_root = image_to_phys(root);
    cr3_write(mmu_kernel_root);
    cr4_write(cr4_read() | CR4_PGE);
}

static void *window_map(paddr_t addr, uint64_t size, uint64_t flags) {
    assert(size != 0);
    if (addr >= phys_end || size > phys_end - addr) {
        return NULL;
    }
    paddr_t start = ALIGN_DOWN(addr, PAGE_SIZE);
    uint64_t bytes = ALIGN_UP(addr + size, PAGE_SIZE) - start;
    vaddr_t at = window_next;
    window_next += bytes + PAGE_SIZE;
    kernel_map(at, start, bytes, flags | PTE_NO_EXECUTE, 0);
    return (void *)(at + (addr - start));
}

void *paging_map_device(paddr_t addr, uint64_t size) {
    return window_map(addr, size, PTE_WRITE | PTE_NO_CACHE | PTE_WRITE_THROUGH);
}

const void *paging_map_firmware(paddr_t addr, uint64_t size) {
    return window_map(addr, size, 0);
}

void paging_map_stack(vaddr_t addr, uint64_t size) {
    for (uint64_t offset = 0; offset < size; offset += PAGE_SIZE) {
        kernel_map(addr + offset, kernel_page(), PAGE_SIZE, PTE_WRITE | PTE_NO_EXECUTE, 0);
    }
}

uint64_t paging_entry(vaddr_t addr) {
    const uint64_t *table = root;
    for (int level = ROOT_LEVEL;; level--) {
        uint64_t entry = table[TABLE_INDEX(addr, level)];
        if ((entry & PTE_PRESENT) == 0) {
            return 0;
        }
        if (level == 0 || (entry & PTE_LARGE) != 0) {
            return entry;
        }
        table = phys_to_virt(entry & PTE_ADDRESS);
    }
}
