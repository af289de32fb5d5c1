// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
// stdin: pattern 150000
// run:
// stdin: ""
//
// The number of bytes of standard input and a digest; reading at the end gives 0 again and again.

#include "report.h"

int main(void) {
    static char block[65536];
    size_t total = 0;
    uint32_t value = 0;
    ssize_t count;
    while ((count = read(0, block, sizeof(block))) > 0) {
        for (ssize_t i = 0; i < count; i++) {
            value = value * 31 + (unsigned char)block[i];
        }
        total += (size_t)count;
    }
    say("%zu bytes, digest %u\n", total, value);
    report("read at the end", read(0, block, 1));
    report("read of nothing", read(0, block, 0));
    return 0;
}
