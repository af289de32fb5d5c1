// SPDX-License-Identifier: MIT
//
// The check of everything in a vault.
#pragma once

#include <stddef.h>
#include <stdint.h>

// CRC-32C (Castagnoli, RFC 3720 section 12.1) of some bytes, without the inversions at the
// beginning and the end: `crc` is a seed or the value of what comes before, so that pieces can be
// chained.
uint32_t crc32c(uint32_t crc, const void *data, size_t bytes);
// The same by table, for machines without an instruction for it.
uint32_t crc32c_table(uint32_t crc, const void *data, size_t bytes);
