// SPDX-License-Identifier: MIT
//
// brk, mmap and their kin.

#include <abi/linux/calls.h>
#include <core/access.h>
#include <core/process.h>
#include <core/status.h>
#include <files/map.h>
#include <linux/handlers.h>
#include <sys/calls.h>

enum map_flag {
    LINUX_MAP_SHARED = 0x1,
    LINUX_MAP_PRIVATE = 0x2,
    LINUX_MAP_SHARED_VALIDATE = 0x3,
    LINUX_MAP_TYPE = 0xf,
    LINUX_MAP_FIXED = 0x10,
    LINUX_MAP_ANONYMOUS = 0x20,
    LINUX_MAP_32BIT = 0x40,
    LINUX_MAP_FIXED_NOREPLACE = 0x100000,
};

enum limit_number { RLIMIT_DATA = 2, RLIMIT_AS = 9 };

#define LOW_END 0x80000000UL // of MAP_32BIT

static int64_t memory_error(status_t status) {
    return status == ERR_ALREADY_EXISTS ? -LINUX_EEXIST
           : status == ERR_LIMIT || status == ERR_OUT_OF_RANGE || status == ERR_NO_MEMORY
               ? -LINUX_ENOMEM
               : linux_result(status);
}

static bool range_is_valid(uint64_t addr, uint64_t bytes) {
    return addr >= LINUX_ADDR_MIN && addr <= LINUX_ADDR_MAX && bytes <= LINUX_ADDR_MAX - addr;
}

// Whether RLIMIT_AS lets a range be mapped; what it replaces is counted once.
static bool limit_allows(const struct memory *memory, uint64_t start, uint64_t bytes) {
    uint64_t limit = identity_current()->limits[RLIMIT_AS][0], total = bytes;
    if (limit == UINT64_MAX) {
        return true;
    }
    for (uint32_t i = 0; i < memory->count; i++) {
        const struct mapping *each = &memory->list[i];
        uint64_t low = each->start > start ? each->start : start;
        uint64_t high = each->end < start + bytes ? each->end : start + bytes;
        total += each->end - each->start - (low < high ? high - low : 0);
    }
    return total <= limit;
}

// Where a mapping goes, 0 for nowhere, or a negative error.
static int64_t choose(struct memory *memory, uint64_t addr, uint64_t bytes, uint32_t flags) {
    if ((flags & (LINUX_MAP_FIXED | LINUX_MAP_FIXED_NOREPLACE)) != 0) {
        if (addr % PAGE_SIZE != 0) {
            return -LINUX_EINVAL;
        }
        if (!range_is_valid(addr, bytes)) {
            return addr < LINUX_ADDR_MIN ? -LINUX_EPERM : -LINUX_ENOMEM;
        }
        bool taken =
            (flags & LINUX_MAP_FIXED_NOREPLACE) != 0 && !memory_vacant(memory, addr, addr + bytes);
        return taken ? -LINUX_EEXIST : (int64_t)addr;
    }
    uint64_t high = (flags & LINUX_MAP_32BIT) != 0 ? LOW_END : memory->top;
    uint64_t at = memory_gap(memory, addr, bytes, high);
    return at == 0 ? -LINUX_ENOMEM : (int64_t)at;
}

// `offset`: where in the vmo the mapping begins.
static int64_t map(struct memory *memory, const uint64_t args[6], struct mapping *mapping,
                   handle_t vmo, uint64_t offset) {
    uint32_t flags = (uint32_t)args[3];
    uint64_t bytes = page_up(args[1]);
    int64_t at = choose(memory, args[0], bytes, flags);
    if (at < 0) {
        return at;
    }
    if (!limit_allows(memory, (uint64_t)at, bytes)) {
        return -LINUX_ENOMEM;
    }
    mapping->start = (uint64_t)at;
    mapping->end = (uint64_t)at + bytes;
    uint32_t extra = mapping->shared ? MAP_INHERIT_SHARE : 0;
    status_t status =
        vmo == HANDLE_NONE
            ? memory_map_zeros(mapping->start, bytes, mapping->protection, extra)
            : memory_map(vmo, offset, mapping->start, bytes, mapping->protection, extra);
    if (status != OK) {
        return memory_error(status);
    }
    return memory_note(memory, mapping) ? at : -LINUX_ENOMEM;
}

