// SPDX-License-Identifier: MIT
//
// The boot information block, filled in by whatever loader started us. Firmware hands out memory
// maps that are unsorted, overlap, or end in the middle of a page. Here they become sorted ranges
// of whole pages without overlaps. Invariant after each boot_range_add: ranges[] ascends, no two
// overlap, neighbours of the same kind are one range.
#include <arch/boot.h>

struct boot_info boot_info;

static void range_insert(uint32_t at, paddr_t base, paddr_t end, bool usable) {
    assert(at <= boot_info.range_count && base < end);
    struct boot_range *ranges = boot_info.ranges;
    if (boot_info.range_count == BOOT_RANGES_MAX) {
        return;
    }
    memmove(&ranges[at + 1], &ranges[at], (boot_info.range_count - at) * sizeof(ranges[0]));
    ranges[at] = (struct boot_range){base, end - base, usable};
    boot_info.range_count++;
}

static void range_remove(uint32_t at) {
    assert(at < boot_info.range_count);
    struct boot_range *ranges = boot_info.ranges;
    boot_info.range_count--;
    memmove(&ranges[at], &ranges[at + 1], (boot_info.range_count - at) * sizeof(ranges[0]));
}

// Takes [base, end) out of every usable range.
static void cut_usable(paddr_t base, paddr_t end) {
    for (uint32_t i = 0; i < boot_info.range_count; i++) {
        struct boot_range *range = &boot_info.ranges[i];
        paddr_t range_end = range->base + range->size;
        if (!range->usable || range_end <= base || range->base >= end) {
            continue;
        }
        if (range->base < base) {
            range->size = base - range->base;
            if (range_end > end) {
                range_insert(i + 1, end, range_end, true);
            }
        } else if (range_end > end) {
            range->base = end;
            range->size = range_end - end;
        } else {
            range_remove(i--);
        }
    }
}

// Makes ranges of the parts of [base, end) that no range covers.
static void fill_gaps(paddr_t base, paddr_t end, bool usable) {
    uint32_t i = 0;
    while (base < end) {
        bool last = i == boot_info.range_count;
        paddr_t next = last ? end : MIN(end, boot_info.ranges[i].base);
        if (base < next) {
            range_insert(i, base, next, usable);
            i++;
        }
        if (last) {
            return;
        }
        base = MAX(base, boot_info.ranges[i].base + boot_info.ranges[i].size);
        i++;
    }
}

static void merge_neighbours(void) {
    for (uint32_t i = 1; i < boot_info.range_count; i++) {
        struct boot_range *left = &boot_info.ranges[i - 1];
        struct boot_range *right = &boot_info.ranges[i];
        if (left->usable == right->usable && left->base + left->size == right->base) {
            left->size += right->size;
            range_remove(i--);
        }
    }
}

void boot_range_add(paddr_t base, uint64_t size, bool usable) {
    paddr_t end = base + size;
    if (end < base || end > UINT64_MAX - PAGE_SIZE) {
        end = ALIGN_DOWN(UINT64_MAX - PAGE_SIZE, PAGE_SIZE);
    }
    base = usable ? ALIGN_UP(base, PAGE_SIZE) : ALIGN_DOWN(base, PAGE_SIZE);
    end = usable ? ALIGN_DOWN(end, PAGE_SIZE) : ALIGN_UP(end, PAGE_SIZE);
    if (base >= end) {
        return;
    }
    if (!usable) {
        cut_usable(base, end);
    }
    fill_gaps(base, end, usable);
    merge_neighbours();
}

bool boot_option(const char *key, char *out, size_t size) {
    size_t key_length = strlen(key);
    const char *word = boot_info.command;
    while (*word != '\0') {
        size_t length = 0;
        while (word[length] != '\0' && word[length] != ' ') {
            length++;
        }
        if (length > key_length && word[key_length] == '=' && strncmp(word, key, key_length) == 0) {
            size_t value = MIN(length - key_length - 1, size - 1);
            memcpy(out, word + key_length + 1, value);
            out[value] = '\0';
            return true;
        }
        word += length;
        while (*word == ' ') {
            word++;
        }
    }
    return false;
}
