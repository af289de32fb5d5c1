// SPDX-License-Identifier: MIT
// libcs: musl glibc klibc
// run:
// stdin: "first line\nsecond line, without an end"
// run:
// stdin: ""
// run:
// stdin: "\x00\x01\xff\x80\r\n\t\x04\x03\x1a end"
// run: 70000
// stdin: pattern 150000
//
// Standard input to standard output, byte by byte the same, in blocks of the given size.

#include "report.h"

int main(int argc, char **argv) {
    size_t size = argc > 1 ? (size_t)atoi(argv[1]) : 7;
    char *block = malloc(size);
    ssize_t count;
    while ((count = read(0, block, size)) > 0) {
        write_all(1, block, (size_t)count);
    }
    return count < 0;
}