int64_t linux_mmap(struct linux_thread *self, const uint64_t args[6]) {
    uint64_t bytes = args[1], offset = args[5];
    uint32_t flags = (uint32_t)args[3], type = flags & LINUX_MAP_TYPE;
    struct memory *memory = &process_current()->memory;
    struct mapping mapping = {
        .kind = MAPPING_ANONYMOUS,
        .protection = args[2] & 7,
        .shared = type != LINUX_MAP_PRIVATE,
        .offset = offset,
    };
    if (bytes == 0 || offset % PAGE_SIZE != 0 || type < LINUX_MAP_SHARED ||
        type > LINUX_MAP_SHARED_VALIDATE) {
        return -LINUX_EINVAL;
    }
    if (bytes > LINUX_ADDR_MAX) {
        return -LINUX_ENOMEM;
    }
    handle_t vmo = HANDLE_NONE;
    int64_t result = 0;
    if ((flags & LINUX_MAP_ANONYMOUS) == 0) {
        result = file_map(self, (int)args[4], &mapping, page_up(bytes), &vmo);
        if (result < 0) {
            return result;
        }
    }
    mutex_lock(&memory->lock);
    result = map(memory, args, &mapping, vmo, (uint64_t)result);
    mutex_unlock(&memory->lock);
    if (vmo != HANDLE_NONE) {
        (void)!sys_handle_close(vmo);
    }
    return result;
}

static int64_t unmap(struct memory *memory, uint64_t start, uint64_t end) {
    if (memory_vacant(memory, start, end)) {
        return 0;
    }
    status_t status = sys_aspace_unmap(HANDLE_NONE, start, end - start);
    if (status != OK) {
        return memory_error(status);
    }
    return memory_forget(memory, start, end) ? 0 : -LINUX_ENOMEM;
}

int64_t linux_munmap(struct linux_thread *self, const uint64_t args[6]) {
    uint64_t addr = args[0], bytes = page_up(args[1]);
    struct memory *memory = &process_current()->memory;
    (void)self;
    if (addr % PAGE_SIZE != 0 || bytes == 0 || addr > LINUX_ADDR_MAX ||
        bytes > LINUX_ADDR_MAX - addr) {
        return -LINUX_EINVAL;
    }
    mutex_lock(&memory->lock);
    int64_t result = unmap(memory, addr, addr + bytes);
    mutex_unlock(&memory->lock);
    return result;
}

// Where the first hole at or above `start` begins; `end` when there is none before it.
static uint64_t covered_until(struct memory *memory, uint64_t start, uint64_t end) {
    struct mapping mapping;
    while (start < end && memory_lookup(memory, start, &mapping)) {
        start = mapping.end;
    }
    return start < end ? start : end;
}

// As on Linux, what lies in front of a hole is changed though the call fails.
static int64_t protect(struct memory *memory, uint64_t start, uint64_t end, uint32_t protection) {
    uint64_t hole = covered_until(memory, start, end);
    if (hole > start) {
        status_t status =
            sys_aspace_protect(HANDLE_NONE, start, hole - start, memory_flags(protection));
        if (status != OK) {
            return status == ERR_ACCESS_DENIED ? -LINUX_EACCES : memory_error(status);
        }
        if (!memory_note_protection(memory, start, hole, protection)) {
            return -LINUX_ENOMEM;
        }
    }
    return hole == end ? 0 : -LINUX_ENOMEM;
}

