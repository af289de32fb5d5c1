// SPDX-License-Identifier: MIT
//
// What the cases of tmpfsd share.
#pragma once

#include <stdint.h>

#define CHANNEL_FILES ((handle_t)1)

// Begins a world with tmpfsd alone, filled from a small boot archive.
void files_begin(uint64_t seed);
// Records of its vault that are in use.
uint32_t files_records(void);
