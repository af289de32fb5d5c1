// SPDX-License-Identifier: MIT
//
// The script of procfs-test (heal/scenario.h): every operation of procfsd on files of all kinds,
// with all that it refuses.
#pragma once

#include <heal/scenario.h>

extern const struct act acts[];
extern const uint32_t act_count;