int64_t linux_mprotect(struct linux_thread *self, const uint64_t args[6]) {
    uint64_t addr = args[0], bytes = page_up(args[1]);
    uint32_t protection = (uint32_t)args[2];
    struct memory *memory = &process_current()->memory;
    (void)self;
    if (addr % PAGE_SIZE != 0 || (args[2] & ~7UL & ~0x03000000UL) != 0) {
        return -LINUX_EINVAL;
    }
    if (bytes == 0 && args[1] == 0) {
        return 0;
    }
    if (!range_is_valid(addr, bytes) || bytes == 0) {
        return -LINUX_ENOMEM;
    }
    mutex_lock(&memory->lock);
    int64_t result = protect(memory, addr, addr + bytes, protection & 7);
    mutex_unlock(&memory->lock);
    return result;
}

// Maps or unmaps whole pages between the old and the new end. Returns whether it could.
static bool brk_move(struct memory *memory, uint64_t wanted) {
    uint64_t old = page_up(memory->brk), new = page_up(wanted);
    if (new > old) {
        struct mapping mapping = {
            .start = old,
            .end = new,
            .kind = MAPPING_BRK,
            .protection = PROT_READ | PROT_WRITE,
        };
        return memory_vacant(memory, old, new + PAGE_SIZE) &&
               limit_allows(memory, old, new - old) &&
               memory_map_zeros(old, new - old, mapping.protection, 0) == OK &&
               memory_note(memory, &mapping);
    }
    return new == old || unmap(memory, new, old) == 0;
}

int64_t linux_brk(struct linux_thread *self, const uint64_t args[6]) {
    uint64_t wanted = args[0];
    struct memory *memory = &process_current()->memory;
    (void)self;
    mutex_lock(&memory->lock);
    if (wanted >= memory->brk_start && wanted < LINUX_ADDR_MAX - PAGE_SIZE &&
        wanted - memory->brk_start <= identity_current()->limits[RLIMIT_DATA][0] &&
        brk_move(memory, wanted)) {
        memory->brk = wanted;
    }
    int64_t result = (int64_t)memory->brk;
    mutex_unlock(&memory->lock);
    return result;
}

enum remap_flag { MREMAP_MAYMOVE = 1, MREMAP_FIXED = 2, MREMAP_DONTUNMAP = 4 };

// Moves private memory to a new place by copying it.
static int64_t move(struct memory *memory, const struct mapping *old, uint64_t addr,
                    uint64_t old_bytes, uint64_t new_bytes, uint64_t to) {
    struct mapping mapping = *old;
    mapping.start = to;
    mapping.end = to + new_bytes;
    mapping.kind = MAPPING_ANONYMOUS;
    mapping.name = NULL;
    mapping.inode = mapping.device = mapping.offset = 0;
    status_t status = memory_map_zeros(to, new_bytes, PROT_READ | PROT_WRITE, 0);
    if (status != OK) {
        return memory_error(status);
    }
    uint64_t bytes = old_bytes < new_bytes ? old_bytes : new_bytes;
    bool copied = (old->protection & PROT_READ) == 0 ||
                  access_copy((void *)to, (const void *)addr, bytes) == 0;
    if (!copied ||
        sys_aspace_protect(HANDLE_NONE, to, new_bytes, memory_flags(old->protection)) != OK) {
        (void)!sys_aspace_unmap(HANDLE_NONE, to, new_bytes);
        return copied ? -LINUX_ENOMEM : -LINUX_EFAULT;
    }
    if (!memory_note(memory, &mapping)) {
        return -LINUX_ENOMEM;
    }
    int64_t result = unmap(memory, addr, addr + old_bytes);
    return result < 0 ? result : (int64_t)to;
}

// Grows anonymous memory where it is, when the place behind it is free.
static bool grow(struct memory *memory, const struct mapping *old, uint64_t end, uint64_t more) {
    struct mapping mapping = *old;
    mapping.start = end;
    mapping.end = end + more;
    return old->kind != MAPPING_FILE && !old->shared && old->end == end &&
           range_is_valid(end, more) && memory_vacant(memory, end, end + more) &&
           limit_allows(memory, end, more) &&
           memory_map_zeros(end, more, old->protection, 0) == OK && memory_note(memory, &mapping);
}

