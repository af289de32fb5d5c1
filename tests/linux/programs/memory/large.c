// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// More address space than memory: only what is touched costs something.

#include "report.h"

#include <sys/mman.h>

int main(void) {
    const size_t size = 8UL << 30, step = 1UL << 30;
    char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0);
    check("8 GiB of addresses", at != MAP_FAILED);
    for (size_t i = 0; i < size; i += step) {
        at[i] = (char)(i / step + 1);
    }
    int sum = 0;
    for (size_t i = 0; i < size; i += step) {
        sum += at[i] + at[i + 4096];
    }
    say("sum %d\n", sum);
    report("unmap", munmap(at, size));
    int kept = 0;
    for (int i = 0; i < 16; i++) {
        char *block = malloc(1 << 20);
        for (int page = 0; page < 256; page += 16) {
            block[page * 4096] = 1;
        }
        kept += block[0];
        free(block);
    }
    say("%d blocks\n", kept);
    return 0;
}
