// SPDX-License-Identifier: MIT
// libcs: musl klibc
// run:
//
// Calls that no Linux has: the error, and nothing else happens.

#include "report.h"

int main(void) {
    static const long numbers[] = {335, 400, 423, 451, 500, 1000, 4096, 99999, 0x7fffffff,
                                   // x32 calls: Debian's kernel has none.
                                   0x40000000 + 1, 0x40000000 + 512,
                                   // Numbers that went out of use.
                                   156, 174, 180, 183, 184, 185, 214, 236};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        char what[32];
        snprintf(what, sizeof(what), "call %ld", numbers[i]);
        report_raw(what, raw(numbers[i], 1, "text\n", 5));
    }
    // The number is 32 bits of eax: the upper half of rax does not count.
    report_raw("write with more in rax", raw(0x700000001, 1, "text\n", 5));
    return 0;
}