static int64_t remap(struct memory *memory, const uint64_t args[6]) {
    uint64_t addr = args[0], old_bytes = page_up(args[1]), new_bytes = page_up(args[2]);
    uint64_t flags = args[3], to = args[4];
    struct mapping mapping;
    if ((flags & MREMAP_FIXED) != 0 && to < addr + old_bytes && addr < to + new_bytes) {
        return -LINUX_EINVAL;
    }
    if (!memory_lookup(memory, addr, &mapping) || mapping.end < addr + old_bytes) {
        return -LINUX_EFAULT;
    }
    if ((flags & MREMAP_FIXED) == 0) {
        if (new_bytes <= old_bytes) {
            int64_t result =
                new_bytes == old_bytes ? 0 : unmap(memory, addr + new_bytes, addr + old_bytes);
            return result < 0 ? result : (int64_t)addr;
        }
        if (grow(memory, &mapping, addr + old_bytes, new_bytes - old_bytes)) {
            return (int64_t)addr;
        }
        if ((flags & MREMAP_MAYMOVE) == 0) {
            return -LINUX_ENOMEM;
        }
        to = memory_gap(memory, 0, new_bytes, memory->top);
    }
    uint64_t more = new_bytes > old_bytes ? new_bytes - old_bytes : 0;
    if (to == 0 || !range_is_valid(to, new_bytes) || !limit_allows(memory, 0, more)) {
        return -LINUX_ENOMEM;
    }
    if (mapping.shared) {
        return -LINUX_ENOMEM; // the libos does not keep what is mapped there
    }
    return move(memory, &mapping, addr, old_bytes, new_bytes, to);
}

int64_t linux_mremap(struct linux_thread *self, const uint64_t args[6]) {
    struct memory *memory = &process_current()->memory;
    (void)self;
    bool fixed = (args[3] & MREMAP_FIXED) != 0;
    if (args[0] % PAGE_SIZE != 0 || args[2] == 0 || args[1] == 0 ||
        (args[3] & ~(uint64_t)(MREMAP_MAYMOVE | MREMAP_FIXED)) != 0 ||
        (fixed && ((args[3] & MREMAP_MAYMOVE) == 0 || args[4] % PAGE_SIZE != 0)) ||
        args[1] > LINUX_ADDR_MAX || (fixed && args[2] > LINUX_ADDR_MAX)) {
        return -LINUX_EINVAL;
    }
    if (args[2] > LINUX_ADDR_MAX) {
        return -LINUX_ENOMEM;
    }
    mutex_lock(&memory->lock);
    int64_t result = remap(memory, args);
    mutex_unlock(&memory->lock);
    return result;
}

enum advice {
    MADV_NORMAL = 0,
    MADV_WILLNEED = 3,
    MADV_DONTNEED = 4,
    MADV_FREE = 8,
    MADV_LAST = 25
};

// Gives the pages of private memory back: they read as zeros again.
static int64_t forget_pages(struct memory *memory, uint64_t start, uint64_t end) {
    while (start < end) {
        struct mapping mapping;
        if (!memory_lookup(memory, start, &mapping)) {
            return -LINUX_ENOMEM;
        }
        uint64_t stop = mapping.end < end ? mapping.end : end;
        if (mapping.kind != MAPPING_FILE && !mapping.shared) {
            status_t status = memory_map_zeros(start, stop - start, mapping.protection, 0);
            if (status != OK) {
                return memory_error(status);
            }
        }
        start = stop;
    }
    return 0;
}

int64_t linux_madvise(struct linux_thread *self, const uint64_t args[6]) {
    uint64_t addr = args[0], bytes = page_up(args[1]), advice = args[2];
    struct memory *memory = &process_current()->memory;
    (void)self;
    if (addr % PAGE_SIZE != 0 || advice > MADV_LAST || (advice > 4 && advice < 8) ||
        (bytes == 0 && args[1] != 0)) {
        return -LINUX_EINVAL;
    }
    if (bytes == 0) {
        return 0;
    }
    mutex_lock(&memory->lock);
    int64_t result = 0;
    if (!range_is_valid(addr, bytes) || !memory_covered(memory, addr, addr + bytes)) {
        result = -LINUX_ENOMEM;
    } else if (advice == MADV_DONTNEED) {
        result = forget_pages(memory, addr, addr + bytes);
    }
    mutex_unlock(&memory->lock);
    return result;
}

