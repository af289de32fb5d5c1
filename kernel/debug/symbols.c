// SPDX-License-Identifier: MIT
//
// Names of the kernel's functions, from the table that tools/ksyms.py makes of the linked kernel
// and the next link puts into it. Its format is described there.
#include <debug/log.h>

extern const char kernel_text_start[], kernel_text_end[];
extern const uint32_t kernel_symbol_count;
extern const uint32_t kernel_symbols[];
extern const char kernel_symbol_names[];

// Index of the last function that does not begin after `offset`, -1 when there is none.
static int64_t find_index(uint32_t offset) {
    int64_t low = 0, high = kernel_symbol_count;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (kernel_symbols[middle] <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low - 1;
}

bool symbol_find(uintptr_t pc, const char **name, uintptr_t *offset) {
    uintptr_t start = (uintptr_t)kernel_text_start;
    if (pc < start || pc >= (uintptr_t)kernel_text_end) {
        return false;
    }
    int64_t index = find_index((uint32_t)(pc - start));
    if (index < 0) {
        return false;
    }
    *name = kernel_symbol_names;
    for (int64_t i = 0; i < index; i++) {
        *name += strlen(*name) + 1;
    }
    *offset = pc - start - kernel_symbols[index];
    return true;
}
