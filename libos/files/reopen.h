// SPDX-License-Identifier: MIT
//
// Names that mean a descriptor of the process: /dev/stdin, /dev/fd/3, /proc/self/fd/3.
#pragma once

#include <stdint.h>

// The number, or -1 when the path is none of these.
int reopen_number(const char *path);
// Opens what a descriptor shows once more.
[[nodiscard]] int64_t reopen(int fd, uint32_t flags);