int64_t linux_msync(struct linux_thread *self, const uint64_t args[6]) {
    struct memory *memory = &process_current()->memory;
    uint64_t bytes = page_up(args[1]);
    (void)self;
    if (args[0] % PAGE_SIZE != 0 || (args[2] & ~7UL) != 0 || (args[2] & 5) == 5) {
        return -LINUX_EINVAL;
    }
    mutex_lock(&memory->lock);
    bool covered = bytes == 0 || (range_is_valid(args[0], bytes) &&
                                  memory_covered(memory, args[0], args[0] + bytes));
    mutex_unlock(&memory->lock);
    return covered ? 0 : -LINUX_ENOMEM;
}

// Stores one byte for each page from `addr` on, as far as the kernel tells at once; returns how
// many.
static int64_t store_presence(uint64_t addr, uint64_t pages, uint64_t to) {
    struct mapping_info info;
    uint8_t there[64];
    if (sys_aspace_query(HANDLE_NONE, addr, &info) != OK || info.addr > addr) {
        return -LINUX_ENOMEM;
    }
    uint64_t mapped = (info.addr + info.size_bytes - addr) / PAGE_SIZE;
    uint64_t count = pages < mapped ? pages : mapped;
    count = count < sizeof(there) ? count : sizeof(there);
    for (uint64_t i = 0; i < count; i++) {
        there[i] = info.pages_there >> i & 1;
    }
    return copy_out(to, there, count) ? (int64_t)count : -LINUX_EFAULT;
}

int64_t linux_mincore(struct linux_thread *self, const uint64_t args[6]) {
    struct memory *memory = &process_current()->memory;
    uint64_t pages = page_up(args[1]) / PAGE_SIZE;
    (void)self;
    if (args[0] % PAGE_SIZE != 0) {
        return -LINUX_EINVAL;
    }
    mutex_lock(&memory->lock);
    bool covered = range_is_valid(args[0], args[1]) &&
                   memory_covered(memory, args[0], args[0] + pages * PAGE_SIZE);
    mutex_unlock(&memory->lock);
    int64_t result = covered ? 0 : -LINUX_ENOMEM;
    for (uint64_t done = 0; done < pages && result >= 0; done += (uint64_t)result) {
        result = store_presence(args[0] + done * PAGE_SIZE, pages - done, args[2] + done);
    }
    return result < 0 ? result : 0;
}

static bool pages_covered(const uint64_t args[6]) {
    struct memory *memory = &process_current()->memory;
    uint64_t start = page_down(args[0]), end = page_up(args[0] + args[1]);
    mutex_lock(&memory->lock);
    bool covered = range_is_valid(args[0], args[1]) && memory_covered(memory, start, end);
    mutex_unlock(&memory->lock);
    return covered;
}

// Nothing is ever swapped out: to lock memory means to bring it there.
int64_t linux_mlock(struct linux_thread *self, const uint64_t args[6]) {
    uint64_t start = page_down(args[0]);
    (void)self;
    if (!pages_covered(args)) {
        return -LINUX_ENOMEM;
    }
    (void)!sys_aspace_map(HANDLE_NONE, HANDLE_NONE, 0, start, page_up(args[0] + args[1]) - start,
                          MAP_POPULATE);
    return 0;
}

int64_t linux_munlock(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return pages_covered(args) ? 0 : -LINUX_ENOMEM;
}

int64_t linux_mlockall(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    return (args[0] & ~7UL) != 0 || args[0] == 0 ? -LINUX_EINVAL : 0;
}

int64_t linux_munlockall(struct linux_thread *self, const uint64_t args[6]) {
    (void)self;
    (void)args;
    return 0;
}
